"""What ElastiCache refuses of a cache and its subnets, in AWS's words where they are known.

The local cloud has one kind of cache: Valkey on one node, without cluster mode, with TLS and a token.
"""

import re
from collections.abc import Mapping
from typing import Any

from moto.elasticache.exceptions import InvalidParameterCombinationException, InvalidParameterValueException

from local.emulator.engines.valkey import UNAVAILABLE

VERSIONS = ("7.2", "8.0", "8.1", "8.2")
"""Those that can be asked for; the server behind each is the same."""

# What a request has of a cache that this machine serves. Anything else is refused, not ignored.
_CREATION = {
    *("AtRestEncryptionEnabled", "AuthToken", "AutoMinorVersionUpgrade", "AutomaticFailoverEnabled", "CacheNodeType"),
    *("CacheParameterGroupName", "CacheSubnetGroupName", "Engine", "EngineVersion", "MultiAZEnabled"),
    *("NumCacheClusters", "Port", "ReplicationGroupDescription", "ReplicationGroupId", "SecurityGroupIds", "Tags"),
    *("SnapshotRetentionLimit", "TransitEncryptionEnabled", "TransitEncryptionMode"),
}
_CHANGE = {
    *("ApplyImmediately", "AutoMinorVersionUpgrade", "CacheNodeType", "ReplicationGroupDescription"),
    *("ReplicationGroupId", "SecurityGroupIds"),
}
_DELETION = {"ReplicationGroupId", "RetainPrimaryCluster"}

Request = Mapping[str, Any]


def refuse_creation(request: Request) -> None:
    """Raise for a request to CreateReplicationGroup that AWS, or this machine, does not serve."""
    if UNAVAILABLE:
        raise InvalidParameterCombinationException(UNAVAILABLE)
    _refuse_unknown(request, _CREATION)
    identifier = request["ReplicationGroupId"]
    # Amazon ElastiCache API reference, CreateReplicationGroup.
    if not re.fullmatch(r"(?=.{1,40}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", identifier):
        raise InvalidParameterValueException(
            f"The parameter ReplicationGroupIdentifier is not a valid identifier: {identifier}. Identifiers have 1 to "
            "40 letters, digits and hyphens, begin with a letter, and neither end with a hyphen nor have two in a row."
        )
    if not request.get("ReplicationGroupDescription"):
        raise InvalidParameterValueException("The parameter ReplicationGroupDescription must be provided.")
    if request.get("Engine") != "valkey":
        raise InvalidParameterValueException(f"The local cloud has the engine valkey only, not {request.get('Engine')}")
    if (version := request.get("EngineVersion")) and version not in VERSIONS:
        raise InvalidParameterCombinationException(
            f"Cannot find version {version} for valkey (the local cloud takes {', '.join(VERSIONS)})"
        )
    if (
        request.get("NumCacheClusters", 1) != 1
        or request.get("AutomaticFailoverEnabled")
        or request.get("MultiAZEnabled")
    ):
        raise InvalidParameterCombinationException("The local cloud has caches with one node only, and no failover")
    if request.get("SnapshotRetentionLimit"):
        raise InvalidParameterCombinationException("The local cloud takes no snapshots of caches")
    if not request.get("CacheSubnetGroupName"):
        raise InvalidParameterValueException("The local cloud has no default subnet group: set CacheSubnetGroupName")
    _refuse_encryption(request)
    _refuse_node_type(request["CacheNodeType"] if request.get("CacheNodeType") else "")


def refuse_change(request: Request) -> None:
    """Raise for a request to ModifyReplicationGroup that AWS does not serve, or that waits for a maintenance window."""
    _refuse_unknown(request, _CHANGE)
    if request.get("CacheNodeType"):
        _refuse_node_type(request["CacheNodeType"])
        if not request.get("ApplyImmediately"):
            raise InvalidParameterCombinationException(
                "The local cloud has no maintenance window in which CacheNodeType would change: set ApplyImmediately"
            )


def refuse_deletion(request: Request) -> None:
    """Raise for a request to DeleteReplicationGroup that leaves something behind."""
    _refuse_unknown(request, _DELETION)
    if request.get("RetainPrimaryCluster"):
        raise InvalidParameterCombinationException("The local cloud has no caches outside of replication groups")


def refuse_subnet_group(name: str) -> None:
    """Raise for a name that no subnet group has."""
    if not re.fullmatch(r"[a-z0-9-]{1,255}", name.lower()) or name.lower() == "default":
        raise InvalidParameterValueException(f"The parameter CacheSubnetGroupName is not a valid identifier: {name}")


def _refuse_unknown(request: Request, known: set[str]) -> None:
    for name in sorted(request.keys() - known):
        if request[name] not in (None, [], ""):
            raise InvalidParameterCombinationException(f"The local cloud has no caches with {name}")


def _refuse_encryption(request: Request) -> None:
    token = request.get("AuthToken")
    if token is not None and not request.get("TransitEncryptionEnabled"):
        raise InvalidParameterCombinationException(
            "AuthToken can only be specified when transit encryption is enabled."
        )
    if not request.get("TransitEncryptionEnabled") or request.get("TransitEncryptionMode") == "preferred":
        raise InvalidParameterCombinationException("The local cloud has caches with TransitEncryptionEnabled only")
    # Amazon ElastiCache user guide, "Authenticating with the AUTH command".
    if token is None:
        raise InvalidParameterCombinationException("The local cloud has caches with AuthToken only")
    if not re.fullmatch(r"[A-Za-z0-9!&#$^<>-]{16,128}", token):
        raise InvalidParameterValueException(
            "Invalid AuthToken provided: use 16 to 128 letters, digits and the characters ! & # $ ^ < > -"
        )


def _refuse_node_type(node_type: str) -> None:
    if not re.fullmatch(r"cache\.[a-z][a-z0-9]*\.([0-9]*x?large|micro|small|medium)", node_type):
        raise InvalidParameterValueException(f"Invalid Cache Node Type: {node_type}.")
