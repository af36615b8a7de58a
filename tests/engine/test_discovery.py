"""AWS Cloud Map: what it refuses, which tasks ECS registers there, and how containers reach each other by name."""

import uuid
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.servicediscovery.models import ServiceDiscoveryBackend, servicediscovery_backends

from local.emulator.fargate.discovery import Names
from local.emulator.fargate.sandbox import Isolation
from local.providers.errors import ProviderError
from local.testing.controls import hurry
from local.testing.emulated import (
    CLUSTER,
    HEALTH_CHECK,
    LOG_GROUP,
    PORT,
    WEB_SERVER,
    EmulatedAccount,
    EmulatedService,
    Emulator,
)
from operate.waiting import until
from tests.engine.conftest import skip_without
from tests.engine.provider_driver import Driven, configuration, configured

PYTHON = ["python", "-c"]
SERVER = [*PYTHON, WEB_SERVER]

ASK = [
    *PYTHON,
    dedent(
        """
        import os, urllib.request
        try:
            print(urllib.request.urlopen(os.environ["URL"], timeout=5).read().decode())
        except OSError as error:
            print(type(getattr(error, "reason", error)).__name__)
        """
    ),
]
"""Prints what answers at `URL`, or why nothing does."""

FOLLOW = [
    *PYTHON,
    dedent(
        """
        import contextlib, os, time, urllib.request
        seen = []
        while len(seen) < 2:
            with contextlib.suppress(OSError):
                environment = eval(urllib.request.urlopen(os.environ["URL"], timeout=5).read())
                if environment["HOME"] not in seen:
                    seen.append(environment["HOME"])
                    print(environment["HOME"].rpartition("/")[2], flush=True)
            time.sleep(0.1)
        """
    ),
]
"""Prints which task answers at `URL`, whenever it is another one, and ends with the second."""


class Account(EmulatedAccount):
    """An account in which ECS has run, and whose VPC answers names."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self.iam.create_service_linked_role(AWSServiceName="ecs.amazonaws.com")
        self.answer_names(self.vpc)

    def answer_names(self, vpc: str, *, enabled: bool = True) -> None:
        self.ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": enabled})

    def namespace(self, vpc: str | None = None) -> dict[str, Any]:
        """Create a namespace, and return what is said of it."""
        name = f"{uuid.uuid4().hex[:8]}.internal"
        operation = self.discovery.create_private_dns_namespace(Name=name, Vpc=vpc or self.vpc)["OperationId"]
        done = self.discovery.get_operation(OperationId=operation)["Operation"]
        assert done["Status"] == "SUCCESS"
        return self.discovery.get_namespace(Id=done["Targets"]["NAMESPACE"])["Namespace"]

    def registry(self, namespace: dict[str, Any], name: str = "api", **request: Any) -> dict[str, Any]:
        """Create a service of Cloud Map."""
        dns = {"NamespaceId": namespace["Id"], "DnsRecords": [{"Type": "A", "TTL": 10}]}
        given = {"Name": name, "DnsConfig": dns, "HealthCheckCustomConfig": {"FailureThreshold": 1}, **request}
        return self.discovery.create_service(**given)["Service"]

    def registered(self, registry: dict[str, Any], group: str | None = None, **container: Any) -> EmulatedService:
        """Create an ECS service whose tasks, which run a web server, are registered."""
        registries = [{"registryArn": registry["Arn"]}]
        return self.create_service(self.register(SERVER, **container), group, serviceRegistries=registries)

    def instances(self, registry: dict[str, Any]) -> list[dict[str, Any]]:
        return self.discovery.list_instances(ServiceId=registry["Id"])["Instances"]

    def let(self, source: str, group: str) -> None:
        """Let one security group reach the port of the tasks in another."""
        permission = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, "UserIdGroupPairs": [{"GroupId": source}]}
        self.ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])

    def ask(self, url: str, group: str | None = None) -> str:
        """Return what a task prints that asks a URL."""
        variables = [{"name": "URL", "value": url}]
        definition = self.register(ASK, environment=variables, portMappings=[])
        [line] = self.log(self.run_until_stopped(definition, group=group))
        return line


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> Account:
    return Account(emulator.endpoint)


@pytest.fixture(scope="module")
def namespace(account: Account) -> dict[str, Any]:
    return account.namespace()


def refusal(call: Callable[[], Any]) -> str:
    """Return AWS's code and message for a call that must be refused."""
    with pytest.raises(ClientError) as refused:
        call()
    error = refused.value.response.get("Error", {})
    return f"{error.get('Code')}: {error.get('Message')}"


