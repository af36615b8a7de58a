"""The provider stand-ins under the real engine: what the engine makes of their answers."""

import os
import signal
import subprocess
from typing import Any

import pytest

from local.cloud import Cloud
from local.providers.aws.config import CLOCK_AHEAD, endpoint_of
from local.providers.aws.provider import SERVICES
from local.testing.workspace import Workspace
from operate.waiting import until
from tests.engine.conftest import IMAGE, NewWorkspace

NETWORK = """
import pulumi, pulumi_aws as aws, pulumi_awsx as awsx, pulumi_random as random

net = awsx.ec2.Vpc("net", cidr_block="10.20.0.0/16", number_of_availability_zones=2, subnet_strategy="Auto",
    subnet_specs=[{"type": "Public"}], nat_gateways={"strategy": "None"}, enable_dns_hostnames=True, tags={"a": "1"})
"""

CHANGES = """
group = aws.ec2.SecurityGroup("group", vpc_id=net.vpc_id, description=DESCRIPTION)
rule = aws.vpc.SecurityGroupIngressRule("rule", security_group_id=group.id, ip_protocol="tcp", from_port=80,
    to_port=80, cidr_ipv4="10.0.0.0/8")
password = random.RandomPassword("password", length=20, keepers={"since": SINCE})
parameter = aws.ssm.Parameter("parameter", type="SecureString", value=password.result)
logs = aws.cloudwatch.LogGroup("logs", retention_in_days=RETENTION)

pulumi.export("vpc", net.vpc.cidr_block)
pulumi.export("subnets", net.public_subnet_ids)
pulumi.export("password", password.result)
"""


def _changes(description: str, since: str, retention: int) -> str:
    return f"{NETWORK}\nDESCRIPTION, SINCE, RETENTION = {description!r}, {since!r}, {retention}\n{CHANGES}"


def _resources(workspace: Workspace) -> dict[str, dict[str, Any]]:
    """Return the state's resources by "type name"."""
    return {
        f"{resource['type']} {resource['urn'].rpartition('::')[2]}": resource
        for resource in workspace.export().get("resources", [])
    }


def _has_a_service(ecs: Any) -> bool:
    clusters = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"])["clusters"]
    active = [cluster["clusterArn"] for cluster in clusters if cluster["status"] == "ACTIVE"]
    return any(ecs.list_services(cluster=cluster)["serviceArns"] for cluster in active)


def test_the_vpc_of_awsx_has_the_children_of_the_real_one(workspace: NewWorkspace, cloud: Cloud) -> None:
    stack = workspace(_changes("one", "monday", 7))
    stack.up()
    resources = _resources(stack)
    parents = {
        name: resource["parent"].rpartition("::")[2]
        for name, resource in resources.items()
        if "awsx:ec2:Vpc$" in resource["urn"]
    }
    assert parents == {
        "aws:ec2/vpc:Vpc net": "net",
        "aws:ec2/internetGateway:InternetGateway net": "net",
        **{
            f"{kind} net-public-{number}": parent if parent == "net" else f"{parent}-{number}"
            for number in (1, 2)
            for kind, parent in {
                "aws:ec2/subnet:Subnet": "net",
                "aws:ec2/routeTable:RouteTable": "net-public",
                "aws:ec2/route:Route": "net-public",
                "aws:ec2/routeTableAssociation:RouteTableAssociation": "net-public",
            }.items()
        },
    }
    tags = resources["aws:ec2/subnet:Subnet net-public-2"]["outputs"]["tags"]
    assert tags == {"Name": "net-public-2", "SubnetType": "Public", "a": "1"}
    outputs = stack.outputs()
    assert outputs["vpc"] == "10.20.0.0/16"

    state = str(stack.export())
    assert outputs["password"] not in state
    assert not stack.preview("--expect-no-changes").count("to update")
    stack.refresh("--expect-no-changes")

    stack.write(_changes("two", "monday", 30))
    before = resources
    stack.up()
    resources = _resources(stack)
    assert _same_id(before, resources, "aws:cloudwatch/logGroup:LogGroup logs")
    assert resources["aws:cloudwatch/logGroup:LogGroup logs"]["outputs"]["retentionInDays"] == 30
    assert not _same_id(before, resources, "aws:ec2/securityGroup:SecurityGroup group")
    assert not _same_id(before, resources, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule rule")
    assert stack.outputs()["password"] == outputs["password"]

    stack.write(_changes("two", "tuesday", 30))
    stack.up()
    renewed = stack.outputs()["password"]
    assert renewed != outputs["password"]
    name = resources["aws:ssm/parameter:Parameter parameter"]["id"]
    assert cloud.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] == renewed

    cloud.client("logs").delete_log_group(logGroupName=resources["aws:cloudwatch/logGroup:LogGroup logs"]["id"])
    stack.refresh()
    assert "aws:cloudwatch/logGroup:LogGroup logs" not in _resources(stack)
    stack.destroy()
    assert not cloud.client("ec2").describe_vpcs(Filters=[{"Name": "cidr", "Values": ["10.20.0.0/16"]}])["Vpcs"]


def _same_id(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]], name: str) -> bool:
    return before[name]["id"] == after[name]["id"]


