"""AWS Cloud Map, as tasks use it: those of a service are registered, and containers find them by name."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from moto.ec2.models import EC2Backend, ec2_backends
from moto.servicediscovery.exceptions import InstanceNotFound, ServiceNotFound
from moto.servicediscovery.models import Service as Registry
from moto.servicediscovery.models import ServiceDiscoveryBackend, servicediscovery_backends

from local.emulator.fargate.definitions import health_check, items
from local.emulator.fargate.service import Service
from local.emulator.fargate.task import Task

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[^/@\s]*@)?([a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)+)(?::(\d+))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Names:
    """The names that private DNS answers in a VPC."""

    account_id: str
    region: str
    vpc_id: str

    def in_urls(self, values: Iterable[str]) -> set[tuple[str, int]]:
        """Return the names, with their ports, that URLs lead to; those that are none of the VPC's are left out."""
        return {
            (host, int(port or _DEFAULT_PORTS[scheme]))
            for value in values
            for scheme, host, port in _URL.findall(value)
            if (port or scheme in _DEFAULT_PORTS) and self._registry(host)
        }

    def answer(self, name: str) -> list[str]:
        """Return the private addresses behind a name now: those that are healthy, or all when none is.

        Route 53 developer guide, "How Amazon Route 53 chooses records when health checking is configured".
        """
        registry = self._registry(name)
        instances = list(registry.instances) if registry else []
        healthy = [each for each in instances if each.health_status == "HEALTHY"]
        return [each.attributes["AWS_INSTANCE_IPV4"] for each in healthy or instances]

    def _registry(self, name: str) -> Registry | None:
        ec2: EC2Backend = ec2_backends[self.account_id][self.region]
        vpc = ec2.get_vpc(self.vpc_id)
        # Without both, no name of a private zone is answered (VPC user guide, "DNS attributes for your VPC").
        if not (vpc.enable_dns_support and vpc.enable_dns_hostnames):
            return None
        backend = _backend(self.account_id, self.region)
        for registry in list(backend.services.values()):
            namespace = backend.namespaces[registry.namespace_id]
            if namespace.vpc == self.vpc_id and f"{registry.name}.{namespace.name}".lower() == name.lower():
                return registry
        return None


def keep_registered(service: Service) -> None:
    """Have Cloud Map know the running tasks of a service, with their health, and no others of it."""
    wanted = {
        task.id: (task, registry["registryArn"].rpartition("/")[2])
        for deployment in service.deployments
        for registry in items(deployment.settings, "serviceRegistries")
        for task in deployment.tasks
        if (task.last_status, task.desired_status) == ("RUNNING", "RUNNING")
    }
    backend = _backend(service.account_id, service.region)
    for task_id, registry_id in list(service.registered.items()):
        if task_id not in wanted:
            del service.registered[task_id]
            with suppress(InstanceNotFound, ServiceNotFound):
                backend.deregister_instance(registry_id, task_id)
    for task, registry_id in wanted.values():
        # What was deleted, or deregistered by somebody else, stays so.
        with suppress(InstanceNotFound, ServiceNotFound):
            if task.id not in service.registered:
                service.registered[task.id] = registry_id
                backend.register_instance(registry_id, task.id, "", _attributes(service, task))
            if backend.get_service(registry_id).health_check_custom_config:
                backend.update_instance_custom_health_status(registry_id, task.id, _health(task))


def _attributes(service: Service, task: Task) -> dict[str, str]:
    """Return what ECS registers of a task (ECS developer guide, "Service discovery")."""
    details = {each["name"]: each["value"] for each in task.attachment_details}
    return {
        "AVAILABILITY_ZONE": task.availability_zone or "",
        "AWS_INIT_HEALTH_STATUS": _health(task),
        "AWS_INSTANCE_IPV4": details["privateIPv4Address"],
        "ECS_CLUSTER_NAME": service.cluster_name,
        "ECS_SERVICE_NAME": service.name,
        "ECS_TASK_DEFINITION_FAMILY": task.definition.family,
        "REGION": task.region,
    }


def _health(task: Task) -> str:
    is_checked = bool(health_check(task.container_definition))
    return "HEALTHY" if not is_checked or task.container.health_status == "HEALTHY" else "UNHEALTHY"


def _backend(account_id: str, region: str) -> ServiceDiscoveryBackend:
    return servicediscovery_backends[account_id][region]