def test_a_namespace_has_a_zone_and_there_may_be_several_in_a_vpc(account: Account) -> None:
    first, second = account.namespace(), account.namespace()

    assert first["Type"] == "DNS_PRIVATE"
    zones = {each["Properties"]["DnsProperties"]["HostedZoneId"] for each in (first, second)}
    assert len(zones) == 2
    again = refusal(lambda: account.discovery.create_private_dns_namespace(Name=first["Name"], Vpc=account.vpc))
    assert again.startswith("NamespaceAlreadyExists: ")
    named = refusal(lambda: account.discovery.create_private_dns_namespace(Name="a b", Vpc=account.vpc))
    assert named.startswith("InvalidInput: 1 validation error detected: Value 'a b' at 'name'")
    absent = refusal(lambda: account.discovery.create_private_dns_namespace(Name="a.internal", Vpc="vpc-1"))
    assert absent.startswith("InvalidInput: The VPC vpc-1 does not exist")


def test_what_is_in_use_cannot_be_deleted(account: Account) -> None:
    namespace = account.namespace()
    registry = account.registry(namespace)
    registered = {"ServiceId": registry["Id"], "InstanceId": "one"}
    account.discovery.register_instance(**registered, Attributes={"AWS_INSTANCE_IPV4": "10.0.0.9"})

    assert refusal(lambda: account.discovery.delete_namespace(Id=namespace["Id"])).startswith("ResourceInUse: ")
    assert "Service contains registered instances; delete the instances before deleting the service" in refusal(
        lambda: account.discovery.delete_service(Id=registry["Id"])
    )

    account.discovery.deregister_instance(**registered)
    account.discovery.delete_service(Id=registry["Id"])
    assert refusal(lambda: account.discovery.delete_service(Id=registry["Id"])).startswith("ServiceNotFound: ")
    account.discovery.delete_namespace(Id=namespace["Id"])
    assert refusal(lambda: account.discovery.get_namespace(Id=namespace["Id"])).startswith("NamespaceNotFound: ")


def test_a_service_is_one_of_a_namespace(account: Account, namespace: dict[str, Any]) -> None:
    registry = account.registry(namespace, "one")

    assert (registry["NamespaceId"], registry["Type"]) == (namespace["Id"], "DNS_HTTP")
    assert registry["DnsConfig"]["RoutingPolicy"] == "MULTIVALUE"
    in_namespace = [{"Name": "NAMESPACE_ID", "Values": [namespace["Id"]]}]
    other = account.registry(account.namespace(), "one")
    found = [each["Id"] for each in account.discovery.list_services(Filters=in_namespace)["Services"]]
    assert registry["Id"] in found
    assert other["Id"] not in found
    assert refusal(lambda: account.registry(namespace, "one")).startswith("ServiceAlreadyExists: ")
    assert refusal(lambda: account.registry({"Id": "ns-1"})).startswith("NamespaceNotFound: ")
    checked = {"HealthCheckConfig": {"Type": "TCP"}, "HealthCheckCustomConfig": {}}
    assert refusal(lambda: account.registry(namespace, "two", **checked)).startswith("InvalidInput: Health checks")


