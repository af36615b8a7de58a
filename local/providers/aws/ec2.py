"""What the resource types of EC2 have in common."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.resource import TaggedResource, aws_tags, plain_tags
from local.providers.values import Properties


class Ec2Resource(TaggedResource):
    """A resource of EC2, whose id takes tags whatever its type."""

    service = "ec2"

    def tag_specifications(self, resource_type: str, inputs: Properties) -> list[dict[str, Any]]:
        """`TagSpecifications` of a Create call; an empty list when there are no tags."""
        tags = self.tags_all(inputs)
        return [{"ResourceType": resource_type, "Tags": aws_tags(tags)}] if tags else []

    def described(self, resource: Mapping[str, Any]) -> Properties:
        """Return outputs that every description carries: tags and owner."""
        return self.tag_outputs(plain_tags(resource.get("Tags", [])))

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        ec2 = self.client(state)
        if removed:
            ec2.delete_tags(Resources=[self.id], Tags=[{"Key": key} for key in removed])
        if added:
            ec2.create_tags(Resources=[self.id], Tags=aws_tags(added))


def filters(**values: str) -> list[dict[str, Any]]:
    """Return `Filters` of a Describe call; underscores in names stand for dashes."""
    return [{"Name": name.replace("_", "-"), "Values": [value]} for name, value in values.items()]
