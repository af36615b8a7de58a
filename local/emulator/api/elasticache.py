"""The ElastiCache API on top of moto's: replication groups of one node, with a real Valkey behind each.

Subnet groups and tags are kept by moto. What AWS would refuse is in `elasticache_rules`.
"""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, cast

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import EC2Backend, ec2_backends
from moto.elasticache import urls
from moto.elasticache.exceptions import (
    CacheClusterNotFound,
    CacheSubnetGroupNotFound,
    ElastiCacheException,
    InvalidParameterCombinationException,
    InvalidParameterValueException,
    ReplicationGroupAlreadyExists,
    ReplicationGroupNotFound,
)
from moto.elasticache.models import CacheSubnetGroup, ElastiCacheBackend, elasticache_backends
from moto.elasticache.responses import ElastiCacheResponse
from moto.utilities.utils import get_partition

from local.emulator.api.elasticache_rules import (
    VERSIONS,
    Request,
    refuse_change,
    refuse_creation,
    refuse_deletion,
    refuse_subnet_group,
)
from local.emulator.api.linked_role import is_first_used
from local.emulator.api.managed import LEAST_SECONDS, new_address, work_on
from local.emulator.engines.certificates import Certificate
from local.emulator.engines.valkey import ValkeyServer
from local.emulator.fargate.network import ManagedNetworkInterface

_REBOOT_SECONDS = 5.0
"""How long nobody reaches a node that is rebooted: for longer than clients try again by themselves."""

_REBOOTING = "rebooting cluster nodes"


