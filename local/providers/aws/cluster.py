"""ECS clusters and their capacity providers."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.resource import (
    REGION,
    TAGS,
    AwsResource,
    TaggedResource,
    aws_tags,
    given,
    plain_tags,
)
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_set
from local.providers.values import Properties


def same_strategies(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> bool:
    """Equality of capacity provider strategies; a base or weight of 0 is no base or weight."""
    return same_set([_compact(item) for item in old], [_compact(item) for item in new])


def _compact(strategy: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in strategy.items() if value}


class EcsTaggedResource(TaggedResource):
    """A resource of ECS with tags."""

    service = "ecs"

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        ecs, arn = self.client(state), state.get("arn", self.id)
        if removed:
            ecs.untag_resource(resourceArn=arn, tagKeys=list(removed))
        if added:
            ecs.tag_resource(resourceArn=arn, tags=ecs_tags(added))


def ecs_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return aws_tags(tags, key="key", value="value")


def ecs_plain_tags(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return plain_tags(tags, key="key", value="value")


class Cluster(EcsTaggedResource):
    sdk = "pulumi_aws.ecs:Cluster"
    title = "ECS Cluster"
    inputs = properties(
        name=Property(replaces=True, computed=True),
        region=REGION,
        settings=Property(computed=True, same=same_set),
        tags=TAGS,
    )
    auto_name = AutoName(max_length=255)
    retry_delete_on = (
        "ClusterContainsContainerInstancesException",
        "ClusterContainsServicesException",
        "ClusterContainsTasksException",
        "ResourceInUseException",
        "UpdateInProgressException",
    )

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_cluster(
            clusterName=inputs["name"],
            **given(settings=inputs.get("settings")),
            tags=ecs_tags(self.tags_all(inputs)),
        )
        return answer["cluster"]["clusterArn"]

    def update(self, change: Change) -> None:
        if change.touches("settings"):
            self.client(change.new).update_cluster(cluster=self.id, settings=change.new["settings"])
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        clusters = self.client(state).describe_clusters(
            clusters=[self.id], include=["SETTINGS", "TAGS", "CONFIGURATIONS"]
        )["clusters"]
        cluster = next(iter(clusters), None)
        if cluster is None or cluster["status"] == "INACTIVE":
            return None
        return {
            **self.tag_outputs(ecs_plain_tags(cluster.get("tags", []))),
            "arn": cluster["clusterArn"],
            "name": cluster["clusterName"],
            "region": self.region(state),
            "settings": cluster.get("settings") or None,
        }

    def delete(self, state: Properties) -> None:
        self.client(state).delete_cluster(cluster=self.id)


class ClusterCapacityProviders(AwsResource):
    sdk = "pulumi_aws.ecs:ClusterCapacityProviders"
    title = "ECS Cluster Capacity Providers"
    service = "ecs"
    inputs = properties(
        capacityProviders=Property(same=same_set),
        clusterName=Property(replaces=True),
        defaultCapacityProviderStrategies=Property(same=same_strategies),
        region=REGION,
    )
    retry_delete_on = ("ResourceInUseException", "UpdateInProgressException")

    def create(self, inputs: Properties) -> str:
        self._put(
            inputs["clusterName"],
            inputs,
            providers=inputs.get("capacityProviders") or [],
            strategies=inputs.get("defaultCapacityProviderStrategies") or [],
        )
        return inputs["clusterName"]

    def update(self, change: Change) -> None:
        self.create(change.new)

    def read(self, state: Properties) -> Properties | None:
        clusters = self.client(state).describe_clusters(clusters=[self.id])["clusters"]
        cluster = next(iter(clusters), None)
        if cluster is None or cluster["status"] == "INACTIVE":
            return None
        return {
            "capacityProviders": cluster.get("capacityProviders") or [],
            "clusterName": self.id,
            "defaultCapacityProviderStrategies": cluster.get("defaultCapacityProviderStrategy") or [],
            "region": self.region(state),
        }

    def delete(self, state: Properties) -> None:
        self._put(self.id, state, providers=[], strategies=[])

    def _put(self, cluster: str, inputs: Properties, *, providers: list[str], strategies: list[dict[str, Any]]) -> None:
        self.client(inputs).put_cluster_capacity_providers(
            cluster=cluster, capacityProviders=providers, defaultCapacityProviderStrategy=strategies
        )


RESOURCES = (Cluster, ClusterCapacityProviders)
