"""The decisions of `make repair` about each operation that a killed `pulumi` has left, and its changes to the state."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import boto3
import botocore.session
import pytest
from botocore.stub import Stubber

from operate.console import CommandError
from operate.repair import sessions as module
from operate.repair.file_backend import folder_of
from operate.repair.lookups import LOOKUPS, Lookup
from operate.repair.repair import repair
from operate.repair.sessions import ProviderSession
from operate.repair.state import Adoption, Found, adopt, interrupted

STACK = "urn:pulumi:dev::airflow-fargate"
ROLE = "aws:iam/role:Role"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:…"}
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
SERVICE = "aws:ecs/service:Service"
PROVIDER: dict[str, Any] = {
    "urn": f"{STACK}::pulumi:providers:aws::default",
    "id": "1",
    "type": "pulumi:providers:aws",
    "inputs": {},
}


def resource(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "urn": f"{STACK}::{kind}::{name}",
        "custom": True,
        "type": kind,
        "inputs": {"__defaults": ["name"], "name": f"{name}-a1b2c3d"},
        "provider": f"{PROVIDER['urn']}::1",
        **more,
    }


def deployed(*resources: dict[str, Any], creating: dict[str, Any] | None = None) -> dict[str, Any]:
    operations = [{"type": "creating", "resource": creating}] if creating else []
    return {"resources": [PROVIDER, *resources], "pending_operations": operations}


def adopted(deployment: dict[str, Any], *, replaces: bool = False) -> list[tuple[str, str, bool]]:
    """Adopts what is being created as `new`; names, ids, and whether each is to be deleted."""
    urn = deployment["pending_operations"][0]["resource"]["urn"]
    result = adopt(deployment, {urn: Adoption(Found("new"), replaces)})
    assert result["pending_operations"] == []
    return [(r["urn"].rpartition("::")[2], r["id"], r.get("delete", False)) for r in result["resources"][1:]]


def test_what_is_found_enters_the_state_with_its_inputs_as_outputs() -> None:
    role = resource(ROLE, "role")

    after = adopt(deployed(creating=role), {role["urn"]: Adoption(Found("id", {"arn": "arn"}), replaces=False)})

    assert after["resources"][1] == {**role, "id": "id", "outputs": {"name": "role-a1b2c3d", "arn": "arn"}}


def test_a_replacement_with_a_name_of_its_own_is_deleted_and_made_again() -> None:
    state = deployed(resource(ROLE, "role", id="old"), creating=resource(ROLE, "role"))

    assert adopted(state) == [("role", "old", False), ("role", "new", True)]


def test_a_replacement_that_cannot_be_made_twice_takes_the_place_of_what_it_replaces() -> None:
    state = deployed(resource(RULE, "rule", id="old"), creating=resource(RULE, "rule"))

    assert adopted(state, replaces=True) == [("rule", "new", False), ("rule", "old", True)]


def test_a_replacement_of_what_was_deleted_before_takes_its_place() -> None:
    state = deployed(
        resource(SERVICE, "service", id="old", pendingReplacement=True), creating=resource(SERVICE, "service")
    )

    assert adopted(state) == [("service", "new", False)]


def test_what_is_adopted_comes_before_what_depends_on_it() -> None:
    rule = resource(RULE, "rule")
    service = resource(SERVICE, "service", id="s", dependencies=[rule["urn"]])

    state = deployed({**rule, "id": "old"}, service, creating=rule)

    assert adopted(state, replaces=True) == [("rule", "new", False), ("service", "s", False), ("rule", "old", True)]


def test_what_was_being_updated_or_deleted_is_read_again_as_long_as_the_state_has_it() -> None:
    kept, gone = resource(ROLE, "kept", id="kept"), resource(ROLE, "gone")
    state = deployed(kept)
    state["pending_operations"] = [
        {"type": "updating", "resource": kept},
        {"type": "deleting", "resource": gone},
        {"type": "creating", "resource": kept},
    ]

    assert interrupted(state) == [kept["urn"]]


class Pulumi:
    """`pulumi` on a stack with this deployment; remembers what it was told."""

    def __init__(self, deployment: dict[str, Any]) -> None:
        self.deployment = deployment
        self.commands: list[str] = []

    def __call__(self, *arguments: str) -> str:
        self.commands.append(" ".join(arguments[:2]))
        if arguments[:2] == ("stack", "import"):
            self.deployment = json.loads(Path(arguments[-1]).read_text())["deployment"]
        return json.dumps({"version": 3, "deployment": self.deployment})


class _Silent(ProviderSession):
    """A session whose answers say nothing."""

    def client(self, service: str, region: str | None = None) -> Any:
        del service, region
        return MagicMock()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what is in AWS, for every type, by what the provider calls it."""

    def set_found(*ids: str) -> None:
        for kind, lookup in LOOKUPS.items():
            changed = Lookup(lookup.service, lambda _client, _inputs: map(Found, ids), lookup.auto_name)
            monkeypatch.setitem(LOOKUPS, kind, changed)

    monkeypatch.setattr(module, "ProviderSession", _Silent)
    set_found()
    return set_found


