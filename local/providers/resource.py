"""How a stand-in describes a resource type or a function."""

import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, Generic, TypeVar

from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.schema import Violation
from local.providers.values import UNKNOWN, Properties

SessionT = TypeVar("SessionT")


def equal(old: Any, new: Any) -> bool:
    return old == new


def same_set(old: list[Any], new: list[Any]) -> bool:
    """Equality of Terraform sets, which come as lists. A list or an item that is not known yet equals no other."""
    if UNKNOWN in (old, new):
        return False

    def texts(items: list[Any]) -> list[str]:
        return sorted(json.dumps(item, sort_keys=True, default=repr) for item in items)

    return texts(old) == texts(new)


def same_json(old: str, new: str) -> bool:
    """Equality of JSON texts; texts that are not JSON are equal when they are the same text."""
    try:
        return json.loads(old) == json.loads(new)
    except ValueError:
        return old == new


@dataclass(frozen=True)
class Property:
    """How the real provider treats an input. What the SDK says (type, required) is not repeated here."""

    replaces: bool = False
    """A change replaces the resource: `ForceNew` in Terraform."""
    computed: bool = False
    """When it is not given, what AWS chose stays: `Optional` and `Computed` in Terraform."""
    default: Any = None
    """Set by Check when it is not given."""
    same: Callable[[Any, Any], bool] = equal
    """Whether two spellings mean the same, so that neither a preview nor a refresh shows a change."""
    values: tuple[str, ...] = ()
    """All values that are allowed, where the provider checks them."""


def properties(**rules: Property) -> Mapping[str, Property]:
    """Return the inputs of a resource type, by their names on the wire."""
    return MappingProxyType(rules)


@dataclass(frozen=True)
class Change:
    """An update: the state before it, the inputs wanted, and the names of the inputs that differ."""

    old: Properties
    new: Properties
    names: frozenset[str]

    def touches(self, *names: str) -> bool:
        return not self.names.isdisjoint(names)


@dataclass
class Operation:
    """The limits of one request: its timeout, and the person who may press Ctrl-C."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    timeout: float | None = None
    """Seconds, from the resource option `custom_timeouts`; None: the resource type's own default."""
    started: float = field(default_factory=time.monotonic)

    def wait(self, seconds: float, default_timeout: float) -> bool:
        """Sleep; False when the time is over. Raises ProviderError when the operation is cancelled."""
        if time.monotonic() - self.started + seconds > (self.timeout or default_timeout):
            return False
        if self.cancelled.wait(seconds):
            raise ProviderError("the operation was cancelled")
        return True


class Resource(ABC, Generic[SessionT]):
    """A resource type, bound to the session and the operation of one request.

    `create`, `read`, `update` and `delete` see plain values; secrets, names, defaults, comparison and the choice
    between update and replacement are the core's business (provider.py).
    """

    sdk: ClassVar[str]
    """Name of the class in the SDK, as in "pulumi_aws.ec2:Vpc"."""
    title: ClassVar[str]
    """In error messages, as in "creating EC2 VPC (...)"."""
    inputs: ClassVar[Mapping[str, Property]]
    """Every input that the stand-in implements; all others of the SDK are refused."""
    auto_name: ClassVar[AutoName | None] = None
    secret_outputs: ClassVar[frozenset[str]] = frozenset()
    retry_delete_on: ClassVar[tuple[str, ...]] = ()
    """Error codes that mean "still in use", for a provider that knows codes."""
    delete_seconds: ClassVar[float] = 0
    """How long a deletion may take, whatever `custom_timeouts` says, where the real type has none; 0 where it has."""

    def __init__(self, session: SessionT, operation: Operation, resource_id: str = "") -> None:
        self.session = session
        self.operation = operation
        self.id = resource_id
        self.created: Properties = {}
        """Outputs that `create` knows and that updating or deleting needs, should reading fail."""

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        """Rules between inputs, beyond the schema. Values may be UNKNOWN."""
        del inputs
        yield from ()

    def replaces(self, name: str, change: Change) -> bool:
        """Whether the changed input `name` needs a new resource."""
        del change
        return self.inputs[name].replaces

    def drifted(self, state: Properties, inputs: Properties) -> Iterator[str]:
        """Return inputs that changed in a way that comparing them with the state does not show."""
        del state, inputs
        yield from ()

    def ignores(self, name: str, state: Properties, inputs: Properties) -> bool:
        """Whether the provider takes no notice of the changed input `name`."""
        del name, state, inputs
        return False

    def wanted(self, inputs: Properties) -> Properties:
        """Return the outputs that the inputs alone make."""
        return inputs

    @abstractmethod
    def create(self, inputs: Properties) -> str:
        """Create the resource and return its id, which is `self.id` from then on."""

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        """Do what may fail when the resource exists already; runs after each creation and change."""
        del inputs, creating

    @abstractmethod
    def read(self, state: Properties) -> Properties | None:
        """Return the resource as it is now, or None when it is gone. `state` may be empty (import)."""

    def update(self, change: Change) -> None:
        """Change in place. A type whose inputs all replace has none."""
        raise NotImplementedError(f"{type(self).__name__} {self.id}: {sorted(change.names)}")

    @abstractmethod
    def delete(self, state: Properties) -> None:
        """Delete; a resource that is already gone is no error (the core sees to AWS's "not found")."""


@dataclass(frozen=True)
class Function(Generic[SessionT]):
    """A function ("invoke", data source) and the arguments that it requires."""

    token: str
    sdk: str
    """Name in the SDK, as in "pulumi_aws.ec2:get_vpc"."""
    call: Callable[[SessionT, Properties], Properties]
    required: frozenset[str] = frozenset()
    secret_outputs: frozenset[str] = frozenset()
