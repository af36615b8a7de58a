"""For unit tests of programs that embed `AirflowFargate`: mocks that answer as AWS would, and record what was asked.

Pulumi's engine and AWS take no part. A test gives them to Pulumi before it imports the program:

    mocks = Mocks()
    pulumi.runtime.set_mocks(mocks)

    import program  # declares AirflowFargate

`mocks.resources` and `mocks.calls` then have every resource that was registered and every function that was called.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, cast

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.proto import resource_pb2


class Mocks(mocks.Mocks):
    """Answer as AWS would for what the component creates and asks; subclass it for what else your program does.

    Another resource gets its inputs back with an ARN and a name, and an unknown function is an error: what Pulumi's own
    mocks do not answer is null in the program without a word. A subclass that overrides `new_resource` or `call`
    returns `super()`'s answer for all that is not its own.
    """

    account = "123456789012"
    region = "us-east-1"
    partition = "aws"

    def __init__(self) -> None:
        """Start with nothing recorded."""
        super().__init__()
        self.resources: list[mocks.MockResourceArgs] = []
        """Every resource, in the order of registration, with its inputs as they were given."""
        self.calls: list[mocks.MockCallArgs] = []
        """Every function that was called, with its arguments."""

    @property
    def _task_definition(self) -> str:
        return self._arn("ecs", "task-definition/airflow:1")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Record a resource, and return its id and the outputs that AWS or the provider adds to its inputs."""
        args.inputs = as_sent(args.inputs)
        self.resources.append(args)
        name = f"{args.name}-1234567"
        if args.typ == "awsx:ec2:Vpc":
            # Without the inputs: an output of the same name has another type.
            return f"{args.name}-id", {"vpcId": "vpc-0aaa", "publicSubnetIds": ["subnet-0aaa", "subnet-0bbb"]}
        outputs = {"name": name, "arn": self._arn("test", name), **self._outputs(args.typ, name)}
        return f"{args.name}-id", {**cast(dict[str, Any], args.inputs), **outputs}

    def call(self, args: mocks.MockCallArgs) -> dict[str, Any]:  # pyright: ignore[reportIncompatibleMethodOverride] - a plain dict is taken too
        """Record a call, and return what AWS answers; a function that the component does not call is an error."""
        self.calls.append(args)
        match args.token:
            case "aws:index/getRegion:getRegion":
                return {"region": self.region}
            case "aws:index/getPartition:getPartition":
                return {"partition": self.partition}
            case "aws:index/getCallerIdentity:getCallerIdentity":
                return {"accountId": self.account}
            case "aws:index/getAvailabilityZones:getAvailabilityZones":
                letters, ids = ("a", "b", "c"), ("az1", "az2", "az3")
                return {
                    "names": [f"{self.region}{letter}" for letter in letters],
                    "zoneIds": [f"test1-{zone}" for zone in ids],
                }
            case "aws:ec2/getSubnet:getSubnet":
                return {"availabilityZone": f"{self.region}a", "availabilityZoneId": "test1-az1"}
            case "aws:rds/getSnapshot:getSnapshot":
                return {"allocatedStorage": 20, "engine": "postgres", "engineVersion": "17.6"}
            case "aws:ecs/getService:getService":
                return {"taskDefinition": self._task_definition}
            case "aws:ec2/getNetworkInterfaces:getNetworkInterfaces":
                return {"ids": ["eni-0123456789abcdef0"]}
            case "aws:ec2/getNetworkInterface:getNetworkInterface":
                return {"associations": [{"publicIp": "203.0.113.80"}]}
            case unknown:
                raise NotImplementedError(f"no answer to {unknown}; override `call` of airflow_fargate.testing.Mocks")

    def _outputs(self, typ: str, name: str) -> dict[str, Any]:
        match typ:
            case "random:index/randomPassword:RandomPassword":
                return {"result": "generated-password"}
            case "random:index/randomBytes:RandomBytes":
                return {"base64": "+/" * 16, "hex": "fb" * 4}
            case "aws:ecs/taskDefinition:TaskDefinition":
                remote = "-remote-task-definition-" in name
                return (
                    {"arn": self._arn("ecs", "task-definition/airflow-remote:1")}
                    if remote
                    else {"arn": self._task_definition}
                )
            case "aws:ecs/cluster:Cluster":
                return {"arn": self._arn("ecs", f"cluster/{name}")}
            case "aws:ssm/parameter:Parameter":
                return {"version": 1}
            case "aws:elasticache/replicationGroup:ReplicationGroup":
                return {"primary_endpoint_address": f"master.{name}.cache.example.com"}
            case "aws:rds/instance:Instance":
                return {"address": f"{name}.rds.example.com"}
            case "aws:s3/bucket:Bucket":
                return {"bucket": name}
            case _:
                return {}

    def _arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


class Registration(NamedTuple):
    """A resource as the program registered it: what the engine decides by, besides its state."""

    urn: str
    type: str
    name: str
    parent: str
    """The URN of its parent."""
    inputs: dict[str, Any]
    """A secret is `{"secret": value}`."""
    options: dict[str, Any]
    """By their names in Pulumi's RegisterResourceRequest, those that were given."""


def registered(program: Callable[[], object], answers: mocks.Mocks) -> list[Registration]:
    """Run a program against mocks and return what it registered below the stack, in the order in which it did.

    `program` may return an output, which is waited for.
    """
    monitor = _RecordingMonitor(answers)
    # One of earlier mocks would stay, with the project and the stack that those were for.
    settings.set_root_resource(cast(pulumi.Resource, None))
    mocks.set_mocks(answers, project="project", stack="test", preview=False, monitor=monitor)
    mocks.test(program)()
    return [each for each in monitor.registrations if each.parent]


def as_sent(value: Any) -> Any:
    """Undo the wire: secrets are wrapped in it, and every number is a float, which providers turn back."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [as_sent(item) for item in cast(list[Any], value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


_NO_OPTIONS = {
    *("acceptResources", "acceptSecrets", "accepts_byte_string", "supportsPartialValues", "supportsResultReporting"),
    *("custom", "name", "object", "parent", "type"),
    *("aliasSpecs", "deleteBeforeReplaceDefined", "packageRef", "pluginDownloadURL", "sourcePosition", "stackTrace"),
    *("parentStackTraceHandle", "propertyDependencies", "version"),
}
"""Fields of the request that no option of a resource is behind, or that change with the SDK and the source."""


class _RecordingMonitor(mocks.MockMonitor):
    def __init__(self, answers: mocks.Mocks) -> None:
        super().__init__(answers)
        self.registrations: list[Registration] = []

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:  # noqa: N802 - gRPC's name
        response = super().RegisterResource(request)
        options = json_format.MessageToDict(request, preserving_proto_field_name=True)
        self.registrations.append(
            Registration(
                urn=response.urn,
                type=request.type,
                name=request.name,
                parent=request.parent,
                inputs=_marked(rpc.deserialize_properties(request.object, keep_unknowns=True)),
                options={name: value for name, value in sorted(options.items()) if value and name not in _NO_OPTIONS},
            )
        )
        return response


def _marked(value: Any) -> Any:
    """Return a value of the wire with its secrets marked."""
    if rpc.is_rpc_secret(value):
        return {"secret": as_sent(value)}
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_marked(item) for item in cast(list[Any], value)]
    return as_sent(value)