REGISTRIES: dict[str, tuple[Callable[[Account, dict[str, Any]], list[dict[str, Any]]], str]] = {
    "one that there is not": (
        lambda _, __: [{"registryArn": "arn:aws:servicediscovery:us-east-1:123456789012:service/srv-1"}],
        'ClientException: The service registry could not be validated. Route 53 error: "ServiceNotFound."',
    ),
    "a namespace": (
        lambda _, namespace: [{"registryArn": namespace["Arn"]}],
        "InvalidParameterException: The format of the supplied service registry ARN is invalid: arn:aws:servicedisc",
    ),
    "two": (
        lambda _, __: [{"registryArn": "a"}, {"registryArn": "b"}],
        "InvalidParameterException: Multiple service registries for each service are not supported.",
    ),
    "a port": (
        lambda a, n: [{"registryArn": a.registry(n, "port")["Arn"], "port": PORT}],
        "InvalidParameterException: The local cloud registers A records, without port.",
    ),
    "another record": (
        lambda a, n: [
            {
                "registryArn": a.registry(
                    n, "srv", DnsConfig={"NamespaceId": n["Id"], "DnsRecords": [{"Type": "SRV", "TTL": 10}]}
                )["Arn"]
            }
        ],
        "ClientException: The local cloud registers tasks in services of Cloud Map with one A record only.",
    ),
}


@pytest.mark.parametrize(("registries", "words"), REGISTRIES.values(), ids=REGISTRIES)
def test_ecs_refuses_as_a_registry(
    account: Account,
    namespace: dict[str, Any],
    registries: Callable[[Account, dict[str, Any]], list[dict[str, Any]]],
    words: str,
) -> None:
    given = registries(account, namespace)
    assert words in refusal(lambda: account.create_service(account.register(SERVER), serviceRegistries=given))


def test_a_task_is_registered_while_it_runs(account: Account, namespace: dict[str, Any]) -> None:
    registry = account.registry(namespace, "running")
    service = account.registered(registry)
    assert service.describe()["serviceRegistries"] == [{"registryArn": registry["Arn"]}]

    task = service.task()
    [instance] = until(lambda: account.instances(registry), 5, "registration")
    [interface] = service.interfaces()
    assert instance["Id"] == task["taskArn"].rpartition("/")[2]
    assert instance["Attributes"]["AWS_INSTANCE_IPV4"] == interface["PrivateIpAddress"]
    assert instance["Attributes"]["ECS_SERVICE_NAME"] == service.name

    account.ecs.delete_service(cluster=CLUSTER, service=service.name, force=True)
    until(lambda: service.describe()["status"] == "INACTIVE", 10, "end of the service")
    account.discovery.delete_service(Id=registry["Id"])


def test_another_registry_is_another_deployment(account: Account, namespace: dict[str, Any]) -> None:
    registry = account.registry(namespace, "later")
    service = account.create_service(account.register(SERVER))
    first = service.task()

    account.ecs.update_service(
        cluster=CLUSTER, service=service.name, serviceRegistries=[{"registryArn": registry["Arn"]}]
    )

    [instance] = until(lambda: account.instances(registry), 20, "registration of the second task")
    assert instance["Id"] != first["taskArn"].rpartition("/")[2]
    account.ecs.update_service(cluster=CLUSTER, service=service.name, serviceRegistries=[])
    until(lambda: account.instances(registry) == [], 20, "end of the second task")
    assert service.describe()["serviceRegistries"] == []
    until(lambda: instance["Id"] not in service.task()["taskArn"], 20, "third task")


def test_a_task_with_a_health_check_is_healthy_there_once_it_is(
    emulator: Emulator, account: Account, namespace: dict[str, Any]
) -> None:
    def health() -> str | None:
        instances = account.discovery.get_instances_health_status(ServiceId=registry["Id"])
        return next(iter(instances["Status"].values()), None)

    registry = account.registry(namespace, "checked")
    account.registered(registry, healthCheck=HEALTH_CHECK)

    assert until(health, 20, "registration") == "UNHEALTHY"
    hurry(emulator.endpoint, 20)
    until(lambda: health() == "HEALTHY", 20, "health")
    hurry(emulator.endpoint, 1)


HEALTHY, UNHEALTHY = "HEALTHY", "UNHEALTHY"


