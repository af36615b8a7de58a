"""Which files of a DAG folder are uploaded, and what in it is refused: a table of folders."""

import errno
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from airflow_fargate.dags import folder as dag_files
from airflow_fargate.dags.folder import read_dag_folder

LINK = "-> "
DAG = "print('this must not run')\nraise SystemExit('a DAG was run')\n"


def make(folder: Path, files: Mapping[str, str]) -> Path:
    """Write files; a content that begins with an arrow is a link."""
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content.startswith(LINK):
            path.symlink_to(content.removeprefix(LINK))
        else:
            path.write_text(content, errors="surrogateescape")
    return folder


@pytest.mark.parametrize(
    ("files", "uploaded"),
    [
        pytest.param({"b.py": DAG, "a.py": DAG}, ["a.py", "b.py"], id="all, sorted"),
        pytest.param({"a/b/c.py": DAG, "a/x.csv": "1"}, ["a/b/c.py", "a/x.csv"], id="folders and data"),
        pytest.param(
            {"a.py": DAG, ".env": "SECRET=1", ".git/config": "", "x/.hidden/y.py": "(", "x/.cache": ""},
            ["a.py"],
            id="nothing hidden",
        ),
        pytest.param(
            {"a.py": DAG, "__pycache__/a.pyc": "", "x/__pycache__/y.py": "("}, ["a.py"], id="nothing compiled"
        ),
        pytest.param(
            {"a.py": DAG, "notes.txt": "(", "b.py.txt": "("}, ["a.py", "b.py.txt", "notes.txt"], id="only .py"
        ),
        pytest.param({"a.py": DAG, ".dagsignore": "b.py\n", "b.py": "(", "x/b.py": "("}, ["a.py"], id="a name"),
        pytest.param({"a.py": DAG, ".dagsignore": "/b.py\n", "b.py": "(", "x/b.py": DAG}, ["a.py", "x/b.py"], id="/"),
        pytest.param({"a.py": DAG, ".dagsignore": "x/\n", "x/b.py": "(", "y/x": "1"}, ["a.py", "y/x"], id="a folder"),
        pytest.param({"a.py": DAG, ".dagsignore": "x/**/b.py\n", "x/y/z/b.py": "("}, ["a.py"], id="two stars"),
        pytest.param({"a.py": DAG, ".dagsignore": "a/x\n", "a/x": "1", "x": "1"}, ["a.py", "x"], id="in a folder"),
        pytest.param(
            {".dagsignore": "x/*\n!x/a.py\n", "x/a.py": DAG, "x/b.py": "("}, ["x/a.py"], id="all in a folder but one"
        ),
        pytest.param(
            {".dagsignore": "x/y/\n!y\n", "x/y/b.py": DAG}, ["x/y/b.py"], id="a folder is taken back in with its files"
        ),
        pytest.param({"a.py": DAG, ".dagsignore": "*.tmp # no\n#a.py\n\n/\n", "x.tmp": ""}, ["a.py"], id="comments"),
        pytest.param({"a.py": DAG, ".dagsignore": "ü.py\n", "ü.py": "("}, ["a.py"], id="UTF-8"),
        pytest.param({"a.py": DAG, ".dagsignore": "\ufeffb.py\n", "b.py": "("}, ["a.py"], id="a byte order mark"),
        pytest.param({"a.py": DAG, ".dagsignore": "*.py\n!a.py\n", "b.py": "("}, ["a.py"], id="taken back in"),
        pytest.param({"a.py": DAG, ".dagsignore": "!a.py\n*.py\n", "x": "1"}, ["x"], id="the last line counts"),
        pytest.param(
            {"a.py": DAG, "x/.dagsignore": "b.py\n", "x/b.py": "(", "x/y/b.py": "(", "b.py": DAG},
            ["a.py", "b.py"],
            id="a nested file counts below it",
        ),
        pytest.param(
            {".dagsignore": "*.py\n", "x/.dagsignore": "!b.py\n", "b.py": "(", "x/b.py": DAG},
            ["x/b.py"],
            id="a nested file comes after the outer one",
        ),
        pytest.param(
            {"a.py": DAG, ".airflowignore": "x/\n", "x/b.py": DAG, "x/.airflowignore": "c\n", "x/c": "1"},
            [".airflowignore", "a.py", "x/.airflowignore", "x/b.py", "x/c"],
            id="what Airflow ignores, and its ignore files",
        ),
        pytest.param(
            {"a.py": DAG, ".airflowignore": "b.py\n", "b.py": "(", "x/b.py": "("},
            [".airflowignore", "a.py", "b.py", "x/b.py"],
            id="what Airflow never reads as a DAG, whatever it is",
        ),
        pytest.param(
            {"a.py": DAG, ".airflowignore": "x/\n!b.py\n", "x/b.py": "("},
            [".airflowignore", "a.py", "x/b.py"],
            id="nothing in a folder that Airflow passes over is compiled",
        ),
        pytest.param(
            {".airflowignore": "\ufeff!\nb.py\n", "a.py": DAG, "b.py": "("},
            [".airflowignore", "a.py", "b.py"],
            id="the mark is a part of Airflow's first pattern",
        ),
        pytest.param({"a.py": DAG, "b.py": "-> a.py"}, ["a.py", "b.py"], id="a link to a file of the folder"),
        pytest.param({"x/a.py": DAG, "y": "-> x"}, ["x/a.py", "y/a.py"], id="a link to a folder of the folder"),
        pytest.param({"a.py": DAG, ".dagsignore": "b\n", "b": "-> /etc/passwd"}, ["a.py"], id="an excluded link"),
        pytest.param({"a.py": "print('\\d')"}, ["a.py"], id="a warning of the compiler is none of ours"),
    ],
)
def test_these_files_of_the_folder_are_uploaded(tmp_path: Path, files: Mapping[str, str], uploaded: list[str]) -> None:
    found = read_dag_folder(make(tmp_path / "dags", files))

    assert found.problems == []
    assert [file.name for file in found.files] == uploaded


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"x/orders.py": "def load(:\n"}, "has x/orders.py, line 1: invalid syntax (compiled by Python 3."),
        (
            {"a.py": "x = 1\nif x:\npass\n"},
            "has a.py, line 3: expected an indented block after 'if' statement on line 2",
        ),
        ({"a.py": "\n\nprint('hello\n"}, "has a.py, line 3: unterminated string literal"),
        ({"a.py": "return 1\n"}, "has a.py, line 1: 'return' outside function"),
        ({"a.py": "# coding: none\n"}, "has a.py: unknown encoding: none"),
        ({"a.py": "x = 1\0\n"}, "source code string cannot contain null bytes"),
        ({}, "in which there is no file to upload; put a DAG into it"),
        ({".dagsignore": "*\n", "a.py": DAG}, "in which there is no file to upload; put a DAG into it"),
        ({".airflowignore": "x\n"}, "in which there is no file to upload; put a DAG into it"),
        ({"a": "-> /etc/passwd"}, "has a, a link to /etc/passwd, which leaves the folder; copy what it leads to"),
        (
            {"x/a": "-> ../../outside"},
            "has x/a, a link to ../../outside, which does not exist; remove it, or exclude it in",
        ),
        ({"x/y": "-> ../x"}, "has x/y, a link to ../x, which leads back to a folder that it is in; remove it"),
        ({"x": "-> ."}, "has x, a link to ., which leads back to a folder that it is in; remove it"),
        ({"a/b": "-> ../c", "c/d": "-> ../a"}, "which leads back to a folder that it is in; remove it"),
        ({".airflowignore": "ok\n!\n", "a": ""}, "has .airflowignore, line 2: '!' is not a pattern"),
        ({".dagsignore": "ok\n!\n", "a": ""}, "has .dagsignore, line 2: '!' is not a pattern"),
        (
            {".airflowignore": "x/\n", "x/a": "-> /etc/passwd"},
            "copy what it leads to into the folder, or exclude it in",
        ),
        ({".airflowignore": "\udce9\n", "a": ""}, "has .airflowignore, which is not UTF-8 text"),
        ({"\udce9.py": DAG}, "has '\\udce9.py', a name that is not plain text; rename the file"),
        ({"a.py": "-" * 200_000 + "1"}, "has a.py: nested too deeply to be compiled"),
    ],
    ids=lambda value: ascii(value)[:80],
)
def test_is_refused_with_the_file_and_the_way_out(tmp_path: Path, files: Mapping[str, str], problem: str) -> None:
    problems = read_dag_folder(make(tmp_path / "dags", files)).problems

    assert problem in "\n".join(problems)