def run(deployment: dict[str, Any], *gone: str) -> tuple[Pulumi, list[str]]:
    pulumi, said = Pulumi(deployment), list[str]()
    repair(pulumi, said.append, gone)
    return pulumi, said


def test_what_is_there_is_adopted_and_read(there: Callable[..., None]) -> None:
    there("role-a1b2c3d")

    pulumi, said = run(deployed(creating=resource(ROLE, "role")))

    assert pulumi.commands == ["stack export", "stack import", "refresh --yes"]
    assert pulumi.deployment["resources"][-1]["id"] == "role-a1b2c3d"
    assert said == [f"role ({ROLE}): adopted role-a1b2c3d", f"Reading from AWS: role ({ROLE})"]


def test_what_another_resource_of_the_state_is_already_is_not_adopted(there: Callable[..., None]) -> None:
    there("known")

    pulumi, said = run(deployed(resource(ROLE, "other", id="known"), creating=resource(ROLE, "role")))

    assert pulumi.commands == ["stack export", "stack import"]
    assert said == [f"role ({ROLE}): cleared; it is not there"]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("random:index/randomBytes:RandomBytes", "it is nowhere but in the state"),
        ("aws:s3/bucketPolicy:BucketPolicy", "`pulumi up` sets it again"),
        (ROLE, "it is not there"),
    ],
)
def test_what_cannot_be_an_orphan_is_cleared(there: Callable[..., None], kind: str, why: str) -> None:
    there()

    pulumi, said = run(deployed(creating=resource(kind, "it")))

    assert said == [f"it ({kind}): cleared; {why}"]
    assert pulumi.deployment["pending_operations"] == []


def test_nothing_is_written_when_nothing_was_interrupted() -> None:
    pulumi, _ = run(deployed())

    assert pulumi.commands == ["stack export"]


GIVEN_NAME = resource(ROLE, "role", inputs={"name": "role", "__defaults": []})
NO_TAGS = resource("aws:ec2/vpc:Vpc", "vpc", inputs={"cidrBlock": "10.0.0.0/16"})
ELSEWHERE = resource(ROLE, "other", id="other", outputs={"arn": "arn:aws:iam::999999999999:role/other"})
FILES = {**PROVIDER, "urn": f"{STACK}::pulumi:providers:aws::files", "inputs": {"sharedConfigFiles": '["a", "b"]'}}


@pytest.mark.parametrize(
    ("deployment", "found", "words"),
    [
        (deployed(creating=resource("aws:sqs/queue:Queue", "queue")), [], "does not know the type aws:sqs/queue"),
        (deployed(creating=GIVEN_NAME), ["role"], "was given by the program: what has it may be somebody else's"),
        (deployed(creating=resource(ROLE, "role")), ["a", "b"], "It could be each of a, b"),
        (
            deployed(FILES, creating=resource(ROLE, "r", provider=f"{FILES['urn']}::1")),
            [],
            "the provider alone follows aws:sharedConfigFiles of the stack's configuration.\n  Look for it in the",
        ),
    ],
)
def test_what_cannot_be_decided_is_refused_with_the_way_out_and_nothing_is_changed(
    there: Callable[..., None], deployment: dict[str, Any], found: list[str], words: str
) -> None:
    there(*found)
    pulumi = Pulumi(deployment)

    with pytest.raises(CommandError, match="was being created") as refused:
        repair(pulumi, print)

    assert words in str(refused.value)
    assert pulumi.commands == ["stack export"]


def test_what_somebody_has_looked_for_is_cleared(there: Callable[..., None]) -> None:
    there("role")

    pulumi, said = run(deployed(creating=GIVEN_NAME), "role")

    assert said == [f"role ({ROLE}): cleared, as you say that it is not there"]
    assert pulumi.deployment["resources"] == [PROVIDER]


def test_a_vpc_without_tags_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ProviderSession", _Silent)

    with pytest.raises(CommandError, match="neither a name nor tags"):
        repair(Pulumi(deployed(creating=NO_TAGS)), print)


