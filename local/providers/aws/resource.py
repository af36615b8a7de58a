"""How a resource type of AWS is described: the names that AWS has for its inputs, the calls of its life, its tags."""

import re
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

import jmespath

from local.providers.aws.session import Session
from local.providers.resource import Change, Property, Resource, properties
from local.providers.values import UNKNOWN, Properties


def _as_it_is(value: Any) -> Any:
    return value


def pascal_case(name: str) -> str:
    """Return a name as most services spell theirs: "vpcId" is VpcId there."""
    return f"{name[0].upper()}{name[1:]}"


@dataclass(frozen=True)
class Field(Property):
    """An input that AWS has too; one that is the provider's own business is a `Property`."""

    api: str = ""
    """AWS's name of it, with dots into nested ones, as in "deploymentConfiguration.maximumPercent". Default: the
    input's, as the service spells its names."""
    answer: str = ""
    """Where an answer has it, as JMESPath, if not at `api`."""
    encode: Callable[[Any], Any] = _as_it_is
    """Turns the input into what a request takes."""
    decode: Callable[[Any], Any] = _as_it_is
    """Turns what an answer has into the input."""


class AwsResource(Resource[Session]):
    """A resource type of AWS, described by its fields and its calls; whatever is special overrides a method.

    A call is sent each given field that botocore's model has a parameter for. Errors of boto3 pass.
    """

    service: ClassVar[str]
    """boto3's name."""
    everywhere: ClassVar[Mapping[str, Property]] = properties(region=Property(replaces=True, computed=True))
    """The inputs that each of these types has beside its own `inputs`."""
    outputs: ClassVar[Mapping[str, str]] = {}
    """Outputs that are no inputs, each with its place in the answer as JMESPath."""
    identity: ClassVar[str] = ""
    """How the id is made of inputs, as in "{role}:{name}"; without braces, where the answer of `creates` has it."""
    creates: ClassVar[str]
    """The operation, as boto3 calls it; so are the next ones."""
    reads: ClassVar[str]
    described: ClassVar[str] = "@"
    """Where the answer of `reads` has the resource, as JMESPath."""
    updates: ClassVar[str] = ""
    """Sent all fields when one of them changes; empty where `update` is overridden, and where every input replaces."""
    deletes: ClassVar[str]

    def __init_subclass__(cls) -> None:
        if "inputs" in vars(cls):
            cls.inputs = MappingProxyType({**cls.inputs, **cls.everywhere})

    @staticmethod
    def spell(name: str) -> str:
        """Return a name as the service spells it."""
        return pascal_case(name)

    @classmethod
    def fields(cls) -> Iterator[tuple[str, Field]]:
        return ((name, rule) for name, rule in cls.inputs.items() if isinstance(rule, Field))

    def client(self, inputs: Mapping[str, Any]) -> Any:
        """Return the client for the resource's own region."""
        return self.session.client(self.service, inputs.get("region"))

    def request(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the given fields as requests have them."""
        written: dict[str, Any] = {}
        for name, field in self.fields():
            if inputs.get(name) is not None:
                *outer, last = (field.api or self.spell(name)).split(".")
                place = written
                for part in outer:
                    place = place.setdefault(part, {})
                place[last] = field.encode(inputs[name])
        return written

    def call(self, operation: str, inputs: Mapping[str, Any], **parameters: Any) -> Any:
        """Call AWS with `parameters`, and with those of the given fields that the operation takes."""
        client = self.client(inputs)
        model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation])
        taken = {name: value for name, value in self.request(inputs).items() if name in model.input_shape.members}
        return getattr(client, operation)(**taken, **parameters)

    def create(self, inputs: Properties) -> str:
        answer = self.call(self.creates, inputs, **self.creation_tags(inputs))
        return self.identity.format(**inputs) if "{" in self.identity else jmespath.search(self.identity, answer)

    def creation_tags(self, inputs: Properties) -> Properties:
        """Return the parameter of `creates` that has the tags."""
        del inputs
        return {}

    def update(self, change: Change) -> None:
        if self.updates and change.touches(*(name for name, _ in self.fields())):
            self.call(self.updates, change.new)

    def read(self, state: Properties) -> Properties | None:
        found = self.describe(state | self.identified())
        return None if found is None else self.outputs_of(found, state)

    def describe(self, state: Properties) -> Any:
        """Return what AWS says of the resource, or None when it is gone."""
        return jmespath.search(self.described, self.call(self.reads, state))

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        """Return the outputs of a description."""
        values = {
            name: (jmespath.search(field.answer or field.api or self.spell(name), found), field.decode)
            for name, field in self.fields()
        }
        return {
            **self.identified(),
            **{name: decode(value) for name, (value, decode) in values.items() if value is not None},
            **{name: jmespath.search(path, found) for name, path in self.outputs.items()},
            **({"region": self.region(state)} if "region" in self.inputs else {}),
        }

    def delete(self, state: Properties) -> None:
        self.call(self.deletes, state)

    def identified(self) -> Properties:
        """Return the inputs that the id is made of."""
        pattern = re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(self.identity))
        found = re.fullmatch(pattern, self.id)
        return found.groupdict() if found else {}

    def region(self, state: Mapping[str, Any]) -> str:
        return state.get("region") or self.session.settings.region


class TaggedResource(AwsResource):
    """A resource type with `tags`, and `tagsAll` that adds the provider's default tags."""

    everywhere = properties(tags=Property(), **AwsResource.everywhere)

    def tags_all(self, inputs: Properties) -> dict[str, str]:
        return {**self.session.settings.default_tags, **(inputs.get("tags") or {})}

    def tag_list(self, tags: Mapping[str, str]) -> list[dict[str, str]]:
        """Return tags as most services want them."""
        return [{self.spell("key"): name, self.spell("value"): text} for name, text in sorted(tags.items())]

    def creation_tags(self, inputs: Properties) -> Properties:
        tags = self.tags_all(inputs)
        return {self.spell("tags"): self.tag_list(tags)} if tags else {}

    def actual_tags(self, found: Any) -> dict[str, str]:
        """Return the tags that a description has."""
        tags: list[dict[str, str]] = found.get(self.spell("tags")) or []
        return {tag[self.spell("key")]: tag[self.spell("value")] for tag in tags}

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        # Those that AWS sets itself do not count.
        own = {key: value for key, value in self.actual_tags(found).items() if not key.startswith("aws:")}
        default = self.session.settings.default_tags
        return {
            **super().outputs_of(found, state),
            "tags": {key: value for key, value in own.items() if default.get(key) != value},
            "tagsAll": own,
        }

    def wanted(self, inputs: Properties) -> Properties:
        return {**super().wanted(inputs), "tagsAll": self.tags_all(inputs)}

    def drifted(self, state: Properties, inputs: Properties) -> Iterator[str]:
        yield from super().drifted(state, inputs)
        tags = inputs.get("tags")
        if tags is not UNKNOWN and (state.get("tagsAll") or {}) != self.tags_all(inputs):
            yield "tagsAll"

    def replaces(self, name: str, change: Change) -> bool:
        return name != "tagsAll" and super().replaces(name, change)

    def update(self, change: Change) -> None:
        super().update(change)
        if change.touches("tags", "tagsAll"):
            old: dict[str, str] = change.old.get("tagsAll") or {}
            new = self.tags_all(change.new)
            removed = sorted(old.keys() - new.keys())
            added = {key: value for key, value in new.items() if old.get(key) != value}
            self.retag(change.old | change.new, added, removed)

    @abstractmethod
    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        """Set and remove tags."""


class ArnTaggedResource(TaggedResource):
    """A resource type of a service that keeps tags apart, by the ARN of what has them, as RDS and ElastiCache do."""

    def describe(self, state: Properties) -> Any:
        found = super().describe(state)
        return None if found is None else self.tagged(state, found)

    def tagged(self, state: Properties, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return a description with the tags, which it lacks."""
        arn = found[self.outputs["arn"]]
        return {**found, "Tags": self.client(state).list_tags_for_resource(ResourceName=arn)["TagList"]}

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        if removed:
            self.client(state).remove_tags_from_resource(ResourceName=state["arn"], TagKeys=list(removed))
        if added:
            self.client(state).add_tags_to_resource(ResourceName=state["arn"], Tags=self.tag_list(added))
