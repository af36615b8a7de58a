"""Validation of arguments: settings come out, or one error with every refusal.

Of the outside, folders and requirements are read, when all else has been looked at. A value that is an output of
another resource is not known yet and passes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, cast

import pulumi

from . import airflow, legacy
from .arguments import AirflowFargateArgs
from .credentials import KeySettings, refuse_keys
from .dags.bundles import modules as dag_modules
from .dags.packages import brings
from .dags.requirements.locked import Locked, lock_requirements
from .dags.rules import refuse_dags, refuse_folders, refuse_requirements
from .dags.settings import DagSettings
from .data.part import keeper_arguments, names_remote_logs
from .data.settings import DataSettings, refuse_data
from .database.settings import DatabaseSettings, refuse_database
from .endpoint.endpoint import EndpointSettings, refuse_endpoint
from .environment import EnvironmentSettings, VariableRule, refuse_aws_keys, refuse_environment
from .errors import InvalidArgumentsError, Refusal
from .executor import celery, ecs
from .executor.choice import modules as executor_modules
from .executor.settings import ExecutorSettings, refuse_executors
from .firewall import FirewallSettings, refuse_firewall, refuse_public_access
from .identity import RoleSettings, refuse_roles
from .image import Image, ImageSettings, refuse_image, refuse_tag
from .login.login import FREE_VARIABLES, LoginSettings, brings_auth_manager, refuse_login, refuse_no_login
from .login.login import modules as login_modules
from .network import NetworkSettings, refuse_network
from .parameter_store import SECRETS_BACKEND_VARIABLES, ParameterStoreSettings, refuse_parameter_store
from .scope import TagSettings, refuse_name, refuse_tags
from .settings import CapabilitySettings, Reader
from .size import Size, own_size, refuse_large, sizes
from .task.container import supervisor_command
from .task.drain import DrainSettings, refuse_drain
from .task.exec import ExecSettings
from .task.log import LogSettings, refuse_log
from .task.supervisor import ENTRYPOINT
from .task.workload import ARCHITECTURES, TaskSettings, refuse_task


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of every capability."""

    image: ImageSettings
    task: TaskSettings
    endpoint: EndpointSettings
    firewall: FirewallSettings
    exec: ExecSettings
    drain: DrainSettings
    network: NetworkSettings
    roles: RoleSettings
    login: LoginSettings
    environment: EnvironmentSettings
    parameter_store: ParameterStoreSettings
    dags: DagSettings
    data: DataSettings
    database: DatabaseSettings
    executor: ExecutorSettings
    keys: KeySettings
    log: LogSettings
    tags: TagSettings

    @property
    def given(self) -> frozenset[str]:
        """The arguments that the caller gives."""
        capabilities = (cast(CapabilitySettings, getattr(self, capability.name)) for capability in fields(self))
        return frozenset[str]().union(*(capability.given for capability in capabilities))

    @cached_property
    def packages(self) -> Locked:
        """Return what `requirements_path` comes to, which is resolved when it is first asked for, and only then."""
        # What is refused besides fits no wheel.
        if not self.dags.requirements_path or self.task.cpu_architecture not in ARCHITECTURES:
            return Locked()
        return lock_requirements(
            Path(self.dags.requirements_path),
            image=self.image.image if isinstance(self.image.image, Image) else None,
            cpu_architecture=self.task.cpu_architecture,
            constraints=self.dags.constraints_path,
            say=pulumi.log.info,
        )

    @property
    def supervised(self) -> bool:
        """Whether the component's supervisor runs Airflow: not the caller's own command, nor the guide's."""
        return not self.task.own_command and not self.image.legacy

    @property
    def own_auth_manager(self) -> bool:
        """Whether the login is that of the caller's own image."""
        return brings_auth_manager(self.environment) and not self.image.legacy

    @property
    def command(self) -> tuple[str, ...]:
        """What the container runs: ours, or the caller's own, in the official image with the login prepared."""
        own = self.task.command
        if own is None:
            return legacy.COMMAND if self.image.legacy else (*airflow.COMMAND, *keeper_arguments(self.data))
        if self.image.official and not self.entrypoint and not self.own_auth_manager:
            return supervisor_command("--", ENTRYPOINT, *own)
        return own

    @property
    def entrypoint(self) -> tuple[str, ...]:
        """What runs the command instead of the image's entrypoint: it prepares the login, and goes on there."""
        own = self.task.image_entrypoint
        return supervisor_command("--", *own) if own and self.task.own_command else ()

    @property
    def modules(self) -> dict[str, str]:
        """The modules that Airflow has in the container, if every folder that is named has files."""
        if not self.supervised:
            return {}
        dags = self.dags
        return {
            **({} if self.own_auth_manager else login_modules()),
            **(dag_modules(prepare=dags.is_prepared) if dags.is_prepared or dags.has_source else {}),
            **executor_modules(self.executor),
        }

    @property
    def size(self) -> Size:
        """How large Airflow's own task definition gets. Those of workers and of remote tasks have less."""
        words = (*self.entrypoint, *self.command)
        programs = words[: len(words) - len(self.task.command or ())]
        return Size(
            sizes(self.task, self.environment, self.login, self.dags, self.parameter_store, self.tags.tags),
            own_size(programs, self.modules, is_apart=self.executor.is_apart),
        )

    @property
    def unprepared_login(self) -> str | None:
        """Why `admin_password` may not log in, if it may not."""
        unknown = not (self.image.official or self.image.legacy or self.entrypoint)
        if not self.task.own_command or self.own_auth_manager or not unknown:
            return None
        return (
            "command is given, in an image whose entrypoint is not known: admin_password logs in only if the command "
            "sees to it. Give image_entrypoint to have the login prepared (docs/images.md)."
        )

    @property
    def needs_providers(self) -> bool:
        """Whether the component's own parts need more of the image than an Airflow without providers."""
        if self.task.own_command or brings(self.dags.pip_requirements, "apache-airflow-providers-amazon"):
            return False
        return bool(
            self.data.database_snapshot_seconds
            or self.dags.has_source
            or self.dags.is_prepared
            or self.parameter_store.is_on
            or self.executor.is_apart
            or not self.database.in_container
        )

    @property
    def unkept_logs(self) -> str | None:
        """Why the logs of tasks end with the container, if keys of DAGs are the reason."""
        keys = self.environment.aws_keys
        kept = self.data.database_snapshot_seconds and self.supervised
        if not keys or not kept or names_remote_logs(self.environment.names):
            return None
        return (
            f"{keys[0]} is in environment or secrets: Airflow would write the logs of tasks to the stack's bucket with "
            "it, and leaves them in the container, with which they end. To have them kept, give DAGs their keys in "
            "connections, as aws_default for instance, or say in task_role_policy what they may do."
        )

    @property
    def crowded_database(self) -> str | None:
        """Why the stack's instance of RDS may have no connection left for a worker, if it may."""
        most, wanted = self.database.most_connections, self.executor.most_connections
        if not self.executor.has_workers or most is None or wanted <= most:
            return None
        return (
            f"executors has CeleryExecutor with {self.executor.most_workers} workers of "
            f"{self.executor.worker_concurrency} tasks, which may hold {wanted} connections to the database with "
            f"Airflow while an update goes on; {self.database.database_instance_class} takes {most} at most. Give a "
            "larger database_instance_class, or have fewer tasks at once (docs/growing.md)."
        )

    @property
    def variable_rules(self) -> tuple[VariableRule, ...]:
        """Rules for the values of the caller's environment variables."""
        return () if self.image.legacy else airflow.variable_rules(self.firewall.open_ports)


