"""The mocks ring: the component built against a monitor that records what it asks for. No engine, no network."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import pulumi
import pytest
from airflow_fargate import OUTPUTS, AirflowFargate, AirflowFargateArgs
from pulumi.runtime import rpc
from pulumi.runtime.config import CONFIG, set_all_config
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks

ACCOUNT = "123456789012"
REGION = "us-east-1"


class Node(NamedTuple):
    """A resource of the graph: its type, its name, and the type of its parent."""

    type: str
    name: str
    parent: str


def as_sent(value: Any) -> Any:
    """Undo the wire: secrets are wrapped in it, and every number is a float, which providers turn back."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [as_sent(item) for item in cast(list[Any], value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass
class Recorder(Mocks):
    """Answers as AWS would, and keeps every resource that was registered and every function that was called."""

    service_runs: str | None = None
    interface_ids: tuple[str, ...] = ("eni-0123456789abcdef0",)
    resources: list[MockResourceArgs] = field(default_factory=list[MockResourceArgs])
    calls: list[MockCallArgs] = field(default_factory=list[MockCallArgs])

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        args.inputs = as_sent(args.inputs)
        self.resources.append(args)
        name = f"{args.name}-1234567"
        inputs = cast(dict[str, Any], args.inputs)
        state = {**inputs, "name": name, "arn": f"arn:aws:test:{REGION}:{ACCOUNT}:{name}"}
        match args.typ:
            case "awsx:ec2:Vpc":
                state = {"vpcId": "vpc-0aaa", "publicSubnetIds": ["subnet-0aaa", "subnet-0bbb"]}
            case "random:index/randomPassword:RandomPassword":
                state |= {"result": "generated-password"}
            case "random:index/randomBytes:RandomBytes":
                state |= {"base64": "+/" * 16}
            case "aws:ecs/taskDefinition:TaskDefinition":
                state |= {"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/airflow:1"}
            case "aws:ssm/parameter:Parameter":
                state |= {"version": 1}
            case "aws:s3/bucket:Bucket":
                state |= {"bucket": name}
            case "aws:ecs/cluster:Cluster":
                state |= {"arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{name}"}
            case _:
                pass
        return f"{args.name}-id", state

    def call(self, args: MockCallArgs) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride] # a plain dict is taken too
        self.calls.append(args)
        match args.token:
            case "aws:index/getRegion:getRegion":
                return {"region": REGION}
            case "aws:index/getPartition:getPartition":
                return {"partition": "aws"}
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": ACCOUNT}
            case "aws:ecs/getService:getService":
                running = self.service_runs or f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/airflow:1"
                return {"taskDefinition": running}
            case "aws:ec2/getNetworkInterfaces:getNetworkInterfaces":
                return {"ids": list(self.interface_ids)}
            case "aws:ec2/getNetworkInterface:getNetworkInterface":
                return {"associations": [{"publicIp": "203.0.113.80"}]}
            case unknown:
                raise AssertionError(f"no answer is prepared for the function {unknown}")


@dataclass
class Deployment:
    """What one run of the program built."""

    recorder: Recorder
    urns: tuple[str, ...]
    outputs: Mapping[str, Any]
    secret_outputs: frozenset[str]

    @property
    def graph(self) -> set[Node]:
        """Every resource below the stack."""
        nodes: set[Node] = set()
        for urn in self.urns:
            *_, types, name = urn.split("::")
            parent, _, own = types.rpartition("$")
            nodes.add(Node(own, name, parent))
        return nodes

    def inputs(self, typ: str, name: str | None = None) -> dict[str, Any]:
        """Return the inputs of the one resource of a type, or of the one that has `name`."""
        found: list[Any] = [r.inputs for r in self.recorder.resources if r.typ == typ and name in (None, r.name)]
        assert len(found) == 1, f"{len(found)} resources of type {typ} named {name}, not 1"
        return found[0]

    def inputs_of_all(self, typ: str) -> list[dict[str, Any]]:
        """Return the inputs of every resource of a type, in the order of their registration."""
        return [r.inputs for r in self.recorder.resources if r.typ == typ]


Deploy = Callable[..., Deployment]


@pytest.fixture(scope="session", autouse=True)
def event_loop() -> None:
    """One for the main thread, which the SDK expects and Python 3.12 and later do not make.

    It stays open: when it closes, its threads end, and with them loops that the SDK's mocks made there and never close.
    """
    asyncio.set_event_loop(asyncio.new_event_loop())


@pytest.fixture(autouse=True)
def own_config() -> Generator[None]:
    """Forget what a test has configured."""
    before = dict(CONFIG.get())
    yield
    set_all_config(before)


def build_component(
    program: Callable[[], AirflowFargate] | None = None, *, recorder: Recorder | None = None, **args: Any
) -> Deployment:
    """Build one component, or run a program of several, and return what was recorded."""
    recorder = recorder or Recorder()
    monitor = MockMonitor(recorder)
    pulumi.runtime.set_mocks(recorder, project="project", stack="test", preview=False, monitor=monitor)
    outputs: dict[str, Any] = {}
    secret: set[str] = set()

    async def resolve(component: AirflowFargate) -> None:
        for name in OUTPUTS:
            output: pulumi.Output[Any] = getattr(component, name)
            outputs[name] = await output.future()
            if await output.is_secret():
                secret.add(name)

    @pulumi.runtime.test
    def build() -> pulumi.Output[None]:
        component = program() if program else AirflowFargate("airflow", AirflowFargateArgs(**args))
        return pulumi.Output.from_input(resolve(component))

    build()
    assert set(outputs) == set(OUTPUTS), "the outputs were not computed: an apply did not run"
    return Deployment(recorder, tuple(monitor.get_registered_resources()), outputs, frozenset(secret))


@pytest.fixture
def deploy() -> Deploy:
    return build_component
