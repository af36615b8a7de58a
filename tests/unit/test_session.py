"""The session in which AWS is asked as the provider asks it."""

import boto3
import pytest
from airflow_fargate.session import NotFollowedError, aws_session


def test_the_session_has_the_providers_credentials_profile_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    configured = {"accessKey": "key", "secretKey": "secret", "token": "token", "profile": "dev", "region": "eu-west-1"}
    made: dict[str, object] = {}
    monkeypatch.setattr(boto3, "Session", made.update)

    aws_session(configured.get)

    assert made == {
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "aws_session_token": "token",
        "profile_name": "dev",
        "region_name": "eu-west-1",
    }


@pytest.mark.parametrize(
    "key", ["assumeRole", "assumeRoles", "assumeRoleWithWebIdentity", "sharedConfigFiles", "sharedCredentialsFiles"]
)
def test_what_leads_the_provider_to_other_credentials_is_not_ignored(key: str) -> None:
    with pytest.raises(NotFollowedError, match=f"the provider alone follows aws:{key} of the stack's configuration"):
        aws_session({key: "value", "accessKey": "key"}.get)
