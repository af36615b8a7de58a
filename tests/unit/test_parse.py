"""What a person is told of a DAG folder that Airflow has parsed."""

from pathlib import Path

import pytest
from airflow_fargate.dags.parse import (
    Dag,
    ImportFailure,
    ParsedFolder,
    describe,
    is_mistake,
    read_failure,
    read_packages,
)

FOLDER = Path("/project/dags")

INSIDE = """Traceback (most recent call last):
  File "/site-packages/airflow/importer.py", line 238, in parse
    loader.exec_module(new_module)
  File "/project/dags/report.py", line 2, in <module>
    from helpers.sums import total
  File "/project/dags/helpers/sums.py", line 7, in <module>
    total = int("one")
            ^^^^^^^^^^
  File "/site-packages/numbers.py", line 3, in int
    raise ValueError(text)
ValueError: invalid literal
for int()
"""

SYNTAX = """Traceback (most recent call last):
  File "<frozen importlib._bootstrap>", line 241, in _call_with_frames_removed
  File "/project/dags/report.py", line 3
    @dag(
        ^
SyntaxError: '(' was never closed
"""

MISSING = """Traceback (most recent call last):
  File "/project/dags/report.py", line 1, in <module>
    import roman.numerals
ModuleNotFoundError: No module named 'roman.numerals'
"""


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        (INSIDE, ImportFailure("helpers/sums.py", 7, "ValueError: invalid literal for int()", None)),
        (SYNTAX, ImportFailure("report.py", 3, "SyntaxError: '(' was never closed", None)),
        (MISSING, ImportFailure("report.py", 1, "ModuleNotFoundError: No module named 'roman.numerals'", "roman")),
        ("Dag timed out", ImportFailure("report.py", None, "Dag timed out", None)),
    ],
    ids=["in a module of the folder", "a syntax error", "a missing module", "no traceback"],
)
def test_an_import_error_is_told_by_the_last_line_of_the_folders_own(text: str, failure: ImportFailure) -> None:
    assert read_failure(FOLDER, "report.py", text) == failure


def test_the_dags_stand_in_a_table() -> None:
    parsed = ParsedFolder([Dag("etl", "@daily", 12, "etl.py"), Dag("report_of_the_year", "none", 3, "r.py")], [])

    assert list(describe(parsed, [])) == [
        "DAG                 SCHEDULE  TASKS  FILE",
        "etl                 @daily    12     etl.py",
        "report_of_the_year  none      3      r.py",
    ]


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        (["pandas==2.3.*", "Scikit_Learn>=1"], "pip_requirements brings it: Scikit_Learn>=1"),
        (
            ["pandas==2.3.*"],
            "your image, one of pip_requirements (pandas==2.3.*) or a file of the folder must bring it",
        ),
        ([], "your image, pip_requirements or a file of the folder must bring it"),
    ],
)
def test_a_module_that_is_not_here_is_told_with_what_could_bring_it(requirements: list[str], words: str) -> None:
    failure = ImportFailure("report.py", 1, "ModuleNotFoundError: …", "scikit-learn")

    [none, line] = describe(ParsedFolder([], [failure]), requirements)

    assert none == "No DAG was found."
    assert line.startswith("report.py, line 1: ModuleNotFoundError: … (not here")
    assert line.endswith(f"{words})")


def test_a_module_that_is_not_here_is_no_mistake_of_the_folder() -> None:
    assert not is_mistake(ImportFailure("report.py", 1, "", "roman"))
    assert is_mistake(ImportFailure("report.py", None, "", None))


def test_packages_are_read_from_the_lines_of_a_file_that_ask_for_one(tmp_path: Path) -> None:
    file = tmp_path / "requirements.txt"
    file.write_text("\ufeffroman\n# numbers\n--pre\npandas==2.3.*  # tables\n\nScikit_Learn>=1; python_version < '4'\n")

    assert [text.partition(";")[0] for text in read_packages(file)] == ["roman", "pandas==2.3.*", "Scikit_Learn>=1"]


def test_the_argument_that_names_the_packages_is_told() -> None:
    failure = ImportFailure("report.py", 1, "ModuleNotFoundError: …", "roman")

    [_, line] = describe(ParsedFolder([], [failure]), ["roman"], "requirements_path")

    assert "requirements_path brings it: roman" in line