def test_what_a_stand_in_does_not_have_fails_in_one_plain_sentence(workspace: NewWorkspace) -> None:
    stack = workspace("import pulumi_aws as aws\naws.sqs.Queue('queue')")
    text = stack.preview(fails=True)
    assert "the local stand-in of the provider has no resource type aws:sqs/queue:Queue; it has" in text
    stack.write("import pulumi_aws as aws\naws.ec2.Vpc('vpc', cidr_block='10.0.0.0/16', ipv6_ipam_pool_id='pool')")
    text += stack.preview(fails=True)
    assert "the local stand-in does not implement this input of EC2 VPC" in text
    stack.write("import pulumi_aws as aws\naws.ec2.get_ami(owners=['self'])")
    text += stack.preview(fails=True)
    assert "has no function aws:ec2/getAmi:getAmi; it has" in text
    stack.write(
        "import pulumi_aws as aws\n"
        "provider = aws.Provider('real', region='us-east-1', access_key='a', secret_key='b')\n"
        "aws.cloudwatch.LogGroup('logs', opts=__import__('pulumi').ResourceOptions(provider=provider))"
    )
    text += stack.preview(fails=True)
    assert f"aws:endpoints: no endpoint for {', '.join(map(endpoint_of, SERVICES))}" in text
    assert "local/providers/provider.py" not in text


SERVICE = (
    NETWORK
    + """
import json

group = aws.ec2.SecurityGroup("group", vpc_id=net.vpc_id)
out = aws.vpc.SecurityGroupEgressRule("out", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0")
trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
    "Principal": {"Service": "ecs-tasks.amazonaws.com"}}]}
role = aws.iam.Role("role", assume_role_policy=json.dumps(trust))
attachment = aws.iam.RolePolicyAttachment("attachment", role=role.name,
    policy_arn="arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy")
logs = aws.cloudwatch.LogGroup("logs")
container = {"name": "app", "image": IMAGE, "command": ["python", "-c", CODE], "memory": 512}
task = aws.ecs.TaskDefinition("task", family="providers", cpu="256", memory="512", network_mode="awsvpc",
    requires_compatibilities=["FARGATE"], execution_role_arn=role.arn,
    container_definitions=pulumi.Output.json_dumps([{**container, "logConfiguration": {"logDriver": "awslogs",
        "options": {"awslogs-group": logs.name, "awslogs-region": "us-east-1", "awslogs-stream-prefix": "app"}},
        **HEALTH}]))
cluster = aws.ecs.Cluster("cluster")
capacity = aws.ecs.ClusterCapacityProviders("capacity", cluster_name=cluster.name, capacity_providers=["FARGATE"])
service = aws.ecs.Service("service", cluster=cluster.arn, task_definition=task.arn, desired_count=1,
    capacity_provider_strategies=[{"capacity_provider": "FARGATE", "weight": 1}],
    wait_for_steady_state=True, deployment_maximum_percent=100,
    deployment_minimum_healthy_percent=0, deployment_circuit_breaker={"enable": True, "rollback": True},
    network_configuration={"subnets": net.public_subnet_ids, "securityGroups": [group.id], "assignPublicIp": True},
    opts=pulumi.ResourceOptions(depends_on=[out, attachment, net, capacity]))
pulumi.export("requested", task.arn)
pulumi.export("running", service.task_definition)
pulumi.export("cluster", cluster.arn)
"""
)
RUNS = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(3600)"
EXITS = "raise SystemExit(3)"


def _service(code: str, health: dict[str, Any] | None = None) -> str:
    return f"IMAGE, CODE, HEALTH = {IMAGE!r}, {code!r}, {health or {}!r}\n{SERVICE}"


def test_a_service_that_never_runs_is_an_error_and_the_next_up_repairs_it(
    workspace: NewWorkspace, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = workspace(_service(EXITS))
    text = stack.up(fails=True)
    assert "waiting for ECS Service (arn:aws:ecs:us-east-1:123456789012:service/" in text
    service = _resources(stack)["aws:ecs/service:Service service"]
    assert service["initErrors"]

    stack.write(_service(RUNS))
    stack.up()
    outputs = stack.outputs()
    assert outputs["running"] == outputs["requested"]
    assert _resources(stack)["aws:ecs/service:Service service"]["id"] == service["id"]

    stack.write(_service(EXITS))
    text = stack.up(fails=True)
    assert "ECS deployment circuit breaker: tasks failed to start." in text

    # As in terraform-provider-aws#20858: the clocks let the deployment seem older than it is.
    monkeypatch.setenv(CLOCK_AHEAD, "3600")
    stack.write(_service(f"{EXITS} # again"))
    stack.up()
    rolled_back = stack.outputs()
    assert rolled_back["running"] == outputs["running"] != rolled_back["requested"]

    stack.destroy()
    # AWS lets no cluster go that has services or tasks.
    [cluster] = cloud.client("ecs").describe_clusters(clusters=[outputs["cluster"]])["clusters"]
    assert cluster["status"] == "INACTIVE"


def test_interrupting_an_up_ends_its_wait_and_keeps_the_service_in_the_state(
    workspace: NewWorkspace, cloud: Cloud
) -> None:
    never_healthy = {"healthCheck": {"command": ["CMD-SHELL", "false"], "startPeriod": 300}}
    stack = workspace(_service(RUNS, never_healthy))
    stack.stack.prepare()
    arguments = ("up", "--yes", "--skip-preview", "--non-interactive")
    up = stack.stack.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    ecs = cloud.client("ecs")
    until(lambda: _has_a_service(ecs), 120, "the service")
    os.kill(up.pid, signal.SIGINT)
    text, _ = up.communicate(timeout=30)
    assert up.returncode
    assert "the operation was cancelled" in text
    assert "aws:ecs/service:Service service" in _resources(stack)
