"""Parameters of the Systems Manager parameter store."""

from collections.abc import Iterable, Iterator, Mapping

from local.providers.aws.resource import REGION, TAGS, TaggedResource, aws_tags, given, plain_tags
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties
from local.providers.schema import Violation
from local.providers.values import Properties

SECURE = "SecureString"


def same_tier(old: str, new: str) -> bool:
    """Intelligent-Tiering lets AWS choose, so whatever AWS reports is what was asked for."""
    return new in (old, "Intelligent-Tiering")


class Parameter(TaggedResource):
    sdk = "pulumi_aws.ssm:Parameter"
    title = "SSM Parameter"
    service = "ssm"
    inputs = properties(
        allowedPattern=Property(),
        dataType=Property(replaces=True, computed=True),
        description=Property(),
        insecureValue=Property(computed=True),
        keyId=Property(computed=True),
        name=Property(replaces=True, computed=True),
        overwrite=Property(),
        region=REGION,
        tags=TAGS,
        tier=Property(computed=True, same=same_tier, values=("Standard", "Advanced", "Intelligent-Tiering")),
        type=Property(values=("String", "StringList", SECURE)),
        value=Property(computed=True),
    )
    auto_name = AutoName(max_length=2048)
    secret_outputs = frozenset({"value"})

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        values = [name for name in ("value", "insecureValue") if inputs.get(name) is not None]
        if len(values) != 1:
            yield Violation("value", f"give exactly one of value, insecureValue; got {values or 'none'}")
        if "insecureValue" in values and inputs.get("type") == SECURE:
            yield Violation("insecureValue", f"cannot be a {SECURE}; use value")

    def replaces(self, name: str, change: Change) -> bool:
        if name == "tier":
            # AWS has no way back from Advanced.
            return change.old.get("tier") == "Advanced" and change.new.get("tier") == "Standard"
        return super().replaces(name, change)

    def create(self, inputs: Properties) -> str:
        self.client(inputs).put_parameter(
            **self._request(inputs),
            # AWS refuses tags together with Overwrite.
            **({"Overwrite": True} if inputs.get("overwrite") else {"Tags": aws_tags(self.tags_all(inputs))}),
        )
        return inputs["name"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating and inputs.get("overwrite"):
            self.retag(inputs, self.tags_all(inputs), [])

    def update(self, change: Change) -> None:
        if change.names - {"tags", "tagsAll", "overwrite"}:
            self.client(change.new).put_parameter(**self._request(change.new), Overwrite=True)
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        ssm = self.client(state)
        parameter = ssm.get_parameter(Name=self.id, WithDecryption=True)["Parameter"]
        (details,) = ssm.describe_parameters(ParameterFilters=[{"Key": "Name", "Values": [self.id]}])["Parameters"]
        tags = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=self.id)["TagList"]
        insecure = state.get("insecureValue") is not None
        return {
            **self.tag_outputs(plain_tags(tags)),
            "allowedPattern": details.get("AllowedPattern"),
            "arn": parameter["ARN"],
            "dataType": parameter.get("DataType", "text"),
            "description": details.get("Description"),
            "insecureValue": parameter["Value"] if insecure else None,
            "keyId": details.get("KeyId"),
            "name": self.id,
            "region": self.region(state),
            "tier": details.get("Tier", "Standard"),
            "type": parameter["Type"],
            "value": None if insecure else parameter["Value"],
            "version": parameter["Version"],
        }

    def delete(self, state: Properties) -> None:
        self.client(state).delete_parameter(Name=self.id)

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        ssm = self.client(state)
        if removed:
            ssm.remove_tags_from_resource(ResourceType="Parameter", ResourceId=self.id, TagKeys=list(removed))
        if added:
            ssm.add_tags_to_resource(ResourceType="Parameter", ResourceId=self.id, Tags=aws_tags(added))

    @staticmethod
    def _request(inputs: Properties) -> Properties:
        value = inputs["value"] if inputs.get("value") is not None else inputs["insecureValue"]
        return given(
            Name=inputs["name"],
            Type=inputs["type"],
            Value=value,
            AllowedPattern=inputs.get("allowedPattern"),
            DataType=inputs.get("dataType"),
            Description=inputs.get("description"),
            KeyId=inputs.get("keyId") if inputs["type"] == SECURE else None,
            Tier=inputs.get("tier"),
        )


RESOURCES = (Parameter,)
