"""What RDS refuses of a PostgreSQL instance and its groups and moto does not, in AWS's words where they are known."""

import re
from collections.abc import Mapping
from typing import Any

from moto.ec2.models.subnets import Subnet
from moto.rds.exceptions import InvalidParameterCombination, InvalidParameterValue, RDSClientError

from local.emulator.engines.postgres import ADMINISTRATOR, UNAVAILABLE, VERSION

MAJOR_VERSION = VERSION.partition(".")[0]
FAMILY = f"postgres{MAJOR_VERSION}"
FAMILIES = tuple(f"postgres{version}" for version in range(14, 18 + 1))
"""Those of parameter groups; there are instances of one of them only."""
FORCE_TLS = "rds.force_ssl"
"""The one parameter that the local cloud applies."""
LIFECYCLES = ("open-source-rds-extended-support", "open-source-rds-extended-support-disabled")
"""What may become of an instance when the support of its version ends, the default first."""

# Amazon RDS user guide: "Settings for DB instances", "Amazon RDS DB instance storage", PostgreSQL with gp3.
_STORAGE_GIB = range(20, 65536 + 1)
_PASSWORD_LENGTHS = range(8, 128 + 1)
_BACKUP_DAYS = range(35 + 1)
# Of the growth of the storage that autoscaling may reach, and of a change of the storage itself.
_LEAST_GROWTH = 1.1
# What CreateDBInstance would take, and the local cloud has no server for.
_NOT_HERE = (
    "db_cluster_identifier",
    "domain",
    "enable_iam_database_authentication",
    "manage_master_user_password",
    "monitoring_interval",
    "option_group_name",
)

Request = Mapping[str, Any]


def refuse_instance(request: Request) -> None:
    """Raise for an instance, new or from a snapshot, that AWS, or this machine, does not serve."""
    if UNAVAILABLE:
        raise InvalidParameterCombination(UNAVAILABLE)
    if request["engine"] != "postgres":
        raise InvalidParameterValue(f"Invalid DB engine: the local cloud has postgres only, not {request['engine']}")
    for name in _NOT_HERE:
        if request.get(name):
            raise InvalidParameterCombination(f"The local cloud has no RDS instances with {name}")
    _refuse_version(request.get("engine_version") or VERSION)
    _refuse_username(request.get("master_username"))
    lifecycle = request.get("engine_lifecycle_support") or LIFECYCLES[0]
    if lifecycle not in LIFECYCLES:
        raise InvalidParameterValue(f"Invalid engine lifecycle support type: {lifecycle}")
    if (name := request.get("db_name")) and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", name):
        raise InvalidParameterValue(
            "DBName must begin with a letter and contain only alphanumeric characters and underscores."
        )
    if not request.get("db_subnet_group_name"):
        raise InvalidParameterValue("The local cloud has no default subnet group: set DBSubnetGroupName")
    _refuse_settings(request)


def refuse_missing(request: Request) -> None:
    """Raise for a request to CreateDBInstance without what only a snapshot would have."""
    for name, parameter in (("allocated_storage", "AllocatedStorage"), ("master_user_password", "MasterUserPassword")):
        if not request.get(name):
            raise InvalidParameterValue(f"The parameter {parameter} must be provided and must not be blank.")


def refuse_change(request: Request, allocated_storage: int) -> None:
    """Raise for a request to ModifyDBInstance that AWS does not serve, or that waits for a maintenance window."""
    if request.get("new_db_instance_identifier"):
        raise InvalidParameterCombination("The local cloud does not rename RDS instances")
    for name in ("db_subnet_group_name", "db_port_number", *_NOT_HERE):
        if request.get(name):
            raise InvalidParameterCombination(f"The local cloud does not change {name} of RDS instances")
    if request.get("engine_version"):
        _refuse_version(request["engine_version"])
    storage = request.get("allocated_storage")
    if storage is not None and storage != allocated_storage and storage < allocated_storage * _LEAST_GROWTH:
        raise InvalidParameterCombination(
            f"Invalid storage size for engine name postgres and storage type gp3: {storage}. It must be at least 10 "
            f"percent more than the present {allocated_storage}, and it never shrinks."
        )
    if not request.get("apply_immediately"):
        for name in ("allocated_storage", "db_instance_class", "engine_version", "multi_az", "storage_type"):
            if request.get(name) is not None:
                raise InvalidParameterCombination(
                    f"The local cloud has no maintenance window in which {name} would change: set ApplyImmediately"
                )
    _refuse_settings({"allocated_storage": allocated_storage, **request})