class Caches:
    """The caches of every region, behind one lock, and the servers behind them."""

    def __init__(self, folder: Path, authority: Certificate, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing runs yet; the servers' files will be in `folder`.

        :param authority: Signs the servers' certificates.
        :param loop: Carries the connections.
        """
        self.lock = threading.RLock()
        self.ended = threading.Event()
        self._folder = folder
        self._authority = authority
        self._loop = loop

    def install(self) -> None:
        """Must run before the first request: moto makes a region's backend when it is first asked for."""
        StrictElastiCacheBackend.plane = self
        elasticache_backends.backend = StrictElastiCacheBackend
        urls.url_paths["{0}/$"] = _Response.dispatch

    def new_server(self, name: str, port: int) -> ValkeyServer:
        """Return the server of a new cache."""
        return ValkeyServer(self._folder / name, new_address(), port, self._authority, self._loop)

    def stop(self) -> None:
        """End every server."""
        self.ended.set()
        for account in list(elasticache_backends.values()):
            for backend in list(account.values()):
                for cache in cast(StrictElastiCacheBackend, backend).caches.values():
                    cache.server.stop()


class Cache:
    """A replication group: its one node is a server, with a network interface in its subnet group's first subnet."""

    def __init__(self, backend: "StrictElastiCacheBackend", request: Request, subnet_group: CacheSubnetGroup) -> None:
        self.id: str = request["ReplicationGroupId"].lower()
        partition = get_partition(backend.region_name)
        self.arn = f"arn:{partition}:elasticache:{backend.region_name}:{backend.account_id}:replicationgroup:{self.id}"
        self.status = "creating"
        self.token: str = request["AuthToken"]
        self.description: str = request["ReplicationGroupDescription"]
        self.node_type: str = request["CacheNodeType"]
        self.version: str = request.get("EngineVersion") or VERSIONS[-1]
        self.upgrades = bool(request.get("AutoMinorVersionUpgrade", True))
        self.encrypted_at_rest = bool(request.get("AtRestEncryptionEnabled", True))
        self.security_groups: list[str] = list(request.get("SecurityGroupIds") or [])
        self.subnet_group = subnet_group
        self.port = int(request.get("Port") or 6379)
        self.created = datetime.now(UTC)
        self.server = backend.plane.new_server(uuid.uuid4().hex, self.port)
        self._ec2: EC2Backend = ec2_backends[backend.account_id][backend.region_name]
        self.interface = cast(
            ManagedNetworkInterface,
            ManagedNetworkInterface(
                self._ec2,
                subnet_group.subnets[0]["subnet_identifier"],
                self.security_groups,
                f"ElastiCache {self.member}",
                self.server.address,
            ),
        )
        self._ec2.enis[self.interface.id] = self.interface

    @property
    def member(self) -> str:
        """The name of the one node, which is a cache cluster of its own."""
        return f"{self.id}-001"

    def move_to(self, security_groups: list[str]) -> None:
        """Have other groups tell who reaches the cache."""
        self.security_groups = security_groups
        self._ec2.modify_network_interface_attribute(self.interface.id, security_groups)

    def remove(self) -> None:
        """End the server and free the interface."""
        self.server.stop()
        self._ec2.enis.pop(self.interface.id, None)

    def as_group(self) -> dict[str, Any]:
        """Return what DescribeReplicationGroups says; where the cache is found, it does not say before it is there."""
        endpoint = {"Address": self.server.address, "Port": self.port}
        node_group = {
            "NodeGroupId": "0001",
            "Status": self.status,
            "PrimaryEndpoint": endpoint,
            "ReaderEndpoint": endpoint,
            "NodeGroupMembers": [
                {
                    "CacheClusterId": self.member,
                    "CacheNodeId": "0001",
                    "CurrentRole": "primary",
                    "PreferredAvailabilityZone": self.interface.availability_zone,
                    "ReadEndpoint": endpoint,
                }
            ],
        }
        return {
            **self._common(),
            "AutomaticFailover": "disabled",
            "ClusterEnabled": False,
            "ClusterMode": "disabled",
            "Description": self.description,
            "MemberClusters": [self.member],
            "MultiAZ": "disabled",
            "NodeGroups": [] if self.status == "creating" else [node_group],
            "ReplicationGroupCreateTime": self.created,
            "ReplicationGroupId": self.id,
            "Status": "modifying" if self.status == _REBOOTING else self.status,
        }

    def as_cluster(self) -> dict[str, Any]:
        """Return what DescribeCacheClusters says of the node."""
        return {
            **self._common(),
            "CacheClusterCreateTime": self.created,
            "CacheClusterId": self.member,
            "CacheClusterStatus": self.status,
            "CacheParameterGroup": {"CacheParameterGroupName": f"default.valkey{self.version[0]}"},
            "CacheSubnetGroupName": self.subnet_group.cache_subnet_group_name,
            "EngineVersion": f"{self.version}.0",
            "NumCacheNodes": 1,
            "ReplicationGroupId": self.id,
            "SecurityGroups": [{"SecurityGroupId": each, "Status": "active"} for each in self.security_groups],
        }

    def _common(self) -> dict[str, Any]:
        return {
            "ARN": self.arn,
            "AtRestEncryptionEnabled": self.encrypted_at_rest,
            "AuthTokenEnabled": True,
            "AutoMinorVersionUpgrade": self.upgrades,
            "CacheNodeType": self.node_type,
            "Engine": "valkey",
            "SnapshotRetentionLimit": 0,
            "TransitEncryptionEnabled": True,
            "TransitEncryptionMode": "required",
        }


class StrictElastiCacheBackend(ElastiCacheBackend):
    """moto's ElastiCache, with servers and with what AWS refuses."""

    # moto finds a service's URLs beside the module of its backend class.
    __module__ = ElastiCacheBackend.__module__
    plane: ClassVar[Caches]

    @property
    def caches(self) -> dict[str, Cache]:
        """The replication groups by their ids, where moto has its own."""
        return cast(dict[str, Cache], self.replication_groups)

    def create_cache(self, request: Request) -> Cache:
        refuse_creation(request)
        self._refuse_without_role()
        identifier = request["ReplicationGroupId"].lower()
        if identifier in self.caches:
            raise ReplicationGroupAlreadyExists(identifier)
        subnet_group = self.subnet_group(request["CacheSubnetGroupName"])
        self._refuse_groups(request.get("SecurityGroupIds") or [], subnet_group)
        cache = Cache(self, request, subnet_group)
        if tags := request.get("Tags"):
            self.tagging_service.tag_resource(cache.arn, tags)
        self.caches[identifier] = cache
        self._work(cache, "creating", lambda: cache.server.start(cache.token))
        return cache

    def modify_cache(self, request: Request) -> Cache:
        cache = self._available(request["ReplicationGroupId"])
        refuse_change(request)
        groups = request.get("SecurityGroupIds")
        if groups:
            self._refuse_groups(groups, cache.subnet_group)
            cache.move_to(list(groups))
        cache.description = request.get("ReplicationGroupDescription") or cache.description
        cache.node_type = request.get("CacheNodeType") or cache.node_type
        cache.upgrades = bool(request.get("AutoMinorVersionUpgrade", cache.upgrades))
        self._work(cache, "modifying", lambda: None)
        return cache

    def reboot_cache(self, request: Request) -> Cache:
        """Start the node again, without what was in it."""
        cache = self.member(request["CacheClusterId"])
        if cache.status != "available":
            raise _refusal("InvalidCacheClusterState", f"Cache cluster {cache.member} is not in the available state.")
        if (nodes := request["CacheNodeIdsToReboot"]) != ["0001"]:
            raise InvalidParameterValueException(f"Invalid cache node IDs: {', '.join(nodes)}; {cache.member} has 0001")

        def reboot() -> None:
            cache.server.stop()
            if not self.plane.ended.wait(_REBOOT_SECONDS):
                cache.server.start(cache.token)

        self._work(cache, _REBOOTING, reboot)
        return cache

    def delete_cache(self, request: Request) -> Cache:
        cache = self._available(request["ReplicationGroupId"], "create-failed")
        refuse_deletion(request)

        def delete() -> None:
            self.plane.ended.wait(LEAST_SECONDS)
            cache.remove()
            with self.plane.lock:
                del self.caches[cache.id]

        self._work(cache, "deleting", delete)
        return cache

    def cache(self, identifier: str) -> Cache:
        if (cache := self.caches.get(identifier.lower())) is None:
            raise ReplicationGroupNotFound(identifier)
        return cache

    def member(self, name: str) -> Cache:
        """Return the cache of a node's name."""
        for cache in self.caches.values():
            if cache.member == name.lower():
                return cache
        raise CacheClusterNotFound(name)

    def subnet_group(self, name: str) -> CacheSubnetGroup:
        group = self.cache_subnet_groups.get(name.lower())
        if group is None:
            raise CacheSubnetGroupNotFound(name)
        return group

    def create_cache_subnet_group(
        self,
        cache_subnet_group_name: str,
        cache_subnet_group_description: str,
        subnet_ids: list[str],
        tags: list[dict[str, str]] | None,
    ) -> CacheSubnetGroup:
        refuse_subnet_group(cache_subnet_group_name)
        self._refuse_without_role()
        self._refuse_subnets(subnet_ids)
        return super().create_cache_subnet_group(
            cache_subnet_group_name.lower(), cache_subnet_group_description, subnet_ids, tags
        )

    def modify_cache_subnet_group(self, name: str, description: str | None, subnet_ids: list[str]) -> CacheSubnetGroup:
        group = self.subnet_group(name)
        self._refuse_subnets(subnet_ids)
        ec2: EC2Backend = ec2_backends[self.account_id][self.region_name]
        if ec2.get_subnet(subnet_ids[0]).vpc_id != group.vpc_id:
            raise _refusal("InvalidSubnet", "The new Subnets are not in the same Vpc as the existing subnet group")
        if any(cache.interface.subnet_id not in subnet_ids for cache in self._in_group(group)):
            raise _refusal("SubnetInUse", "Some of the subnets to be deleted are currently in use.")
        made = cast(
            CacheSubnetGroup,
            CacheSubnetGroup(
                self.account_id,
                self.region_name,
                group.cache_subnet_group_name,
                description or group.cache_subnet_group_description,
                subnet_ids,
                None,
            ),
        )
        group.subnets, group.subnet_ids = made.subnets, subnet_ids
        group.cache_subnet_group_description = made.cache_subnet_group_description
        return group

    def delete_cache_subnet_group(self, name: str) -> None:
        group = self.subnet_group(name)
        for cache in self._in_group(group):
            raise _refusal(
                "CacheSubnetGroupInUse",
                f"Cache Subnet Group {name} is currently in use by a cache cluster: {cache.member}",
            )
        del self.cache_subnet_groups[group.cache_subnet_group_name]

    def _refuse_without_role(self) -> None:
        if is_first_used(self, "ElastiCache"):
            raise _refusal(
                "ServiceLinkedRoleNotFoundFault",
                "This action cannot be completed due to insufficient permissions. (Recommended action) Please create "
                "new role using IAM API CreateServiceLinkedRole.",
            )

    def _available(self, identifier: str, *others: str) -> Cache:
        cache = self.cache(identifier)
        if cache.status not in ("available", *others):
            raise _refusal(
                "InvalidReplicationGroupState",
                f"Replication group {cache.id} is not in the available state. Its state is {cache.status}.",
            )
        return cache

    def _work(self, cache: Cache, status: str, work: Callable[[], None]) -> None:
        work_on(cache, f"cache {cache.id}", status, work, self.plane.ended, failed="create-failed")

    def _in_group(self, group: CacheSubnetGroup) -> Iterator[Cache]:
        return (each for each in self.caches.values() if each.subnet_group is group)

    def _refuse_subnets(self, subnet_ids: list[str]) -> None:
        """Raise for subnets that are not there, which moto would make up, or not in one VPC."""
        ec2: EC2Backend = ec2_backends[self.account_id][self.region_name]
        known = {str(subnet.id): str(subnet.vpc_id) for subnet in ec2.describe_subnets()}
        for unknown in sorted(set(subnet_ids) - known.keys()):
            raise _refusal("InvalidSubnet", f"The requested subnet {unknown} does not exist.")
        if len({known[each] for each in subnet_ids}) > 1:
            raise _refusal("InvalidSubnet", "The subnets are not all in a common VPC.")

    def _refuse_groups(self, group_ids: list[str], subnet_group: CacheSubnetGroup) -> None:
        ec2: EC2Backend = ec2_backends[self.account_id][self.region_name]
        for group_id in group_ids:
            group = ec2.get_security_group_from_id(group_id)
            if group is None:
                raise InvalidParameterValueException(f"Invalid security group: {group_id}")
            if group.vpc_id != subnet_group.vpc_id:
                raise InvalidParameterCombinationException(
                    f"The security group {group_id} is not in the VPC of the subnet group, {subnet_group.vpc_id}"
                )


def _refusal(code: str, message: str) -> ElastiCacheException:
    refusal = ElastiCacheException(message)
    refusal.code = code
    return refusal


class _Response(ElastiCacheResponse):
    """moto's endpoint, with what it lacks."""

    @property
    def _backend(self) -> StrictElastiCacheBackend:
        return cast(StrictElastiCacheBackend, self.elasticache_backend)

    def create_replication_group(self) -> ActionResult:
        return self._locked(self._backend.create_cache)

    def modify_replication_group(self) -> ActionResult:
        return self._locked(self._backend.modify_cache)

    def delete_replication_group(self) -> ActionResult:
        return self._locked(self._backend.delete_cache)

    def describe_replication_groups(self) -> ActionResult:
        name = self._get_param("ReplicationGroupId")
        caches = [self._backend.cache(name)] if name else list(self._backend.caches.values())
        return ActionResult({"ReplicationGroups": [each.as_group() for each in caches]})

    def describe_cache_clusters(self) -> ActionResult:
        name = self._get_param("CacheClusterId")
        caches = [self._backend.member(name)] if name else list(self._backend.caches.values())
        return ActionResult({"CacheClusters": [each.as_cluster() for each in caches]})

    def reboot_cache_cluster(self) -> ActionResult:
        with self._backend.plane.lock:
            return ActionResult({"CacheCluster": self._backend.reboot_cache(self._get_params()).as_cluster()})

    def create_cache_cluster(self) -> ActionResult:
        raise InvalidParameterCombinationException("The local cloud has no caches outside of replication groups")

    def modify_cache_subnet_group(self) -> ActionResult:
        name, description = self._get_param("CacheSubnetGroupName"), self._get_param("CacheSubnetGroupDescription")
        with self._backend.plane.lock:
            group = self._backend.modify_cache_subnet_group(name, description, self._get_param("SubnetIds", []))
        return ActionResult({"CacheSubnetGroup": group})

    def delete_cache_subnet_group(self) -> ActionResult:
        with self._backend.plane.lock:
            self._backend.delete_cache_subnet_group(self._get_param("CacheSubnetGroupName"))
        return EmptyResult()

    def _locked(self, call: Callable[[Request], Cache]) -> ActionResult:
        with self._backend.plane.lock:
            return ActionResult({"ReplicationGroup": call(self._get_params()).as_group()})
