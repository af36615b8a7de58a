"""ElastiCache: caches of one node as replication groups, and the subnets that they are in."""

from typing import Any

from local.providers.aws.resource import ArnTaggedResource, Field
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_set
from local.providers.values import Properties

CREATE_TIMEOUT, UPDATE_TIMEOUT, DELETE_TIMEOUT = 60 * 60.0, 40 * 60.0, 45 * 60.0
"""Seconds, as in the real provider, unless `custom_timeouts` says otherwise."""
POLL_INTERVAL = 0.5


class _ElastiCacheResource(ArnTaggedResource):
    """A resource type of ElastiCache."""

    service = "elasticache"


class SubnetGroup(_ElastiCacheResource):
    sdk = "pulumi_aws.elasticache:SubnetGroup"
    title = "ElastiCache Subnet Group"
    inputs = properties(
        description=Field(api="CacheSubnetGroupDescription", default="Managed by Pulumi"),
        name=Field(api="CacheSubnetGroupName", replaces=True, computed=True),
        subnetIds=Field(answer="Subnets[].SubnetIdentifier", same=same_set),
    )
    outputs = {"arn": "ARN", "vpcId": "VpcId"}
    identity = "{name}"
    creates, updates, deletes = "create_cache_subnet_group", "modify_cache_subnet_group", "delete_cache_subnet_group"
    reads, described = "describe_cache_subnet_groups", "CacheSubnetGroups[0]"
    auto_name = AutoName(max_length=255)
    retry_delete_on = ("CacheSubnetGroupInUse",)


class ReplicationGroup(_ElastiCacheResource):
    """A primary node, without cluster mode, by its name."""

    sdk = "pulumi_aws.elasticache:ReplicationGroup"
    title = "ElastiCache Replication Group"
    inputs = properties(
        applyImmediately=Property(default=False),
        atRestEncryptionEnabled=Field(replaces=True, computed=True),
        authToken=Field(),
        autoMinorVersionUpgrade=Field(computed=True),
        description=Field(api="ReplicationGroupDescription", answer="Description"),
        engine=Field(computed=True),
        engineVersion=Field(computed=True),
        nodeType=Field(api="CacheNodeType", computed=True),
        numCacheClusters=Field(answer="length(MemberClusters)", computed=True),
        port=Field(replaces=True, answer="NodeGroups[0].PrimaryEndpoint.Port"),
        replicationGroupId=Field(replaces=True, computed=True),
        securityGroupIds=Field(answer="Member.SecurityGroups[].SecurityGroupId", computed=True, same=same_set),
        subnetGroupName=Field(
            api="CacheSubnetGroupName", answer="Member.CacheSubnetGroupName", replaces=True, computed=True
        ),
        transitEncryptionEnabled=Field(computed=True),
    )
    outputs = {
        "arn": "ARN",
        "clusterMode": "ClusterMode",
        "engineVersionActual": "Member.EngineVersion",
        "memberClusters": "MemberClusters",
        "primaryEndpointAddress": "NodeGroups[0].PrimaryEndpoint.Address",
        "readerEndpointAddress": "NodeGroups[0].ReaderEndpoint.Address",
    }
    identity = "{replicationGroupId}"
    auto_name = AutoName(max_length=40, property="replicationGroupId")
    secret_outputs = frozenset({"authToken"})
    retry_delete_on = ("InvalidReplicationGroupState",)

    def create(self, inputs: Properties) -> str:
        answer = self.call("create_replication_group", inputs, **self.creation_tags(inputs))
        self._wait_until_available(inputs, CREATE_TIMEOUT)
        return answer["ReplicationGroup"]["ReplicationGroupId"]

    def update(self, change: Change) -> None:
        changed = {name for name, _ in self.fields()} & change.names
        if changed:
            sent = {name: change.new[name] for name in {*changed, "replicationGroupId", "region"} if name in change.new}
            self.call("modify_replication_group", sent, ApplyImmediately=bool(change.new.get("applyImmediately")))
            self._wait_until_available(change.new, UPDATE_TIMEOUT)
        super().update(change)

    def describe(self, state: Properties) -> Any:
        found = self._found(state)
        if found is None:
            return None
        members = self.client(state).describe_cache_clusters(CacheClusterId=found["MemberClusters"][0])
        return self.tagged(state, {**found, "Member": members["CacheClusters"][0]})

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        # What ElastiCache says of the version is longer than what was asked for; the token, it does not say.
        kept = {name: state[name] for name in ("authToken", "engineVersion") if state.get(name) is not None}
        return {**super().outputs_of(found, state), **kept}

    def delete(self, state: Properties) -> None:
        self.client(state).delete_replication_group(ReplicationGroupId=state["replicationGroupId"])
        while self._found(state) is not None:
            self._wait(DELETE_TIMEOUT, "deleted")

    def _found(self, state: Properties) -> Any:
        client = self.client(state)
        try:
            answer = client.describe_replication_groups(ReplicationGroupId=state["replicationGroupId"])
        except client.exceptions.ReplicationGroupNotFoundFault:
            return None
        return answer["ReplicationGroups"][0]

    def _wait_until_available(self, state: Properties, timeout: float) -> None:
        while True:
            found = self._found(state)
            status = found["Status"] if found else "gone"
            if status == "available":
                return
            if status in ("create-failed", "gone"):
                raise ProviderError(
                    f"waiting for {self.title} ({state['replicationGroupId']}): unexpected state '{status}'"
                )
            self._wait(timeout, "available")

    def _wait(self, timeout: float, wanted: str) -> None:
        if not self.operation.wait(POLL_INTERVAL, timeout):
            raise ProviderError(
                f"waiting for {self.title} ({self.id}): timeout while waiting for state to become '{wanted}'"
            )