def validate(name: str, args: AirflowFargateArgs) -> Settings:
    """Return the settings that `args` describe, or raise `InvalidArgumentsError` with everything that is refused."""
    reader = Reader(cast(Mapping[str, Any], args))
    capabilities: dict[str, CapabilitySettings] = {
        capability.name: reader.read(cast(type[CapabilitySettings], capability.type)) for capability in fields(Settings)
    }
    settings = Settings(**cast(dict[str, Any], capabilities))
    refusals = [*_refuse_unknown(args), *reader.wrong_types] or [*reader.malformed, *_refuse(name, settings)]
    if refusals:
        raise InvalidArgumentsError(name, refusals)
    return settings


def _refuse_unknown(args: AirflowFargateArgs) -> Iterator[Refusal]:
    known = sorted(AirflowFargateArgs.__annotations__)
    for argument in args:
        if argument not in known:
            yield Refusal(argument, f"is not an argument; the arguments are {', '.join(known)}")


def _refuse_firewall(settings: Settings) -> Iterator[Refusal]:
    workers, remote = settings.executor.has_workers, settings.executor.has_remote
    return refuse_firewall(
        settings.firewall,
        may_have_ipv6=settings.network.may_have_ipv6,
        groups_in=workers + remote,
        # Workers reach the API server, the broker and the database, remote tasks the first alone.
        groups_out=max(settings.database.has_instance + 2 * workers, int(remote)),
    )


