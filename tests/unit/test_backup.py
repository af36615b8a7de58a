"""`make backup` and `make restore`, where something is in the way of them."""

import stat
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import botocore.exceptions
import pytest
from airflow_fargate.data import keeper
from airflow_fargate.data.keeper import Snapshot

from operate import backup
from operate.console import CommandError

from .databases import make_database

OUTPUTS = {"cluster_arn": "a-cluster", "service_arn": "a-service"}


@dataclass
class Saved:
    """What a stack has saved, and AWS, which may fail to stop a task."""

    newest: Snapshot
    bucket: str = "a-bucket"
    error: BaseException | None = None
    put: list[str] = field(default_factory=list[str])

    @property
    def s3(self) -> "Saved":
        return self

    @property
    def ecs(self) -> "Saved":
        return self

    def download_fileobj(self, _bucket: str, _key: str, body: BinaryIO) -> None:
        body.write(b"a database")

    def put_object(self, **given: Any) -> None:
        self.put.append(given["Key"])

    def list_tasks(self, **_which: str) -> Mapping[str, Any]:
        return {"taskArns": ["a-task"]}

    def stop_task(self, **_which: str) -> None:
        if self.error:
            raise self.error


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> Saved:
    saved = Saved(Snapshot("database/3.3.2.db.gz", "3.3.2", "etag", datetime(2026, 11, 25, 12, tzinfo=UTC), 7))

    @contextmanager
    def same(*_asked: object) -> Generator[Saved]:
        yield saved

    monkeypatch.setattr(backup, "_saved", same)
    return saved


def read(_key: str) -> None: ...


def test_a_backup_can_be_read_by_its_owner_alone_and_is_named_after_the_stack(saved: Saved, tmp_path: Path) -> None:
    file = backup.back_up({}, read, tmp_path, "organization/project/dev")

    assert (file.name, file.read_bytes()) == ("dev-airflow-3.3.2-20261125T120000Z.db.gz", b"a database")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]
    assert saved.put == []


@pytest.mark.usefixtures("saved")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"dev-airflow-3\.3\.2.*cannot be written: .*No such file"):
        backup.back_up({}, read, tmp_path / "nowhere", "dev")


REFUSED = botocore.exceptions.ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "StopTask")


@pytest.mark.parametrize("error", [REFUSED, KeyboardInterrupt()])
def test_a_restore_that_cannot_stop_the_task_says_that_the_database_is_another(
    saved: Saved, error: BaseException, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_database(tmp_path / "database")
    keeper.pack(tmp_path / "database", tmp_path / "dev.db.gz")
    saved.error = error

    with pytest.raises(type(error)):
        backup.restore(OUTPUTS, read, str(tmp_path / "dev.db.gz"))

    assert saved.put == [saved.newest.key]
    said = capsys.readouterr().err
    assert "dev.db.gz is the database of the next task. The one that runs saves nothing any more: stop it" in said
    assert "aws ecs stop-task --cluster a-cluster --task" in said
