"""The scope that all resources of one component share: how their names begin, their tags, their options."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import pulumi

from .errors import Refusal, repeated
from .settings import CapabilitySettings

# AWS: IAM role names have at most 64 characters; ours is the longest suffix ("-execution-role") and Pulumi adds 8.
MAX_NAME_LENGTH = 64 - len("-execution-role") - 8

_MAX_TAGS = 50
_TAG_SYMBOLS = "_.:/=+-@"
_TAG_WORDS = f"use letters, digits, blanks and {' '.join(_TAG_SYMBOLS)}"


@dataclass(frozen=True, kw_only=True)
class TagSettings(CapabilitySettings):
    """The tags of everything that can be tagged."""

    tags: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, pulumi.Input[str]])


WaitsFor = pulumi.Input[Sequence[pulumi.Input[pulumi.Resource]] | pulumi.Resource] | None
"""The option `depends_on`."""


@dataclass(frozen=True)
class Scope:
    """The component's name, which begins the name of each child, and the tags and options that each child has."""

    name: str
    tags: Mapping[str, pulumi.Input[str]]
    opts: pulumi.ResourceOptions
    namesake: str = ""
    """What distinguishes it from an earlier component of the same name, which another parent may have."""

    @classmethod
    def below(cls, component: pulumi.Resource, name: str, tags: TagSettings, waits_for: WaitsFor) -> "Scope":
        """Return the scope of what the program makes again when it is gone: of all but data.

        It says no to `protect` and `retain_on_delete`, which it would inherit: almost every update replaces a task
        definition or deletes a rule, and a rule that is removed must not stay open in AWS. Else, Pulumi documents as
        inherited what comes by the parent, and the waiting, which the SDK leaves to the component.
        """
        opts = pulumi.ResourceOptions(parent=component, depends_on=waits_for, protect=False, retain_on_delete=False)
        return cls(name, tags.tags, opts, _namesake(name))

    @property
    def for_data(self) -> "Scope":
        """The scope of what holds data, or what that cannot be without, which inherits those two options."""
        opts = copy(self.opts)
        opts.protect = opts.retain_on_delete = None
        return replace(self, opts=opts)

    def hook_name(self, name: str) -> str:
        """Return a name that no hook of another component has: to the engine, all hooks of a stack are in one list."""
        return f"{name}{self.namesake}"

    def options(self, more: pulumi.ResourceOptions) -> pulumi.ResourceOptions:
        """Return the options of a child that has `more` than the others."""
        return pulumi.ResourceOptions.merge(self.opts, more)

    def kept(self, *, retain: bool) -> pulumi.ResourceOptions:
        """Return the options of a child that, with `retain`, stays when the stack is destroyed."""
        return self.options(pulumi.ResourceOptions(retain_on_delete=True)) if retain else self.opts


class _Process:
    """What counts where there is no program: the plugin builds the components of a stack in one process."""


_PROCESS = _Process()
_names: WeakKeyDictionary[object, Counter[str]] = WeakKeyDictionary()


def _namesake(name: str) -> str:
    names = _names.setdefault(pulumi.runtime.get_root_resource() or _PROCESS, Counter())
    names[name] += 1
    # No component has a name with this character.
    return f"#{names[name]}" if names[name] > 1 else ""


def refuse_name(name: str, *, apart: bool) -> Iterator[Refusal]:
    """Refuse a name from which AWS's own names could not be made.

    :param apart: Whether tasks run in containers of their own, for whose names there is less room.
    """
    if len(name) > MAX_NAME_LENGTH and not apart:
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


def refuse_tags(settings: TagSettings, *, added: Collection[str], in_rds: bool) -> Iterator[Refusal]:
    """Refuse what AWS does not take as tags, beside those called `added`, which some resources have anyway.

    The characters are those of the pattern that ECS, IAM, SSM and CloudWatch Logs have for tags (`TagKey`, `TagValue`);
    what RDS refuses besides is in its own `Tag`.
    """
    tags = settings.tags
    if (number := len(tags.keys() | set(added))) > _MAX_TAGS:
        beside = f", {', '.join(sorted(added))} that the VPC has beside them included" if added else ""
        yield Refusal("tags", f"has {number} tags{beside}; AWS allows {_MAX_TAGS} on a resource")
    for key in repeated(key.lower() for key in tags):
        alike = ", ".join(repr(each) for each in tags if each.lower() == key)
        yield Refusal("tags", f"has {alike}, which differ in case only; IAM takes them for one: keep one of them")
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            yield Refusal("tags", f"has {key!r}; names that begin with aws: belong to AWS, choose another")
        if not 1 <= len(key) <= 128:
            yield Refusal("tags", f"has the name {key!r}, {len(key)} characters; use 1 to 128")
        if wrong := _not_in_tags(key):
            yield Refusal("tags", f"has the name {key!r} with {wrong}; {_TAG_WORDS}")
        if isinstance(value, str) and len(value) > 256:
            yield Refusal("tags", f"has {key!r} with a value of {len(value)} characters; use at most 256")
        if isinstance(value, str) and (wrong := _not_in_tags(value)):
            yield Refusal("tags", f"has {key!r} with {wrong} in its value {value!r}; {_TAG_WORDS}")
    if in_rds:
        yield from _refuse_for_rds(tags)


def _refuse_for_rds(tags: Mapping[str, pulumi.Input[str]]) -> Iterator[Refusal]:
    for key, value in tags.items():
        if key.lower().startswith("rds:"):
            yield Refusal("tags", f"has {key!r}; names that begin with rds: belong to RDS, choose another")
        if isinstance(value, str) and value.lower().startswith(("aws:", "rds:")):
            yield Refusal(
                "tags", f"has {key!r} with the value {value!r}; with an instance of RDS none begins with aws: or rds:"
            )


def _not_in_tags(text: str) -> str:
    """Return the characters that AWS does not take in tags, as a person reads them."""
    wrong = [each for each in text if unicodedata.category(each)[0] not in "LNZ" and each not in _TAG_SYMBOLS]
    return " ".join(map(repr, dict.fromkeys(wrong)))
