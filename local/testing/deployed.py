"""The component deployed by the real engine, with a stand-in for Airflow that answers the container's health check."""

import json
import shlex
import sys
import urllib.request
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
from airflow_fargate.task.supervisor import HEARTBEAT_FILE

from local.cloud import Cloud
from local.paths import ROOT
from local.plugins import write_executable
from local.testing.emulated import IMAGE
from local.testing.workspace import Workspace

AIRFLOW = dedent(
    """
    import http.server, json, os, signal, sys
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")
    HEALTH = {part: {"status": "healthy"} for part in PARTS}
    RUN = {"access_token": "any", "dag_run_id": "only", "state": "success"}
    class Airflow(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(RUN if self.path.startswith(("/auth", "/api/v2/dags")) else HEALTH).encode())
        do_PATCH = do_POST = do_GET
        def log_message(self, *_):
            pass
    print("serving", os.environ.get("GREETING", ""), flush=True)
    port = int(os.environ.get("AIRFLOW__API__PORT", "8080"))
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Airflow).serve_forever()
    """
)

PROGRAM = """
import pulumi
from airflow_fargate import OUTPUTS, AirflowFargate

airflow = AirflowFargate("airflow", ARGS)
for output in OUTPUTS:
    pulumi.export(output, getattr(airflow, output))
"""

NETWORK = """
import pulumi_awsx as awsx

def network(name, zones=("us-east-1a", "us-east-1b")):
    return awsx.ec2.Vpc(
        name,
        availability_zone_names=list(zones),
        nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=awsx.ec2.NatGatewayStrategy.NONE),
        subnet_specs=[awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.PUBLIC)],
        subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
        enable_dns_hostnames=True,
    )
"""
"""What a program begins with that has a VPC of its own, with a public subnet in each zone."""

PLUGIN = """
import pulumi

class PluginAirflow(pulumi.ComponentResource):
    # What an SDK that Pulumi generates from the schema does, in whatever language.
    def __init__(self, name, args, opts=None):
        super().__init__("airflow-fargate:index:AirflowFargate", name, args, opts, remote=True)
"""
"""The component as the plugin serves it, for a program in Python; arguments have the names of the schema."""

ARGS: dict[str, Any] = {
    "image": IMAGE,
    "command": ["python", "-c", AIRFLOW],
    "allowed_cidrs": ["127.0.0.0/8"],
    "admin_password": "correct horse battery",
    "secrets": {"TOKEN": "a-token-of-our-own"},
}

OFFICIAL: dict[str, Any] = {"image": None, "command": None}
"""With these in place of the same of `ARGS`, the official image runs what the component has it run."""

GUIDE_IMAGE = "puckel/docker-airflow:1.10.9"
"""The image of the original guide: Airflow 1.10."""


def stand_in_image(folder: Path) -> Path:
    """Make an environment that stands for the official image or the guide's, with a stand-in for Airflow.

    With it, programs that name one of the two or no image, and no command, are deployed as they are.
    """
    folder.mkdir(exist_ok=True)
    (folder / "airflow.py").write_text(AIRFLOW)
    python = f"{sys.prefix}/bin/python"
    instead = f"exec {shlex.join([python, str(folder / 'airflow.py')])}"
    write_executable(
        folder / "bin" / "python",
        # The supervisor itself goes on as a command of the caller's own, which follows "--".
        # What a worker touches as long as it is well was just touched, for a day.
        f'[ "$4" = worker ] && touch -d "1 day" "$AIRFLOW_HOME/{HEARTBEAT_FILE}"\n'
        f'[ "$1" = -c ] && [ "$4" != -- ] && {instead}\nexec {shlex.quote(python)} "$@"',
    )
    write_executable(folder / "bin" / "airflow", instead)
    # The command of Airflow 1.10, whose health is the pid file that it writes.
    write_executable(
        folder / "bin" / "webserver",
        f'echo $$ > "$AIRFLOW_HOME"/airflow-webserver.pid; {instead}',
    )
    return folder


def plugin_consumer(cloud: Cloud, folder: Path) -> Workspace:
    """Make a project in Python for programs that use the plugin."""
    workspace = Workspace.make(cloud, folder, "", {})
    plugins = {"providers": [{"name": "airflow-fargate", "path": str(ROOT / "components")}]}
    (folder / "Pulumi.yaml").write_text(json.dumps({"name": "probe", "runtime": "python", "plugins": plugins}))
    return workspace


def health(url: str) -> str:
    """Return what the Airflow at a URL says of its scheduler."""
    with closing(urllib.request.urlopen(url, timeout=5)) as answer:
        return json.load(answer)["scheduler"]["status"]


def title(process: psutil.Process) -> str:
    """Return the name of a process that `ps` shows; none of one that has just ended."""
    try:
        return " ".join(process.cmdline()).strip()
    except psutil.NoSuchProcess:
        return ""


class Deployed:
    """One stack with the component, and the emulator's word on what is there."""

    def __init__(self, cloud: Cloud, workspace: Workspace) -> None:
        self.cloud = cloud
        self.workspace = workspace

    def configure(self, program: str = PROGRAM, /, **args: Any) -> None:
        """Write the program, with the arguments of `ARGS` and `args`; what is None there is not given."""
        given = {name: value for name, value in {**ARGS, **args}.items() if value is not None}
        self.workspace.write(program.replace("ARGS", repr(given)))

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    @property
    def task_arns(self) -> list[str]:
        arns: list[str] = self.client("ecs").list_tasks(cluster=self.workspace.outputs()["cluster_arn"])["taskArns"]
        return arns

    @property
    def service(self) -> dict[str, Any]:
        outputs = self.workspace.outputs()
        request = {"cluster": outputs["cluster_arn"], "services": [outputs["service_arn"]]}
        [service] = self.client("ecs").describe_services(**request)["services"]
        return service

    @property
    def container(self) -> dict[str, Any]:
        arn = self.workspace.outputs()["task_definition_arn"]
        definition = self.client("ecs").describe_task_definition(taskDefinition=arn)["taskDefinition"]
        return definition["containerDefinitions"][0]

    def secret(self, variable: str) -> str:
        """Return the value of the parameter from which the container has a variable."""
        [secret] = [each for each in self.container["secrets"] if each["name"] == variable]
        name = secret["valueFrom"].partition(":parameter")[2]
        value: str = self.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        return value

    def supervisor(self) -> psutil.Process:
        """Return the first process of the container with a real Airflow."""
        emulator = self.cloud.emulator.running()
        assert emulator is not None, "the emulator does not run"
        return next(each for each in emulator.children(recursive=True) if title(each) == "airflow supervisor")
