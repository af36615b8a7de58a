"""The RDS API on top of moto's: PostgreSQL instances with a real server behind each, whose data snapshots copy.

Parameter groups, subnet groups and tags are kept by moto. What AWS would refuse is in `rds_rules`.
"""

import secrets
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar, cast

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.subnets import Subnet
from moto.rds.exceptions import (
    DBInstanceAlreadyExists,
    DBInstanceNotFoundError,
    DBParameterGroupNotFoundError,
    DBSnapshotAlreadyExistsError,
    InvalidParameterCombination,
    InvalidParameterValue,
    RDSClientError,
)
from moto.rds.models import DBInstance, DBParameterGroup, DBSnapshot, DBSubnetGroup, RDSBackend, rds_backends

from local.emulator.api.linked_role import is_first_used
from local.emulator.api.managed import new_address, work_on
from local.emulator.api.rds_rules import (
    FAMILIES,
    FAMILY,
    FORCE_TLS,
    LIFECYCLES,
    refuse_change,
    refuse_deletion,
    refuse_family,
    refuse_instance,
    refuse_missing,
    refuse_parameters,
    refuse_snapshot_name,
    refuse_subnets,
)
from local.emulator.engines.postgres import VERSION, PostgresError, PostgresServer
from local.emulator.fargate.network import ManagedNetworkInterface

# What an instance has from its snapshot and not from the request to restore it.
_FROM_SNAPSHOT = (
    *("allocated_storage", "backup_retention_period", "db_instance_class", "db_name", "engine", "kms_key_id"),
    *("master_username", "port", "storage_encrypted", "storage_type"),
)


class Databases:
    """The database instances of every region, behind one lock, and the servers behind them."""

    def __init__(self, folder: Path) -> None:
        """Nothing runs yet; the servers' files will be in `folder`."""
        self.lock = threading.RLock()
        self.creating_seconds = 0.0
        self.ended = threading.Event()
        self._folder = folder
        self._password = secrets.token_urlsafe(24)

    def set(self, creating_seconds: float) -> None:
        """Have instances be `creating` for so long at least, as they are for minutes on AWS."""
        self.creating_seconds = creating_seconds

    def install(self) -> None:
        """Must run before the first request: moto makes a region's backend when it is first asked for."""
        StrictRDSBackend.plane = self
        rds_backends.backend = StrictRDSBackend

    def new_server(self, name: str, port: int) -> PostgresServer:
        """Return the server of a new instance."""
        return PostgresServer(self._folder / name, new_address(), port, self._password)

    def snapshot_folder(self, snapshot: DBSnapshot) -> Path:
        return self._folder / "snapshots" / snapshot.account_id / snapshot.region / snapshot.db_snapshot_identifier

    def stop(self) -> None:
        """End every server."""
        self.ended.set()
        for account in list(rds_backends.values()):
            for backend in list(account.values()):
                for database in backend.databases.values():
                    if isinstance(database, Database):
                        database.server.stop()


class Database(DBInstance):
    """moto's instance with a server, and a network interface in its subnet group's first subnet."""

    def __init__(self, backend: "StrictRDSBackend", **settings: Any) -> None:
        super().__init__(backend, **settings)
        self.status = "creating"
        self.dbi_resource_id = f"db-{uuid.uuid4().hex[:26].upper()}"
        self.license_model = "postgresql-license"
        self.engine_lifecycle_support: str = settings.get("engine_lifecycle_support") or LIFECYCLES[0]
        self.port = self.port or self.default_port(self.engine)
        self.server = backend.plane.new_server(self.dbi_resource_id, self.port)
        ec2: EC2Backend = ec2_backends[self.account_id][self.region]
        subnet = self.db_subnet_group.subnets[0]["SubnetIdentifier"]
        self.interface = cast(
            ManagedNetworkInterface,
            ManagedNetworkInterface(
                ec2, subnet, self.vpc_security_group_ids, "RDSNetworkInterface", self.server.address
            ),
        )
        ec2.enis[self.interface.id] = self.interface
        self.applied_parameter_group: str | None = None

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def endpoint(self) -> dict[str, Any] | None:  # pyright: ignore[reportIncompatibleMethodOverride] - AWS has none yet
        return None if self.status in ("creating", "failed") else {"Address": self.address, "Port": self.port}

    @property
    def parameter_group(self) -> DBParameterGroup:
        return self.db_parameter_groups()[0]

    @property
    def db_parameter_group_status_list(self) -> list[dict[str, str]]:
        name = self.parameter_group.name
        in_sync = self.applied_parameter_group in (None, name)
        return [{"DBParameterGroupName": name, "ParameterApplyStatus": "in-sync" if in_sync else "pending-reboot"}]

    def start(self) -> None:
        """Start the server with the parameters of the present group, as every start of an instance does."""
        self.applied_parameter_group = self.parameter_group.name
        self.server.start(force_tls=self._forces_tls)

    def apply_parameters(self) -> None:
        """Apply parameters that have changed in the group that the instance runs with."""
        self.server.force_tls(force=self._forces_tls)

    def remove(self) -> None:
        """End the server, delete its data and free its interface."""
        self.server.remove()
        self.interface.ec2_backend.enis.pop(self.interface.id, None)

    @property
    def _forces_tls(self) -> bool:
        # On by default since PostgreSQL 15 (Amazon RDS user guide, "Using SSL with a PostgreSQL DB instance").
        return self.parameter_group.parameters[FORCE_TLS].get("ParameterValue", "1") == "1"


