"""Parse a DAG folder with a real Airflow, and print its DAGs and its import errors.

    python -m airflow_fargate.dags FOLDER [--python PYTHON] [--pip-requirement roman==5.0 …]

Ends with 0 if every file could be imported, but for modules that only the task has; with 1 if not, and with 2 if
Airflow could not be run.
"""

import argparse
import sys
from pathlib import Path

from .parse import ParseError, describe, is_mistake, parse_folder


def main() -> int:
    """Do what the command says."""
    parser = argparse.ArgumentParser(
        prog="python -m airflow_fargate.dags", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="as in dags_path")
    parser.add_argument(
        "--python", type=Path, default=Path(sys.executable), help="a Python that has apache-airflow 3 (default: this)"
    )
    parser.add_argument(
        "--pip-requirement", action="append", default=[], metavar="PACKAGE", help="one of pip_requirements"
    )
    options = parser.parse_args()
    if not options.folder.is_dir():
        parser.error(f"{options.folder} is no folder")
    try:
        parsed = parse_folder(options.folder, options.python)
    except ParseError as error:
        print(f"error: {error}", file=sys.stderr)
        print("  Give a Python that has apache-airflow 3: --python PYTHON", file=sys.stderr)
        return 2
    for line in describe(parsed, options.pip_requirement):
        print(line)
    return int(any(map(is_mistake, parsed.failures)))


if __name__ == "__main__":
    sys.exit(main())
