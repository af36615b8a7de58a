"""An account on an emulator of its own, and the services that the emulator's tests run in it."""

import functools
import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.request
import uuid
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import boto3
import psutil

from local.cloud import REGION, session
from local.paths import ROOT
from local.testing.clouds import free_port
from operate.waiting import until

Client = Any
"""A boto3 client: its stubs make every member of an answer optional, which a test does not want to hear."""

Description = dict[str, Any]

IMAGE = "test/python:3"
CLUSTER = "cluster"
LOG_GROUP = "tasks"
ACCOUNT = "123456789012"
PORT = 8080
EXECUTION_POLICY = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"

WEB_SERVER = dedent(
    """
    import http.server, os, pathlib, signal, sys, urllib.request
    def aws():
        with urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/moto-api/") as answer:
            return str(answer.status)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path == "/exit":
                os._exit(9)
            runs = pathlib.Path(os.environ["AIRFLOW_HOME"], "runs")
            answers = {"/runs": runs.read_text, "/aws": aws, "/environment": lambda: repr(dict(os.environ))}
            body = answers.get(self.path, lambda: "well")().encode()
            self.send_response(200 if not pathlib.Path("ill").exists() else 500)
            self.end_headers()
            self.wfile.write(body)
        def do_POST(self):
            pathlib.Path("ill").touch()
            self.send_response(200)
            self.end_headers()
        def log_message(self, *_):
            pass
    with open("runs", "a") as runs:
        runs.write("run ")
    print("serving", flush=True)
    http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
    """
)
"""Answers 200 until it gets a POST, counts its starts in a file, asks AWS on GET /aws, and ends on GET /exit."""

HEALTH_CHECK: Mapping[str, Any] = {
    "command": ["CMD-SHELL", f"curl -fsS http://localhost:{PORT}/ || exit 1"],
    "interval": 5,
    "timeout": 2,
    "retries": 1,
    "startPeriod": 10,
}


class Emulator:
    """A process of its own on a free port; `data` is its directory."""

    def __init__(self, data: Path, *options: str) -> None:
        port = free_port()
        self.data = data
        self.endpoint = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "local.emulator", "--port", str(port), "--data", str(data)),
                *("--image", f"{IMAGE}={sys.prefix}", "--parent", str(os.getpid()), *options),
            ],
            cwd=ROOT,
            env={**os.environ, "LEAKED": "from the emulator's environment"},
        )
        until(self._answers, 30, "answer from the emulator")

    def family(self) -> list[psutil.Process]:
        """Return the emulator's process and everything below it."""
        process = psutil.Process(self.process.pid)
        return [process, *process.children(recursive=True)]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        self.process.send_signal(number)
        self.process.wait(60)

    def _answers(self) -> bool:
        with suppress(OSError):
            urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=1).close()
            return True
        return False


def acting_as(endpoint: str, role_arn: str, service: str) -> Client:
    """Return boto3's client of a service with the credentials of a role."""
    sts = session().client("sts", endpoint_url=endpoint)
    given = sts.assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
    keys = given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]
    role: Any = boto3.Session(*keys, region_name=REGION)
    return role.client(service, endpoint_url=endpoint)


