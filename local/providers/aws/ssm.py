"""Parameters of the Systems Manager parameter store."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local.providers.aws.resource import Field, TaggedResource
from local.providers.naming import AutoName
from local.providers.resource import Change, properties
from local.providers.schema import Violation
from local.providers.values import Properties


class Parameter(TaggedResource):
    sdk = "pulumi_aws.ssm:Parameter"
    title = "SSM Parameter"
    service = "ssm"
    inputs = properties(
        description=Field(),
        name=Field(replaces=True, computed=True),
        type=Field(values=("String", "StringList", "SecureString")),
        value=Field(),
    )
    outputs = {"arn": "ARN", "dataType": "DataType", "keyId": "KeyId", "tier": "Tier", "version": "Version"}
    identity = "{name}"
    creates, deletes = "put_parameter", "delete_parameter"
    auto_name = AutoName(max_length=2048)
    secret_outputs = frozenset({"value"})

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        if inputs.get("value") is None:
            yield Violation("value", "missing; the stand-in has no parameters without a secret value")

    def update(self, change: Change) -> None:
        if change.touches("description", "type", "value"):
            self.call("put_parameter", change.new, Overwrite=True)
        super().update(change)

    def describe(self, state: Properties) -> Any:
        ssm = self.client(state)
        parameter = ssm.get_parameter(Name=self.id, WithDecryption=True)["Parameter"]
        [details] = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [self.id]}])["Parameters"]
        tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=self.id)["TagList"]
        return {**details, **parameter, "Tags": tags}

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        of_parameter = {"ResourceType": "Parameter", "ResourceId": self.id}
        if removed:
            self.client(state).remove_tags_from_resource(**of_parameter, TagKeys=list(removed))
        if added:
            self.client(state).add_tags_to_resource(**of_parameter, Tags=self.tag_list(added))
