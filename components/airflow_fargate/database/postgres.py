"""PostgreSQL by RDS: an instance of the stack, which outlives every task."""

from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws
import pulumi_random as random

from ..cost import a_month_of_instance
from ..data.settings import DataSettings
from ..errors import InvalidArgumentsError
from ..linked_role import RDS
from ..network import Network
from ..part import Part, Reach, merge
from ..scope import Scope
from ..tcp import SYSTEM_CONTROLS
from .container import NO_CONNECTION_CHECK, RESULT_BACKEND_VARIABLE, Database
from .settings import PASSWORD_VARIABLE, STORAGE_GIB, DatabaseSettings
from .snapshot import find_snapshot, refuse_snapshot
from .url import CONNECTION_VARIABLE, DEFAULT_PORT

_NAME = "airflow"

# Storage grows by itself up to so many times of what was asked for, and never shrinks. RDS has no more GiB than that,
# and takes no limit that is less than a tenth above what there is.
_MOST_GROWTH = 5

# Another snapshot, or none, would mean another instance, and the loss of what has been written to this one; so would
# what an instance has from its snapshot, where that is not what is asked for. The provider changes no lifecycle, and
# would show the change each time.
_NEVER_CHANGED = ("dbName", "engineLifecycleSupport", "kmsKeyId", "snapshotIdentifier", "storageEncrypted", "username")


@dataclass(frozen=True)
class Instance:
    """An instance of RDS, its group and its password, and what it costs whether Airflow uses it or not."""

    instance: aws.rds.Instance
    security_group: aws.ec2.SecurityGroup
    password: pulumi.Output[str]
    part: Part


def postgres_database(instance: Instance) -> Database:
    """Return the database in an instance, which only the task reaches.

    The password is the component's own: one that RDS manages changes while a task runs, and ECS gives a task its
    secrets when it starts. It travels apart from the URL: both of Airflow's drivers read `PGPASSWORD`, and ask for TLS
    by themselves, but no parameter of a URL that does so is known to both.
    """
    host = instance.instance.address
    url = pulumi.Output.concat("postgresql+psycopg2://", _NAME, "@", host, f":{DEFAULT_PORT}/", _NAME)
    client = Part(
        secrets={PASSWORD_VARIABLE: instance.password},
        waits_for=(instance.instance,),
        reach=(Reach("database", "tcp", DEFAULT_PORT, instance.security_group.id),),
        system_controls=SYSTEM_CONTROLS,
    )
    return Database(
        tasks_may_overlap=True,
        part=merge(instance.part, Part(environment={**NO_CONNECTION_CHECK, CONNECTION_VARIABLE: url}), client),
        results=replace(client, environment={RESULT_BACKEND_VARIABLE: pulumi.Output.concat("db+", url)}),
    )


def create_instance(scope: Scope, settings: DatabaseSettings, network: Network, data: DataSettings) -> Instance:
    """Create an instance that takes no connection without TLS and has no way in but its own group's rules.

    With `retain_data` RDS takes a last snapshot of it when it is deleted; without, nothing of it is left.
    """
    security_group = aws.ec2.SecurityGroup(
        f"{scope.name}-database-security-group",
        vpc_id=network.vpc_id,
        description="Airflow: its database, for the task alone",
        tags=scope.tags,
        opts=scope.opts,
    )
    subnet_group = _subnet_group(scope, network)
    parameter_group = _parameter_group(scope, settings)
    # Without special characters, four of which RDS refuses.
    password = random.RandomPassword(f"{scope.name}-database-password", length=32, special=False, opts=scope.opts)
    instance = aws.rds.Instance(
        f"{scope.name}-database",
        engine="postgres",
        engine_version=settings.database_version,
        engine_lifecycle_support="open-source-rds-extended-support-disabled",
        allow_major_version_upgrade=True,
        auto_minor_version_upgrade=True,
        apply_immediately=True,
        instance_class=settings.database_instance_class,
        multi_az=settings.database_multi_az,
        allocated_storage=settings.database_storage_gib,
        max_allocated_storage=_most_storage(settings.database_storage_gib),
        storage_type="gp3",
        storage_encrypted=True,
        backup_retention_period=settings.database_backup_days,
        copy_tags_to_snapshot=True,
        db_name=_NAME,
        username=_NAME,
        password=password.result,
        db_subnet_group_name=subnet_group.name,
        parameter_group_name=parameter_group.name,
        vpc_security_group_ids=[security_group.id],
        publicly_accessible=False,
        skip_final_snapshot=not data.retain_data,
        final_snapshot_identifier=_final_snapshot(scope) if data.retain_data else None,
        snapshot_identifier=data.restore_from,
        tags=scope.tags,
        opts=scope.options(
            pulumi.ResourceOptions(
                ignore_changes=list(_NEVER_CHANGED),
                hooks=pulumi.ResourceHookBinding(
                    before_create=[_look_what_is_in_it(scope, settings, data)],
                    on_error=[
                        RDS.awaited(scope, "database-awaits-role"),
                        pulumi.ErrorHook(scope.hook_name(f"{scope.name}-database-failed"), say_why_storage_stays),
                    ],
                ),
            )
        ),
    )
    cost, without_price = a_month_of_instance(
        settings.database_instance_class, settings.database_storage_gib, multi_az=settings.database_multi_az
    )
    return Instance(instance, security_group, password.result, Part(monthly_cost=cost, without_price=without_price))


