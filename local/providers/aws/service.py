"""ECS services, and the wait until one is steady."""

from collections.abc import Iterator
from typing import Any

from local.providers.aws.cluster import EcsTaggedResource, ecs_plain_tags, ecs_tags, same_strategies
from local.providers.aws.resource import REGION, TAGS, given
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_set
from local.providers.schema import Violation
from local.providers.values import Properties

TIMEOUT = 20 * 60.0
"""Seconds for create, update and delete each, as in the real provider, unless `custom_timeouts` says otherwise."""
POLL_INTERVAL = 0.5
ROLLBACK_GRACE = 10.0
"""Seconds in which a rollback has to follow a failed deployment."""

DEPLOYMENT = ("deploymentMaximumPercent", "deploymentMinimumHealthyPercent", "deploymentCircuitBreaker")
NO_CIRCUIT_BREAKER = {"enable": False, "rollback": False}


def same_network(old: dict[str, Any], new: dict[str, Any]) -> bool:
    """Equality of network configurations; the lists are sets, and no public address is the default."""
    return bool(old.get("assignPublicIp")) == bool(new.get("assignPublicIp")) and all(
        same_set(old.get(name) or [], new.get(name) or []) for name in ("subnets", "securityGroups")
    )


class Service(EcsTaggedResource):
    sdk = "pulumi_aws.ecs:Service"
    title = "ECS Service"
    inputs = properties(
        availabilityZoneRebalancing=Property(computed=True, values=("ENABLED", "DISABLED")),
        capacityProviderStrategies=Property(same=same_strategies),
        cluster=Property(replaces=True, computed=True),
        deploymentCircuitBreaker=Property(),
        deploymentMaximumPercent=Property(default=200),
        deploymentMinimumHealthyPercent=Property(default=100),
        desiredCount=Property(),
        enableEcsManagedTags=Property(default=False),
        enableExecuteCommand=Property(default=False),
        forceDelete=Property(),
        forceNewDeployment=Property(),
        healthCheckGracePeriodSeconds=Property(),
        launchType=Property(replaces=True, computed=True, values=("EC2", "FARGATE", "EXTERNAL")),
        name=Property(replaces=True, computed=True),
        networkConfiguration=Property(same=same_network),
        platformVersion=Property(computed=True),
        propagateTags=Property(default="NONE", values=("SERVICE", "TASK_DEFINITION", "NONE")),
        region=REGION,
        schedulingStrategy=Property(replaces=True, default="REPLICA", values=("REPLICA",)),
        tags=TAGS,
        taskDefinition=Property(),
        triggers=Property(computed=True),
        waitForSteadyState=Property(default=False),
    )
    auto_name = AutoName(max_length=255)

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        if inputs.get("launchType") and inputs.get("capacityProviderStrategies"):
            yield Violation("launchType", "conflicts with capacityProviderStrategies")

    def replaces(self, name: str, change: Change) -> bool:
        if name == "capacityProviderStrategies" and not change.new.get("forceNewDeployment"):
            raise ProviderError("force_new_deployment should be true when capacity_provider_strategy is being updated")
        return super().replaces(name, change)

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_service(
            serviceName=inputs["name"],
            schedulingStrategy=inputs["schedulingStrategy"],
            enableECSManagedTags=inputs["enableEcsManagedTags"],
            **given(
                cluster=inputs.get("cluster"),
                launchType=inputs.get("launchType"),
                tags=ecs_tags(self.tags_all(inputs)) or None,
            ),
            **self._request(inputs),
        )
        return answer["service"]["serviceArn"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if not inputs["waitForSteadyState"]:
            return
        action = f"waiting for ECS Service ({self.id}) {'create' if creating else 'update'}"
        failed_for = 0.0
        while True:
            service = self._describe(inputs)
            if service is None:
                raise ProviderError(f"{action}: the service is gone")
            deployments = service["deployments"]
            primary = next(deployment for deployment in deployments if deployment["status"] == "PRIMARY")
            rollout = primary.get("rolloutState")
            if rollout == "FAILED":
                failed_for += POLL_INTERVAL
                breaker: Properties = inputs.get("deploymentCircuitBreaker") or {}
                rolls_back = breaker.get("rollback") and not creating
                if not rolls_back or failed_for > ROLLBACK_GRACE:
                    raise ProviderError(f"{action}: {primary.get('rolloutStateReason', 'Deployment failed')}")
            elif (
                rollout in (None, "COMPLETED")
                and len(deployments) == 1
                and service["runningCount"] == service["desiredCount"]
            ):
                return
            if not self.operation.wait(POLL_INTERVAL, TIMEOUT):
                raise ProviderError(
                    f"{action}: timeout while waiting for state to become 'tfSTABLE' "
                    f"(last state: 'tfPENDING', timeout: {self.operation.timeout or TIMEOUT:.0f}s)"
                )

    def update(self, change: Change) -> None:
        new = change.new
        if change.names - {"tags", "tagsAll", "waitForSteadyState", "forceDelete"}:
            self.client(new).update_service(
                service=self.id,
                forceNewDeployment=bool(new.get("forceNewDeployment")),
                **given(cluster=change.old.get("cluster")),
                **self._request(new),
            )
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        service = self._describe(state)
        if service is None or service["status"] != "ACTIVE":
            return None
        configuration = service.get("deploymentConfiguration", {})
        network = service.get("networkConfiguration", {}).get("awsvpcConfiguration")
        return {
            **self.tag_outputs(ecs_plain_tags(service.get("tags", []))),
            **given(
                availabilityZoneRebalancing=service.get("availabilityZoneRebalancing"),
                deploymentCircuitBreaker=configuration.get("deploymentCircuitBreaker"),
                deploymentMaximumPercent=configuration.get("maximumPercent"),
                deploymentMinimumHealthyPercent=configuration.get("minimumHealthyPercent"),
                enableEcsManagedTags=service.get("enableECSManagedTags"),
                enableExecuteCommand=service.get("enableExecuteCommand"),
                healthCheckGracePeriodSeconds=service.get("healthCheckGracePeriodSeconds"),
                platformVersion=service.get("platformVersion"),
                propagateTags=service.get("propagateTags"),
            ),
            "arn": service["serviceArn"],
            "capacityProviderStrategies": service.get("capacityProviderStrategy") or None,
            "cluster": _as_spelled(service["clusterArn"], state.get("cluster")),
            "desiredCount": service["desiredCount"],
            "iamRole": service.get("roleArn"),
            "launchType": service.get("launchType"),
            "name": service["serviceName"],
            "networkConfiguration": network
            and {**network, "assignPublicIp": network.get("assignPublicIp") == "ENABLED"},
            "region": self.region(state),
            "schedulingStrategy": service["schedulingStrategy"],
            "taskDefinition": _as_spelled(service["taskDefinition"], state.get("taskDefinition")),
        }

    def delete(self, state: Properties) -> None:
        ecs, cluster = self.client(state), state["cluster"]
        service = self._describe(state)
        if service and service["status"] == "ACTIVE":
            if not state.get("forceDelete"):
                ecs.update_service(cluster=cluster, service=self.id, desiredCount=0)
            ecs.delete_service(cluster=cluster, service=self.id, force=bool(state.get("forceDelete")))
        while self._is_draining(state):
            if not self.operation.wait(POLL_INTERVAL, TIMEOUT):
                raise ProviderError(
                    f"waiting for ECS Service ({self.id}) delete: timeout while waiting for state to become "
                    f"'INACTIVE' (last state: 'DRAINING', timeout: {self.operation.timeout or TIMEOUT:.0f}s)"
                )

    def _is_draining(self, state: Properties) -> bool:
        """Whether the service, or a task of it, is still there."""
        service = self._describe(state)
        if service and service["status"] != "INACTIVE":
            return True
        ecs, cluster = self.client(state), state["cluster"]
        tasks = [
            arn
            for status in ("RUNNING", "STOPPED")
            for page in ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=status)
            for arn in page["taskArns"]
        ]
        group = f"service:{state['name']}"
        # DescribeTasks takes a hundred at a time.
        return any(
            task.get("group") == group and task["lastStatus"] != "STOPPED"
            for start in range(0, len(tasks), 100)
            for task in ecs.describe_tasks(cluster=cluster, tasks=tasks[start : start + 100])["tasks"]
        )

    def _describe(self, state: Properties) -> dict[str, Any] | None:
        answer = self.client(state).describe_services(
            services=[self.id], include=["TAGS"], **given(cluster=state.get("cluster"))
        )
        return next(iter(answer["services"]), None)

    @staticmethod
    def _request(inputs: Properties) -> Properties:
        """Return what CreateService and UpdateService have in common."""
        network = inputs.get("networkConfiguration")
        return given(
            availabilityZoneRebalancing=inputs.get("availabilityZoneRebalancing"),
            capacityProviderStrategy=inputs.get("capacityProviderStrategies"),
            deploymentConfiguration={
                "deploymentCircuitBreaker": inputs.get("deploymentCircuitBreaker") or NO_CIRCUIT_BREAKER,
                "maximumPercent": inputs["deploymentMaximumPercent"],
                "minimumHealthyPercent": inputs["deploymentMinimumHealthyPercent"],
            },
            desiredCount=inputs.get("desiredCount") or 0,
            enableExecuteCommand=inputs["enableExecuteCommand"],
            healthCheckGracePeriodSeconds=inputs.get("healthCheckGracePeriodSeconds"),
            networkConfiguration=network
            and {
                "awsvpcConfiguration": {
                    "subnets": network["subnets"],
                    **given(securityGroups=network.get("securityGroups")),
                    "assignPublicIp": "ENABLED" if network.get("assignPublicIp") else "DISABLED",
                }
            },
            platformVersion=inputs.get("platformVersion"),
            propagateTags=inputs.get("propagateTags"),
            taskDefinition=inputs.get("taskDefinition"),
        )


def _as_spelled(arn: str, written: str | None) -> str:
    """Return a cluster or task definition as the program names it: by its ARN or by the last part of it."""
    return arn.rpartition("/")[2] if written and not written.startswith("arn:") else arn


RESOURCES = (Service,)
