"""The ECS API on top of moto's: the actions that start, stop and report tasks, and what Fargate refuses.

Clusters, task definitions and tags stay moto's. Services and tasks are ours, kept in moto's own tables so that its
other actions find them.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

from moto.core.responses import ActionResult
from moto.ecs import urls
from moto.ecs.exceptions import (
    ClusterNotFoundException,
    EcsClientException,
    ECSException,
    InvalidParameterException,
    ServiceNotFoundException,
)
from moto.ecs.models import Cluster, EC2ContainerServiceBackend, TaskDefinition, ecs_backends
from moto.ecs.responses import EC2ContainerServiceResponse

from local.emulator.api.discovery import refuse_registry
from local.emulator.api.linked_role import create_linked_role, has_linked_role
from local.emulator.fargate import clock
from local.emulator.fargate.definitions import items, part, refuse_task_definition
from local.emulator.fargate.description import count, describe_service, describe_task
from local.emulator.fargate.discovery import keep_registered
from local.emulator.fargate.limits import PlacementError
from local.emulator.fargate.network import NetworkError, refuse_network, zones
from local.emulator.fargate.overrides import refuse_overrides
from local.emulator.fargate.plan import reconcile
from local.emulator.fargate.protection import protect
from local.emulator.fargate.run import Agent
from local.emulator.fargate.service import Deployment, Service
from local.emulator.fargate.task import Task

_LOG = logging.getLogger(__name__)

# ECS shows a stopped task for at least an hour.
_STOPPED_TASKS_KEPT = timedelta(hours=1)
_TICK_SECONDS = 0.1
_PLATFORM_VERSION = "1.4.0"
# A change of one of these in UpdateService is a new deployment; a change of anything else acts on the running one.
_DEPLOYED = (
    *("networkConfiguration", "platformVersion", "capacityProviderStrategy", "enableExecuteCommand"),
    "serviceRegistries",
)


class ControlPlane:
    """The services and tasks of every region, behind one lock, and the loop that schedules them."""

    def __init__(self, agent: Agent) -> None:
        self.lock = threading.RLock()
        self._agent = agent
        self._ended = threading.Event()
        self._scheduler = threading.Thread(target=self._schedule, name="scheduler", daemon=True)

    def start(self) -> None:
        EcsResponse.plane = self
        urls.url_paths["{0}/$"] = EcsResponse.dispatch
        self._scheduler.start()

    def stop(self) -> None:
        """Stop every task, and return when all are gone."""
        self._ended.set()
        self._scheduler.join()
        tasks = [task for backend in _backends() for table in _tasks(backend).values() for task in table.values()]
        for task in tasks:
            task.stop("The local cloud was shut down", "TerminationNotice")
        for task in tasks:
            task.ended.wait()

    def start_task(
        self,
        backend: EC2ContainerServiceBackend,
        cluster: Cluster,
        definition: TaskDefinition,
        settings: dict[str, Any],
        group: str,
        started_by: str,
    ) -> Task:
        """Start a task, or refuse with a PlacementError.

        :param settings: Where and how it runs, as in the RunTask request.
        """
        limits = self._agent.limits
        strategy = items(settings, "capacityProviderStrategy")
        vpc = settings["networkConfiguration"]["awsvpcConfiguration"]
        overrides = part(settings, "overrides")
        cpu = int(overrides.get("cpu") or definition.cpu or 0)
        limits.refuse_vcpus(cpu, (each for of in _tasks(backend).values() for each in of.values()))
        try:
            in_zones = zones(backend.account_id, backend.region_name, vpc["subnets"])
        except NetworkError as error:
            raise PlacementError(str(error)) from error
        subnet = limits.roomy(in_zones)
        task = Task(
            definition,
            cluster.arn,
            group,
            started_by=started_by,
            overrides=overrides,
            network_configuration={"awsvpcConfiguration": {**vpc, "subnets": [subnet]}},
            capacity_provider=strategy[0]["capacityProvider"] if strategy else None,
            platform_version=settings["platformVersion"],
            tags=items(settings, "tags"),
        )
        _tasks(backend).setdefault(cluster.name, {})[task.task_arn] = task
        _LOG.info("task %s of %s starts", task.id, group)
        self._agent.run(task)
        return task

    def starter(self, backend: EC2ContainerServiceBackend, cluster: Cluster) -> Callable[[Service, Deployment], Task]:
        """How a service of `cluster` starts the tasks of its deployments."""

        def start(service: Service, deployment: Deployment) -> Task:
            definition = deployment.task_definition
            sources = {"SERVICE": service.tags, "TASK_DEFINITION": definition.tags}
            managed = {"aws:ecs:clusterName": cluster.name, "aws:ecs:serviceName": service.name}
            settings = {**deployment.settings, "tags": _tags_of_task(deployment.settings, sources, managed)}
            return self.start_task(backend, cluster, definition, settings, f"service:{service.name}", deployment.id)

        return start

    def _schedule(self) -> None:
        while not self._ended.wait(_TICK_SECONDS):
            with self.lock:
                for backend in _backends():
                    for service in _services(backend).values():
                        self._reconcile(service)
                    _forget_stopped(backend)

    @staticmethod
    def _reconcile(service: Service) -> None:
        try:
            reconcile(service, clock.now())
            # Under the same lock: nobody sees a service INACTIVE whose tasks are still registered.
            keep_registered(service)
        except Exception:  # noqa: BLE001 - one service's failure must not end the loop of all; logged with its traceback
            _LOG.exception("service %s", service.name)


class EcsResponse(EC2ContainerServiceResponse):
    """moto's ECS endpoint with the actions on services and tasks replaced."""

    plane: ClassVar[ControlPlane]

    def register_task_definition(self) -> ActionResult:
        refuse_task_definition(self.params)
        registered = super().register_task_definition()
        # moto keeps no time.
        cast(Any, registered.result)["taskDefinition"].registered_at = datetime.now(UTC)
        return registered

    def describe_clusters(self) -> ActionResult:
        with self.plane.lock:
            for cluster in self.ecs_backend.clusters.values():
                services = [each for each in self._services.values() if each.cluster_arn == cluster.arn]
                tasks = list(_tasks(self.ecs_backend).get(cluster.name, {}).values())
                cluster.active_services_count = sum(each.status == "ACTIVE" for each in services)
                cluster.running_tasks_count = count(tasks, "RUNNING")
                cluster.pending_tasks_count = count(tasks, "PROVISIONING", "PENDING")
            return super().describe_clusters()

    def create_cluster(self) -> ActionResult:
        create_linked_role(self.ecs_backend, "ECS")
        return super().create_cluster()

    def _refuse_without_linked_role(self) -> None:
        if not has_linked_role(self.ecs_backend, "ECS"):
            raise InvalidParameterException(
                "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
            )

    def put_cluster_capacity_providers(self) -> ActionResult:
        self._refuse_without_linked_role()
        with self.plane.lock:
            cluster = self._cluster()
            used = {
                each["capacityProvider"]
                for service in self._services.values()
                if service.cluster_arn == cluster.arn and service.status != "INACTIVE"
                for each in items(service.settings, "capacityProviderStrategy")
            }
            used |= {task.capacity_provider for task in self._active_tasks(cluster) if task.capacity_provider}
            if not used <= {*self._names("capacityProviders")}:
                raise ECSException(
                    "ResourceInUseException", "The specified capacity provider is in use and cannot be removed."
                )
            return super().put_cluster_capacity_providers()

    def delete_cluster(self) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            if any(each.cluster_arn == cluster.arn and each.status != "INACTIVE" for each in self._services.values()):
                raise ECSException(
                    "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
                )
            if self._active_tasks(cluster):
                raise ECSException(
                    "ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active."
                )
            return super().delete_cluster()

    def create_service(self) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            settings: dict[str, Any] = dict(self.params)
            name = settings["serviceName"]
            existing = self._services.get(f"{cluster.name}:{name}")
            if existing and existing.status == "ACTIVE":
                raise InvalidParameterException("Creation of service was not idempotent.")
            if existing and existing.status == "DRAINING":
                raise InvalidParameterException("Unable to Start a service that is still Draining.")
            definition = self._definition(settings["taskDefinition"])
            settings = self._placed(cluster, settings)
            self._refuse_network(settings)
            self._refuse_registries(items(settings, "serviceRegistries"))
            service = Service(
                cluster.arn,
                settings,
                [Deployment(definition, settings)],
                settings.get("desiredCount") or 0,
                self.plane.starter(self.ecs_backend, cluster),
                tags=items(settings, "tags"),
            )
            self._services[f"{cluster.name}:{name}"] = service
            _LOG.info("service %s is created: %s", name, definition.arn)
            return ActionResult({"service": describe_service(service)})

    def update_service(self) -> ActionResult:
        with self.plane.lock:
            cluster, service = self._cluster(), self._service()
            if service.status != "ACTIVE":
                raise ECSException("ServiceNotActiveException", "Service was not ACTIVE.")
            changes: dict[str, Any] = {name: value for name, value in dict(self.params).items() if value is not None}
            settings = {**service.settings, **changes}
            # What is not given of it stays: the provider sends what has changed, and has others taken away in words.
            settings["deploymentConfiguration"] = {
                **part(service.settings, "deploymentConfiguration"),
                **part(changes, "deploymentConfiguration"),
            }
            if "capacityProviderStrategy" in changes:
                settings.pop("launchType", None)
            settings = self._placed(cluster, settings)
            self._refuse_network(changes)
            self._refuse_registries(items(changes, "serviceRegistries"))
            current = service.deployments[0].task_definition
            definition = self._definition(changes["taskDefinition"]) if "taskDefinition" in changes else current
            if (
                changes.get("forceNewDeployment")
                or definition is not current
                or any((settings.get(name) or None) != (service.settings.get(name) or None) for name in _DEPLOYED)
            ):
                service.deploy(Deployment(definition, settings))
                _LOG.info("service %s deploys %s", service.name, definition.arn)
            else:
                service.settings = settings
            if "desiredCount" in changes:
                service.scale(changes["desiredCount"])
            return ActionResult({"service": describe_service(service)})

    def delete_service(self) -> ActionResult:
        with self.plane.lock:
            service = self._service()
            if service.status == "INACTIVE":
                raise ServiceNotFoundException
            if service.desired_count > 0 and not self._get_param("force", False):
                raise InvalidParameterException("The service cannot be stopped while it is scaled above 0.")
            service.drain()
            return ActionResult({"service": describe_service(service)})

    def describe_services(self) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            with_tags = "TAGS" in self._names("include")
            described: list[dict[str, Any]] = []
            failures: list[dict[str, str]] = []
            for name in self._names("services"):
                service = self._services.get(f"{cluster.name}:{name.rpartition('/')[2]}")
                if service:
                    description = describe_service(service)
                    described.append(description if with_tags else {**description, "tags": None})
                else:
                    arn = f"{cluster.arn.replace(':cluster/', ':service/')}/{name.rpartition('/')[2]}"
                    failures.append({"arn": arn, "reason": "MISSING"})
            return ActionResult({"services": described, "failures": failures})

    def list_services(self) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            arns = [
                each.arn
                for each in self._services.values()
                if each.cluster_arn == cluster.arn and each.status != "INACTIVE"
            ]
            return ActionResult({"serviceArns": sorted(arns)})

    def run_task(self) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            settings = self._placed(cluster, dict(self.params))
            self._refuse_network(settings)
            definition = self._definition(settings["taskDefinition"])
            refuse_overrides(definition, part(settings, "overrides"))
            sources, managed = {"TASK_DEFINITION": definition.tags}, {"aws:ecs:clusterName": cluster.name}
            settings["tags"] = _tags_of_task(settings, sources, managed, items(settings, "tags"))
            group = settings.get("group") or f"family:{definition.family}"
            started_by = settings.get("startedBy") or ""
            tasks: list[Task] = []
            failures: list[dict[str, str]] = []
            for _ in range(settings.get("count") or 1):
                try:
                    tasks.append(
                        self.plane.start_task(self.ecs_backend, cluster, definition, settings, group, started_by)
                    )
                except PlacementError as error:
                    if not tasks:
                        raise EcsClientException(str(error)) from error
                    failures.append({"reason": str(error)})
            return ActionResult({"tasks": [describe_task(each) for each in tasks], "failures": failures})

    def start_task(self) -> ActionResult:
        raise EcsClientException(
            "StartTask places tasks on container instances; the local cloud has Fargate only: use RunTask."
        )

    def stop_task(self) -> ActionResult:
        with self.plane.lock:
            task = self._task(self._cluster(), self._get_param("task"))
            if task is None:
                raise InvalidParameterException("The referenced task was not found.")
            task.stop(self._get_param("reason") or "Task stopped by user", "UserInitiated")
            return ActionResult({"task": describe_task(task)})

    def describe_tasks(self) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            with_tags = "TAGS" in self._names("include")
            described: list[dict[str, Any]] = []
            failures: list[dict[str, str]] = []
            for name in self._names("tasks"):
                if task := self._task(cluster, name):
                    description = describe_task(task)
                    described.append(description if with_tags else {**description, "tags": None})
                else:
                    arn = f"{cluster.arn.replace(':cluster/', ':task/')}/{name.rpartition('/')[2]}"
                    failures.append({"arn": arn, "reason": "MISSING"})
            return ActionResult({"tasks": described, "failures": failures})

    def get_task_protection(self) -> ActionResult:
        return self._protections(lambda _: None)

    def update_task_protection(self) -> ActionResult:
        enabled, minutes = self._get_param("protectionEnabled"), self._get_param("expiresInMinutes")
        return self._protections(lambda task: protect(task, enabled=enabled, minutes=minutes))

    def _protections(self, change: Callable[[Task], str | None]) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            protected: list[dict[str, Any]] = []
            failures: list[dict[str, str]] = []
            for name in self._names("tasks"):
                task = self._task(cluster, name)
                try:
                    reason = change(task) if task else "MISSING"
                except ValueError as error:
                    raise InvalidParameterException(str(error)) from error
                if task and not reason:
                    protected.append({"taskArn": task.task_arn, "protectionEnabled": task.is_protected})
                else:
                    failures.append({"arn": task.task_arn if task else name, "reason": reason or ""})
            return ActionResult({"protectedTasks": protected, "failures": failures})

    def list_tasks(self) -> ActionResult:
        with self.plane.lock:
            cluster = self._cluster()
            service, family = self._get_param("serviceName"), self._get_param("family")
            started_by = self._get_param("startedBy")
            group = f"service:{service.rpartition('/')[2]}" if service else None
            desired_status = self._get_param("desiredStatus") or "RUNNING"
            arns = [
                task.task_arn
                for task in _tasks(self.ecs_backend).get(cluster.name, {}).values()
                if task.desired_status == desired_status
                and (group is None or task.group == group)
                and (family is None or task.definition.family == family)
                and (started_by is None or task.started_by == started_by)
            ]
            return ActionResult({"taskArns": arns})

    @property
    def _services(self) -> dict[str, Service]:
        return _services(self.ecs_backend)

    def _names(self, parameter: str) -> list[str]:
        return self._get_param(parameter) or []

    def _cluster(self) -> Cluster:
        name: str = self._get_param("cluster") or "default"
        cluster = self.ecs_backend.clusters.get(name.rpartition("/")[2])
        if cluster is None or cluster.status == "INACTIVE":
            raise ClusterNotFoundException
        return cluster

    def _service(self) -> Service:
        service = self._services.get(f"{self._cluster().name}:{self._get_param('service').rpartition('/')[2]}")
        if service is None:
            raise ServiceNotFoundException
        return service

    def _task(self, cluster: Cluster, name: str) -> Task | None:
        tasks = _tasks(self.ecs_backend).get(cluster.name, {}).values()
        return next((task for task in tasks if name in (task.task_arn, task.id)), None)

    def _active_tasks(self, cluster: Cluster) -> list[Task]:
        """Return those of a cluster that have not stopped, whoever has started them."""
        return [task for task in _tasks(self.ecs_backend).get(cluster.name, {}).values() if not task.ended.is_set()]

    def _definition(self, name: str) -> TaskDefinition:
        definition = self.ecs_backend.describe_task_definition(name)
        if definition.status != "ACTIVE":
            raise EcsClientException("TaskDefinition is inactive")
        if "FARGATE" not in (definition.requires_compatibilities or []):
            raise InvalidParameterException("Task definition does not support launch_type FARGATE.")
        return definition

    def _refuse_network(self, request: dict[str, Any]) -> None:
        """Refuse subnets and security groups that no task of the request's could be in, if it names any."""
        if network := request.get("networkConfiguration"):
            try:
                refuse_network(self.ecs_backend.account_id, self.ecs_backend.region_name, network)
            except NetworkError as error:
                raise InvalidParameterException(str(error)) from error

    def _refuse_registries(self, registries: list[dict[str, Any]]) -> None:
        """Refuse what ECS refuses of a service's `serviceRegistries`, and what the local agent does not do."""
        if not registries:
            return
        self._refuse_without_linked_role()
        if len(registries) > 1:
            raise InvalidParameterException("Multiple service registries for each service are not supported.")
        [registry] = registries
        place, _, registry_id = registry["registryArn"].partition(":service/")
        if not place.startswith("arn:") or ":servicediscovery:" not in place or not registry_id:
            raise InvalidParameterException(
                f"The format of the supplied service registry ARN is invalid: {registry['registryArn']}."
            )
        refuse_registry(registry_id, self.ecs_backend.account_id, self.ecs_backend.region_name)
        if unknown := registry.keys() & {"containerName", "containerPort", "port"}:
            raise InvalidParameterException(
                f"The local cloud registers A records, without {' and '.join(sorted(unknown))}."
            )

    def _placed(self, cluster: Cluster, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the request with AWS's defaults filled in, and refuse what would not run on Fargate."""
        strategy = settings.get("capacityProviderStrategy")
        if strategy and settings.get("launchType"):
            raise InvalidParameterException(
                "Specifying both a launch type and capacity provider strategy is not supported. "
                "Remove one and try again."
            )
        if not strategy and not settings.get("launchType"):
            strategy = cluster.default_capacity_provider_strategy
        for each in strategy or []:
            if each["capacityProvider"] not in (cluster.capacity_providers or []):
                raise InvalidParameterException(
                    "The specified capacity provider strategy cannot contain a capacity provider that is not "
                    "associated with the cluster or is in the process of being deleted."
                )
        if not strategy and settings.get("launchType") != "FARGATE":
            raise InvalidParameterException("The local cloud has Fargate only: set launchType or a capacity provider.")
        network = settings.get("networkConfiguration")
        if not network:
            raise InvalidParameterException(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified."
            )
        version = settings.get("platformVersion") or "LATEST"
        return {
            **settings,
            "capacityProviderStrategy": strategy,
            "deploymentConfiguration": {
                "deploymentCircuitBreaker": {"enable": False, "rollback": False},
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
                **(settings.get("deploymentConfiguration") or {}),
            },
            "platformVersion": _PLATFORM_VERSION if version == "LATEST" else version,
        }


def _tags_of_task(
    settings: Mapping[str, Any],
    sources: Mapping[str, list[dict[str, str]]],
    managed: Mapping[str, str],
    own: Iterable[dict[str, str]] = (),
) -> list[dict[str, str]]:
    """Return the tags that a task gets.

    :param settings: Of RunTask or of the service: whether tags are propagated, and whether ECS adds `managed`.
    :param sources: The tags that can be propagated, by the value of `propagateTags`.
    :param own: Count before propagated ones of the same key.
    """
    propagated = sources.get(settings.get("propagateTags") or "NONE", [])
    tags = {each["key"]: each["value"] for each in (*propagated, *own)}
    if settings.get("enableECSManagedTags"):
        tags |= managed
    return [{"key": key, "value": value} for key, value in tags.items()]


def _backends() -> Iterator[EC2ContainerServiceBackend]:
    for account in list(ecs_backends.values()):
        yield from list(account.values())


def _services(backend: EC2ContainerServiceBackend) -> dict[str, Service]:
    return cast("dict[str, Service]", backend.services)


def _tasks(backend: EC2ContainerServiceBackend) -> dict[str, dict[str, Task]]:
    return cast("dict[str, dict[str, Task]]", backend.tasks)


def _forget_stopped(backend: EC2ContainerServiceBackend) -> None:
    before = datetime.now(UTC) - _STOPPED_TASKS_KEPT
    for tasks in _tasks(backend).values():
        for arn in [arn for arn, task in tasks.items() if task.stopped_at and task.stopped_at < before]:
            del tasks[arn]