@pytest.mark.parametrize(
    ("inputs", "credentials"),
    [
        ({}, None),
        ({"accessKey": "key", "secretKey": "of the stack"}, "of the stack"),
        ({"accessKey": "key", "secretKey": SECRET}, None),
        ({"accessKey": "key", "secretKey": "of the stack", "token": SECRET}, None),
    ],
    ids=["none", "plain", "a secret one", "a secret token"],
)
def test_credentials_that_the_state_keeps_secret_come_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, inputs: dict[str, Any], credentials: str | None
) -> None:
    """`pulumi env run` sets these variables from a Pulumi ESC environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the environment")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    role = resource(ROLE, "role")
    provider = {**PROVIDER, "inputs": {"region": "us-east-1", **inputs}}

    session = module.ProviderSessions({"resources": [provider]}).of(role)

    used = session.client("sts")._get_credentials()  # pyright: ignore[reportPrivateUsage] # boto3 has no public way
    assert used.secret_key == (credentials or "of the environment")
    assert used.token == (None if credentials else "token")


CHAIN = [{"roleArn": f"arn:aws:iam::{account * 12}:role/{name}"} for account, name in (("1", "first"), ("2", "second"))]


def test_it_is_looked_for_as_the_last_of_the_roles_that_the_provider_assumes(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = {"key": assuming("first"), "of-first-role-0000": assuming("second")}
    create = botocore.session.Session.create_client

    def create_client(self: Any, service: str, *arguments: Any, **named: Any) -> Any:
        if service == "sts":
            return clients.pop(named["aws_access_key_id"])
        return create(self, service, *arguments, **named)

    monkeypatch.setattr(botocore.session.Session, "create_client", create_client)
    inputs = {"region": "us-east-1", "accessKey": "key", "secretKey": "s", "assumeRoles": json.dumps(CHAIN)}
    role, provider = resource(ROLE, "role"), {**PROVIDER, "inputs": inputs}
    sessions = module.ProviderSessions({"resources": [provider]})

    used = sessions.of(role).client("iam")._get_credentials()  # pyright: ignore[reportPrivateUsage] # boto3 has no public way

    assert used.get_frozen_credentials().access_key == "of-second-role-0000"
    assert clients == {}


def assuming(role: str) -> MagicMock:
    """Return a client of STS that gives the credentials of one role."""
    credentials = {
        "AccessKeyId": f"of-{role}-role-0000",
        "SecretAccessKey": "secret",
        "SessionToken": "token",
        "Expiration": datetime.now(UTC) + timedelta(hours=1),
    }
    sts = MagicMock()

    def assume_role(**asked: Any) -> dict[str, Any]:
        assert asked["RoleArn"].endswith(f"/{role}")
        return {"Credentials": credentials}

    sts.assume_role.side_effect = assume_role
    return sts


def test_of_a_role_that_the_state_keeps_secret_the_credentials_come_from_the_environment() -> None:
    inputs = {"region": "us-east-1", "accessKey": "base", "secretKey": "of the base", "assumeRoles": SECRET}

    assert module.readable(inputs) == {"region": "us-east-1"}


def test_a_parameter_is_found_although_the_first_page_is_empty() -> None:
    ssm = boto3.client("ssm", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="secret")
    asked = {"ParameterFilters": [{"Key": "Name", "Option": "Equals", "Values": ["airflow-TOKEN-a1b2c3d"]}]}
    with Stubber(ssm) as stubber:
        stubber.add_response("describe_parameters", {"Parameters": [], "NextToken": "next"}, asked)
        stubber.add_response(
            "describe_parameters",
            {"Parameters": [{"Name": "airflow-TOKEN-a1b2c3d"}]},
            {**asked, "NextToken": "next"},
        )

        found = LOOKUPS["aws:ssm/parameter:Parameter"].find(ssm, {"name": "airflow-TOKEN-a1b2c3d"})

        assert [each.id for each in found] == ["airflow-TOKEN-a1b2c3d"]


def test_credentials_of_another_account_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    sts = MagicMock()
    sts.get_caller_identity.return_value = {"Account": "123456789012"}

    def client(*_: str) -> MagicMock:
        return sts

    monkeypatch.setattr(ProviderSession, "client", client)

    with pytest.raises(CommandError, match="in the AWS account 999999999999, and the credentials are of 123456789012"):
        repair(Pulumi(deployed(ELSEWHERE, creating=resource(ROLE, "role"))), print)


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("file://~", Path.home()),
        ("file://~/state", Path.home() / "state"),
        ("file://./state", Path("state")),
        ("file:///srv/the%20state?no_tmp_dir=true", Path("/srv/the state")),
    ],
)
def test_a_backend_is_in_the_folder_that_pulumi_takes_it_for(url: str, folder: Path) -> None:
    assert folder_of(url) == folder


def test_a_rule_for_another_group_is_another_rule() -> None:
    ec2 = MagicMock()
    rule = {"IsEgress": False, "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432}
    ec2.describe_security_group_rules.return_value = {
        "SecurityGroupRules": [
            {**rule, "SecurityGroupRuleId": f"sgr-{of}", "ReferencedGroupInfo": {"GroupId": f"sg-{of}"}}
            for of in ("airflow", "workers")
        ]
    }
    inputs = {"securityGroupId": "sg-database", "ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432}

    found = LOOKUPS[RULE].find(ec2, {**inputs, "referencedSecurityGroupId": "sg-workers"})

    assert [each.id for each in found] == ["sgr-workers"]
