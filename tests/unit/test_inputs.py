"""The inputs of the resources, and botocore's word on whether AWS accepts them."""

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pulumi
import pytest
from airflow_fargate import AirflowFargate
from airflow_fargate.credentials import url_safe
from airflow_fargate.task.container import supervisor_command
from botocore.validate import ParamValidator

from .conftest import Deploy, Registered

SERVICE = "aws:ecs/service:Service"
TASK_DEFINITION = "aws:ecs/taskDefinition:TaskDefinition"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
LEGACY = {"image": "puckel/docker-airflow:1.10.9", "cpu": 256, "memory": 512}
OWN_VPC = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}
FULL: dict[str, Any] = {
    **OWN_VPC,
    "allowed_cidrs": ["203.0.113.7/32", "2001:db8::/64"],
    "ephemeral_storage_gib": 50,
    "cpu_architecture": "ARM64",
    "spot": True,
    "enable_exec": True,
    "environment": {"B": "2", "A": "1"},
    "secrets": {"TOKEN": "t"},
    "tags": {"team": "data"},
}


def container(deployment: Registered) -> dict[str, Any]:
    """Return the one container, as ECS will read it."""
    text = deployment.inputs(TASK_DEFINITION)["containerDefinitions"]
    [definition] = json.loads(text, parse_float=lambda number: pytest.fail(f"a float in the container: {number}"))
    return definition


def test_the_service_never_runs_two_tasks_and_fails_when_its_task_does(deploy: Deploy) -> None:
    service = deploy().inputs(SERVICE)

    assert {
        key: service[key]
        for key in (
            "desiredCount",
            "deploymentMinimumHealthyPercent",
            "deploymentMaximumPercent",
            "deploymentCircuitBreaker",
            "availabilityZoneRebalancing",
            "waitForSteadyState",
        )
    } == {
        "desiredCount": 1,
        "deploymentMinimumHealthyPercent": 0,
        "deploymentMaximumPercent": 100,
        "deploymentCircuitBreaker": {"enable": True, "rollback": True},
        "availabilityZoneRebalancing": "DISABLED",
        "waitForSteadyState": True,
    }


def test_only_the_allowed_ranges_reach_the_port_and_nothing_else(deploy: Deploy) -> None:
    deployment = deploy(allowed_cidrs=["203.0.113.7/32", "2001:db8::/64"], port=9000, **OWN_VPC)
    rules = deployment.inputs_of_all(INGRESS)

    assert {(r.get("cidrIpv4"), r.get("cidrIpv6"), r["ipProtocol"], r["fromPort"], r["toPort"]) for r in rules} == {
        ("203.0.113.7/32", None, "tcp", 9000, 9000),
        (None, "2001:db8::/64", "tcp", 9000, 9000),
    }
    assert len(rules) == 2
    security_group = deployment.inputs("aws:ec2/securityGroup:SecurityGroup", "airflow-security-group")
    assert not {"ingress", "egress"} & set(security_group), "rules inside the group would fight with those beside it"


def test_in_a_vpc_that_may_have_ipv6_the_same_leads_out_by_it(deploy: Deploy) -> None:
    rules = deploy(egress_ports=[5432], **OWN_VPC).inputs_of_all(EGRESS)

    ways = {
        version: {(r["ipProtocol"], r["fromPort"], r["toPort"]) for r in rules if r.get(version) == anywhere}
        for version, anywhere in (("cidrIpv4", "0.0.0.0/0"), ("cidrIpv6", "::/0"))
    }
    assert (
        ways["cidrIpv4"]
        == ways["cidrIpv6"]
        == {("tcp", 443, 443), ("udp", 53, 53), ("tcp", 53, 53), ("tcp", 5432, 5432)}
    )
    assert len(rules) == 8


def test_every_secret_is_handed_over_by_reference_and_none_is_in_the_environment(deploy: Deploy) -> None:
    deployment = deploy(secrets={"TOKEN": "t0ps3cret"}, admin_password="correct horse battery")
    definition = container(deployment)

    assert {secret["name"]: secret["valueFrom"].rsplit(":", 1)[-1] for secret in definition["secrets"]} == {
        "ADMIN_PASSWORD": "airflow-ADMIN_PASSWORD-1234567",
        "AIRFLOW__API_AUTH__JWT_SECRET": "airflow-AIRFLOW__API_AUTH__JWT_SECRET-1234567",
        "AIRFLOW__API__SECRET_KEY": "airflow-AIRFLOW__API__SECRET_KEY-1234567",
        "AIRFLOW__CORE__FERNET_KEY": "airflow-AIRFLOW__CORE__FERNET_KEY-1234567",
        "TOKEN": "airflow-TOKEN-1234567",
    }
    versions = {f"airflow-fargate.parameter-version.{secret['name']}": "1" for secret in definition["secrets"]}
    assert definition["dockerLabels"] == versions, "another value is another task"
    for secret in ("t0ps3cret", "correct horse battery", "+/+/", "-_-_"):
        assert secret not in json.dumps(deployment.inputs(TASK_DEFINITION))