def refuse_deletion(request: Request) -> None:
    """Raise for a request to DeleteDBInstance that says nothing, or two things, about a final snapshot."""
    skip, name = request.get("skip_final_snapshot"), request.get("final_db_snapshot_identifier")
    if not skip and not name:
        raise InvalidParameterCombination(
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
        )
    if skip and name:
        raise InvalidParameterCombination(
            "FinalDBSnapshotIdentifier can not be specified when SkipFinalSnapshot is true."
        )


def refuse_snapshot_name(name: str) -> None:
    """Raise for a name that nobody can give a snapshot: RDS has the colon for those that it takes by itself."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*", name) or len(name) > 255:
        raise InvalidParameterValue(
            "The parameter DBSnapshotIdentifier is not a valid identifier. Identifiers must begin with a letter; must "
            "contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "
            "consecutive hyphens."
        )


def refuse_subnets(name: str, subnets: list[Subnet]) -> None:
    """Raise for subnets that no subnet group can consist of."""
    if not re.fullmatch(r"[a-z0-9 ._-]{1,255}", name) or name == "default":
        raise InvalidParameterValue(f"The parameter DBSubnetGroupName is not a valid identifier: {name}")
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise RDSClientError("InvalidSubnet", "The subnets are not all in a common VPC.")
    zones = sorted({subnet.availability_zone for subnet in subnets})
    # Amazon RDS user guide, "Working with DB subnet groups".
    if len(zones) < 2:
        raise RDSClientError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {', '.join(zones)}. Add subnets to cover at least 2 AZs.",
        )


def refuse_family(name: str, family: str | None) -> None:
    """Raise for a parameter group of another family than an instance's version has."""
    if family != FAMILY:
        raise InvalidParameterCombination(
            f"The Parameter Group {name} with DBParameterGroupFamily {family} cannot be used for this instance. "
            f"Please use a Parameter Group with DBParameterGroupFamily {FAMILY}"
        )


def refuse_parameters(parameters: list[dict[str, Any]]) -> None:
    """Raise for parameters that RDS for PostgreSQL does not have, or that the local cloud does not apply."""
    for parameter in parameters:
        name, value = parameter.get("ParameterName"), parameter.get("ParameterValue")
        if name != FORCE_TLS:
            raise InvalidParameterValue(
                f"Could not find parameter with name: {name} (the local cloud applies {FORCE_TLS} only)"
            )
        if value not in ("0", "1"):
            raise InvalidParameterValue(f"Invalid parameter value: {value} for: {name} allowed values are: 0,1")


def _refuse_settings(request: Request) -> None:
    """Raise for values that neither a new nor a changed instance may have."""
    instance_class = request.get("db_instance_class")
    if instance_class and not re.fullmatch(r"db\.[a-z][a-z0-9]*\.([0-9]*x?large|micro|small|medium)", instance_class):
        raise InvalidParameterValue(f"Invalid DB Instance class: {instance_class}")
    storage, limit = request.get("allocated_storage"), request.get("max_allocated_storage")
    if storage is not None and storage not in _STORAGE_GIB:
        raise InvalidParameterValue(f"Invalid storage size for engine name postgres and storage type gp3: {storage}")
    # AWS turns autoscaling off when both are the same.
    if storage is not None and limit is not None and limit != storage and limit < storage * _LEAST_GROWTH:
        raise InvalidParameterCombination(
            f"Max storage size {limit} must be at least 10 percent greater than the storage size {storage}"
        )
    if (days := request.get("backup_retention_period")) is not None and days not in _BACKUP_DAYS:
        raise InvalidParameterValue(f"Invalid backup retention period: {days}. Must be between 0 and 35.")
    if (password := request.get("master_user_password")) is not None:
        _refuse_password(password)


def _refuse_password(password: str) -> None:
    if len(password) not in _PASSWORD_LENGTHS:
        raise InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 or longer than "
            "128 characters."
        )
    if not re.fullmatch(r"[!-~]+", password) or re.search(r"""[/@"]""", password):
        raise InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password. "
            "Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
        )


def _refuse_username(username: str | None) -> None:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,62}", username or ""):
        raise InvalidParameterValue(f"The parameter MasterUsername is not a valid identifier: {username}")
    if str(username).lower() in ("admin", ADMINISTRATOR) or str(username).lower().startswith("pg_"):
        raise InvalidParameterValue(
            f"MasterUsername {username} cannot be used as it is a reserved word used by the engine"
        )


def _refuse_version(version: str) -> None:
    if version not in (MAJOR_VERSION, VERSION):
        raise InvalidParameterCombination(
            f"Cannot find version {version} for postgres (the local cloud has {VERSION} only)"
        )
