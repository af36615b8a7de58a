"""What the resource types of AWS have in common: region and tags."""

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from local.providers.aws.session import Session
from local.providers.resource import Change, Property, Resource
from local.providers.values import UNKNOWN, Properties

REGION = Property(replaces=True, computed=True)
TAGS = Property()


class AwsResource(Resource[Session]):
    """A resource type of AWS. Its methods call boto3 and let its errors pass."""

    service: ClassVar[str]
    """boto3 name."""

    def client(self, inputs: Mapping[str, Any], service: str | None = None) -> Any:
        """Return the client for the resource's own region."""
        return self.session.client(service or self.service, inputs.get("region"))

    def region(self, state: Mapping[str, Any]) -> str:
        return state.get("region") or self.session.settings.region


class TaggedResource(AwsResource):
    """A resource type with `tags`, and `tagsAll` that adds the provider's default tags."""

    def tags_all(self, inputs: Properties) -> dict[str, str]:
        return {**self.session.settings.default_tags, **(inputs.get("tags") or {})}

    def tag_outputs(self, actual: Mapping[str, str]) -> Properties:
        """`tags` and `tagsAll` of the tags that AWS reports; those that AWS sets itself do not count."""
        own = {key: value for key, value in actual.items() if not key.startswith("aws:")}
        default = self.session.settings.default_tags
        return {
            "tags": {key: value for key, value in own.items() if default.get(key) != value},
            "tagsAll": own,
        }

    def drifted(self, state: Properties, inputs: Properties) -> Iterator[str]:
        yield from super().drifted(state, inputs)
        tags = inputs.get("tags")
        if tags is not UNKNOWN and (state.get("tagsAll") or {}) != self.tags_all(inputs):
            yield "tagsAll"

    def replaces(self, name: str, change: Change) -> bool:
        return name != "tagsAll" and super().replaces(name, change)

    def update(self, change: Change) -> None:
        """Subclass with more than tags to update call this too."""
        if change.touches("tags", "tagsAll"):
            old: dict[str, str] = change.old.get("tagsAll") or {}
            new = self.tags_all(change.new)
            removed = sorted(old.keys() - new.keys())
            added = {key: value for key, value in new.items() if old.get(key) != value}
            self.retag(change.old | change.new, added, removed)

    @abstractmethod
    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        """Set and remove tags."""


def aws_tags(tags: Mapping[str, str], *, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most services want them; `key` and `value` for those that spell them otherwise."""
    return [{key: name, value: text} for name, text in sorted(tags.items())]


def plain_tags(tags: Iterable[Mapping[str, str]], *, key: str = "Key", value: str = "Value") -> dict[str, str]:
    return {tag[key]: tag[value] for tag in tags}


def given(**parameters: Any) -> dict[str, Any]:
    """Return the parameters that are set: boto3 takes no None."""
    return {name: value for name, value in parameters.items() if value is not None}


def pascal_case(name: str) -> str:
    """Return the API's name of an attribute: "enableDnsSupport" is EnableDnsSupport there."""
    return f"{name[0].upper()}{name[1:]}"
