"""ECS services, and the wait until one is steady."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from local.providers.aws.cluster import EcsTaggedResource
from local.providers.aws.resource import Field
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_set
from local.providers.values import Properties

TIMEOUT = 20 * 60.0
"""Seconds for create, update and delete each, as in the real provider, unless `custom_timeouts` says otherwise."""
POLL_INTERVAL = 0.5
_SWITCH = {True: "ENABLED", False: "DISABLED"}
_UNLESS_GIVEN = {"deploymentCircuitBreaker": {"enable": False, "rollback": False}, "desiredCount": 0}
_PERCENTAGES = frozenset({"deploymentMaximumPercent", "deploymentMinimumHealthyPercent"})


def same_network(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Equality of network configurations; the lists are sets, and no public address is the default."""
    return bool(old.get("assignPublicIp")) == bool(new.get("assignPublicIp")) and all(
        same_set(old.get(name) or [], new.get(name) or []) for name in ("subnets", "securityGroups")
    )


def same_strategies(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> bool:
    """Equality of capacity provider strategies; a base or weight of 0 is no base or weight."""

    def compact(strategies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [{name: value for name, value in strategy.items() if value} for strategy in strategies]

    return same_set(compact(old), compact(new))


class Service(EcsTaggedResource):
    sdk = "pulumi_aws.ecs:Service"
    title = "ECS Service"
    inputs = properties(
        availabilityZoneRebalancing=Field(computed=True, values=("ENABLED", "DISABLED")),
        capacityProviderStrategies=Field(api="capacityProviderStrategy", same=same_strategies),
        cluster=Field(answer="clusterArn", replaces=True, computed=True),
        deploymentCircuitBreaker=Field(api="deploymentConfiguration.deploymentCircuitBreaker"),
        deploymentController=Field(replaces=True, computed=True),
        deploymentMaximumPercent=Field(api="deploymentConfiguration.maximumPercent", default=200),
        deploymentMinimumHealthyPercent=Field(api="deploymentConfiguration.minimumHealthyPercent", default=100),
        desiredCount=Field(),
        enableEcsManagedTags=Field(api="enableECSManagedTags", default=False),
        enableExecuteCommand=Field(default=False),
        forceNewDeployment=Property(),
        name=Field(api="serviceName", replaces=True, computed=True),
        networkConfiguration=Field(
            api="networkConfiguration.awsvpcConfiguration",
            encode=lambda network: {**network, "assignPublicIp": _SWITCH[bool(network.get("assignPublicIp"))]},
            decode=lambda network: {**network, "assignPublicIp": network.get("assignPublicIp") == _SWITCH[True]},
            same=same_network,
        ),
        propagateTags=Field(default="NONE", values=("SERVICE", "TASK_DEFINITION", "NONE")),
        serviceRegistries=Field(
            encode=lambda registry: [{name: value for name, value in registry.items() if value is not None}],
            decode=lambda registries: next(iter(registries), None),
        ),
        taskDefinition=Field(),
        triggers=Property(computed=True),
        waitForSteadyState=Property(default=False),
    )
    identity = "service.serviceArn"
    creates = "create_service"
    outputs = {"arn": "serviceArn", "launchType": "launchType", "schedulingStrategy": "schedulingStrategy"}
    auto_name = AutoName(max_length=255)
    _asked_at: datetime | None = None
    """When ECS was last asked to create or to change the service, by this machine's clock."""

    def replaces(self, name: str, change: Change) -> bool:
        if name == "capacityProviderStrategies" and not change.new.get("forceNewDeployment"):
            raise ProviderError("force_new_deployment should be true when capacity_provider_strategy is being updated")
        return super().replaces(name, change)

    def ignores(self, name: str, state: Properties, inputs: Properties) -> bool:
        del state
        return name == "triggers" and not (inputs.get("forceNewDeployment") and inputs.get("triggers"))

    def create(self, inputs: Properties) -> str:
        self._asked_at = self._now()
        return super().create(_with_defaults(inputs))

    def update(self, change: Change) -> None:
        changed = change.names - {"tags", "tagsAll"}
        if changed:
            sent = {"cluster", *changed, *(_PERCENTAGES if changed & _PERCENTAGES else ())}
            new = _with_defaults(change.new)
            taken_away: Properties = {"serviceRegistries": []} if "serviceRegistries" in changed - new.keys() else {}
            self._asked_at = self._now()
            self.call(
                "update_service",
                {name: value for name, value in new.items() if name in sent},
                service=self.id,
                forceNewDeployment=bool(new.get("forceNewDeployment")),
                **taken_away,
            )
        super().update(change)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.session.settings.clock_ahead

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if self._asked_at is None or not inputs["waitForSteadyState"]:
            return
        action = f"waiting for ECS Service ({self.id}) {'create' if creating else 'update'}"
        wait = Wait(self._asked_at)
        while True:
            service = self._describe(inputs)
            if service is None:
                raise ProviderError(f"{action}: the service is gone")
            try:
                if wait.is_over(service):
                    return
            except ProviderError as failed:
                raise ProviderError(f"{action}: {failed}") from failed
            if not self.operation.wait(POLL_INTERVAL, TIMEOUT):
                raise ProviderError(
                    f"{action}: timeout while waiting for state to become 'tfSTABLE' "
                    f"(last state: 'tfPENDING', timeout: {self.operation.timeout or TIMEOUT:.0f}s)"
                )

    def describe(self, state: Properties) -> Any:
        found = self._describe(state)
        return found if found and found["status"] == "ACTIVE" else None

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        outputs = super().outputs_of(found, state)
        return outputs | {name: _as_spelled(outputs[name], state.get(name)) for name in ("cluster", "taskDefinition")}

    def delete(self, state: Properties) -> None:
        ecs, cluster = self.client(state), state["cluster"]
        service = self._describe(state)
        if service and service["status"] == "ACTIVE":
            ecs.update_service(cluster=cluster, service=self.id, desiredCount=0)
            ecs.delete_service(cluster=cluster, service=self.id)
        # Not for its tasks, which may still be stopping.
        while (service := self._describe(state)) and service["status"] != "INACTIVE":
            if not self.operation.wait(POLL_INTERVAL, TIMEOUT):
                raise ProviderError(
                    f"waiting for ECS Service ({self.id}) delete: timeout while waiting for state to become "
                    f"'INACTIVE' (last state: 'DRAINING', timeout: {self.operation.timeout or TIMEOUT:.0f}s)"
                )

    def _describe(self, state: Properties) -> dict[str, Any] | None:
        cluster = {"cluster": state["cluster"]} if state.get("cluster") else {}
        answer = self.client(state).describe_services(services=[self.id], include=["TAGS"], **cluster)
        return next(iter(answer["services"]), None)


def _with_defaults(inputs: Properties) -> Properties:
    return {**_UNLESS_GIVEN, **{name: value for name, value in inputs.items() if value is not None}}


@dataclass
class Wait:
    """The real provider's wait: for the deployment that a call has made, or for the number of tasks.

    The clocks decide. A deployment that seems older than the call is none that it made, and the wait is over when as
    many tasks run as are wanted, healthy or not, and whatever becomes of them.
    """

    asked_at: datetime
    _deployment: str | None = None
    _reason: str = ""

    def is_over(self, service: Mapping[str, Any]) -> bool:
        """Raise ProviderError, with the reason that ECS gives, when the deployment has failed and is rolled back.

        A rollback that fails as well ends the wait too: the service deployment is ROLLBACK_FAILED then.
        """
        deployments = {each["id"]: each for each in service["deployments"]}
        [primary] = [each for each in deployments.values() if each["status"] == "PRIMARY"]
        if self._deployment is None:
            is_new = "deploymentController" in service and primary["createdAt"] > self.asked_at
            self._deployment = primary["id"] if is_new else ""
        if not self._deployment:
            return len(deployments) == 1 and service["runningCount"] == service["desiredCount"]
        deployment = deployments.get(self._deployment)
        if deployment:
            self._reason = deployment["rolloutStateReason"]
        if deployment is None or primary["rolloutState"] == "FAILED":
            raise ProviderError(self._reason)
        return deployment["rolloutState"] == "COMPLETED"


def _as_spelled(arn: str, written: str | None) -> str:
    """Return a cluster or task definition as the program names it: by its ARN or by the last part of it."""
    return arn.rpartition("/")[2] if written and not written.startswith("arn:") else arn