def test_the_fernet_key_is_in_the_alphabet_that_fernet_reads(deploy: Deploy) -> None:
    value = deploy().inputs("aws:ssm/parameter:Parameter", "airflow-AIRFLOW__CORE__FERNET_KEY")["value"]

    assert value == "-_" * 16
    assert url_safe("ab+/cd==") == "ab-_cd=="


def test_the_container_says_what_ecs_would_fill_in_and_nothing_null(deploy: Deploy) -> None:
    definition = container(deploy())

    assert definition["portMappings"] == [{"containerPort": 8080, "hostPort": 8080, "protocol": "tcp"}]
    assert [definition[key] for key in ("mountPoints", "volumesFrom", "systemControls")] == [[], [], []]
    assert definition["essential"] is True
    assert "null" not in json.dumps(definition)


@pytest.mark.parametrize(
    ("args", "longest_start"),
    [
        pytest.param({"cpu": 256, "memory": 1024}, 300 + 4 * 15, id="the smallest size"),
        pytest.param({}, 240 + 4 * 15, id="the default size"),
        pytest.param({"cpu": 16384, "memory": 32768}, 60 + 4 * 15, id="the largest size"),
        pytest.param({"pip_requirements": ["pandas"]}, 300 + 4 * 15, id="packages"),
        pytest.param(LEGACY, 300 + 3 * 30, id="the guide's image"),
    ],
)
def test_the_container_is_restarted_in_place_only_when_it_has_run_for_longer_than_any_start(
    deploy: Deploy, args: dict[str, Any], longest_start: int
) -> None:
    definition = container(deploy(**args))

    # 0 is what the supervisor returns after SIGTERM; an empty list would read back as none at all.
    assert definition["restartPolicy"] == {
        "enabled": True,
        "ignoredExitCodes": [0],
        "restartAttemptPeriod": longest_start,
    }
    assert 60 <= longest_start <= 1800, "what ECS allows"


OWN = ["airflow", "standalone"]