class EmulatedAccount:
    """boto3's clients for an emulator, and a network, a role, a log group and a cluster that tasks can run with."""

    def __init__(self, endpoint: str) -> None:
        client = functools.partial(session().client, endpoint_url=endpoint)
        self.cloudwatch: Client = client("cloudwatch")
        self.ec2: Client = client("ec2")
        self.discovery: Client = client("servicediscovery")
        self.ecs: Client = client("ecs")
        self.elasticache: Client = client("elasticache")
        self.iam: Client = client("iam")
        self.logs: Client = client("logs")
        self.rds: Client = client("rds")
        self.s3: Client = client("s3")
        self.scaling: Client = client("application-autoscaling")
        self.ssm: Client = client("ssm")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=self.vpc)
        self.route_table = self.ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        self.ec2.create_route(RouteTableId=self.route_table, DestinationCidrBlock="0.0.0.0/0", GatewayId=self.gateway)
        self.ec2.associate_route_table(RouteTableId=self.route_table, SubnetId=self.subnet)
        self.logs.create_log_group(logGroupName=LOG_GROUP)
        self.ecs.create_cluster(clusterName=CLUSTER)
        self.ssm.put_parameter(Name="/tests/password", Value="a secret", Type="SecureString")
        self.role = self._create_execution_role()
        self.group = self.create_group()
        """No way in."""

    def create_group(self, *cidrs: str) -> str:
        """Return a security group that lets `cidrs` reach the tasks' port."""
        group = self.ec2.create_security_group(GroupName=uuid.uuid4().hex, Description="tasks", VpcId=self.vpc)[
            "GroupId"
        ]
        for cidr in cidrs:
            self.ec2.authorize_security_group_ingress(
                GroupId=group, IpProtocol="tcp", FromPort=PORT, ToPort=PORT, CidrIp=cidr
            )
        return group

    def register(
        self,
        command: list[str],
        *,
        task_role: str | None = None,
        tags_of_definition: list[dict[str, str]] | None = None,
        storage: int | None = None,
        **container: Any,
    ) -> str:
        """Register a task definition whose container runs `command`, and return its ARN.

        :param storage: The ephemeral storage in GiB.
        """
        definition: dict[str, Any] = {
            "name": "app",
            "image": IMAGE,
            "command": command,
            "essential": True,
            "stopTimeout": 5,
            "portMappings": [{"containerPort": PORT, "hostPort": PORT, "protocol": "tcp"}],
            "logConfiguration": {
                "logDriver": "awslogs",
                "options": {
                    "awslogs-group": LOG_GROUP,
                    "awslogs-region": REGION,
                    "awslogs-stream-prefix": "prefix",
                },
            },
            **container,
        }
        response = self.ecs.register_task_definition(
            family=f"family-{uuid.uuid4().hex[:8]}",
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            executionRoleArn=self.role,
            containerDefinitions=[definition],
            **({"taskRoleArn": task_role} if task_role else {}),
            **({} if storage is None else {"ephemeralStorage": {"sizeInGiB": storage}}),
            tags=tags_of_definition or [],
        )
        return response["taskDefinition"]["taskDefinitionArn"]

    def run_task(self, definition: str, *subnets: str, group: str | None = None, **request: Any) -> Description:
        """Start a task in the first of the subnets that will do, and in a security group."""
        return self.run_tasks(definition, *subnets, group=group, **request)["tasks"][0]

    def run_tasks(self, definition: str, *subnets: str, group: str | None = None, **request: Any) -> Description:
        """Start tasks, and return RunTask's answer."""
        network = {
            "subnets": subnets or [self.subnet],
            "securityGroups": [group or self.group],
            "assignPublicIp": "ENABLED",
        }
        return self.ecs.run_task(
            cluster=CLUSTER,
            taskDefinition=definition,
            networkConfiguration={"awsvpcConfiguration": network},
            **{"launchType": "FARGATE", **request},
        )

    def run_until_stopped(
        self, definition: str, *subnets: str, group: str | None = None, **request: Any
    ) -> Description:
        """Run a task that ends by itself, and return what is said of it then."""
        task = self.run_task(definition, *subnets, group=group, **request)
        return self.wait_until_stopped(task)

    def wait_until_stopped(self, task: Description) -> Description:
        return until(lambda: self._stopped(task), 30, f"end of {task['taskArn']}")

    def interfaces(self, group: str) -> list[Description]:
        """Return the attached network interfaces in a security group."""
        filters: list[Description] = [
            {"Name": "group-id", "Values": [group]},
            {"Name": "attachment.status", "Values": ["attached"]},
        ]
        return self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]

    def task(self, task: Description) -> Description:
        """Return what is said of a task now."""
        return self.ecs.describe_tasks(cluster=CLUSTER, tasks=[task["taskArn"]])["tasks"][0]

    def log(self, task: Description) -> list[str]:
        stream = f"prefix/app/{task['taskArn'].rpartition('/')[2]}"
        events = self.logs.get_log_events(logGroupName=LOG_GROUP, logStreamName=stream)["events"]
        return [event["message"] for event in events]

    def _stopped(self, task: Description) -> Description | None:
        now = self.task(task)
        return now if now["lastStatus"] == "STOPPED" else None

    def create_service(
        self, definition: str, group: str | None = None, *, breaker: bool = True, **request: Any
    ) -> "EmulatedService":
        name = f"service-{uuid.uuid4().hex[:8]}"
        group = group or self.create_group("127.0.0.0/8")
        self.ecs.create_service(
            cluster=CLUSTER,
            serviceName=name,
            taskDefinition=definition,
            desiredCount=1,
            launchType="FARGATE",
            deploymentConfiguration={
                "minimumHealthyPercent": 0,
                "maximumPercent": 100,
                "deploymentCircuitBreaker": {"enable": breaker, "rollback": breaker},
            },
            networkConfiguration={
                "awsvpcConfiguration": {
                    "subnets": [self.subnet],
                    "securityGroups": [group],
                    "assignPublicIp": "ENABLED",
                }
            },
            **request,
        )
        return EmulatedService(self, name, group)

    def _create_execution_role(self) -> str:
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"}}
        read = {
            "Effect": "Allow",
            "Action": "ssm:GetParameters",
            "Resource": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/tests/*",
        }
        arn = self.iam.create_role(RoleName="execution", AssumeRolePolicyDocument=_policy(trust))["Role"]["Arn"]
        self.iam.attach_role_policy(RoleName="execution", PolicyArn=EXECUTION_POLICY)
        self.iam.put_role_policy(RoleName="execution", PolicyName="secrets", PolicyDocument=_policy(read))
        return arn


@dataclass(frozen=True)
class EmulatedService:
    """A service of an account: what ECS says about it, and the ways to wait for a state of it."""

    account: EmulatedAccount
    name: str
    group: str

    def describe(self) -> Description:
        return self.account.ecs.describe_services(cluster=CLUSTER, services=[self.name])["services"][0]

    def deployment(self) -> Mapping[str, Any]:
        """Return the primary one."""
        return self.describe()["deployments"][0]

    def events(self) -> str:
        return "\n".join(event["message"] for event in self.describe()["events"])

    def wait_until_completed(self, definition: str | None = None) -> None:
        """Until the rollout is COMPLETED: of `definition`, if one is given."""
        until(lambda: self._is_completed(definition), 30, f"completed deployment of {self.name}: {self.events()}")

    def wait_until_failed(self) -> Mapping[str, Any]:
        def failed() -> Mapping[str, Any] | None:
            deployment = self.deployment()
            return deployment if deployment["rolloutState"] == "FAILED" else None

        return until(failed, 30, f"failed deployment of {self.name}")

    def tasks(self, status: str = "RUNNING") -> list[Description]:
        ecs = self.account.ecs
        arns = ecs.list_tasks(cluster=CLUSTER, serviceName=self.name, desiredStatus=status)["taskArns"]
        return ecs.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []

    def task(self) -> Description:
        """Return the one that runs."""
        return until(
            lambda: next((each for each in self.tasks() if each["lastStatus"] == "RUNNING"), None),
            20,
            f"running task of {self.name}",
        )

    def interfaces(self) -> list[Description]:
        return self.account.interfaces(self.group)

    def address(self) -> str:
        """Return the public address of the task that runs."""
        [interface] = self.interfaces()
        return interface["Association"]["PublicIp"]

    def get(self, path: str = "/", source: str = "127.0.0.1") -> str:
        """Return what the task answers on its public address to a request that comes from `source`."""
        connection = http.client.HTTPConnection(self.address(), PORT, timeout=5, source_address=(source, 0))
        with closing(connection):
            connection.request("GET", path)
            return connection.getresponse().read().decode()

    def scale(self, desired_count: int) -> None:
        self.account.ecs.update_service(cluster=CLUSTER, service=self.name, desiredCount=desired_count)

    def deploy(self, definition: str, **changes: Any) -> None:
        self.account.ecs.update_service(cluster=CLUSTER, service=self.name, taskDefinition=definition, **changes)

    def _is_completed(self, definition: str | None) -> bool:
        deployment = self.deployment()
        return deployment["rolloutState"] == "COMPLETED" and definition in (None, deployment["taskDefinition"])


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