def test_a_link_out_of_the_folder_is_refused_even_if_its_target_begins_with_the_same_name(tmp_path: Path) -> None:
    (tmp_path / "dags-of-others").mkdir()

    problems = read_dag_folder(make(tmp_path / "dags", {"x": "-> ../dags-of-others"})).problems

    [problem] = problems
    assert problem.startswith("has x, a link to ../dags-of-others, which leaves the folder; copy what it leads to into")
    assert problem.endswith("or exclude it in .dagsignore")


def test_a_folder_that_is_itself_a_link_is_followed(tmp_path: Path) -> None:
    make(tmp_path / "real", {"a.py": DAG})
    (tmp_path / "dags").symlink_to("real")

    assert [file.name for file in read_dag_folder(tmp_path / "dags").files] == ["a.py"]


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    problems = read_dag_folder(make(tmp_path / "dags", {"a.py": "(", "b.py": DAG, "c.py": ")"})).problems

    assert [problem.split(",")[0] for problem in problems] == ["has a.py", "has c.py"]


@pytest.mark.parametrize("name", ["missing", "a file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a file").touch()

    [problem] = read_dag_folder(tmp_path / name).problems

    assert problem.endswith(f"{name}', which is not a folder; name one with DAG files in it")


def test_a_file_whose_name_is_refused_is_not_read(tmp_path: Path) -> None:
    [problem] = read_dag_folder(make(tmp_path / "dags", {"\udce9.py": "("})).problems

    assert "rename the file" in problem


def test_a_folder_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)

    [problem] = read_dag_folder(tmp_path).problems

    assert problem == f"cannot be read: [Errno 13] Permission denied: '{tmp_path}'; name a folder that you may read"