@pytest.mark.parametrize(
    ("args", "entrypoint", "command", "warned"),
    [
        ({}, None, [*supervisor_command("--", "/entrypoint"), *OWN], False),
        ({"image": "docker.io/apache/airflow:3.3.1"}, None, [*supervisor_command("--", "/entrypoint"), *OWN], False),
        (
            {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/docker-hub/apache/airflow:1"},
            None,
            [*supervisor_command("--", "/entrypoint"), *OWN],
            False,
        ),
        ({"image_entrypoint": ["/mine"]}, [*supervisor_command("--", "/mine")], OWN, False),
        ({"image": "ghcr.io/acme/airflow:1"}, None, OWN, True),
        ({"image": pulumi.Output.from_input("apache/airflow:3.3.1")}, None, OWN, True),
        (
            {"image": "ghcr.io/acme/airflow:1", "image_entrypoint": ["/usr/bin/tini", "--", "/mine"]},
            [*supervisor_command("--", "/usr/bin/tini", "--", "/mine")],
            OWN,
            False,
        ),
        ({"image": "ghcr.io/acme/airflow:1", "image_entrypoint": []}, None, OWN, True),
        ({"image": "puckel/docker-airflow"}, None, OWN, False),
        ({"image": "apache/airflow:3.3.1", "legacy_image": True}, None, OWN, False),
    ],
)
def test_a_command_of_ones_own_comes_after_the_login_where_the_entrypoint_is_known(
    deploy: Deploy,
    monkeypatch: pytest.MonkeyPatch,
    args: dict[str, Any],
    entrypoint: list[str] | None,
    command: list[str],
    warned: bool,
) -> None:
    warnings: list[str] = []

    def warn(message: str, resource: pulumi.Resource) -> None:
        assert isinstance(resource, AirflowFargate), "the one that is meant, among several"
        warnings.append(message)

    monkeypatch.setattr(pulumi.log, "warn", warn)

    definition = container(deploy(command=OWN, **args))

    assert (definition.get("entryPoint"), definition["command"]) == (entrypoint, command)
    assert [warning for warning in warnings if "Give image_entrypoint to have the login prepared" in warning] == (
        warnings if warned else []
    )
    assert bool(warnings) == warned


def test_tags_are_on_everything_that_takes_them(deploy: Deploy) -> None:
    untagged = {
        "airflow-fargate:index:AirflowFargate",
        "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders",
        "aws:iam/rolePolicy:RolePolicy",
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "aws:s3/bucketVersioning:BucketVersioning",
        "random:index/randomBytes:RandomBytes",
        "random:index/randomPassword:RandomPassword",
    }
    deployment = deploy(tags={"team": "data"}, allowed_cidrs=["203.0.113.7/32"])

    tagged = {r.typ for r in deployment.recorder.resources if r.inputs.get("tags") == {"team": "data"}}
    assert tagged == {r.typ for r in deployment.recorder.resources} - untagged


def test_the_whole_task_definition_fits_into_what_ecs_accepts(deploy: Deploy) -> None:
    size = len(json.dumps(deploy(**FULL).inputs(TASK_DEFINITION)).encode())

    assert size < 52 * 1024, f"{size} bytes of 64 KiB leave too little for the caller's environment"


def register_task_definition(deployment: Registered) -> dict[str, Any]:
    inputs = deployment.inputs(TASK_DEFINITION)
    request = {key: value for key, value in inputs.items() if key not in ("tags", "containerDefinitions")}
    if "ephemeralStorage" in request:
        request["ephemeralStorage"] = {"sizeInGiB": request["ephemeralStorage"]["sizeInGib"]}
    return {**request, "containerDefinitions": [container(deployment)], "tags": ecs_tags(inputs)}


def create_service(deployment: Registered) -> dict[str, Any]:
    inputs = deployment.inputs(SERVICE)
    network = inputs["networkConfiguration"]
    return {
        "serviceName": "airflow-service-1234567",
        "cluster": inputs["cluster"],
        "taskDefinition": inputs["taskDefinition"],
        "desiredCount": inputs["desiredCount"],
        "availabilityZoneRebalancing": inputs["availabilityZoneRebalancing"],
        "enableExecuteCommand": inputs["enableExecuteCommand"],
        "propagateTags": inputs["propagateTags"],
        "deploymentConfiguration": {
            "minimumHealthyPercent": inputs["deploymentMinimumHealthyPercent"],
            "maximumPercent": inputs["deploymentMaximumPercent"],
            "deploymentCircuitBreaker": inputs["deploymentCircuitBreaker"],
        },
        "networkConfiguration": {
            "awsvpcConfiguration": {
                "subnets": network["subnets"],
                "securityGroups": network["securityGroups"],
                "assignPublicIp": "ENABLED" if network["assignPublicIp"] else "DISABLED",
            }
        },
        "capacityProviderStrategy": inputs["capacityProviderStrategies"],
        "tags": ecs_tags(inputs),
    }


def authorize_security_group_ingress(deployment: Registered) -> dict[str, Any]:
    rules = deployment.inputs_of_all(INGRESS)
    return {
        "GroupId": "sg-0123456789abcdef0",
        "IpPermissions": [
            {
                "IpProtocol": rule["ipProtocol"],
                "FromPort": rule["fromPort"],
                "ToPort": rule["toPort"],
                "IpRanges": [{"CidrIp": rule["cidrIpv4"]}] if "cidrIpv4" in rule else [],
                "Ipv6Ranges": [{"CidrIpv6": rule["cidrIpv6"]}] if "cidrIpv6" in rule else [],
            }
            for rule in rules
        ],
    }


def create_role(deployment: Registered) -> dict[str, Any]:
    inputs = deployment.inputs("aws:iam/role:Role", "airflow-execution-role")
    return {
        "RoleName": "airflow-execution-role-1234567",
        "AssumeRolePolicyDocument": inputs["assumeRolePolicy"],
        "Description": inputs["description"],
        "Tags": [{"Key": key, "Value": value} for key, value in inputs["tags"].items()],
    }


def ecs_tags(inputs: dict[str, Any]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in inputs["tags"].items()]


REQUESTS: dict[tuple[str, str], Callable[[Registered], dict[str, Any]]] = {
    ("ecs", "RegisterTaskDefinition"): register_task_definition,
    ("ecs", "CreateService"): create_service,
    ("ec2", "AuthorizeSecurityGroupIngress"): authorize_security_group_ingress,
    ("iam", "CreateRole"): create_role,
}


@pytest.mark.parametrize("args", [{}, FULL, LEGACY], ids=["nothing given", "everything given", "the guide's image"])
def test_aws_accepts_what_we_send(deploy: Deploy, args: Any) -> None:
    deployment = deploy(**args)
    session: Any = botocore.session.get_session()

    for (service, operation), request_of in REQUESTS.items():
        model = session.get_service_model(service).operation_model(operation)
        report = ParamValidator().validate(request_of(deployment), model.input_shape)
        assert not report.has_errors(), f"{operation}: {report.generate_report()}"


def test_the_passwords_are_the_only_secret_outputs(deploy: Deploy) -> None:
    assert deploy(admin_password="correct horse battery").secret_outputs == {"admin_password", "user_passwords"}