@pytest.mark.parametrize(
    ("healths", "answered"),
    [
        ([], []),
        ([HEALTHY], [0]),
        ([HEALTHY, UNHEALTHY], [0]),
        ([UNHEALTHY, HEALTHY, HEALTHY], [1, 2]),
        ([UNHEALTHY, UNHEALTHY], [0, 1]),
    ],
)
def test_a_name_means_the_healthy_tasks_or_all_when_none_is(healths: list[str], answered: list[int]) -> None:
    account_id, region = "111122223333", "eu-west-1"
    ec2: EC2Backend = ec2_backends[account_id][region]
    backend: ServiceDiscoveryBackend = servicediscovery_backends[account_id][region]
    vpc = ec2.create_vpc("10.5.0.0/16")
    vpc.enable_dns_hostnames = True
    operation = backend.create_private_dns_namespace("acme.internal", "", "", vpc.id, [], {})
    namespace_id = backend.get_operation(operation).targets["NAMESPACE"]
    registry = backend.create_service("api", namespace_id, "", "", {}, {}, {}, [], "")
    for number, health in enumerate(healths):
        backend.register_instance(registry.id, str(number), "", {"AWS_INSTANCE_IPV4": f"10.5.0.{number}"})
        backend.update_instance_custom_health_status(registry.id, str(number), health)

    names = Names(account_id, region, vpc.id)

    assert names.answer("api.acme.internal") == [f"10.5.0.{number}" for number in answered]


@pytest.fixture(scope="module")
def api(account: Account, namespace: dict[str, Any]) -> EmulatedService:
    """Return a service that has the name `api` in the namespace."""
    service = account.registered(account.registry(namespace), account.create_group())
    service.task()
    return service


@pytest.mark.parametrize("isolation", ["namespaces", "user-namespaces"])
def test_a_container_finds_the_task_that_has_the_name_now(isolation: Isolation, tmp_path: Path) -> None:
    skip_without(isolation)
    emulator = Emulator(tmp_path, "--isolation", isolation)
    try:
        account = Account(emulator.endpoint)
        namespace = account.namespace()
        service = account.registered(account.registry(namespace))
        account.let(account.group, service.group)
        first = service.task()
        variables = [{"name": "URL", "value": f"http://api.{namespace['Name']}:{PORT}/environment"}]
        client = account.run_task(account.register(FOLLOW, environment=variables, portMappings=[]))
        until(lambda: _lines(account, client), 20, "answer to the client")

        account.ecs.stop_task(cluster=CLUSTER, task=first["taskArn"])

        account.wait_until_stopped(client)
        answered = [first, service.task()]
        assert account.log(client) == [task["taskArn"].rpartition("/")[2] for task in answered]
    finally:
        emulator.stop()


def _lines(account: Account, task: dict[str, Any]) -> list[str]:
    streams = account.logs.describe_log_streams(logGroupName=LOG_GROUP)["logStreams"]
    started = any(task["taskArn"].rpartition("/")[2] in each["logStreamName"] for each in streams)
    return account.log(task) if started else []


@pytest.fixture
def client_group(account: Account, api: EmulatedService) -> str:
    """Return the group of a client that may reach the API."""
    group = account.create_group()
    account.let(group, api.group)
    return group


def test_the_groups_of_both_tasks_decide(
    account: Account, namespace: dict[str, Any], api: EmulatedService, client_group: str
) -> None:
    url = f"http://api.{namespace['Name']}:{PORT}/"
    assert account.ask(url, client_group) == "well"
    assert account.ask(url, account.create_group()) == "ConnectionResetError"

    everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    https = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    account.ec2.revoke_security_group_egress(GroupId=client_group, IpPermissions=[everything])
    account.ec2.authorize_security_group_egress(GroupId=client_group, IpPermissions=[https])
    assert account.ask(url, client_group) == "ConnectionResetError"
    to_api = {"IpProtocol": "tcp", "FromPort": PORT, "ToPort": PORT, "UserIdGroupPairs": [{"GroupId": api.group}]}
    account.ec2.authorize_security_group_egress(GroupId=client_group, IpPermissions=[to_api])
    assert account.ask(url, client_group) == "well"


def test_a_name_means_nothing_where_private_dns_would_not_answer(
    account: Account, namespace: dict[str, Any], client_group: str
) -> None:
    other_vpc = account.ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    account.answer_names(other_vpc)
    elsewhere = account.namespace(other_vpc)
    account.registry(elsewhere)
    assert account.ask(f"http://api.{elsewhere['Name']}:{PORT}/", client_group) == "gaierror"
    assert account.ask(f"http://other.{namespace['Name']}:{PORT}/", client_group) == "gaierror"

    account.answer_names(account.vpc, enabled=False)
    try:
        assert account.ask(f"http://api.{namespace['Name']}:{PORT}/", client_group) == "gaierror"
    finally:
        account.answer_names(account.vpc)


