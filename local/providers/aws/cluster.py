"""ECS clusters and their capacity providers."""

from collections.abc import Iterable, Mapping
from typing import Any

import jmespath

from local.providers.aws.resource import AwsResource, Field, TaggedResource
from local.providers.naming import AutoName
from local.providers.resource import Change, properties, same_set
from local.providers.values import Properties

DELETE_SECONDS = 10 * 60.0

ACTIVE = "clusters[?status != 'INACTIVE'] | [0]"
"""The cluster of an answer; ECS goes on describing a deleted one for a while."""


class EcsResource(AwsResource):
    """A resource of ECS, which spells all names as Pulumi does."""

    service = "ecs"

    @staticmethod
    def spell(name: str) -> str:
        return name


class EcsTaggedResource(EcsResource, TaggedResource):
    """A resource of ECS with tags."""

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        ecs, arn = self.client(state), state.get("arn", self.id)
        if removed:
            ecs.untag_resource(resourceArn=arn, tagKeys=list(removed))
        if added:
            ecs.tag_resource(resourceArn=arn, tags=self.tag_list(added))


class Cluster(EcsTaggedResource):
    sdk = "pulumi_aws.ecs:Cluster"
    title = "ECS Cluster"
    inputs = properties(name=Field(api="clusterName", replaces=True, computed=True))
    outputs = {"arn": "clusterArn"}
    identity = "cluster.clusterArn"
    creates = "create_cluster"
    auto_name = AutoName(max_length=255)
    retry_delete_on = (
        "ClusterContainsContainerInstancesException",
        "ClusterContainsServicesException",
        "ClusterContainsTasksException",
        "ResourceInUseException",
        "UpdateInProgressException",
    )
    delete_seconds = DELETE_SECONDS

    def describe(self, state: Properties) -> Any:
        included = ["SETTINGS", "TAGS", "CONFIGURATIONS"]
        return jmespath.search(ACTIVE, self.client(state).describe_clusters(clusters=[self.id], include=included))

    def delete(self, state: Properties) -> None:
        self.client(state).delete_cluster(cluster=self.id)


class ClusterCapacityProviders(EcsResource):
    sdk = "pulumi_aws.ecs:ClusterCapacityProviders"
    title = "ECS Cluster Capacity Providers"
    inputs = properties(
        capacityProviders=Field(same=same_set),
        clusterName=Field(replaces=True),
    )
    identity = "{clusterName}"
    retry_delete_on = ("ResourceInUseException", "UpdateInProgressException")
    delete_seconds = DELETE_SECONDS

    def create(self, inputs: Properties) -> str:
        self._put(inputs, inputs.get("capacityProviders") or [])
        return inputs["clusterName"]

    def update(self, change: Change) -> None:
        self.create(change.new)

    def describe(self, state: Properties) -> Any:
        return jmespath.search(ACTIVE, self.client(state).describe_clusters(clusters=[self.id]))

    def delete(self, state: Properties) -> None:
        self._put(state, [])

    def _put(self, state: Properties, providers: list[str]) -> None:
        self.client(state).put_cluster_capacity_providers(
            cluster=state["clusterName"], capacityProviders=providers, defaultCapacityProviderStrategy=[]
        )
