"""Python modules of ours in the container, where Airflow finds them: the supervisor puts them there."""

import json
from collections.abc import Mapping

from .part import Part

MODULES_VARIABLE = "AIRFLOW_FARGATE_MODULES"
PREPARATION_VARIABLE = "AIRFLOW_FARGATE_PREPARATION"
"""A JSON list, the name and arguments of the module that the supervisor runs before Airflow is loaded."""

MODULE_VARIABLES: Mapping[str, str] = {
    MODULES_VARIABLE: "it has the code that reads DAGs and knows the users",
    PREPARATION_VARIABLE: "set plugins_path or requirements_path",
}
"""The variables that only the component sets, and why the caller does not."""


def modules_part(modules: Mapping[str, str]) -> Part:
    """Hand the packed sources over as one JSON object, by the path of each file."""
    return Part(environment={MODULES_VARIABLE: json.dumps(modules)} if modules else {})
