"""AWS Cloud Map: private DNS namespaces, and the services whose tasks find each other by name in them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from local.providers.aws.resource import Field, TaggedResource
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties
from local.providers.schema import Violation
from local.providers.values import UNKNOWN, Properties

TIMEOUT = 5 * 60.0
POLL_INTERVAL = 0.5


class _CloudMapResource(TaggedResource):
    """A resource of Cloud Map, whose calls begin operations that take a while."""

    service = "servicediscovery"

    def tagged(self, state: Properties, found: Mapping[str, Any]) -> dict[str, Any]:
        """Return a description with the tags, which it lacks."""
        return {**found, "Tags": self.client(state).list_tags_for_resource(ResourceARN=found["Arn"])["Tags"]}

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        if removed:
            self.client(state).untag_resource(ResourceARN=state["arn"], TagKeys=list(removed))
        if added:
            self.client(state).tag_resource(ResourceARN=state["arn"], Tags=self.tag_list(added))

    def finished(self, state: Properties, answer: Mapping[str, str]) -> Mapping[str, str]:
        """Wait for the operation that AWS has begun, and return the ids of what it was about, by their kind."""
        while True:
            operation = self.client(state).get_operation(OperationId=answer["OperationId"])["Operation"]
            if operation["Status"] == "SUCCESS":
                return operation["Targets"]
            if operation["Status"] == "FAIL" or not self.operation.wait(POLL_INTERVAL, TIMEOUT):
                raise ProviderError(
                    f"waiting for {self.title}: {operation['Status']} {operation.get('ErrorMessage', '')}"
                )


class PrivateDnsNamespace(_CloudMapResource):
    """For programs whose own services reach Airflow, or that it reaches, by a name in the VPC."""

    sdk = "pulumi_aws.servicediscovery:PrivateDnsNamespace"
    title = "Service Discovery Private DNS Namespace"
    inputs = properties(description=Field(), name=Field(replaces=True, computed=True), vpc=Field(replaces=True))
    outputs = {"arn": "Arn", "hostedZone": "Properties.DnsProperties.HostedZoneId"}
    auto_name = AutoName(max_length=1024)

    def create(self, inputs: Properties) -> str:
        answer = self.call("create_private_dns_namespace", inputs, **self.creation_tags(inputs))
        return self.finished(inputs, answer)["NAMESPACE"]

    def update(self, change: Change) -> None:
        if change.touches("description"):
            namespace = {"Description": change.new.get("description") or ""}
            answer = self.client(change.new).update_private_dns_namespace(Id=self.id, Namespace=namespace)
            self.finished(change.new, answer)
        super().update(change)

    def describe(self, state: Properties) -> Any:
        return self.tagged(state, self.client(state).get_namespace(Id=self.id)["Namespace"])

    def delete(self, state: Properties) -> None:
        self.finished(state, self.client(state).delete_namespace(Id=self.id))


_ROUTING_POLICY = "MULTIVALUE"


def _with_policy(config: Mapping[str, Any]) -> dict[str, Any]:
    return {"routingPolicy": _ROUTING_POLICY, **{name: value for name, value in config.items() if value is not None}}


def _encoded(config: Mapping[str, Any]) -> dict[str, Any]:
    given = _with_policy(config)
    return {
        "NamespaceId": given["namespaceId"],
        "RoutingPolicy": given["routingPolicy"],
        "DnsRecords": [{"TTL": each["ttl"], "Type": each["type"]} for each in given["dnsRecords"]],
    }


def _decoded(config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "namespaceId": config.get("NamespaceId"),
        "routingPolicy": config.get("RoutingPolicy", _ROUTING_POLICY),
        "dnsRecords": [{"ttl": each["TTL"], "type": each["Type"]} for each in config["DnsRecords"]],
    }


def _identity(config: Mapping[str, Any] | None) -> object:
    """Return what of a `dnsConfig` no service changes: all but how long its records live."""
    if config is None or UNKNOWN in (config, config.get("dnsRecords")):
        return config
    return {**_with_policy(config), "dnsRecords": [each.get("type") for each in config["dnsRecords"]]}


class Service(_CloudMapResource):
    sdk = "pulumi_aws.servicediscovery:Service"
    title = "Service Discovery Service"
    inputs = properties(
        description=Field(),
        dnsConfig=Field(encode=_encoded, decode=_decoded, same=lambda old, new: _with_policy(old) == _with_policy(new)),
        forceDestroy=Property(default=False),
        healthCheckCustomConfig=Field(
            replaces=True,
            encode=lambda config: {"FailureThreshold": config["failureThreshold"]},
            decode=lambda config: {"failureThreshold": config["FailureThreshold"]},
        ),
        name=Field(replaces=True, computed=True),
        namespaceId=Field(replaces=True, computed=True),
    )
    outputs = {"arn": "Arn", "type": "Type"}
    identity = "Service.Id"
    creates = "create_service"
    auto_name = AutoName(max_length=127)

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        config = inputs.get("healthCheckCustomConfig")
        if config is not None and config is not UNKNOWN and config.get("failureThreshold") not in (1, UNKNOWN):
            yield Violation(
                "healthCheckCustomConfig.failureThreshold",
                "give 1, which is what AWS makes of any other; the real provider replaces the service at every update "
                "otherwise, also for none at all (terraform-provider-aws#44285)",
            )

    def replaces(self, name: str, change: Change) -> bool:
        if name == "dnsConfig":
            return _identity(change.old.get(name)) != _identity(change.new.get(name))
        return super().replaces(name, change)

    def update(self, change: Change) -> None:
        if change.touches("description", "dnsConfig"):
            wanted: dict[str, Any] = {"Description": change.new.get("description") or ""}
            if config := change.new.get("dnsConfig"):
                wanted["DnsConfig"] = {"DnsRecords": _encoded(config)["DnsRecords"]}
            self.finished(change.new, self.client(change.new).update_service(Id=self.id, Service=wanted))
        super().update(change)

    def describe(self, state: Properties) -> Any:
        return self.tagged(state, self.client(state).get_service(Id=self.id)["Service"])

    def delete(self, state: Properties) -> None:
        client = self.client(state)
        if state.get("forceDestroy"):
            for page in client.get_paginator("list_instances").paginate(ServiceId=self.id):
                for instance in page["Instances"]:
                    answer = client.deregister_instance(ServiceId=self.id, InstanceId=instance["Id"])
                    self.finished(state, answer)
        client.delete_service(Id=self.id)
