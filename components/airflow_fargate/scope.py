"""What all resources of one component have in common: how their names begin, their tags, their options."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pulumi

from .errors import Refusal
from .settings import CapabilitySettings

# AWS: IAM role names have at most 64 characters; ours is the longest suffix ("-execution-role") and Pulumi adds 8.
MAX_NAME_LENGTH = 64 - len("-execution-role") - 8


@dataclass(frozen=True, kw_only=True)
class TagSettings(CapabilitySettings):
    """The tags of everything that can be tagged."""

    tags: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])


@dataclass(frozen=True)
class Scope:
    """The component's name, which begins the name of each child, and the tags and options that each child has."""

    name: str
    tags: Mapping[str, pulumi.Input[str]]
    opts: pulumi.ResourceOptions

    def options(self, more: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of a child that has `more` than the others."""
        return pulumi.ResourceOptions.merge(self.opts, more)


def refuse_name(name: str) -> Iterator[Refusal]:
    """Refuse a name from which AWS's own names could not be made."""
    if len(name) > MAX_NAME_LENGTH:
        yield Refusal(
            "name",
            f"is {name!r}, {len(name)} characters; use at most {MAX_NAME_LENGTH}, "
            "since IAM role names have at most 64 and Pulumi adds a suffix",
        )
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        yield Refusal("name", f"is {name!r}; use letters, digits, hyphens and underscores, a letter first")
    if name.lower().startswith(("aws", "ssm", "sg-")):
        yield Refusal(
            "name",
            f"is {name!r}; choose one that does not begin with aws, ssm or sg-, which AWS keeps for itself",
        )


def refuse_tags(settings: TagSettings) -> Iterator[Refusal]:
    """Refuse what AWS does not take as tags."""
    if len(settings.tags) > 50:
        yield Refusal("tags", f"has {len(settings.tags)} tags; AWS allows 50 on a resource")
    for key, value in settings.tags.items():
        if key.lower().startswith("aws:"):
            yield Refusal("tags", f"has {key!r}; names that begin with aws: belong to AWS, choose another")
        if not 1 <= len(key) <= 128:
            yield Refusal("tags", f"has the name {key!r}, {len(key)} characters; use 1 to 128")
        if isinstance(value, str) and len(value) > 256:
            yield Refusal("tags", f"has {key!r} with a value of {len(value)} characters; use at most 256")
