"""The base of the resource types of EC2, whose calls are all named alike."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from botocore import xform_name

from local.providers.aws.resource import TaggedResource
from local.providers.values import Properties


class Ec2Resource(TaggedResource):
    """A resource of EC2, whose kind says which calls make, describe and delete it, and whose id takes tags."""

    service = "ec2"
    kind: ClassVar[str]
    """As in CreateVpc, DescribeVpcs and VpcId."""
    key: ClassVar[str] = ""
    """Name of the id. Default: the kind with Id."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" in vars(cls):
            cls.key = cls.key or f"{cls.kind}Id"
            cls.creates = xform_name(f"Create{cls.kind}")
            cls.identity = f"{cls.kind}.{cls.key} || {cls.key}"

    def creation_tags(self, inputs: Properties) -> Properties:
        tags = self.tag_list(self.tags_all(inputs))
        resource_type = xform_name(self.kind, "-")
        return {"TagSpecifications": [{"ResourceType": resource_type, "Tags": tags}]} if tags else {}

    def describe(self, state: Properties) -> dict[str, Any]:
        describe = getattr(self.client(state), xform_name(f"Describe{self.kind}s"))
        [found] = describe(**{f"{self.key}s": [self.id]})[f"{self.kind}s"]
        return found

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        path = f"{xform_name(self.kind, '-')}/{self.id}"
        return {**super().outputs_of(found, state), "arn": self.session.arn("ec2", path, self.region(state))}

    def delete(self, state: Properties) -> None:
        getattr(self.client(state), xform_name(f"Delete{self.kind}"))(**{self.key: self.id})

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        if removed:
            self.client(state).delete_tags(Resources=[self.id], Tags=[{"Key": key} for key in removed])
        if added:
            self.client(state).create_tags(Resources=[self.id], Tags=self.tag_list(added))


def filters(**values: str) -> list[dict[str, Any]]:
    """Return `Filters` of a Describe call; underscores in names stand for dashes."""
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]
