"""Parse a folder with the Airflow of this Python: ``python dagbag.py FOLDER FILE`` writes JSON of what came out."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any, cast


def parse(folder: Path) -> dict[str, Any]:
    """Return the DAGs of the folder, and the text of each import error by the file's path below the folder."""
    # By name, and so untyped: Airflow is installed where this runs, not where it is checked.
    airflow: Any = importlib.import_module("airflow.dag_processing.dagbag")
    bag = airflow.BundleDagBag(folder, bundle_path=folder, bundle_name="dags", load_op_links=False)
    return {
        "dags": [
            {
                "dag_id": dag.dag_id,
                "schedule": _schedule(dag.schedule),
                "tasks": len(dag.tasks),
                "file": Path(dag.fileloc).relative_to(folder).as_posix(),
            }
            for dag in bag.dags.values()
        ],
        "errors": {str(file): text for file, text in bag.import_errors.items()},
    }


def _schedule(schedule: Any) -> str:
    """Return a schedule as a person would write it; assets by their names."""
    if schedule is None:
        return "none"
    if isinstance(schedule, list):
        return " and ".join(map(_schedule, cast("list[Any]", schedule)))
    if type(schedule).__name__ in ("AssetAll", "AssetAny"):
        return (" and " if type(schedule).__name__ == "AssetAll" else " or ").join(map(_schedule, schedule.objects))
    return str(getattr(schedule, "name", None) or schedule)


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(json.dumps(parse(Path(sys.argv[1]))), encoding="utf-8")
