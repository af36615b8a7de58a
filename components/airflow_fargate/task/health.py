"""The container's health check: healthy only when Airflow can run tasks. Pure functions."""

from dataclasses import dataclass
from typing import Any

from .supervisor import HEARTBEAT_FILE

START_PERIOD_SECONDS = {256: 300, 512: 240, 1024: 120, 2048: 60, 4096: 60, 8192: 60, 16384: 60}
"""Seconds of failing checks that ECS forgives after a start, by the task's CPU units; AWS allows at most 300.

At least four times what a start took in control groups of that size (``docs/container.md``), since Fargate's CPUs are
slower than the ones measured on. More CPU than 4096 does not start faster: importing is one thread.
"""

WORKER_SILENCE_MINUTES = 5
"""How long a worker may say nothing; a node of ElastiCache is replaced in less, as a rule."""

_CHECKED = ("metadatabase", "scheduler", "dag_processor", "triggerer")


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How ECS tells whether a container is healthy; times in seconds."""

    command: tuple[str, ...]
    interval: int
    timeout: int
    retries: int
    start_period: int

    @property
    def longest_start(self) -> int:
        """Seconds after which a container that has never been healthy is unhealthy, and ECS ends its task."""
        return self.start_period + self.retries * self.interval

    def definition(self) -> dict[str, Any]:
        """Return it in the words of ECS's RegisterTaskDefinition."""
        return {
            "command": list(self.command),
            "interval": self.interval,
            "timeout": self.timeout,
            "retries": self.retries,
            "startPeriod": self.start_period,
        }


def health_check(port: int, cpu: int, least_start_period: int) -> HealthCheck:
    """Return Airflow 3's health check, which forgives failures for as long as a start takes with so much CPU."""
    return _health_check(health_check_command(port), cpu, least_start_period)


def worker_health_check(cpu: int, least_start_period: int) -> HealthCheck:
    """Return the health check of a worker of Celery: healthy as long as it has said so lately.

    Celery's own way is a question by the broker, which imports all of Airflow. A worker whose event loop turns and that
    has its broker touches a file every two seconds; a restart of the broker is forgiven. The shell's own programs read
    that in a few milliseconds of CPU time.
    """
    minutes = WORKER_SILENCE_MINUTES
    code = f'find "${{AIRFLOW_HOME:-$HOME/airflow}}/{HEARTBEAT_FILE}" -mmin -{minutes} | grep -q . || exit 1'
    return _health_check(("CMD-SHELL", code), cpu, least_start_period)


def _health_check(command: tuple[str, ...], cpu: int, least_start_period: int) -> HealthCheck:
    return HealthCheck(
        command=command,
        interval=15,
        timeout=10,
        retries=4,
        start_period=max(START_PERIOD_SECONDS[cpu], least_start_period),
    )


def health_check_command(port: int) -> tuple[str, ...]:
    """Return ECS's health check command for an api-server on ``port``: exit code 1 unless all of Airflow is healthy.

    The endpoint answers 200 with the scheduler dead, so its body is read. By the image's Python, not curl, without site
    packages and with a socket instead of ``urllib``: a third of the CPU time, which counts at 0.25 vCPU every 15 s.
    """
    request = f"GET /api/v2/monitor/health HTTP/1.0\\r\\nHost: localhost:{port}\\r\\n\\r\\n"
    code = (
        "import json,socket;"
        f"s=socket.create_connection(('localhost',{port}),5);"
        f"s.sendall(b'{request}');"
        "h,_,b=s.makefile('rb').read().partition(b'\\r\\n\\r\\n');"
        "d=json.loads(b);"
        f"raise SystemExit(any(d[k]['status']!='healthy' for k in {_CHECKED}))"
    )
    return ("CMD-SHELL", f'python -I -S -c "{code}" || exit 1')