def _reserved_variables(settings: Settings) -> dict[str, str]:
    """Return the variables that the caller does not set, with the reason."""
    generation = legacy if settings.image.legacy else airflow
    reserved = {
        **generation.RESERVED_VARIABLES,
        **settings.database.reserved_variables,
        **ecs.reserved_variables(settings.executor),
        **celery.reserved_variables(settings.executor),
        **(SECRETS_BACKEND_VARIABLES if settings.parameter_store.is_on else {}),
    }
    free = FREE_VARIABLES if settings.own_auth_manager else frozenset[str]()
    return {name: why for name, why in reserved.items() if name not in free}


def _refuse(name: str, settings: Settings) -> Iterator[Refusal]:
    yield from _refuse_of_any_image(name, settings)
    if settings.image.legacy:
        yield from legacy.refuse_legacy(settings.given, settings.firewall, settings.task)
    else:
        yield from _refuse_of_airflow_3(name, settings)


def _refuse_of_any_image(name: str, settings: Settings) -> Iterator[Refusal]:
    return chain(
        refuse_name(name, apart=settings.executor.is_apart and not settings.image.legacy),
        refuse_image(settings.image, settings.firewall.open_ports),
        refuse_endpoint(settings.endpoint),
        _refuse_firewall(settings),
        refuse_task(settings.task, least_memory=0 if settings.image.legacy else airflow.LEAST_MEMORY),
        refuse_network(settings.network),
        refuse_roles(settings.roles),
        refuse_keys(settings.keys),
        refuse_environment(settings.environment, _reserved_variables(settings), settings.variable_rules),
        refuse_large(settings.size),
        refuse_log(settings.log),
        refuse_tags(settings.tags, added=settings.network.added_tags, in_rds=settings.database.has_instance),
    )


def _refuse_of_airflow_3(name: str, settings: Settings) -> Iterator[Refusal]:
    return chain(
        refuse_tag(settings.image, needs_providers=settings.needs_providers),
        refuse_public_access(settings.firewall),
        refuse_no_login(settings.given) if settings.own_auth_manager else refuse_login(settings.login),
        refuse_parameter_store(settings.parameter_store),
        refuse_aws_keys(settings.environment) if settings.parameter_store.is_on or settings.executor.is_apart else (),
        refuse_drain(settings.drain, settings.firewall),
        refuse_dags(settings.dags, open_ports=settings.firewall.open_ports),
        refuse_database(name, settings.database, settings.network, settings.firewall.open_ports),
        refuse_data(
            settings.data,
            settings.database,
            own_command=settings.task.own_command,
            own_key=settings.keys.fernet_key is not None,
        ),
        refuse_executors(
            name,
            settings.executor,
            secrets=settings.environment.secrets.keys(),
            own_command=settings.task.own_command,
            keeps_logs=settings.data.database_snapshot_seconds > 0 or names_remote_logs(settings.environment.names),
            in_container=settings.database.in_container,
        ),
        refuse_folders(settings.dags, own_command=settings.task.own_command),
        refuse_requirements(settings.dags, lambda: settings.packages.problems, own_command=settings.task.own_command),
    )