def _subnet_group(scope: Scope, network: Network) -> aws.rds.SubnetGroup:
    return aws.rds.SubnetGroup(
        f"{scope.name}-database-subnet-group",
        description="Airflow: where its database is",
        subnet_ids=network.subnet_ids,
        tags=scope.tags,
        opts=scope.options(
            pulumi.ResourceOptions(
                hooks=pulumi.ResourceHookBinding(
                    on_error=[
                        RDS.awaited(scope, "database-subnet-group-awaits-role"),
                        pulumi.ErrorHook(
                            scope.hook_name(f"{scope.name}-database-subnet-group-failed"), say_why_network_stays
                        ),
                    ]
                )
            )
        ),
    )


def _parameter_group(scope: Scope, settings: DatabaseSettings) -> aws.rds.ParameterGroup:
    return aws.rds.ParameterGroup(
        f"{scope.name}-database-parameter-group",
        family=f"postgres{settings.database_version}",
        description="Airflow: no connection without TLS",
        parameters=[{"name": "rds.force_ssl", "value": "1"}],
        tags=scope.tags,
        opts=scope.opts,
    )


def _most_storage(gib: int) -> int | None:
    """Return up to how many GiB storage grows by itself; None where it cannot."""
    most = min(gib * _MOST_GROWTH, STORAGE_GIB[-1])
    return most if most >= 1.1 * gib else None


def _look_what_is_in_it(scope: Scope, settings: DatabaseSettings, data: DataSettings) -> pulumi.ResourceHook:
    """Say, in the preview too, what a new instance holds and what stays elsewhere; refuse a snapshot that does not fit.

    Only a new instance asks for the snapshot, which may be deleted when the instance is there.
    """

    async def look(_: pulumi.ResourceHookArgs) -> None:
        if data.restore_from is None:
            pulumi.log.info(
                "A new instance of RDS, empty: the runs, users and connections of another database stay where they "
                "are, those of one in the container in its last snapshot."
            )
            return
        snapshot = await find_snapshot(data.restore_from, scope.opts.parent)
        if snapshot and (refusals := list(refuse_snapshot(snapshot, settings))):
            raise InvalidArgumentsError(scope.name, refusals)
        pulumi.log.info(f"A new instance of RDS, with what the snapshot {data.restore_from} holds.")

    return pulumi.ResourceHook(
        scope.hook_name(f"{scope.name}-database-is-new"), look, pulumi.ResourceHookOptions(on_dry_run=True)
    )


def say_why_network_stays(failure: pulumi.ErrorHookArgs) -> bool:
    """Say how to go on after RDS has refused other subnets; nothing is retried."""
    if any(words in failure.errors[0] for words in ("not in the same Vpc", "SubnetAlreadyInUse")):
        pulumi.log.error(
            "An instance of RDS stays in its VPC and in the subnet that it is in: give vpc_id and subnet_ids as they "
            "were, and run `pulumi up`. To move, destroy the stack with retain_data, and have the new one restore_from "
            "the snapshot that is left."
        )
    return False


def say_why_storage_stays(failure: pulumi.ErrorHookArgs) -> bool:
    """Say how to go on after RDS has refused storage that is less than what there is by now; nothing is retried."""
    if "Invalid storage size" in failure.errors[0]:
        pulumi.log.error(
            "RDS shrinks no storage, and the instance's has grown by itself to more than database_storage_gib. Give "
            "more, or run `pulumi up --refresh`, which takes what there is, and has it grow further."
        )
    return False


def _final_snapshot(scope: Scope) -> pulumi.Output[str]:
    """Return a name that no other stack's last snapshot has, nor that of an earlier stack of this name."""
    suffix = random.RandomBytes(f"{scope.name}-database-final-snapshot", length=4, opts=scope.opts)
    return pulumi.Output.concat(f"{scope.name}-database-final-", suffix.hex)
