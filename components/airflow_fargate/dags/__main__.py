"""Parse a DAG folder with a real Airflow, and print its DAGs and its import errors.

    python -m airflow_fargate.dags FOLDER [--plugins FOLDER] [--python PYTHON]
        [--requirements FILE | --pip-requirement roman==5.0 …] [--executor AwsEcsExecutor …]

Ends with 0 if every file could be imported, but for modules that only the task has; with 1 if not, and with 2 if
Airflow could not be run.
"""

import argparse
import sys
from pathlib import Path

from ..executor.settings import ExecutorSettings
from .parse import ParseError, describe, is_mistake, parse_folder, read_packages


def main() -> int:
    """Do what the command says."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_fargate.dags", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="as in dags_path")
    parser.add_argument("--plugins", type=Path, metavar="FOLDER", help="as in plugins_path")
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="a Python that has apache-airflow 3 (default: this)"
    )
    parser.add_argument(
        "--pip-requirement", action="append", default=[], metavar="PACKAGE", help="one of pip_requirements"
    )
    parser.add_argument("--requirements", type=Path, metavar="FILE", help="as in requirements_path")
    parser.add_argument("--executor", action="append", metavar="NAME", help="one of executors (default: LocalExecutor)")
    options = parser.parse_args()
    executors = ExecutorSettings(executors=tuple(options.executor or ExecutorSettings().executors))
    for folder in filter(None, (options.folder, options.plugins)):
        if not folder.is_dir():
            parser.error(f"{folder} is no folder")
    try:
        parsed = parse_folder(options.folder, options.python, options.plugins, executors)
    except ParseError as error:
        print(f"error: {error}", file=sys.stderr)
        print("  Give a Python that has apache-airflow 3: --python PYTHON", file=sys.stderr)
        return 2
    if options.requirements:
        said = describe(parsed, read_packages(options.requirements), "requirements_path")
    else:
        said = describe(parsed, options.pip_requirement)
    for line in said:
        print(line)
    return int(any(map(is_mistake, parsed.failures)))


if __name__ == "__main__":
    sys.exit(main())
