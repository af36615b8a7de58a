"""The database in the container: SQLite, which ends with the task."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..part import Part

DATABASE_VARIABLES: Mapping[str, str] = {
    "CONNECTION_CHECK_MAX_COUNT": "the supervisor prepares the database itself",
}
"""The variables that only this module sets, and why the caller does not."""

RESULT_BACKEND_VARIABLE = "AIRFLOW__CELERY__RESULT_BACKEND"

NO_CONNECTION_CHECK = {"CONNECTION_CHECK_MAX_COUNT": "0"}
"""Keeps the image's entrypoint from waiting for the database, whichever it is."""


@dataclass(frozen=True)
class Database:
    """The database, as far as the rest of the component has to know it."""

    tasks_may_overlap: bool
    """Whether two tasks may use it at once, as an update that starts the next before the last has stopped needs it."""
    part: Part
    results: Part = field(default_factory=Part)
    """What Celery needs to keep the results of tasks there, on workers too; nothing where no worker reaches it."""


def container_database() -> Database:
    """Return the database that each task makes for itself."""
    return Database(tasks_may_overlap=False, part=Part(environment=NO_CONNECTION_CHECK))
