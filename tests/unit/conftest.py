"""The mocks ring: the component built against a monitor that records what it asks for. No engine, no network."""

import asyncio
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import botocore.loaders
import botocore.session
import pulumi
import pytest
from airflow_fargate import OUTPUTS, AirflowFargate, AirflowFargateArgs
from airflow_fargate.testing import Mocks, Registration, registered
from pulumi.runtime.config import CONFIG, set_all_config
from pulumi.runtime.mocks import MockCallArgs


class Recorder(Mocks):
    """Mocks whose service may run another task definition than was asked for, or other numbers of tasks."""

    def __init__(self, service_runs: str | None = None, interface_ids: tuple[str, ...] | None = None) -> None:
        """Answer as AWS does when all went well, but for what is given."""
        super().__init__()
        self._service_runs = service_runs
        self._interface_ids = interface_ids

    def call(self, args: MockCallArgs) -> dict[str, Any]:
        answer = super().call(args)
        if args.token == "aws:ec2/getNetworkInterfaces:getNetworkInterfaces" and self._interface_ids is not None:
            return {"ids": list(self._interface_ids)}
        if args.token == "aws:ecs/getService:getService" and self._service_runs:
            return {"taskDefinition": self._service_runs}
        return answer


@dataclass
class Registered:
    """The resources and outputs of one run of the program."""

    recorder: Recorder
    registrations: Sequence[Registration]
    outputs: Mapping[str, Any]
    secret_outputs: frozenset[str]

    def inputs(self, typ: str, name: str | None = None) -> dict[str, Any]:
        """Return the inputs of the one resource of a type, or of the one that has `name`."""
        found: list[Any] = [r.inputs for r in self.recorder.resources if r.typ == typ and name in (None, r.name)]
        assert len(found) == 1, f"{len(found)} resources of type {typ} named {name}, not 1"
        return found[0]

    def inputs_of_all(self, typ: str) -> list[dict[str, Any]]:
        """Return the inputs of every resource of a type, in the order of their registration."""
        return [r.inputs for r in self.recorder.resources if r.typ == typ]


Deploy = Callable[..., Registered]


_LOOPS: list[asyncio.AbstractEventLoop] = []


@pytest.fixture(autouse=True)
def event_loop() -> None:
    """One for the main thread, which the SDK expects and Python 3.12 and later do not make.

    It stays open: when it closes, its threads end, and with them loops that the SDK's mocks made there and never close.
    `asyncio.run`, which other rings use in the same process, takes it from the thread, so that each test sets it again.
    """
    if not _LOOPS:
        _LOOPS.append(asyncio.new_event_loop())
        _LOOPS[0].set_exception_handler(_log_what_nobody_expects)
    asyncio.set_event_loop(_LOOPS[0])


def _log_what_nobody_expects(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Pass over the outputs that failed with a program that was refused: hundreds, which nobody waits for any more.

    Each would be logged with a traceback when it is collected. CPython 3.11 parses the source for one, and ends with a
    SystemError when another is collected, and logged, meanwhile.
    """
    if not isinstance(context.get("exception"), pulumi.RunError):
        loop.default_exception_handler(context)


@pytest.fixture(scope="session", autouse=True)
def models_of_aws() -> Generator[None]:
    """Read each of AWS's models once, however many sessions a test makes."""
    loader = botocore.loaders.create_loader()

    def same(_search_paths: str | None = None) -> botocore.loaders.Loader:
        return loader

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", same)
        yield


@pytest.fixture(autouse=True)
def own_config() -> Generator[None]:
    """Forget what a test has configured."""
    before = dict(CONFIG.get())
    yield
    set_all_config(before)


def build_component(
    program: Callable[[], AirflowFargate] | None = None, *, recorder: Recorder | None = None, **args: Any
) -> Registered:
    """Build one component, or run a program of several, and return what was recorded."""
    recorder = recorder or Recorder()
    outputs: dict[str, Any] = {}
    secret: set[str] = set()

    async def resolve(component: AirflowFargate) -> None:
        for name in OUTPUTS:
            output: pulumi.Output[Any] = getattr(component, name)
            outputs[name] = await output.future()
            if await output.is_secret():
                secret.add(name)

    def build() -> pulumi.Output[None]:
        component = program() if program else AirflowFargate("airflow", AirflowFargateArgs(**args))
        return pulumi.Output.from_input(resolve(component))

    registrations = registered(build, recorder)
    assert set(outputs) == set(OUTPUTS), "the outputs were not computed: an apply did not run"
    return Registered(recorder, registrations, outputs, frozenset(secret))


@pytest.fixture
def deploy() -> Deploy:
    return build_component
