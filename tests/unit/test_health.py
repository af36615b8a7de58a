"""The health check as ECS runs it: the command in a shell, against a server that answers like Airflow."""

import json
import os
import subprocess
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from airflow_fargate.executor.container.sizes import FARGATE_SIZES
from airflow_fargate.task.health import health_check, health_check_command, worker_health_check

PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


class Api(HTTPServer):
    """Answers the health endpoint with ``answer`` and status 200, and any other path with a page, as Airflow does."""

    answer = b""


class Handler(BaseHTTPRequestHandler):
    server: Api  # pyright: ignore[reportIncompatibleVariableOverride] - the stubs know only the base class

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.answer if self.path == "/api/v2/monitor/health" else b"<html>")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


@pytest.fixture
def api() -> Generator[Api]:
    with Api(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def check(port: int) -> int:
    kind, command = health_check_command(port)
    assert kind == "CMD-SHELL"
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, timeout=10, check=False).returncode


def status(**changed: str | None) -> bytes:
    return json.dumps({part: {"status": changed.get(part, "healthy")} for part in PARTS}).encode()


def test_all_parts_healthy_is_healthy(api: Api) -> None:
    api.answer = status()
    assert check(api.server_port) == 0


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("value", ["unhealthy", None])
def test_one_part_that_is_not_healthy_is_unhealthy(api: Api, part: str, value: str | None) -> None:
    api.answer = status(**{part: value})
    assert check(api.server_port) == 1


@pytest.mark.parametrize("answer", [b"", b"<html>", b"{}", b"[]"])
def test_any_other_answer_is_unhealthy(api: Api, answer: bytes) -> None:
    api.answer = answer
    assert check(api.server_port) == 1


def test_no_server_is_unhealthy(api: Api) -> None:
    port = api.server_port
    api.server_close()
    assert check(port) == 1


def test_the_less_cpu_the_longer_a_start_may_take_up_to_what_aws_allows() -> None:
    allowed = {cpu: health_check(8080, cpu, 0).start_period for cpu in FARGATE_SIZES}

    assert allowed == {256: 300, 512: 240, 1024: 120, 2048: 60, 4096: 60, 8192: 60, 16384: 60}
    assert health_check(8080, 16384, 300).start_period == 300, "packages are installed at the start"


@pytest.mark.parametrize(("minutes_ago", "healthy"), [(0, True), (4, True), (6, False), (None, False)])
def test_a_worker_is_healthy_that_has_said_so_lately(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, minutes_ago: int | None, *, healthy: bool
) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    if minutes_ago is not None:
        file = tmp_path / "worker-heartbeat"
        file.touch()
        then = time.time() - minutes_ago * 60
        os.utime(file, (then, then))
    kind, command = worker_health_check(512, 0).command

    assert kind == "CMD-SHELL"
    assert (subprocess.run(["/bin/sh", "-c", command], check=False).returncode == 0) == healthy
