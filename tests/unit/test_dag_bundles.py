"""The bundles that read DAGs in the container, as Airflow calls them, with stand-ins for what they inherit and ask."""

import functools
import importlib
import io
import os
import socket
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from airflow_fargate.dags.container import objects
from botocore.utils import ContainerMetadataFetcher


class AirflowsBundle:
    """Airflow's base class, as far as ours uses it."""

    base = Path()

    def __init__(self, *, name: str, refresh_interval: int = 30, version: str | None = None) -> None:
        self.name = name
        self.refresh_interval = refresh_interval
        self.version = version
        self.base_dir = self.base / name
        self.is_initialized = False

    def initialize(self) -> None:
        self.is_initialized = True

    def lock(self) -> Any:
        return nullcontext()


class AirflowsGitBundle(AirflowsBundle):
    """The Git provider's, which fails as it is told."""

    def __init__(self, *, error: Exception | None = None, repo_url: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.error = error
        self.repo_url = repo_url
        self.repo_path = self.base_dir / "repository"

    def initialize(self) -> None:
        self.refresh()
        super().initialize()

    def refresh(self) -> None:
        if self.error:
            raise self.error


class Bucket:
    """A bucket, and the S3 client that reads it."""

    def __init__(self) -> None:
        self.files: dict[str, str] = {}
        self.got: list[str] = []
        self.denied = False

    def get_paginator(self, _name: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Generator[dict[str, Any]]:  # noqa: N803 - boto3's names
        if self.denied:
            raise PermissionError(f"AccessDenied when listing {Bucket}/{Prefix}")
        for name, content in self.files.items():  # one a page
            yield {"Contents": [{"Key": f"{Prefix}{name}", "ETag": f"etag of {content}"}]}
        yield {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        assert Bucket == "b"
        name = Key.removeprefix("dags/")
        self.got.append(name)
        return {"Body": io.BytesIO(self.files[name].encode()), "ETag": f"etag of {self.files[name]}"}


@pytest.fixture(autouse=True)
def _airflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(AirflowsBundle, "base", tmp_path)
    for name, attribute, value in (
        ("airflow.dag_processing.bundles.base", "BaseDagBundle", AirflowsBundle),
        ("airflow.providers.git.bundles.git", "GitDagBundle", AirflowsGitBundle),
    ):
        module = ModuleType(name)
        setattr(module, attribute, value)
        monkeypatch.setitem(sys.modules, name, module)


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def bucket_bundle(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = importlib.import_module("airflow_fargate.dags.container.bucket")
    monkeypatch.setattr(module, "s3_client", lambda: bucket)
    return module.BucketBundle(name="s3", bucket_name="b", prefix="dags")


def git_module() -> Any:
    return importlib.import_module("airflow_fargate.dags.container.git")


def files(bundle: Any) -> dict[str, str]:
    return {
        path.relative_to(bundle.path).as_posix(): path.read_text() for path in bundle.path.rglob("*") if path.is_file()
    }


def test_the_bucket_has_one_version_of_its_files_and_says_so(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task of a bundle with versions would run the one that it was scheduled with, which is gone."""
    bundle = bucket_bundle(bucket, monkeypatch)

    assert (bundle.supports_versioning, bundle.get_current_version()) == (False, None)


CHANGES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "a new file": ({"a.py": "1"}, {"a.py": "1", "b.py": "2"}),
    "a removed file": ({"a.py": "1", "b.py": "2"}, {"a.py": "1"}),
    "a change of the same size": ({"a.py": "1"}, {"a.py": "2"}),
    "a folder where a file was": ({"a.py": "1", "settings": "2"}, {"a.py": "1", "settings/new.py": "3"}),
    "a file where a folder was": ({"a.py": "1", "settings/new.py": "3"}, {"a.py": "1", "settings": "2"}),
    "a folder where a file was, far down": ({"x/y": "1"}, {"x/y/z/a.py": "1"}),
    "another file in its place only": ({"a.py": "1"}, {"b.py": "1"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_in_the_bucket_is_seen(change: str, bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = CHANGES[change]
    bundle = bucket_bundle(bucket, monkeypatch)
    bucket.files = before
    bundle.initialize()

    bucket.files = {**before, **after}  # Pulumi makes what is new before it deletes what has gone
    bundle.refresh()
    bucket.files = after
    bundle.refresh()

    assert files(bundle) == after


def test_what_has_not_changed_is_not_copied_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bucket_bundle(bucket, monkeypatch)
    bucket.files = {"a.py": "1", "b.py": "1"}
    bundle.initialize()

    bucket.files["b.py"] = "2"
    bundle.refresh()

    assert bucket.got == ["a.py", "b.py", "b.py"]


def test_a_task_finds_the_files_there_and_asks_nobody(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.files = {"a.py": "1"}
    bucket_bundle(bucket, monkeypatch).initialize()

    bucket.denied = True
    in_a_task = bucket_bundle(bucket, monkeypatch)
    in_a_task.initialize()

    assert in_a_task.is_initialized
    assert files(in_a_task) == {"a.py": "1"}


def grows_old(bundle: Any, seconds: int) -> None:
    """Have the copy be so many seconds old."""
    then = time.time() - seconds
    os.utime(bundle.base_dir / "copied", (then, then))


@pytest.mark.parametrize(("seconds", "found"), [(58, "1"), (61, "2")])
def test_a_task_copies_what_nobody_has_copied_for_two_intervals(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, seconds: int, found: str
) -> None:
    bucket.files = {"a.py": "1"}
    earlier = bucket_bundle(bucket, monkeypatch)
    earlier.initialize()

    grows_old(earlier, seconds)
    bucket.files = {"a.py": "2"}
    on_a_worker = bucket_bundle(bucket, monkeypatch)
    on_a_worker.initialize()

    assert files(on_a_worker) == {"a.py": found}


def test_a_copy_is_new_when_nothing_had_changed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.files = {"a.py": "1"}
    bundle = bucket_bundle(bucket, monkeypatch)
    bundle.initialize()
    grows_old(bundle, 1000)
    bundle.refresh()

    bucket.denied = True
    bucket_bundle(bucket, monkeypatch).initialize()

    assert capsys.readouterr().out == "", "the bucket was asked"


def test_tasks_go_on_with_an_old_copy_while_the_bucket_cannot_be_read_and_one_of_them_asks_it(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.files = {"a.py": "1"}
    bundle = bucket_bundle(bucket, monkeypatch)
    bundle.initialize()

    grows_old(bundle, 1000)
    bucket.denied = True
    tasks = [bucket_bundle(bucket, monkeypatch) for _ in range(2)]
    for task in tasks:
        task.initialize()

    assert [files(task) for task in tasks] == [{"a.py": "1"}] * 2
    why = "PermissionError: AccessDenied when listing b/dags/"
    assert capsys.readouterr().out.splitlines() == [f"DAG bundle s3 is used as it was copied before: {why}"]


def test_a_copy_that_has_never_been_complete_is_no_copy(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.files = {"a.py": "1", "b.py": "2"}
    incomplete = bucket_bundle(bucket, monkeypatch)
    with monkeypatch.context() as broken:
        broken.setattr(bucket, "get_object", functools.partial(fail_at, "b.py", bucket))
        for _ in range(2):
            with pytest.raises(OSError, match="broken"):
                incomplete.initialize()
    incomplete.initialize()

    assert files(incomplete) == bucket.files


def fail_at(name: str, bucket: Bucket, **asked: Any) -> dict[str, Any]:
    if asked["Key"] == f"dags/{name}":
        raise OSError("broken")
    return Bucket.get_object(bucket, **asked)


def test_of_tasks_that_begin_at_once_one_copies(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.files = {"a.py": "1"}
    first, second = bucket_bundle(bucket, monkeypatch), bucket_bundle(bucket, monkeypatch)

    @contextmanager
    def behind_the_first() -> Generator[None]:
        if not first.is_initialized:
            first.initialize()
            bucket.denied = True
        yield

    second.lock = behind_the_first
    second.initialize()

    assert files(second) == {"a.py": "1"}
    assert capsys.readouterr().out == ""


def test_what_tasks_have_written_between_the_files_stays(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bucket_bundle(bucket, monkeypatch)
    bucket.files = {"dbt/models/a.sql": "1", "b.py": "1"}
    bundle.initialize()
    for name in ("dbt/target/manifest.json", "dbt/models/a.sql.cache", "generated.py"):
        (bundle.path / name).parent.mkdir(exist_ok=True)
        (bundle.path / name).write_text("of a task")

    bucket.files = {"b.py": "2"}
    # As after a restart of the container.
    bucket_bundle(bucket, monkeypatch).refresh()

    assert files(bundle) == {
        "b.py": "2",
        **dict.fromkeys(("dbt/target/manifest.json", "dbt/models/a.sql.cache", "generated.py"), "of a task"),
    }


def test_a_file_that_a_task_has_removed_is_copied_again(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bucket_bundle(bucket, monkeypatch)
    bucket.files = {"a.py": "1"}
    bundle.initialize()

    (bundle.path / "a.py").unlink()
    bundle.refresh()

    assert files(bundle) == {"a.py": "1"}


def test_what_a_task_has_left_where_a_file_is_to_be_makes_room(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = bucket_bundle(bucket, monkeypatch)
    bucket.files = {"a.py": "1"}
    bundle.initialize()
    (bundle.path / "cache").write_text("of a task")
    (bundle.path / "b.py" / "__pycache__").mkdir(parents=True)

    bucket.files |= {"cache/c.py": "2", "b.py": "3"}
    bundle.refresh()

    assert files(bundle) == bucket.files


@pytest.mark.parametrize("denied", [True, False], ids=["denied", "empty"])
def test_a_bucket_that_cannot_be_read_is_said_in_one_line_and_nothing_is_removed(
    denied: bool, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bucket_bundle(bucket, monkeypatch)
    bucket.files = {"a.py": "1"}
    bundle.initialize()

    bucket.denied, bucket.files = denied, {}
    with pytest.raises(OSError, match=r"AccessDenied|s3://b/dags/ is empty"):
        bundle.refresh()
    bucket.denied, bucket.files = False, {"a.py": "1"}
    bundle.refresh()
    bundle.refresh()

    why = "PermissionError: AccessDenied when listing b/dags/" if denied else "FileNotFoundError: s3://b/dags/ is empty"
    assert capsys.readouterr().out.splitlines() == [
        f"DAG bundle s3 cannot be read: {why}",
        "DAG bundle s3 is read again",
    ]
    assert files(bundle) == {"a.py": "1"}


def test_what_is_said_of_a_bundle_is_in_the_log_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The DAG processor may say nothing else for hours, and its output is a pipe."""
    module = importlib.import_module("airflow_fargate.dags.container")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))

    with suppress(OSError), module.told("s3"):
        raise OSError("denied")
    unread = written.getvalue()
    with module.told("s3"):
        pass

    assert unread == b"DAG bundle s3 cannot be read: OSError: denied\n"
    assert written.getvalue() == unread + b"DAG bundle s3 is read again\n"


def test_the_reason_is_no_longer_than_fits_into_a_line() -> None:
    module = importlib.import_module("airflow_fargate.dags.container")

    assert module.reason(OSError("denied " * 100)) == f"OSError: {'denied ' * 42}"[:300]


def test_what_stands_for_a_folder_in_the_bucket_is_no_file(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3's console makes one for "Create folder"."""
    bucket.files = {"a.py": "1", "empty/": "", "sub/": "", "sub/b.py": "2"}
    bundle = bucket_bundle(bucket, monkeypatch)

    bundle.initialize()

    assert files(bundle) == {"a.py": "1", "sub/b.py": "2"}


class GitCommandError(Exception):
    """As GitPython's: it keeps apart what Git has said."""

    stderr = "\n  stderr: 'fatal: unable to access 'https://user:s3cret@example.com/a.git/': not\n found'"


def test_what_git_says_is_said_in_one_line_without_the_password(capsys: pytest.CaptureFixture[str]) -> None:
    error = RuntimeError("Error cloning repository")
    error.__cause__ = GitCommandError("Cmd('git') failed")
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/a.git"
        bundle = git_module().GitBundle(name="git", repo_url=url, error=error)

        with pytest.raises(RuntimeError, match="Error cloning repository"):
            bundle.initialize()

    said = "'fatal: unable to access 'https://example.com/a.git/': not found'"
    assert set(capsys.readouterr().out.splitlines()) == {f"DAG bundle git cannot be read: GitCommandError: {said}"}


def test_a_host_that_does_not_answer_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    git = git_module()
    monkeypatch.setattr(git, "_CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        port = server.getsockname()[1]
        # The queue of those that have not been accepted is full: the kernel answers no more.
        with socket.create_connection(("127.0.0.1", port)):
            bundle = git.GitBundle(name="git", repo_url=f"http://127.0.0.1:{port}/a.git")

            with pytest.raises(OSError, match="does not answer"):
                bundle.refresh()

    [line] = capsys.readouterr().out.splitlines()
    assert line == f"DAG bundle git cannot be read: OSError: 127.0.0.1 does not answer at port {port}: timed out"


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_nobody_knocks_where_a_proxy_leads(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "http://proxy.example:3128")

    git_module().knock("https://git.invalid/a.git")

    monkeypatch.setenv("no_proxy", "git.invalid")
    with pytest.raises(OSError, match=r"git.invalid does not answer at port 443"):
        git_module().knock("https://git.invalid/a.git")


def test_a_url_without_a_port_has_that_of_its_scheme() -> None:
    with pytest.raises(OSError, match=r"git.invalid does not answer at port 80:"):
        git_module().knock("http://git.invalid/a.git")


def test_a_version_that_is_there_takes_no_host() -> None:
    bundle = git_module().GitBundle(name="git", repo_url="https://git.invalid/a.git", version="1234abc")
    bundle.repo_path.mkdir(parents=True)
    bundle.refresh = lambda: None

    bundle.initialize()

    assert bundle.is_initialized


@pytest.mark.parametrize(("version", "is_there"), [("1234abc", False), (None, True)], ids=["not there", "the newest"])
def test_any_other_version_takes_the_host(version: str | None, is_there: bool) -> None:
    bundle = git_module().GitBundle(name="git", repo_url="https://git.invalid/a.git", version=version)
    bundle.refresh = lambda: None
    if is_there:
        bundle.repo_path.mkdir(parents=True)

    with pytest.raises(OSError, match=r"git.invalid does not answer at port 443"):
        bundle.initialize()


def test_the_bucket_is_asked_as_the_task_whatever_keys_its_dags_are_given(monkeypatch: pytest.MonkeyPatch) -> None:
    def of_role(*_: object, **__: object) -> dict[str, str]:
        return {"AccessKeyId": "role", "SecretAccessKey": "s", "Token": "t", "Expiration": "2999-01-01T00:00:00Z"}

    def used() -> str:
        return objects.s3_client()._request_signer._credentials.access_key  # pyright: ignore[reportPrivateUsage,reportUnknownMemberType,reportAttributeAccessIssue,reportUnknownVariableType]

    monkeypatch.setattr(ContainerMetadataFetcher, "retrieve_full_uri", of_role)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key of DAGs")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert used() == "key of DAGs", "there is no role"

    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials")

    assert used() == "role"
