"""Airflow's database: an instance of RDS, or one of the caller's own."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

import pulumi
import pytest
from airflow_fargate import AirflowFargate, InvalidArgumentsError
from airflow_fargate.database.postgres import say_why_network_stays, say_why_storage_stays
from airflow_fargate.database.url import async_connection, connection
from pulumi.runtime.mocks import MockCallArgs

from .conftest import Deploy, Recorder
from .test_inputs import SERVICE, container

INSTANCE = "aws:rds/instance:Instance"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
URL = "postgresql://airflow:w0rd@db.example.com/airflow"
OWN = {"database_url": URL, "egress_ports": [5432]}
RESTORED = {"restore_from": "airflow-database-final-00c0ffee", "fernet_key": f"{'0' * 43}="}


def test_nothing_but_the_task_reaches_the_instance(deploy: Deploy) -> None:
    deployment = deploy(database="postgres", allowed_cidrs=["203.0.113.7/32"])

    instance = deployment.inputs(INSTANCE)
    assert instance["publiclyAccessible"] is False
    assert instance["vpcSecurityGroupIds"] == ["airflow-database-security-group-id"]
    [admitted] = [
        rule
        for rule in deployment.inputs_of_all(INGRESS)
        if rule["securityGroupId"] == "airflow-database-security-group-id"
    ]
    assert admitted["referencedSecurityGroupId"] == "airflow-security-group-id"
    assert (admitted["ipProtocol"], admitted["fromPort"], admitted["toPort"]) == ("tcp", 5432, 5432)
    assert not [rule for rule in deployment.inputs_of_all(EGRESS) if "database" in rule["securityGroupId"]]


@pytest.mark.parametrize(("gib", "most"), [(20, 100), (20_000, 65_536), (59_578, 65_536), (59_579, None)])
def test_storage_grows_no_further_than_that_of_rds(deploy: Deploy, gib: int, most: int | None) -> None:
    instance = deploy(database="postgres", database_storage_gib=gib).inputs(INSTANCE)

    assert instance.get("maxAllocatedStorage") == most


def test_an_old_version_is_upgraded_rather_than_charged_for(deploy: Deploy) -> None:
    instance = deploy(database="postgres").inputs(INSTANCE)

    assert instance["engineLifecycleSupport"] == "open-source-rds-extended-support-disabled"


@pytest.mark.parametrize("args", [{}, RESTORED], ids=["empty", "restored"])
def test_what_an_instance_has_from_its_snapshot_or_for_good_never_replaces_it(
    deploy: Deploy, args: dict[str, Any]
) -> None:
    deployment = deploy(database="postgres", **args)

    [instance] = [each for each in deployment.registrations if each.type == INSTANCE]
    assert instance.options["ignoreChanges"] == [
        *("dbName", "engineLifecycleSupport", "kmsKeyId", "snapshotIdentifier", "storageEncrypted", "username")
    ]


def test_the_way_to_the_instance_leads_to_nothing_else(deploy: Deploy) -> None:
    to_it = deploy(database="postgres").inputs(EGRESS, "airflow-egress-database")

    assert to_it["referencedSecurityGroupId"] == "airflow-database-security-group-id"
    assert not {"cidrIpv4", "cidrIpv6"} & to_it.keys()


def test_the_instance_takes_no_connection_without_tls_and_is_encrypted(deploy: Deploy) -> None:
    deployment = deploy(database="postgres", database_version="15")

    group = deployment.inputs("aws:rds/parameterGroup:ParameterGroup")
    assert group["family"] == "postgres15"
    assert group["parameters"] == [{"name": "rds.force_ssl", "value": "1"}]
    assert deployment.inputs(INSTANCE)["parameterGroupName"] == "airflow-database-parameter-group-1234567"
    assert deployment.inputs(INSTANCE)["storageEncrypted"] is True


def test_the_password_travels_apart_from_the_url(deploy: Deploy) -> None:
    deployment = deploy(database="postgres")
    definition = container(deployment)

    environment = {each["name"]: each["value"] for each in definition["environment"]}
    assert environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] == (
        "postgresql+psycopg2://airflow@airflow-database-1234567.rds.example.com:5432/airflow"
    )
    assert "PGPASSWORD" in [secret["name"] for secret in definition["secrets"]]
    assert deployment.inputs("aws:ssm/parameter:Parameter", "airflow-PGPASSWORD")["value"] == "generated-password"
    assert deployment.inputs(INSTANCE)["password"] == "generated-password"


@pytest.mark.parametrize(("args", "retries"), [({}, None), ({"database": "postgres"}, "8"), (OWN, "8")])
def test_a_query_to_a_host_that_is_silent_waits_less_than_two_minutes_instead_of_fifteen(
    deploy: Deploy, args: dict[str, Any], retries: str | None
) -> None:
    controls = {each["namespace"]: each["value"] for each in container(deploy(**args))["systemControls"]}

    assert controls.get("net.ipv4.tcp_retries2") == retries


@pytest.mark.parametrize(
    ("args", "percentages"), [({}, (0, 100)), ({"database": "postgres"}, (100, 200)), (OWN, (100, 200))]
)
def test_tasks_overlap_only_where_the_database_is_not_in_them(
    deploy: Deploy, args: dict[str, Any], percentages: tuple[int, int]
) -> None:
    service = deploy(**args).inputs(SERVICE)

    assert (service["deploymentMinimumHealthyPercent"], service["deploymentMaximumPercent"]) == percentages


@pytest.mark.parametrize(
    ("url", "query", "own", "async_"),
    [
        ("postgresql://airflow:w0rd@db/air", "", "psycopg2", "asyncpg"),
        ("postgres://airflow:w0rd@db:6432/air?sslmode=require", "require", "psycopg2", "asyncpg"),
        (
            "postgresql+psycopg2://airflow:p%40%24%25@[2001:db8::7]:5432/air?sslmode=disable",
            "disable",
            "psycopg2",
            "asyncpg",
        ),
    ],
)
def test_a_url_of_ones_own_is_written_for_both_of_airflows_drivers(url: str, query: str, own: str, async_: str) -> None:
    given, told, told_async = (urlsplit(each) for each in (url, connection(url), async_connection(url)))

    assert (told.scheme, told_async.scheme) == (f"postgresql+{own}", f"postgresql+{async_}")
    assert told.query == (f"sslmode={query}" if query else "")
    assert told_async.query == (f"ssl={query}" if query else "")
    for each in (told, told_async):
        assert (each.hostname, each.port, each.path) == (given.hostname, given.port or 5432, given.path)
        assert unquote(each.password or "") == unquote(given.password or "")
        assert "$" not in each.geturl(), "Airflow puts the value of a variable there"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "A new instance of RDS, empty: the runs, users and connections of another database stay where they are"),
        (RESTORED, "A new instance of RDS, with what the snapshot airflow-database-final-00c0ffee holds."),
    ],
    ids=["empty", "restored"],
)
def test_a_preview_says_what_a_new_instance_will_hold(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, args: dict[str, Any], said: str
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", told.append)

    create = new_instance(deploy, monkeypatch, **args)

    assert told == []
    create()
    assert [each.startswith(said) for each in told] == [True]


class Snapshots(Recorder):
    """Mocks with a snapshot, or with none."""

    def __init__(self, **snapshot: Any) -> None:
        super().__init__()
        self._snapshot = snapshot

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        answer = super().call(args)
        if args.token != "aws:rds/getSnapshot:getSnapshot":
            return answer
        assert args.args == {"dbSnapshotIdentifier": RESTORED["restore_from"], "includeShared": True}
        if self._snapshot.get("missing"):
            raise LookupError("no results")
        return {**answer, **self._snapshot}


def new_instance(deploy: Deploy, monkeypatch: pytest.MonkeyPatch, **args: Any) -> Callable[[], None]:
    """Deploy, and return what the engine does before it creates an instance, in a preview too."""
    hooks: dict[str, tuple[Callable[[Any], Any], pulumi.ResourceHookOptions | None]] = {}
    real_hook = pulumi.ResourceHook

    def hook(
        name: str, callback: Callable[[Any], Any], opts: pulumi.ResourceHookOptions | None = None
    ) -> pulumi.ResourceHook:
        hooks[name] = callback, opts
        return real_hook(name, callback, opts)

    monkeypatch.setattr(pulumi, "ResourceHook", hook)
    deploy(database="postgres", **args)
    before_create, options = hooks["airflow-database-is-new"]
    assert options is not None
    assert options.on_dry_run
    return lambda: asyncio.get_event_loop().run_until_complete(before_create(None))


@pytest.mark.parametrize(
    ("snapshot", "words"),
    [
        ({"allocatedStorage": 45}, "database_storage_gib: is 20, but the snapshot that restore_from names needs 45"),
        ({"engineVersion": "16.10"}, "database_version: is 17, but .* is of PostgreSQL 16; give 16"),
        ({"engine": "mysql", "engineVersion": "8.4.3"}, "restore_from: names a snapshot of mysql"),
    ],
    ids=["larger", "another version", "another engine"],
)
def test_a_snapshot_that_rds_could_not_restore_so_is_refused_before_it_is(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, snapshot: dict[str, Any], words: str
) -> None:
    create = new_instance(deploy, monkeypatch, recorder=Snapshots(**snapshot), **RESTORED)

    with pytest.raises(InvalidArgumentsError, match=f"  {words}") as refused:
        create()
    assert len(refused.value.refusals) == 1


@pytest.mark.parametrize("snapshot", [{"allocatedStorage": 20, "engineVersion": "17.1"}, {"engine": None}], ids=str)
def test_one_that_fits_or_that_nothing_is_known_of_is_not(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch, snapshot: dict[str, Any]
) -> None:
    new_instance(deploy, monkeypatch, recorder=Snapshots(**snapshot), **RESTORED)()


def test_whoever_may_not_look_is_told_and_rds_judges(deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    warned: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warned.append)
    create = new_instance(deploy, monkeypatch, recorder=Snapshots(missing=True), **RESTORED)
    warned.clear()

    create()

    [warning] = warned
    assert "airflow-database-final-00c0ffee was not checked" in warning


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("InvalidParameterValue: The new Subnets are not in the same Vpc as the existing subnet group", True),
        ("SubnetAlreadyInUse: Some of the subnets to be deleted are currently in use.", True),
        ("DBSubnetGroupDoesNotCoverEnoughAZs: Add subnets to cover at least 2 AZs.", False),
    ],
)
def test_another_vpc_ends_with_the_way_back_and_the_way_out(
    monkeypatch: pytest.MonkeyPatch, error: str, told: bool
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", lines.append)

    assert not say_why_network_stays(pulumi.ErrorHookArgs("urn", "", "name", "type", errors=[error, "an earlier one"]))

    assert ["retain_data" in line for line in lines] == [True] * told


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("InvalidParameterCombination: Invalid storage size for engine name postgres and storage type gp3: 40", True),
        ("InvalidParameterValue: Invalid DB Instance class", False),
    ],
)
def test_a_change_that_would_shrink_storage_ends_with_the_way_out(
    monkeypatch: pytest.MonkeyPatch, error: str, told: bool
) -> None:
    lines: list[str] = []
    monkeypatch.setattr(pulumi.log, "error", lines.append)

    assert not say_why_storage_stays(pulumi.ErrorHookArgs("urn", "", "name", "type", errors=[error, "an earlier one"]))

    assert ["pulumi up --refresh" in line for line in lines] == [True] * told


def test_an_instance_that_airflow_does_not_use_is_told_of_each_time(
    deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "info", told.append)

    deploy(keep_postgres=True)

    assert [each.partition(",")[0] for each in told] == ["Airflow does not use the instance of RDS"]


def test_a_url_of_ones_own_is_a_secret_and_makes_no_instance(deploy: Deploy) -> None:
    deployment = deploy(**OWN)
    definition = container(deployment)

    assert {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC"} <= {
        secret["name"] for secret in definition["secrets"]
    }
    assert "w0rd" not in str(definition)
    assert not deployment.inputs_of_all(INSTANCE)


def test_a_url_that_is_known_late_is_refused_then(deploy: Deploy) -> None:
    def program() -> AirflowFargate:
        return AirflowFargate("airflow", {"database_url": pulumi.Output.secret(URL)})

    with pytest.raises(InvalidArgumentsError, match="leads to port 5432, which is closed; add it to egress_ports"):
        deploy(program)


@pytest.mark.parametrize("name", ["air_flow", "Airflow", "air--flow"])
def test_a_name_that_no_instance_can_have_is_refused(deploy: Deploy, name: str) -> None:
    with pytest.raises(InvalidArgumentsError, match=f"  name: is {name!r}; .* use lower-case letters"):
        deploy(lambda: AirflowFargate(name, {"database": "postgres"}))
    deploy(lambda: AirflowFargate(name, {}))


AUTOMATED = "rds:airflow-database-1a2b3c4-2026-11-25-03-12"


@pytest.mark.parametrize(
    "of_account", ["", "arn:aws-us-gov:rds:us-gov-west-1:123456789012:snapshot:"], ids=["name", "ARN"]
)
def test_an_instance_begins_with_a_snapshot_that_rds_has_taken_by_itself(deploy: Deploy, of_account: str) -> None:
    instance = deploy(database="postgres", **{**RESTORED, "restore_from": of_account + AUTOMATED}).inputs(INSTANCE)

    assert instance["snapshotIdentifier"] == of_account + AUTOMATED
    for wrong in ("rds:", "aws:daily", f"rds:{AUTOMATED}", f"{AUTOMATED}-"):
        with pytest.raises(InvalidArgumentsError, match=r"restore_from: is .*; give the name or the ARN of a snapshot"):
            deploy(database="postgres", **{**RESTORED, "restore_from": wrong})
