"""Private DNS namespaces of AWS Cloud Map, in which the tasks of a service find each other by name."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.resource import Field, TaggedResource
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, properties
from local.providers.values import Properties

TIMEOUT = 5 * 60.0
POLL_INTERVAL = 0.5


class PrivateDnsNamespace(TaggedResource):
    """For programs whose own services reach Airflow, or that it reaches, by a name in the VPC."""

    sdk = "pulumi_aws.servicediscovery:PrivateDnsNamespace"
    title = "Service Discovery Private DNS Namespace"
    service = "servicediscovery"
    inputs = properties(description=Field(), name=Field(replaces=True, computed=True), vpc=Field(replaces=True))
    outputs = {"arn": "Arn", "hostedZone": "Properties.DnsProperties.HostedZoneId"}
    auto_name = AutoName(max_length=1024)

    def create(self, inputs: Properties) -> str:
        answer = self.call("create_private_dns_namespace", inputs, **self.creation_tags(inputs))
        return self._finished(inputs, answer)["NAMESPACE"]

    def update(self, change: Change) -> None:
        if change.touches("description"):
            namespace = {"Description": change.new.get("description") or ""}
            answer = self.client(change.new).update_private_dns_namespace(Id=self.id, Namespace=namespace)
            self._finished(change.new, answer)
        super().update(change)

    def describe(self, state: Properties) -> Any:
        found = self.client(state).get_namespace(Id=self.id)["Namespace"]
        tags = self.client(state).list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]
        return {**found, "Tags": tags}

    def delete(self, state: Properties) -> None:
        self._finished(state, self.client(state).delete_namespace(Id=self.id))

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        if removed:
            self.client(state).untag_resource(ResourceARN=state["arn"], TagKeys=list(removed))
        if added:
            self.client(state).tag_resource(ResourceARN=state["arn"], Tags=self.tag_list(added))

    def _finished(self, state: Properties, answer: Mapping[str, str]) -> Mapping[str, str]:
        """Wait for the operation that AWS has begun, and return the ids of what it was about, by their kind."""
        while True:
            operation = self.client(state).get_operation(OperationId=answer["OperationId"])["Operation"]
            if operation["Status"] == "SUCCESS":
                return operation["Targets"]
            if operation["Status"] == "FAIL" or not self.operation.wait(POLL_INTERVAL, TIMEOUT):
                raise ProviderError(
                    f"waiting for {self.title}: {operation['Status']} {operation.get('ErrorMessage', '')}"
                )
