"""The part of DAGs: the bundles that Airflow reads, and all that each of them needs."""

from collections.abc import Iterator, Mapping

import pulumi

from ..part import Part, merge
from ..scope import Scope
from .bucket import create_dag_bucket
from .bundles import (
    GIT_CONNECTION_VARIABLE,
    GIT_PATIENCE,
    Bundle,
    bucket_bundle,
    git_bundle,
    git_connection,
    modules,
)
from .packages import PACKAGES_VARIABLE, packages_part
from .settings import DagSettings

_BUNDLES_VARIABLE = "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"

DAG_VARIABLES: Mapping[str, str] = {
    GIT_CONNECTION_VARIABLE: "set dags_git_url and dags_git_token",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "set load_examples",
    _BUNDLES_VARIABLE: "set dags_path or dags_git_url",
    PACKAGES_VARIABLE: "set pip_requirements",
}
"""The variables that only these modules set, and what the caller does instead."""


def dags_part(scope: Scope, settings: DagSettings, *, supervised: bool) -> Part:
    """Put the DAG folder into a bucket, and tell Airflow of it, of the Git repository and of the packages.

    :param supervised: Whether the supervisor starts Airflow, and not a command of the caller's.
    """
    sources = list(_sources(scope, settings, supervised=supervised))
    bundles = [bundle for bundle, _ in sources]
    # Without one, Airflow's own default stays.
    told = {_BUNDLES_VARIABLE: pulumi.Output.json_dumps(bundles)} if bundles else {}
    airflow = Part(
        defaults={"AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1"},
        environment={"AIRFLOW__CORE__LOAD_EXAMPLES": str(settings.load_examples), **told},
        modules=modules() if bundles and supervised else {},
    )
    return merge(airflow, packages_part(settings.pip_requirements), *(part for _, part in sources))


def _sources(scope: Scope, settings: DagSettings, *, supervised: bool) -> Iterator[tuple[Bundle, Part]]:
    if settings.folder.files:
        if surprise := settings.folder.surprise:
            pulumi.log.warn(surprise)
        bucket = create_dag_bucket(scope, settings.folder.files)
        yield bucket_bundle(settings, bucket.bucket.bucket, supervised=supervised), bucket.part
    if settings.dags_git_url is not None:
        connection = {GIT_CONNECTION_VARIABLE: git_connection(settings, settings.dags_git_url, scope.name)}
        is_secret = settings.dags_git_token is not None
        access = Part(secrets=connection) if is_secret else Part(environment=connection)
        yield git_bundle(settings, supervised=supervised), merge(access, Part(defaults=GIT_PATIENCE))