def test_a_file_over_50_mb_is_refused_and_one_of_50_mb_is_not(tmp_path: Path) -> None:
    folder = make(tmp_path / "dags", {"big.bin": "", "bigger.bin": ""})
    os.truncate(folder / "big.bin", 50_000_000)
    os.truncate(folder / "bigger.bin", 50_400_000)

    found = read_dag_folder(folder)

    [problem] = found.problems
    assert problem.startswith("has bigger.bin, 50.4 MB; at most 50 MB are uploaded")
    assert [file.name for file in found.files] == ["big.bin"]


def test_more_than_1000_files_are_refused_with_their_number(tmp_path: Path) -> None:
    folder = make(tmp_path / "dags", {f"{number}.txt": "" for number in range(1000)})
    assert len(read_dag_folder(folder).files) == dag_files.MAX_FILES == 1000

    (folder / "one more").touch()
    found = read_dag_folder(folder)

    assert found.files == []
    assert "with 1,001 files; at most 1,000 are uploaded" in found.problems[0]


def test_a_file_is_known_by_the_digest_of_its_content(tmp_path: Path) -> None:
    folder = make(tmp_path / "dags", {"a.py": DAG})

    [file] = read_dag_folder(folder).files

    assert file.path == folder / "a.py"
    assert file.sha256 == hashlib.sha256(DAG.encode()).hexdigest()
