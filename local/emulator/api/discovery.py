"""AWS Cloud Map on top of moto's, which takes what AWS refuses: what is in use, unknown or there already."""

import json
from typing import Any, cast

from moto.core.exceptions import JsonRESTError
from moto.ec2.models import ec2_backends
from moto.ecs.exceptions import EcsClientException
from moto.route53.models import route53_backends
from moto.servicediscovery import urls
from moto.servicediscovery.exceptions import InvalidInput
from moto.servicediscovery.models import (
    Namespace,
    Service,
    ServiceDiscoveryBackend,
    servicediscovery_backends,
)
from moto.servicediscovery.responses import ServiceDiscoveryResponse
from moto.utilities.utils import get_partition

from local.emulator.fargate.definitions import items


class StrictServiceDiscoveryBackend(ServiceDiscoveryBackend):
    """moto's Cloud Map, with AWS's rules for private namespaces and their services."""

    # moto finds a service's URLs beside the module of its backend class.
    __module__ = ServiceDiscoveryBackend.__module__

    def create_private_dns_namespace(
        self,
        name: str,
        creator_request_id: str,
        description: str,
        vpc: str,
        tags: list[dict[str, str]],
        properties: dict[str, Any],
    ) -> str:
        """Take any number of namespaces in a VPC; moto takes one, and names its zone in a way of its own."""
        if vpc not in ec2_backends[self.account_id][self.region_name].vpcs:
            raise InvalidInput(f"The VPC {vpc} does not exist in the region {self.region_name}.")
        if any((each.name, each.vpc) == (name, vpc) for each in self.namespaces.values()):
            raise JsonRESTError("NamespaceAlreadyExists", f"The VPC {vpc} has a namespace {name} already.")
        zone = route53_backends[self.account_id][get_partition(self.region_name)].create_hosted_zone(
            f"{name}.", private_zone=True, vpcid=vpc, vpcregion=self.region_name, comment="Created by AWS Cloud Map"
        )
        given: dict[str, Any] = (properties or {}).get("DnsProperties") or {}
        dns = {"SOA": {"TTL": 15}, **given, "HostedZoneId": zone.id}
        made = cast(  # moto types the constructor of every model as BaseModel
            Namespace,
            Namespace(
                self.account_id, self.region_name, name, "DNS_PRIVATE", creator_request_id, description, dns, {}, vpc
            ),
        )
        self.namespaces[made.id] = made
        self.tag_resource(made.arn, tags or [])
        return self._create_operation("CREATE_NAMESPACE", targets={"NAMESPACE": made.id})

    def delete_namespace(self, namespace_id: str) -> str:
        namespace = self.get_namespace(namespace_id)
        if any(each.namespace_id == namespace_id for each in self.services.values()):
            raise JsonRESTError(
                "ResourceInUse", "Namespace has associated services; delete the services before deleting the namespace"
            )
        if zone := namespace.dns_properties.get("HostedZoneId"):
            route53_backends[self.account_id][get_partition(self.region_name)].delete_hosted_zone(zone)
        return super().delete_namespace(namespace_id)

    def create_service(
        self,
        name: str,
        namespace_id: str,
        creator_request_id: str,
        description: str,
        dns_config: dict[str, Any],
        health_check_config: dict[str, Any],
        health_check_custom_config: dict[str, Any] | None,
        tags: list[dict[str, str]],
        service_type: str,
    ) -> Service:
        within = namespace_id or (dns_config or {}).get("NamespaceId") or ""
        namespace = self.get_namespace(within)
        if any((each.name, each.namespace_id) == (name, within) for each in self.services.values()):
            raise JsonRESTError("ServiceAlreadyExists", f"The namespace {within} has a service {name} already.")
        if health_check_config and namespace.type == "DNS_PRIVATE":
            raise InvalidInput("Health checks of Route 53 are for public namespaces only.")
        if health_check_custom_config is not None:
            # Whatever is asked for (Cloud Map API reference, HealthCheckCustomConfig).
            health_check_custom_config = {"FailureThreshold": 1}
        if dns_config:
            dns_config = {"RoutingPolicy": "MULTIVALUE", **dns_config, "NamespaceId": within}
        return super().create_service(
            name,
            within,
            creator_request_id,
            description,
            dns_config,
            health_check_config,
            cast(Any, health_check_custom_config),  # moto's type leaves out that it need not be given
            tags,
            service_type or ("DNS_HTTP" if dns_config else "HTTP"),
        )

    def delete_service(self, service_id: str) -> None:
        if self.get_service(service_id).instances:
            raise JsonRESTError(
                "ResourceInUse",
                "Service contains registered instances; delete the instances before deleting the service",
            )
        super().delete_service(service_id)


def refuse_registry(service_id: str, account_id: str, region: str) -> None:
    """Raise the ClientException of ECS for a service of Cloud Map that its tasks can't be registered with."""
    service = servicediscovery_backends[account_id][region].services.get(service_id)
    if service is None:
        raise EcsClientException('The service registry could not be validated. Route 53 error: "ServiceNotFound."')
    records: list[dict[str, Any]] = (service.dns_config or {}).get("DnsRecords") or []
    if [each["Type"] for each in records] != ["A"]:
        raise EcsClientException("The local cloud registers tasks in services of Cloud Map with one A record only.")


class _Response(ServiceDiscoveryResponse):
    """moto's endpoint, which pays no heed to filters."""

    def list_services(self) -> str:
        namespaces: list[str] | None = None
        for each in items(json.loads(self.body), "Filters"):
            if each["Name"] != "NAMESPACE_ID":
                raise InvalidInput(f"The local cloud filters services by NAMESPACE_ID only, not by {each['Name']}.")
            namespaces = each["Values"]
        services = self.servicediscovery_backend.list_services()
        found = [each.to_json() for each in services if namespaces is None or each.namespace_id in namespaces]
        return json.dumps({"Services": found})


def enforce_discovery_rules() -> None:
    """Must run before the first request: moto makes a region's backend when it is first asked for."""
    servicediscovery_backends.backend = StrictServiceDiscoveryBackend
    urls.url_paths["{0}/$"] = _Response.dispatch
