"""The session in which AWS is asked as the provider asks it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from airflow_fargate import session as module
from airflow_fargate.session import NotFollowedError, aws_session
from botocore.stub import Stubber


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


FIRST: dict[str, Any] = {"roleArn": "arn:aws:iam::111111111111:role/first", "sessionName": "pulumi"}
SECOND: dict[str, Any] = {
    "roleArn": "arn:aws:iam::222222222222:role/second",
    "sessionName": "airflow",
    "externalId": "outside",
    "duration": "1h30m",
    "policy": '{"Version": "2012-10-17"}',
    "policyArns": ["arn:aws:iam::aws:policy/PowerUserAccess"],
    "tags": {"team": "data"},
    "transitiveTagKeys": ["team"],
    "sourceIdentity": "vera",
}
ASKED_FIRST = {"RoleArn": FIRST["roleArn"], "RoleSessionName": "pulumi"}
ASKED_SECOND = {
    "RoleArn": SECOND["roleArn"],
    "RoleSessionName": "airflow",
    "ExternalId": "outside",
    "DurationSeconds": 5400,
    "Policy": '{"Version": "2012-10-17"}',
    "PolicyArns": [{"arn": "arn:aws:iam::aws:policy/PowerUserAccess"}],
    "Tags": [{"Key": "team", "Value": "data"}],
    "TransitiveTagKeys": ["team"],
    "SourceIdentity": "vera",
}
CONFIGURED = {"accessKey": "key", "secretKey": "secret", "region": "eu-west-1"}


class Sts:
    """AWS's STS: the only answers it has are those that a test has added, each for one request."""

    def __init__(self) -> None:
        self.clients: list[dict[str, Any]] = []
        """What each client was made with."""
        self._client: Any = boto3.client("sts", region_name="eu-west-1")
        self._stubber = Stubber(self._client)
        self._stubber.activate()

    def answers(self, operation: str, expected: dict[str, Any], *, until: timedelta = timedelta(hours=1)) -> None:
        """Give credentials that are named after the role."""
        name = expected["RoleArn"].rpartition("/")[2]
        credentials = {
            "AccessKeyId": f"{name}-role-access-key",
            "SecretAccessKey": f"{name}-secret",
            "SessionToken": f"{name}-token",
            "Expiration": datetime.now(UTC) + until,
        }
        user = {"AssumedRoleId": "AROAEXAMPLE:session", "Arn": expected["RoleArn"].replace(":role/", ":assumed-role/")}
        self._stubber.add_response(operation, {"Credentials": credentials, "AssumedRoleUser": user}, expected)

    def client(self, service: str, **arguments: Any) -> Any:
        assert service == "sts"
        self.clients.append(arguments)
        return self._client

    def used_keys(self) -> list[str | None]:
        self._stubber.assert_no_pending_responses()
        return [arguments.get("aws_access_key_id") for arguments in self.clients]


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Sts:
    sts = Sts()
    monkeypatch.setattr(module, "_assumed", {})
    monkeypatch.setattr(botocore.session.Session, "create_client", sts.client)
    return sts


def keys(configured: Mapping[str, str]) -> tuple[str, str, str]:
    """Return the credentials that the session of this configuration has."""
    credentials: Any = aws_session(configured.get).get_credentials()
    return tuple(credentials.get_frozen_credentials())[:3]


def test_each_role_is_assumed_with_the_one_before_and_only_once(sts: Sts) -> None:
    sts.answers("assume_role", ASKED_FIRST)
    sts.answers("assume_role", ASKED_SECOND)
    endpoints = json.dumps([{"ecs": "http://127.0.0.1:1"}, {"sts": "http://127.0.0.1:2"}])
    configured = {**CONFIGURED, "assumeRoles": json.dumps([FIRST, SECOND]), "endpoints": endpoints}

    for _ in range(2):
        assert keys(configured) == ("second-role-access-key", "second-secret", "second-token")

    assert sts.used_keys() == ["key", "first-role-access-key"]
    assert {(made["region_name"], made["endpoint_url"]) for made in sts.clients} == {
        ("eu-west-1", "http://127.0.0.1:2")
    }
    assert aws_session(configured.get).region_name == "eu-west-1"


def test_a_role_whose_time_is_over_is_assumed_again(sts: Sts) -> None:
    for _ in range(2):
        sts.answers("assume_role", ASKED_FIRST, until=timedelta(minutes=1))
        assert keys({**CONFIGURED, "assumeRoles": json.dumps([FIRST])})[0] == "first-role-access-key"

    assert sts.used_keys() == ["key", "key"]


@pytest.mark.parametrize("inline", [True, False])
def test_roles_are_assumed_with_the_one_of_a_web_identity(sts: Sts, tmp_path: Path, inline: bool) -> None:
    (tmp_path / "token").write_text("a.web.token")
    token = {"webIdentityToken": "a.web.token"} if inline else {"webIdentityTokenFile": str(tmp_path / "token")}
    sts.answers("assume_role_with_web_identity", {**ASKED_FIRST, "WebIdentityToken": "a.web.token"})
    sts.answers("assume_role", ASKED_SECOND)
    configured = {
        **CONFIGURED,
        "assumeRoleWithWebIdentity": json.dumps({**FIRST, **token}),
        "assumeRoles": json.dumps([SECOND]),
    }

    assert keys(configured)[0] == "second-role-access-key"
    assert sts.used_keys() == [None, "first-role-access-key"]


@pytest.mark.usefixtures("sts")
def test_a_token_that_is_nowhere_is_an_error_of_the_session(tmp_path: Path) -> None:
    identity = {**FIRST, "webIdentityTokenFile": str(tmp_path / "token")}

    with pytest.raises(NotFollowedError):
        keys({**CONFIGURED, "assumeRoleWithWebIdentity": json.dumps(identity)})


def test_credentials_and_profiles_are_read_from_the_files_that_are_named(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[profile dev]\nregion = eu-north-1\n")
    (tmp_path / "credentials").write_text("[dev]\naws_access_key_id = ours\naws_secret_access_key = secret\n")
    files = {"sharedConfigFiles": "config", "sharedCredentialsFiles": "credentials"}
    configured = {key: json.dumps([str(tmp_path / name)]) for key, name in files.items()}

    session = aws_session({**configured, "profile": "dev"}.get)

    credentials: Any = session.get_credentials()
    assert (credentials.access_key, session.region_name) == ("ours", "eu-north-1")


@pytest.mark.parametrize("key", ["sharedConfigFiles", "sharedCredentialsFiles"])
def test_several_files_are_not_ignored(key: str) -> None:
    with pytest.raises(NotFollowedError, match=f"the provider alone follows aws:{key} of the stack's configuration"):
        aws_session({key: '["a", "b"]', "accessKey": "key"}.get)
