"""The choice between the databases that Airflow can have."""

from collections.abc import Sequence
from dataclasses import replace

import pulumi

from ..data.settings import DataSettings
from ..network import Network
from ..part import merge
from ..scope import Scope
from .container import Database, container_database
from .postgres import create_instance, postgres_database
from .settings import DatabaseSettings
from .url import url_database


def create_database(
    scope: Scope,
    settings: DatabaseSettings,
    network: Network,
    *,
    open_ports: Sequence[int],
    data: DataSettings,
) -> Database:
    """Make the database that `settings` ask for, and an instance of RDS that is kept beside it."""
    instance = create_instance(scope.for_data, settings, network, data) if settings.has_instance else None
    if instance is not None and settings.in_rds:
        return postgres_database(instance)
    database = _other_database(scope, settings, open_ports)
    if instance is None:
        return database
    pulumi.log.info(
        "Airflow does not use the instance of RDS, which stays with all that is in it. database: postgres takes it up "
        "again; without keep_postgres the next pulumi up deletes it."
    )
    return replace(database, part=merge(database.part, instance.part))


def _other_database(scope: Scope, settings: DatabaseSettings, open_ports: Sequence[int]) -> Database:
    if settings.database_url is not None:
        return url_database(scope.name, settings.database_url, open_ports)
    return container_database()
