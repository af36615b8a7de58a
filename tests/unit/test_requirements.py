"""Requirements that are locked: what uv makes of them, what is downloaded, what is refused. The index is a test's."""

import errno
import hashlib
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from airflow_fargate.dags.requirements import locked, resolution
from airflow_fargate.dags.requirements.locked import Locked, Wheel, lock_requirements
from airflow_fargate.dags.requirements.pylock import Lock, LockedWheel, lock_path, read_lock, read_resolved, write_lock
from airflow_fargate.dags.requirements.runtime import Runtime, read_runtime
from airflow_fargate.image import Image
from packaging.pylock import is_valid_pylock_path

from tests.indexes import Index

OFFICIAL = Image.parse("apache/airflow:3.3.2-python3.13")
RUNTIME = Runtime("3.3.2", "3.13", "x86_64")
LOCK = "pylock.requirements-cp313-x86_64.toml"


@pytest.fixture(scope="session")
def uv_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uv")


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uv_cache: Path) -> None:
    for name in os.environ:
        if name.startswith("UV_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("UV_NO_CONFIG", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(uv_cache))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))


NewIndex = Callable[..., Index]


@pytest.fixture
def new_index(monkeypatch: pytest.MonkeyPatch) -> Generator[NewIndex]:
    """Make indexes with an Airflow, of which the last is uv's."""
    made: list[Index] = []

    def make(user: str = "") -> Index:
        index = Index(user)
        index.add("apache_airflow", "3.3.2", needs=["sqlalchemy>=1.4"])
        index.add("apache_airflow", "3.3.1")
        index.add("sqlalchemy", "2.0")
        index.add("roman", "5.0")
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        made.append(index)
        return index

    yield make
    for index in made:
        index.close()


@pytest.fixture
def index(new_index: NewIndex) -> Index:
    return new_index()


class Project:
    """A folder with requirements, and what was said while they were locked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.requirements = folder / "requirements.txt"
        self.lock_file = folder / LOCK
        self.constraints = folder / "constraints.txt"
        self.constraints.touch()
        self.said: list[str] = []

    def lock(self, text: str | None = None, *, image: Image = OFFICIAL, cpu_architecture: str = "X86_64") -> Locked:
        self.said.clear()
        if text is not None:
            self.requirements.write_text(text)
        return lock_requirements(
            self.requirements,
            image=image,
            cpu_architecture=cpu_architecture,
            constraints=str(self.constraints),
            say=self.said.append,
        )

    def forget_wheels(self) -> None:
        for path in self.cached():
            path.unlink()

    def cached(self) -> list[Path]:
        return list(self.folder.parent.glob("cache/airflow-fargate/wheels/*/*"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)


def names(found: Locked) -> list[str]:
    assert found.problems == []
    return [wheel.name for wheel in found.wheels]


def problem(found: Locked) -> str:
    assert found.wheels == ()
    assert len(found.problems) == 1, found.problems
    return found.problems[0]


def test_what_the_requirements_add_is_downloaded_and_locked(project: Project, index: Index) -> None:
    index.add("numerals", "1.2", needs=["roman"])

    found = project.lock("numerals\n")

    assert names(found) == ["numerals-1.2-py3-none-any.whl", "roman-5.0-py3-none-any.whl"]
    assert found.runtime == RUNTIME
    for wheel in found.wheels:
        content = index.files[wheel.name]
        assert (wheel.path.name, wheel.path.read_bytes()) == (wheel.name, content)
        assert wheel.sha256 == hashlib.sha256(content).hexdigest()
    lock = read_lock(project.lock_file, RUNTIME)
    assert lock
    assert [(wheel.package, wheel.version, wheel.name, wheel.sha256) for wheel in lock.wheels] == [
        ("numerals", "1.2", found.wheels[0].name, found.wheels[0].sha256),
        ("roman", "5.0", found.wheels[1].name, found.wheels[1].sha256),
    ]


@pytest.mark.parametrize(
    ("requirements", "name"),
    [
        ("requirements.txt", LOCK),
        ("requirements.in", LOCK),
        ("team.requirements.txt", "pylock.team-requirements-cp313-x86_64.toml"),
    ],
)
def test_the_lock_file_has_a_name_of_the_standard(project: Project, requirements: str, name: str) -> None:
    path = lock_path(project.folder / requirements, RUNTIME)

    assert path == project.folder / name
    assert is_valid_pylock_path(path)


@pytest.mark.parametrize(
    ("requirements", "shipped"),
    [
        ("sqlalchemy", []),
        ("sqlalchemy\nroman", ["roman-5.0-py3-none-any.whl"]),
        ("sqlalchemy<2", ["sqlalchemy-1.4-py3-none-any.whl"]),
        ("apache-airflow", []),
    ],
)
def test_what_airflow_brings_itself_is_not_shipped(
    project: Project, index: Index, requirements: str, shipped: list[str]
) -> None:
    index.add("sqlalchemy", "1.4")

    assert names(project.lock(requirements)) == shipped
    assert names(project.lock()) == shipped
    assert project.said == []


def test_airflows_constraints_choose_the_version(project: Project, index: Index) -> None:
    index.add("roman", "4.2")
    project.constraints.write_text("roman==4.2\n")

    assert names(project.lock("roman")) == ["roman-4.2-py3-none-any.whl"]


def test_a_byte_order_mark_is_no_part_of_the_first_line(
    project: Project, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX")
    project.constraints.write_text("\ufeff# Python 3.11.9\napache-airflow==3.3.1\n")

    found = project.lock(f"\ufeff--index-url {index.url}\nroman\n", image=Image.parse("example.com/own:1"))

    assert names(found) == ["roman-5.0-py3-none-any.whl"]
    assert found.runtime == Runtime("3.3.1", "3.11", "x86_64")


@pytest.mark.usefixtures("index")
def test_paths_are_relative_to_where_the_program_runs(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project.folder.parent)
    project.requirements.write_text("roman\n")

    found = lock_requirements(
        Path("project/requirements.txt"),
        image=OFFICIAL,
        cpu_architecture="X86_64",
        constraints="project/constraints.txt",
        say=project.said.append,
    )

    assert names(found) == ["roman-5.0-py3-none-any.whl"]
    assert project.lock_file.exists()


@pytest.mark.parametrize(
    ("cpu_architecture", "shipped"),
    [
        ("X86_64", "fast-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"),
        ("ARM64", "fast-1.0-cp313-cp313-manylinux_2_17_aarch64.whl"),
    ],
)
def test_the_wheel_fits_the_processor_the_python_and_the_c_library(
    project: Project, index: Index, cpu_architecture: str, shipped: str
) -> None:
    for tag in (
        "py3-none-any",
        "cp312-cp312-manylinux_2_28_x86_64",
        "cp313-cp313-manylinux_2_17_x86_64",
        "cp313-cp313-manylinux_2_28_x86_64",
        "cp313-cp313-manylinux_2_39_x86_64",
        "cp313-cp313-musllinux_1_2_x86_64",
        "cp313-cp313-win_amd64",
        "cp313-cp313-manylinux_2_17_aarch64",
        "cp313-cp313-macosx_11_0_arm64",
    ):
        index.add("fast", "1.0", tag=tag)

    assert names(project.lock("fast", cpu_architecture=cpu_architecture)) == [shipped]


def test_an_unchanged_lock_asks_nobody(project: Project, index: Index) -> None:
    before = project.lock("roman")
    index.asked.clear()

    again = project.lock()

    assert (index.asked, project.said) == ([], [])
    assert again == before


def test_a_lock_is_enough_on_a_machine_without_the_wheels(project: Project, index: Index) -> None:
    before = project.lock("roman")
    project.forget_wheels()
    index.add("roman", "5.1")

    again = project.lock()

    assert project.said == ["Downloading roman-5.0-py3-none-any.whl, 0.0 MB"]
    assert again == before


def test_a_changed_requirement_keeps_the_other_versions(project: Project, index: Index) -> None:
    before = project.lock("roman")
    index.add("roman", "5.1")
    index.add("numerals", "1.2")

    after = project.lock("roman\nnumerals")

    assert names(after) == ["numerals-1.2-py3-none-any.whl", "roman-5.0-py3-none-any.whl"]
    assert after.digest != before.digest
    assert project.lock("# a remark\nroman").digest == before.digest
    project.lock_file.unlink()
    assert names(project.lock()) == ["roman-5.1-py3-none-any.whl"]


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("constraints", "image"),
    [
        ("roman==5.0\n", OFFICIAL),
        ("", Image.parse("apache/airflow:3.3.1-python3.13")),
    ],
)
def test_uv_is_asked_again_after_a_change_of_anything_else(project: Project, constraints: str, image: Image) -> None:
    before = project.lock("roman")
    project.constraints.write_text(constraints)

    after = project.lock(image=image)

    assert project.said == [f"Resolving {project.requirements} with uv"]
    assert after.wheels == before.wheels


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    "other", [{"cpu_architecture": "ARM64"}, {"image": Image.parse("apache/airflow:3.3.2-python3.12")}]
)
def test_stacks_with_another_processor_or_python_have_a_lock_of_their_own(
    project: Project, other: dict[str, Any]
) -> None:
    project.lock("roman")
    project.lock(**other)

    project.lock()

    assert project.said == []


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        pytest.param("roman==5.0", "you require roman==5.0 and roman==4.2", id="other than the constraints"),
        pytest.param(
            "apache-airflow==3.3.1", "you require apache-airflow==3.3.1 and apache-airflow==3.3.2", id="another Airflow"
        ),
        pytest.param("sqlalchemy<1.4", "depends on sqlalchemy>=1.4", id="other than Airflow needs"),
        pytest.param("old", "Wheels are required for `old`", id="only a source distribution"),
        pytest.param("nothing", "nothing was not found in the package registry", id="unknown"),
        pytest.param("roman = 5", "roman = 5", id="no requirement"),
        pytest.param("./package", "package has no wheel that fits", id="a folder"),
        pytest.param("./other", "Distribution not found at", id="no such folder"),
    ],
)
def test_what_cannot_be_resolved_is_refused_in_uvs_words_and_the_old_lock_stays(
    project: Project, index: Index, monkeypatch: pytest.MonkeyPatch, requirements: str, words: str
) -> None:
    index.files["old-1.0.tar.gz"] = b""
    index.add("roman", "4.2")
    (project.folder / "package").mkdir()
    (project.folder / "package" / "pyproject.toml").write_text('[project]\nname = "package"\nversion = "1"\n')
    monkeypatch.chdir(project.folder)
    project.constraints.write_text("roman==4.2\n")
    project.lock("roman")
    before = project.lock_file.read_bytes()

    refused = problem(project.lock(requirements))

    assert refused.startswith(
        f"is '{project.requirements}', which uv cannot resolve for Airflow 3.3.2 with Python 3.13 and "
    )
    assert words in refused
    assert project.lock_file.read_bytes() == before


@pytest.mark.usefixtures("index")
def test_uv_is_to_download_no_python_and_its_words_come_in_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run(command: list[Any], **options: Any) -> Any:
        asked.extend(map(str, command))
        assert options["stdout"] == subprocess.DEVNULL, "what is printed there is the lock once more"
        return subprocess.CompletedProcess(
            command, 2, stderr="error: Failed to fetch\n  cause: no route,\n   it seems\n    cause: timed out.\n"
        )

    monkeypatch.setattr(subprocess, "run", run)

    refused = problem(project.lock("roman"))

    assert "Failed to fetch: no route, it seems: timed out" in refused
    assert "error:" not in refused
    assert "timed out." not in refused
    options = " ".join(asked)
    assert f"--only-binary :all: --python {sys.executable} --no-python-downloads" in options
    assert "--format pylock.toml --no-header --quiet --color never" in options


@pytest.mark.usefixtures("index")
def test_a_uv_that_is_killed_leaves_everything_as_it_was(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.lock("roman")
    before = {path: path.read_bytes() for path in project.folder.iterdir()}
    uv = project.folder.parent / "uv"
    uv.write_text('#!/bin/sh\nwhile [ "$1" != --output-file ]; do shift; done\necho half > "$2"\nkill -9 $$\n')
    uv.chmod(stat.S_IRWXU)
    monkeypatch.setattr(resolution, "find_uv_bin", lambda: str(uv))

    refused = problem(project.lock("roman\n# a remark"))

    assert "uv ended with -9" in refused
    project.requirements.write_text("roman")
    assert {path: path.read_bytes() for path in project.folder.iterdir()} == before


@pytest.mark.usefixtures("index")
def test_a_disk_that_is_full_leaves_the_old_lock(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.lock("roman")
    before = project.lock_file.read_bytes()
    project.requirements.write_text("roman\n# a remark")

    def write_half(path: Path, text: str, **_: Any) -> int:
        with path.open("w") as file:
            file.write(text[: len(text) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", write_half)

    assert "No space left on device" in problem(project.lock())
    assert project.lock_file.read_bytes() == before
    assert {path.name for path in project.folder.iterdir()} == {LOCK, "requirements.txt", "constraints.txt"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(None, "cannot be used: [Errno 2] No such file or directory", id="missing"),
        pytest.param(b"\xff", "cannot be used: 'utf-8' codec can't decode byte", id="not text"),
        pytest.param(b"", "in which there is no requirement", id="empty"),
        pytest.param(b"# roman\n--prefer-binary\n\n", "in which there is no requirement", id="no requirement"),
        pytest.param(b"roman\n-r more.txt", "with '-r more.txt'", id="-r"),
        pytest.param("\ufeff-r more.txt".encode(), "with '-r more.txt'", id="-r after a byte order mark"),
        pytest.param(b"--requirement=more.txt", "with '--requirement=more.txt'", id="--requirement"),
        pytest.param(b"-cmore.txt", "with '-cmore.txt'", id="-c"),
        pytest.param(b"  --constraint more.txt", "with '--constraint more.txt'", id="--constraint"),
        pytest.param(
            b"roman==5.0 \\\n    --hash=sha256:00",
            "with 'roman==5.0      --hash=sha256:00'; give the requirements without hashes",
            id="--hash",
        ),
        pytest.param(b"-e .", "with '-e .', of which a wheel would have to be built", id="-e"),
        pytest.param(
            b"a @ git+https://me:s3cret@example.com/a", "with 'a @ git+https://example.com/a', of which", id="Git"
        ),
    ],
)
def test_a_file_that_cannot_be_locked_is_refused_before_uv_runs(
    project: Project, text: bytes | None, words: str
) -> None:
    if text is not None:
        project.requirements.write_bytes(text)

    assert words in problem(project.lock())
    assert project.said == []


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize("change", [("lock-version", "<<<<<<< HEAD\nlock-version"), ("created-by", "made-by")])
def test_a_lock_file_that_is_none_is_refused(project: Project, change: tuple[str, str]) -> None:
    project.lock("roman")
    project.lock_file.write_text(project.lock_file.read_text().replace(*change))

    refused = problem(project.lock())

    assert refused.startswith(f"has the lock file '{project.lock_file}', which cannot be read: ")
    assert refused.endswith("; restore it, or delete it")


def test_a_wheel_that_has_been_changed_is_refused(project: Project, index: Index) -> None:
    index.add("numerals", "1.2")
    project.lock("roman\nnumerals")
    project.forget_wheels()
    index.served["roman-5.0-py3-none-any.whl"] = b"another"

    refused = problem(project.lock())

    url = index.url.replace("/simple", "/files/roman-5.0-py3-none-any.whl")
    digest = hashlib.sha256(b"another").hexdigest()
    assert refused.startswith(f"needs roman-5.0-py3-none-any.whl, but {url} gives another file: its sha256 is {digest}")
    assert [path.name for path in project.cached()] == ["numerals-1.2-py3-none-any.whl"]


def test_a_wheel_that_has_gone_is_refused(project: Project, index: Index) -> None:
    project.lock("roman")
    project.forget_wheels()
    index.files.clear()

    assert "does not give: HTTP Error 404: Not Found; make the index give" in problem(project.lock())


def test_a_damaged_wheel_of_this_machine_is_downloaded_again(project: Project, index: Index) -> None:
    before = project.lock("roman")
    for path in project.cached():
        path.write_bytes(b"half")

    assert project.lock() == before
    assert before.wheels[0].path.read_bytes() == index.files["roman-5.0-py3-none-any.whl"]


@pytest.mark.parametrize("tells_sizes", [True, False])
def test_more_than_a_start_can_unpack_is_refused(
    project: Project, index: Index, monkeypatch: pytest.MonkeyPatch, tells_sizes: bool
) -> None:
    index.tells_sizes = tells_sizes
    monkeypatch.setattr(locked, "MAX_BYTES", len(index.files["roman-5.0-py3-none-any.whl"]) - 1)

    assert "has wheels of 0 MB; every start unpacks them" in problem(project.lock("roman"))
    assert bool(project.cached()) != tells_sizes, "what is known to be too much is not downloaded"


def with_user(url: str) -> str:
    return url.replace("http://", "http://me:s3%21cret@")


@pytest.mark.parametrize(
    "given", ["URL", "variables", "URL of a wheel", "requirements", "variable in requirements", "netrc"]
)
def test_a_password_of_the_index_is_used_and_not_shown(
    project: Project, new_index: NewIndex, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    index = new_index("me:s3!cret")
    requirements = "roman\n"
    match given:
        case "URL":
            monkeypatch.setenv("UV_DEFAULT_INDEX", with_user(index.url))
        case "variables":
            monkeypatch.setenv("UV_DEFAULT_INDEX", f"our-own={index.url}")
            monkeypatch.setenv("UV_INDEX_OUR_OWN_USERNAME", "me")
            monkeypatch.setenv("UV_INDEX_OUR_OWN_PASSWORD", "s3!cret")
        case "URL of a wheel":
            monkeypatch.setenv("UV_DEFAULT_INDEX", with_user(index.url))
            wheel = with_user(index.url).replace("/simple", "/files/roman-5.0-py3-none-any.whl")
            requirements = f"roman @ {wheel}\n"
        case "requirements":
            monkeypatch.delenv("UV_DEFAULT_INDEX")
            requirements = f"--index-url {with_user(index.url)}\nroman\n"
        case "variable in requirements":
            monkeypatch.delenv("UV_DEFAULT_INDEX")
            monkeypatch.setenv("INDEX_PASSWORD", "s3%21cret")
            requirements = f"--index-url {index.url.replace('//', '//me:${INDEX_PASSWORD}@')}\nroman\n"
        case _:
            Path(os.environ["NETRC"]).write_text("machine 127.0.0.1 login me password s3!cret\n")

    found = project.lock(requirements)

    assert names(found) == ["roman-5.0-py3-none-any.whl"]
    shown = [project.lock_file.read_text(), *project.said]
    for change in (lambda: index.served.update(dict.fromkeys(index.files, b"another")), index.files.clear):
        change()
        project.forget_wheels()
        shown += [problem(project.lock()), *project.said]
    shown += [problem(project.lock(f"{requirements}numerals\n")), *project.said]
    assert [text for text in shown if "cret" in text] == []


@pytest.mark.usefixtures("index")
@pytest.mark.parametrize(
    ("requirements", "shown"),
    [
        ("--index-url http://me:s3cret@127.0.0.1:9/simple\nroman", "Failed to fetch: http://127.0.0.1:9/simple/roman/"),
        ("roman @ http://me:s3cret@127.0.0.1:9/a b", "roman @ http://127.0.0.1:9/a b"),
        ("roman @@ http://me:s3cret@127.0.0.1:9/a", "http:/127.0.0.1:9/a"),
    ],
)
def test_a_password_in_the_requirements_is_not_in_uvs_words(
    project: Project, monkeypatch: pytest.MonkeyPatch, requirements: str, shown: str
) -> None:
    monkeypatch.delenv("UV_DEFAULT_INDEX")

    refused = problem(project.lock(requirements))

    assert shown in refused
    assert "s3cret" not in refused


def test_a_password_is_not_sent_to_where_the_index_leads(
    project: Project, new_index: NewIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage, index = new_index(), new_index("me:s3!cret")
    monkeypatch.setenv("UV_DEFAULT_INDEX", with_user(index.url))
    project.lock("roman")
    project.forget_wheels()
    index.redirect = lambda name: storage.url.replace("/simple", f"/files/{name}")

    assert names(project.lock()) == ["roman-5.0-py3-none-any.whl"]
    assert storage.authorizations == [None]


def test_a_local_folder_of_wheels_will_do(project: Project, index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in index.files.items():
        (project.folder / name).write_bytes(content)
    index.files.clear()
    monkeypatch.setenv("UV_FIND_LINKS", str(project.folder))

    assert names(project.lock("roman")) == ["roman-5.0-py3-none-any.whl"]


PACKAGE = """
lock-version = "1.0"
created-by = "another"
[[packages]]
name = "roman"
wheels = [{{ {} }}]
"""


@pytest.mark.parametrize(
    "wheel",
    [
        'name = "roman-5.0-py3-none-any.whl", path = "roman-5.0-py3-none-any.whl", hashes = { sha256 = "1" }',
        'url = "https://example.com/roman-5.0-py3-none-any.whl", hashes = { md5 = "1" }',
        'url = "https://example.com/roman-5.0-py2-none-any.whl", hashes = { sha256 = "1" }',
    ],
    ids=["no URL", "no sha256", "another Python"],
)
def test_a_wheel_that_cannot_be_shipped_is_none(wheel: str) -> None:
    with pytest.raises(ValueError, match=r"^roman has no wheel that fits, with a URL and a sha256, and nothing else"):
        read_resolved(PACKAGE.format(wheel), RUNTIME)


def test_a_lock_holds_what_an_index_does_not_tell(tmp_path: Path) -> None:
    lock = Lock("requirements", (LockedWheel("roman", "", "https://e.com/roman-5.0-py3-none-any.whl", "1", None),))
    path = tmp_path / LOCK

    write_lock(path, lock)
    assert read_lock(path, RUNTIME) == lock

    path.write_text(path.read_text().partition("[tool")[0])
    assert read_lock(path, RUNTIME) == lock._replace(resolved_from=""), "the lock of another tool"


@pytest.mark.parametrize("constraints", ["https://example.com/pins.txt", "pins.txt"])
def test_uv_is_given_the_constraints_where_they_are(
    project: Project, monkeypatch: pytest.MonkeyPatch, constraints: str
) -> None:
    asked: list[str] = []

    def run(command: list[Any], **_: Any) -> Any:
        asked.extend(map(str, command))
        return subprocess.CompletedProcess(command, 2, stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.chdir(project.folder.parent)
    project.requirements.write_text("roman")

    with pytest.raises(ValueError, match="uv ended with 2"):
        resolution.resolve(project.requirements, RUNTIME, constraints, project.lock_file)

    where = constraints if "://" in constraints else str(Path.cwd() / constraints)
    assert asked[asked.index("--constraints") + 1] == where


def test_a_wheel_fits_the_better_the_newer_the_c_library_it_is_for() -> None:
    ranks = {tag.platform: rank for tag, rank in RUNTIME.tags.items() if tag.interpreter == tag.abi == "cp313"}

    assert sorted(ranks, key=ranks.__getitem__) == [
        *(f"manylinux_2_{minor}_x86_64" for minor in range(28, 16, -1)),
        "manylinux2014_x86_64",
        *(f"manylinux_2_{minor}_x86_64" for minor in range(16, 11, -1)),
        "manylinux2010_x86_64",
        *(f"manylinux_2_{minor}_x86_64" for minor in range(11, 4, -1)),
        "manylinux1_x86_64",
        "linux_x86_64",
    ]


def test_the_digest_is_of_the_names_and_the_hashes_and_of_nothing_else() -> None:
    def digest(name: str = "a-1-py3-none-any.whl", sha256: str = "1", path: str = "a") -> str:
        other = Wheel("b-1-py3-none-any.whl", "2", Path("b"))
        return Locked((Wheel(name, sha256, Path(path)), other)).digest

    assert len({digest(), digest(name="c-1-py3-none-any.whl"), digest(sha256="3")}) == 3
    assert digest() == digest(path="c")


FROZEN = "# Python 3.11.9\napache-airflow==3.3.1\n"


@pytest.mark.parametrize(
    ("image", "constraints", "airflow", "python"),
    [
        ("apache/airflow:3.3.2", "", "3.3.2", "3.13"),
        *((f"apache/airflow:{version}", "", version, "3.12") for version in ("3.0.6", "3.1.3", "3.2.1")),
        ("apache/airflow:slim-3.3.2", "", "3.3.2", "3.13"),
        ("apache/airflow:3.3.2-python3.11", "", "3.3.2", "3.11"),
        ("apache/airflow:slim-3.4.0rc1-python3.14", "", "3.4.0rc1", "3.14"),
        ("example.com/apache/airflow:3.3.2", "", "3.3.2", "3.13"),
        ("apache/airflow:3.3.2", FROZEN, "3.3.2", "3.11"),
        ("apache/airflow:3.3.2-python3.10", FROZEN, "3.3.2", "3.10"),
        ("apache/airflow:latest", FROZEN, "3.3.1", "3.11"),
        ("example.com/own:1", FROZEN, "3.3.1", "3.11"),
        (None, FROZEN, "3.3.1", "3.11"),
    ],
)
def test_the_tag_of_an_official_image_or_the_constraints_tell_what_runs(
    image: str | None, constraints: str, airflow: str, python: str
) -> None:
    runtime = read_runtime(Image.parse(image) if image else None, "ARM64", constraints)

    assert runtime == Runtime(airflow, python, "aarch64")


@pytest.mark.parametrize("constraints", ["", "apache-airflow==3.3.1\n", "# Python 3.11.9\n"])
@pytest.mark.parametrize(
    ("image", "shown"),
    [
        ("apache/airflow:latest", "'apache/airflow:latest'"),
        ("apache/airflow:3", "'apache/airflow:3'"),
        ("example.com/own:3.3.2", "'example.com/own:3.3.2'"),
        (None, "an output"),
    ],
)
def test_an_image_of_which_nothing_is_known_is_refused(image: str | None, shown: str, constraints: str) -> None:
    with pytest.raises(ValueError, match=f"which is {shown} and does not tell; name one such as apache/airflow:3"):
        read_runtime(Image.parse(image) if image else None, "X86_64", constraints)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (None, "https://raw.githubusercontent.com/apache/airflow/constraints-3.3.2/constraints-3.13.txt"),
        ("https://example.com/pins.txt", "https://example.com/pins.txt"),
    ],
)
def test_the_constraints_are_airflows_own_unless_others_are_given(
    project: Project, monkeypatch: pytest.MonkeyPatch, given: str | None, asked: str
) -> None:
    found: list[str] = []

    def resolve(_requirements: Path, _runtime: Runtime, constraints: str, _lock: Path) -> tuple[()]:
        found.append(constraints)
        return ()

    monkeypatch.setattr(locked, "resolve", resolve)
    project.requirements.write_text("roman")

    lock_requirements(
        project.requirements, image=OFFICIAL, cpu_architecture="X86_64", constraints=given, say=project.said.append
    )

    assert found == [asked]