class StrictRDSBackend(RDSBackend):
    """moto's RDS, with servers and with what RDS refuses."""

    # moto finds a service's URLs beside the module of its backend class.
    __module__ = RDSBackend.__module__
    plane: ClassVar[Databases]

    def create_db_instance(self, db_kwargs: Any) -> DBInstance:
        settings = dict(db_kwargs)
        with self.plane.lock:
            refuse_missing(settings)
            refuse_instance(settings)
            return self._create(settings, backup=None)

    def restore_db_instance_from_db_snapshot(self, from_snapshot_id: str, overrides: Any) -> DBInstance:
        with self.plane.lock:
            snapshot = self.get_db_snapshot(from_snapshot_id)
            if snapshot.status != "available":
                raise _invalid_state(f"DB snapshot {from_snapshot_id}", snapshot.status)
            kept = {name: getattr(snapshot.database, name) for name in _FROM_SNAPSHOT}
            settings = {**kept, **dict(overrides)}
            refuse_instance(settings)
            if settings["allocated_storage"] < kept["allocated_storage"]:
                raise InvalidParameterValue(
                    "The allocated storage size can't be less than the source snapshot or backup size."
                )
            return self._create(settings, self.plane.snapshot_folder(snapshot))

    def modify_db_instance(self, db_instance_identifier: str, db_kwargs: Any) -> DBInstance:
        changes = {name: value for name, value in dict(db_kwargs).items() if value is not None}
        with self.plane.lock:
            database = self._in_state(db_instance_identifier, "available")
            refuse_change(changes, database.allocated_storage)
            if groups := changes.get("vpc_security_group_ids"):
                self._refuse_groups(groups, database.db_subnet_group)
            if name := changes.get("db_parameter_group_name"):
                self._refuse_parameter_group(name)
            old_class, old_days = database.db_instance_class, database.backup_retention_period
            # The version that runs is the only one that can be asked for.
            changes.pop("engine_version", None)
            super().modify_db_instance(db_instance_identifier, changes)
            if groups:
                ec2: EC2Backend = ec2_backends[self.account_id][self.region_name]
                ec2.modify_network_interface_attribute(database.interface.id, groups)
            restarts = database.db_instance_class != old_class or bool(database.backup_retention_period) != bool(
                old_days
            )

            def modify() -> None:
                if password := changes.get("master_user_password"):
                    database.server.set_password(str(database.master_username), password)
                if restarts:
                    database.server.stop()
                    database.start()

            self._work(database, "modifying", modify)
            return database

    def reboot_db_instance(self, db_instance_identifier: str) -> DBInstance:
        with self.plane.lock:
            database = self._in_state(db_instance_identifier, "available")

            def reboot() -> None:
                database.server.stop()
                database.start()

            self._work(database, "rebooting", reboot)
            return database

    def delete_db_instance(
        self,
        db_instance_identifier: str,
        final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool | None = False,
        delete_automated_backups: bool | None = True,  # noqa: ARG002 - there are none
    ) -> DBInstance:
        with self.plane.lock:
            database = self._in_state(db_instance_identifier, "available", "stopped", "failed")
            if database.deletion_protection:
                raise InvalidParameterCombination(
                    "Cannot delete protected DB Instance, please disable deletion protection and try again."
                )
            refuse_deletion(
                {
                    "skip_final_snapshot": skip_final_snapshot,
                    "final_db_snapshot_identifier": final_db_snapshot_identifier,
                }
            )
            final = final_db_snapshot_identifier and self._new_snapshot(database, final_db_snapshot_identifier)

            def delete() -> None:
                if final:
                    self._back_up(database, final)
                database.remove()
                with self.plane.lock:
                    del self.databases[database.db_instance_identifier]

            self._work(database, "deleting", delete)
            return database

    def stop_db_instance(self, db_instance_identifier: str, db_snapshot_identifier: str | None = None) -> DBInstance:
        with self.plane.lock:
            database = self._in_state(db_instance_identifier, "available")
            if db_snapshot_identifier:
                raise InvalidParameterCombination("The local cloud takes no snapshot of an instance that it stops")
            self._work(database, "stopping", database.server.stop, then="stopped")
            return database

    def start_db_instance(self, db_instance_identifier: str) -> DBInstance:
        with self.plane.lock:
            database = self._in_state(db_instance_identifier, "stopped")
            self._work(database, "starting", database.start)
            return database

    def create_db_snapshot(
        self, db_instance_identifier: str, db_snapshot_identifier: str, *_: Any, tags: Any = None, **__: Any
    ) -> DBSnapshot:
        with self.plane.lock:
            database = self._in_state(db_instance_identifier, "available")
            snapshot = self._new_snapshot(database, db_snapshot_identifier, tags)
            self._work(database, "backing-up", lambda: self._back_up(database, snapshot))
            return snapshot

    def delete_db_snapshot(self, db_snapshot_identifier: str) -> DBSnapshot:
        with self.plane.lock:
            snapshot = self.get_db_snapshot(db_snapshot_identifier)
            if snapshot.status != "available":
                raise _invalid_state(f"DB snapshot {db_snapshot_identifier}", snapshot.status)
            shutil.rmtree(self.plane.snapshot_folder(snapshot))
            return super().delete_db_snapshot(db_snapshot_identifier)

    def create_subnet_group(
        self, subnet_name: str, description: str, subnets: list[Subnet], tags: Any
    ) -> DBSubnetGroup:
        with self.plane.lock:
            self._refuse_without_role(
                "Missing necessary credentials. Please check "
                "http://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAM.ServiceLinkedRoles.html"
            )
            if subnet_name in self.subnet_groups:
                raise RDSClientError(
                    "DBSubnetGroupAlreadyExists", f"The DB subnet group '{subnet_name}' already exists."
                )
            refuse_subnets(subnet_name, subnets)
            return super().create_subnet_group(subnet_name, description, subnets, tags)

    def modify_db_subnet_group(self, subnet_name: str, description: str, subnets: list[Subnet]) -> DBSubnetGroup:
        with self.plane.lock:
            [group] = self.describe_db_subnet_groups(subnet_name)
            refuse_subnets(subnet_name, subnets)
            if subnets[0].vpc_id != group.vpc_id:
                raise InvalidParameterValue("The new Subnets are not in the same Vpc as the existing subnet group")
            kept = {subnet.id for subnet in subnets}
            if any(each.interface.subnet_id not in kept for each in self._in_group(group)):
                raise RDSClientError("SubnetAlreadyInUse", "Some of the subnets to be deleted are currently in use.")
            group.subnets = subnets
            group.description = description or group.description
            return group

    def delete_subnet_group(self, subnet_name: str) -> DBSubnetGroup:
        with self.plane.lock:
            [group] = self.describe_db_subnet_groups(subnet_name)
            for database in self._in_group(group):
                raise RDSClientError(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{subnet_name}' because at least one database instance: "
                    f"{database.db_instance_identifier} is still using it.",
                )
            return super().delete_subnet_group(subnet_name)

    def create_db_parameter_group(self, db_parameter_group_kwargs: Any) -> DBParameterGroup:
        family = db_parameter_group_kwargs.get("db_parameter_group_family")
        if family not in FAMILIES:
            raise InvalidParameterValue(f"ParameterGroupFamily {family} is not a valid parameter group family")
        return super().create_db_parameter_group(db_parameter_group_kwargs)

    def describe_db_parameter_groups(self, db_parameter_group_kwargs: Any) -> list[DBParameterGroup]:
        name = db_parameter_group_kwargs.get("db_parameter_group_name")
        if name and name not in self.db_parameter_groups:
            raise DBParameterGroupNotFoundError(name)
        return super().describe_db_parameter_groups(db_parameter_group_kwargs)

    def modify_db_parameter_group(
        self, db_parameter_group_name: str, db_parameter_group_parameters: Iterable[dict[str, Any]]
    ) -> DBParameterGroup:
        parameters = list(db_parameter_group_parameters)
        with self.plane.lock:
            if db_parameter_group_name.startswith("default."):
                raise InvalidParameterValue(f"The parameter group {db_parameter_group_name} can not be modified.")
            refuse_parameters(parameters)
            group = super().modify_db_parameter_group(db_parameter_group_name, parameters)
            for database in self._with_parameters(group):
                if database.status == "available" and any(
                    each.get("ApplyMethod") == "immediate" for each in parameters
                ):
                    database.apply_parameters()
            return group

    def delete_db_parameter_group(self, db_parameter_group_name: str) -> DBParameterGroup:
        with self.plane.lock:
            [group] = self.describe_db_parameter_groups({"db_parameter_group_name": db_parameter_group_name})
            if any(self._with_parameters(group)):
                raise RDSClientError(
                    "InvalidDBParameterGroupState",
                    "One or more database instances are still members of this parameter group "
                    f"{db_parameter_group_name}, so the group cannot be deleted",
                )
            return super().delete_db_parameter_group(db_parameter_group_name)

    def _create(self, settings: dict[str, Any], backup: Path | None) -> Database:
        self._refuse_without_role(
            "Unable to create the resource. Verify that you have permission to create service linked role. Otherwise "
            "wait and try again later"
        )
        identifier = settings["db_instance_identifier"]
        if identifier in self.databases:
            raise DBInstanceAlreadyExists
        self._validate_db_identifier(identifier)
        [subnet_group] = self.describe_db_subnet_groups(settings["db_subnet_group_name"])
        self._refuse_groups(settings.get("vpc_security_group_ids") or [], subnet_group)
        if name := settings.get("db_parameter_group_name"):
            self._refuse_parameter_group(name)
        settings["engine_version"] = VERSION
        database = cast(Database, Database(self, **settings))  # moto types every constructor as BaseModel's
        self.databases[identifier] = database
        ready = time.monotonic() + self.plane.creating_seconds

        def create() -> None:
            if backup is None:
                database.server.initialize()
                database.start()
                database.server.create_owner(
                    settings["master_username"], settings["master_user_password"], database.db_name
                )
            else:
                database.server.restore(backup)
                database.start()
            self.plane.ended.wait(ready - time.monotonic())

        self._work(database, "creating", create)
        return database

    def _refuse_without_role(self, words: str) -> None:
        if is_first_used(self, "RDS"):
            raise InvalidParameterValue(words)

    def _new_snapshot(self, database: Database, identifier: str, tags: Any = None) -> DBSnapshot:
        refuse_snapshot_name(identifier)
        if identifier in self.database_snapshots:
            raise DBSnapshotAlreadyExistsError(identifier)
        snapshot = cast(DBSnapshot, DBSnapshot(self, database, identifier, tags=tags))
        snapshot.status = "creating"
        self.database_snapshots[identifier] = snapshot
        return snapshot

    def _back_up(self, database: Database, snapshot: DBSnapshot) -> None:
        try:
            database.server.back_up(self.plane.snapshot_folder(snapshot))
        except PostgresError:
            snapshot.status = "failed"
            raise
        snapshot.status = "available"

    def _work(self, database: Database, status: str, work: Callable[[], None], *, then: str = "available") -> None:
        title = f"database {database.db_instance_identifier}"
        work_on(database, title, status, work, self.plane.ended, then=then, failed="failed")

    def _in_state(self, identifier: str, *statuses: str) -> Database:
        database = self.databases.get(identifier)
        if not isinstance(database, Database):
            raise DBInstanceNotFoundError(identifier)
        if database.status not in statuses:
            raise _invalid_state(f"Instance {identifier}", database.status, statuses[0])
        return database

    def _refuse_groups(self, group_ids: list[str], subnet_group: DBSubnetGroup) -> None:
        ec2: EC2Backend = ec2_backends[self.account_id][self.region_name]
        for group_id in group_ids:
            group = ec2.get_security_group_from_id(group_id)
            if group is None:
                raise InvalidParameterValue(f"Invalid security group , groupId= {group_id}, groupName=.")
            if group.vpc_id != subnet_group.vpc_id:
                raise InvalidParameterCombination(
                    "The DB instance and EC2 security group are in different VPCs. The DB instance is in "
                    f"{subnet_group.vpc_id} and the EC2 security group is in {group.vpc_id}"
                )

    def _refuse_parameter_group(self, name: str) -> None:
        if name == f"default.{FAMILY}":
            return
        if name not in self.db_parameter_groups:
            raise DBParameterGroupNotFoundError(name)
        refuse_family(name, self.db_parameter_groups[name].family)

    def _in_group(self, group: DBSubnetGroup) -> list[Database]:
        return [each for each in self._all() if each.db_subnet_group is group]

    def _with_parameters(self, group: DBParameterGroup) -> list[Database]:
        return [each for each in self._all() if each.parameter_group is group]

    def _all(self) -> list[Database]:
        return [each for each in self.databases.values() if isinstance(each, Database)]


def _not_here(operation: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        raise InvalidParameterCombination(f"The local cloud has no {operation}: it would answer without the data")

    return refuse


for _operation in (
    "copy_db_snapshot",
    "create_db_cluster",
    "create_db_instance_read_replica",
    "restore_db_instance_to_point_in_time",
):
    setattr(StrictRDSBackend, _operation, _not_here(_operation))


def _invalid_state(what: str, status: str, wanted: str = "available") -> RDSClientError:
    code = "InvalidDBSnapshotState" if what.startswith("DB snapshot") else "InvalidDBInstanceState"
    return RDSClientError(code, f"{what} is not currently in the {wanted} state. Its state is {status}.")
