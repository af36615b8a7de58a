"""`make dev`: what is saved in the DAG folder is in the Airflow of this machine within seconds."""

import tempfile
import time
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from airflow_fargate.dags.folder import IGNORE_FILE, DagFolder, walk

from local.stack import Stack
from operate.console import CommandError
from operate.rest import RestClient

LOOK_EVERY = 0.3
SEEN_WITHIN = 60.0


def might_have_dags(text: str) -> bool:
    """Whether Airflow looks for DAGs in such a file (airflow.utils.file)."""
    return all(word in text.lower() for word in ("dag", "airflow"))


class WatchedFolder:
    """The DAG folder of a stack that is deployed, while somebody works in it."""

    def __init__(self, folder: Path, stack: Stack, rest: RestClient) -> None:
        self._folder, self._stack, self._rest = folder, stack, rest
        self._files = self._look()

    def next_change(self) -> list[str]:
        """Wait until files are saved or removed, bring them to Airflow, and return a line for each of them."""
        while (files := self._look()) == self._files:
            time.sleep(LOOK_EVERY)
        saved, since = time.monotonic(), datetime.now(UTC)
        changed = [path for path in sorted(files | self._files) if files.get(path) != self._files.get(path)]
        self._files = files
        with tempfile.TemporaryFile("w+") as output:
            try:
                self._stack.run("up", "--yes", "--skip-preview", "--color", "never", output=output.fileno())
            except CommandError:
                output.seek(0)
                return [output.read(), f"{', '.join(changed)}: not uploaded; see above"]
        uploaded = time.monotonic() - saved
        return [
            f"{path}: {self._done_with(path)} after {uploaded:.1f} s{self._when_seen(path, saved, since)}"
            for path in changed
        ]

    def _look(self) -> dict[str, tuple[int, int]]:
        """Return each file, with what differs when it is saved again."""
        root = self._folder.resolve()
        while root.is_dir():
            found = DagFolder()
            try:
                status = {path: path.stat() for path in (*walk(root, found), *found.ignore_files)}
            except FileNotFoundError:  # editors make files that are gone before one has looked at them
                continue
            except PermissionError:  # `pulumi up` says which file may not be read
                break
            return {path.relative_to(root).as_posix(): (of.st_mtime_ns, of.st_size) for path, of in status.items()}
        return {}

    def _done_with(self, path: str) -> str:
        if Path(path).name == IGNORE_FILE:
            return "applied"
        return "uploaded" if path in self._files else "removed"

    def _when_seen(self, path: str, saved: float, since: datetime) -> str:
        """Return what Airflow says of a file, once it has read it; nothing of one in which it looks for no DAGs."""
        file = self._folder / path
        text = file.read_text(errors="replace") if path in self._files and file.is_file() else None
        if not path.endswith(".py") or (text is not None and not might_have_dags(text)):
            return ""
        while (seconds := time.monotonic() - saved) < SEEN_WITHIN:
            if found := self._find(path, text, since):
                return f", {found[0]} after {seconds:.1f} s{found[1]}"
            time.sleep(LOOK_EVERY)
        return f", and not in Airflow after {seconds:.0f} s: `make logs` shows what its DAG processor does"

    def _find(self, path: str, text: str | None, since: datetime) -> tuple[str, str] | None:
        """Return where the file is, as it is now, and what of it; None while Airflow has not read it yet."""
        dags = sorted(dag["dag_id"] for dag in self._all("/dags", "dags") if dag["relative_fileloc"] == path)
        if text is None:
            return None if dags else ("gone from Airflow", "")
        for error in self._all("/importErrors", "import_errors"):
            if error["filename"] == path and datetime.fromisoformat(error["timestamp"]) > since:
                return "an import error in Airflow", f": {error['stack_trace'].strip().splitlines()[-1]}"
        sources = [self._rest.api("GET", f"/dagSources/{dag}") for dag in dags]
        is_read = all(source.status == HTTPStatus.OK and source.json["content"] == text for source in sources)
        return ("in Airflow", f": {', '.join(dags)}") if dags and is_read else None

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        """Return everything of a kind: Airflow gives at most so many at once as `api.maximum_page_limit` says."""
        found: list[dict[str, Any]] = []
        while (answer := self._rest.api("GET", f"{path}?offset={len(found)}")).status == HTTPStatus.OK:
            if not (page := answer.json[name]):
                break
            found += page
        return found
