"""The settings of Airflow's database, and what is refused of them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ..errors import Refusal
from ..network import NetworkSettings
from ..settings import CapabilitySettings, SecretText
from .url import ASYNC_CONNECTION_VARIABLE, CONNECTION_VARIABLE, refuse_url

SQLITE, POSTGRES = "sqlite", "postgres"

# Airflow 3.3 supports these (metadata of apache-airflow 3.3.2).
_VERSIONS = ("14", "15", "16", "17", "18")

# AWS: Amazon RDS user guide, "Amazon RDS DB instance storage", and "Backup retention period".
STORAGE_GIB = range(20, 65536 + 1)
_BACKUP_DAYS = range(35 + 1)

# AWS: Amazon RDS user guide, "Hardware specifications for DB instance classes": those of db.t3 and db.t4g.
_GIB = {"micro": 1, "small": 2, "medium": 4, "large": 8, "xlarge": 16, "2xlarge": 32}
# AWS: the same, "Maximum number of database connections": the memory in bytes by this, less what RDS itself takes.
_BYTES_OF_A_CONNECTION = 9_531_392

PASSWORD_VARIABLE = "PGPASSWORD"  # noqa: S105 - its name


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings(CapabilitySettings):
    """Which database Airflow has; what is called after an instance is about one that the stack makes."""

    database: str = SQLITE
    database_instance_class: str = "db.t4g.micro"
    database_storage_gib: int = 20
    database_multi_az: bool = False
    database_backup_days: int = 7
    database_version: str = "17"
    keep_postgres: bool = False
    database_url: SecretText | None = None

    @property
    def in_container(self) -> bool:
        """Whether each task has the database in it."""
        return self.database == SQLITE and self.database_url is None

    @property
    def in_rds(self) -> bool:
        """Whether Airflow has its database in the stack's instance of RDS."""
        return self.database == POSTGRES and self.database_url is None

    @property
    def has_instance(self) -> bool:
        """Whether the stack has an instance of RDS, for Airflow or kept for a later time."""
        return self.in_rds or self.keep_postgres

    @property
    def most_connections(self) -> int | None:
        """What the stack's instance takes at once by AWS's defaults, at most; None where that is not known."""
        known = re.fullmatch(r"db\.t(?:3|4g)\.(\w+)", self.database_instance_class)
        if not self.in_rds or known is None or known[1] not in _GIB:
            return None
        return _GIB[known[1]] * 2**30 // _BYTES_OF_A_CONNECTION

    @property
    def reserved_variables(self) -> Mapping[str, str]:
        """The variables that the caller does not set, with the reason, since they are about the database."""
        if self.in_container:
            return {}
        named = "database_url" if self.database_url is not None else "database"
        connections = (CONNECTION_VARIABLE, ASYNC_CONNECTION_VARIABLE, "AIRFLOW__CORE__SQL_ALCHEMY_CONN")
        reserved: Mapping[str, str] = dict.fromkeys(connections, f"it follows {named}")
        return reserved if self.database_url is not None else {**reserved, PASSWORD_VARIABLE: "it follows database"}


def refuse_database(
    name: str, settings: DatabaseSettings, network: NetworkSettings, open_ports: Sequence[int]
) -> Iterator[Refusal]:
    """Refuse what RDS does not offer, two databases at once, and one that the task could not reach."""
    if settings.database not in (SQLITE, POSTGRES):
        yield Refusal("database", f"is {settings.database!r}; use {SQLITE} or {POSTGRES}")
    if settings.database_url is not None and "database" in settings.given:
        yield Refusal("database_url", "is given, but database is too; leave out the one that you do not want")
    if isinstance(settings.database_url, str):
        yield from refuse_url(settings.database_url, open_ports)
    if settings.has_instance:
        yield from _refuse_instance(settings)
        yield from _refuse_place(name, network)
    elif settings.database != POSTGRES:
        for argument in sorted(settings.given - {"database", "database_url"}):
            yield Refusal(
                argument,
                f"is given, but without database: {POSTGRES} or keep_postgres there is no instance; leave it out",
            )


def _refuse_instance(settings: DatabaseSettings) -> Iterator[Refusal]:
    if not re.fullmatch(r"db\.[a-z][a-z0-9-]*\.[a-z0-9]+", settings.database_instance_class):
        yield Refusal(
            "database_instance_class", f"is {settings.database_instance_class!r}; give one of RDS, such as db.t4g.micro"
        )
    for argument, value, allowed, unit in (
        ("database_storage_gib", settings.database_storage_gib, STORAGE_GIB, "GiB"),
        ("database_backup_days", settings.database_backup_days, _BACKUP_DAYS, "days"),
    ):
        if value not in allowed:
            yield Refusal(argument, f"is {value}; RDS has {allowed[0]} to {allowed[-1]} {unit}")
    if settings.database_version not in _VERSIONS:
        yield Refusal(
            "database_version",
            f"is {settings.database_version!r}; Airflow supports PostgreSQL {', '.join(_VERSIONS)}",
        )


def _refuse_place(name: str, network: NetworkSettings) -> Iterator[Refusal]:
    # AWS: Amazon RDS API reference, CreateDBInstance and CreateDBSubnetGroup; the suffixes are ours.
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        yield Refusal(
            "name",
            f"is {name!r}; with an instance of RDS use lower-case letters, digits and single hyphens, "
            "which is all that names in RDS can have",
        )
    if isinstance(network.subnet_ids, list) and len(network.subnet_ids) == 1:
        yield Refusal(
            "subnet_ids", "has one subnet; with an instance of RDS give two or more, in two availability zones"
        )