def test_a_name_that_nobody_runs_for_refuses_connections(
    account: Account, namespace: dict[str, Any], client_group: str
) -> None:
    account.registry(namespace, "nobody")
    assert account.ask(f"http://nobody.{namespace['Name']}:{PORT}/", client_group) == "ConnectionResetError"


def test_a_task_reaches_itself_by_its_own_name(emulator: Emulator, account: Account, namespace: dict[str, Any]) -> None:
    url = f"http://self.{namespace['Name']}:{PORT}/"
    itself = {**HEALTH_CHECK, "command": ["CMD-SHELL", f"curl -fsS {url} || exit 1"]}
    variables = [{"name": "URL", "value": url}]
    service = account.registered(account.registry(namespace, "self"), healthCheck=itself, environment=variables)

    hurry(emulator.endpoint, 20)
    service.wait_until_completed()
    hurry(emulator.endpoint, 1)


def test_without_namespaces_a_task_with_a_name_does_not_start(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, "--isolation", "none")
    try:
        account = Account(emulator.endpoint)
        namespace = account.namespace()
        account.registry(namespace)
        variables = [{"name": "URL", "value": f"http://api.{namespace['Name']}:{PORT}/"}]
        task = account.run_until_stopped(account.register(ASK, environment=variables))
        assert task["stopCode"] == "TaskFailedToStart"
        assert f"api.{namespace['Name']} is a name of AWS Cloud Map, which leads nowhere here" in task["stoppedReason"]
    finally:
        emulator.stop()


def test_a_program_registers_its_service_and_takes_it_out_again(emulator: Emulator, account: Account) -> None:
    aws = configured(configuration(emulator.endpoint))
    account.ecs.put_cluster_capacity_providers(
        cluster=CLUSTER, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    )
    namespace, registry, service = (
        Driven(aws, token)
        for token in (
            "aws:servicediscovery/privateDnsNamespace:PrivateDnsNamespace",
            "aws:servicediscovery/service:Service",
            "aws:ecs/service:Service",
        )
    )
    namespace.create({"name": "program.internal", "vpc": account.vpc})
    records = [{"ttl": 10, "type": "A"}]
    registry_inputs = {
        "dnsConfig": {"namespaceId": namespace.id, "dnsRecords": records},
        "healthCheckCustomConfig": {"failureThreshold": 1},
        "name": "api",
    }
    registry.create(registry_inputs)
    inputs: dict[str, Any] = {
        "capacityProviderStrategies": [{"capacityProvider": "FARGATE", "weight": 1}],
        "cluster": CLUSTER,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "desiredCount": 1,
        "networkConfiguration": {
            "subnets": [account.subnet],
            "securityGroups": [account.group],
            "assignPublicIp": True,
        },
        "serviceRegistries": {"registryArn": registry.outputs["arn"]},
        "taskDefinition": account.register(SERVER),
    }
    service.create(inputs)
    until(lambda: account.instances({"Id": registry.id}), 20, "registration")

    assert service.diff(inputs).diffs == []
    assert service.read().properties == service.state
    with pytest.raises(ProviderError, match="ResourceInUse: Service contains registered instances"):
        registry.delete()
    with pytest.raises(ProviderError, match="ResourceInUse: Namespace has associated services"):
        namespace.delete()

    without = {name: value for name, value in inputs.items() if name != "serviceRegistries"}
    assert service.diff(without).diffs == ["serviceRegistries"]
    assert not service.diff(without).replaces
    service.update(without)
    until(lambda: not account.instances({"Id": registry.id}), 20, "end of the registration")
    assert service.diff(without).diffs == []

    by_hand = {"ServiceId": registry.id, "InstanceId": "one", "Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.9"}}
    account.discovery.register_instance(**by_hand)
    registry.update({**registry_inputs, "forceDestroy": True})
    for each in (registry, namespace, service):
        each.delete()
        assert not each.read().resource_id
