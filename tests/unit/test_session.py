"""The session in which AWS is asked as the provider asks it."""

from typing import Any

import boto3
import pytest
from airflow_fargate.session import NotFollowedError, aws_session


def test_the_session_has_the_providers_credentials_profile_and_region(monkeypatch: pytest.MonkeyPatch) -> None:
    configured = {"accessKey": "key", "secretKey": "secret", "token": "token", "profile": "dev", "region": "eu-west-1"}
    made = sessions_made(monkeypatch)

    aws_session(configured.get)

    [arguments] = made
    del arguments["botocore_session"]
    assert arguments == {
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "aws_session_token": "token",
        "profile_name": "dev",
        "region_name": "eu-west-1",
    }


def test_sessions_read_only_once_what_botocore_knows_of_services(monkeypatch: pytest.MonkeyPatch) -> None:
    made = sessions_made(monkeypatch)
    for _ in range(2):
        aws_session(dict[str, str]().get)

    first, second = (arguments["botocore_session"].get_component("data_loader") for arguments in made)
    assert first is second


def sessions_made(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return where the arguments of each session are noted."""
    made: list[dict[str, Any]] = []

    def session(**arguments: Any) -> None:
        made.append(arguments)

    monkeypatch.setattr(boto3, "Session", session)
    return made


@pytest.mark.parametrize(
    "key", ["assumeRole", "assumeRoles", "assumeRoleWithWebIdentity", "sharedConfigFiles", "sharedCredentialsFiles"]
)
def test_what_leads_the_provider_to_other_credentials_is_not_ignored(key: str) -> None:
    with pytest.raises(NotFollowedError, match=f"the provider alone follows aws:{key} of the stack's configuration"):
        aws_session({key: "value", "accessKey": "key"}.get)
