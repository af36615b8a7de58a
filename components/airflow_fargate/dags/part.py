"""The part of DAGs: the bundles that Airflow reads, and all that each of them needs."""

from collections.abc import Mapping

import pulumi

from ..cost import a_month_of
from ..modules import PREPARATION_VARIABLE
from ..part import Part, merge
from ..scope import Scope
from .bucket import create_dag_bucket, packages_key, plugins_prefix
from .bundles import (
    GIT_CONNECTION_VARIABLE,
    GIT_PATIENCE,
    Bundle,
    bucket_bundle,
    git_bundle,
    git_connection,
    modules,
    preparation,
)
from .packages import INSTALLATION_SECONDS, PACKAGES_VARIABLE, packages_part
from .requirements.locked import Locked
from .settings import DagSettings

_BUNDLES_VARIABLE = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"

DAG_VARIABLES: Mapping[str, str] = {
    GIT_CONNECTION_VARIABLE: "set dags_git_url and dags_git_token",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "set load_examples",
    _BUNDLES_VARIABLE: "set dags_path or dags_git_url",
    PACKAGES_VARIABLE: "set pip_requirements",
}
"""The variables that only these modules set, and what the caller does instead."""


def dags_part(scope: Scope, settings: DagSettings, packages: Locked, *, supervised: bool) -> Part:
    """Put folders and wheels into a bucket, and tell Airflow of them, the Git repository and the packages.

    :param packages: What `requirements_path` comes to.
    :param supervised: Whether the supervisor starts Airflow, and not a command of the caller's.
    """
    bundles: list[Bundle] = []
    parts = [packages_part(settings.pip_requirements)]
    prepared: dict[str, str] = {}
    if settings.plugins.files:
        prepared["plugins"] = plugins_prefix(settings.plugins)
    if packages.wheels:
        prepared["packages"] = packages_key(packages)
        parts.append(Part(start_period_seconds=INSTALLATION_SECONDS))
    if settings.folder.files or prepared:
        if surprise := settings.folder.surprise:
            pulumi.log.warn(surprise)
        bucket = create_dag_bucket(scope, settings.folder, settings.plugins, packages)
        name = bucket.bucket.bucket
        parts.append(bucket.part)
        if settings.folder.files:
            bundles.append(bucket_bundle(settings, name, supervised=supervised))
            # The DAG processor lists the bucket each time.
            parts.append(Part(monthly_cost=a_month_of("s3:request") * 3600 / settings.dags_refresh_seconds))
        if prepared:
            parts.append(Part(environment={PREPARATION_VARIABLE: preparation(name, prepared)}))
    if settings.dags_git_url is not None:
        connection = {GIT_CONNECTION_VARIABLE: git_connection(settings, settings.dags_git_url, scope.name)}
        is_secret = settings.dags_git_token is not None
        bundles.append(git_bundle(settings, supervised=supervised))
        parts.append(Part(secrets=connection) if is_secret else Part(environment=connection))
        parts.append(Part(defaults=GIT_PATIENCE))
    airflow = Part(
        defaults={"AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1"},
        environment={
            "AIRFLOW__CORE__LOAD_EXAMPLES": str(settings.load_examples),
            # Without one, Airflow's own default stays.
            **({_BUNDLES_VARIABLE: pulumi.Output.json_dumps(bundles)} if bundles else {}),
        },
        modules=modules(prepare=bool(prepared)) if (bundles or prepared) and supervised else {},
    )
    return merge(airflow, *parts)
