import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from airflow_fargate.cost import (
    HOURS_PER_MONTH,
    PRICES,
    a_month_of,
    a_month_of_compute,
    a_month_of_instance,
    in_cents,
)

from tests.paths import ROOT

from .conftest import Deploy


# Each by hand: 730 h * (vCPU * price + GB * price [* 0.5 on Spot] + GB above 20 * 0.000111 + 0.005 for the address).
@pytest.mark.parametrize(
    ("cpu", "memory", "options", "expected"),
    [
        (256, 1024, {}, "14.28"),
        (512, 2048, {}, "24.91"),
        (1024, 4096, {}, "46.18"),
        (512, 2048, {"cpu_architecture": "ARM64"}, "20.67"),
        (512, 2048, {"spot": True}, "14.28"),
        (512, 2048, {"spot": True, "cpu_architecture": "ARM64"}, "12.16"),
        (512, 2048, {"ephemeral_storage_gib": 21}, "25.00"),
        (512, 2048, {"ephemeral_storage_gib": 20}, "24.91"),
    ],
)
def test_a_month_costs_what_the_table_adds_up_to(cpu: int, memory: int, options: dict[str, Any], expected: str) -> None:
    cost = a_month_of_compute(cpu, memory, **options) + a_month_of("public-ipv4")

    assert in_cents(cost) == Decimal(expected)


def test_a_snapshot_every_five_minutes_costs_four_cents() -> None:
    assert in_cents(12 * a_month_of("s3:request")) == Decimal("0.04")


# By hand: 730 h * instance + GiB * 0.115, twice with a standby, on the 24.91 of a default task; 0.04 for snapshots.
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "38.89"),
        ({"database_multi_az": True}, "52.87"),
        ({"database": "sqlite", "keep_postgres": True}, "38.94"),
        ({"database_instance_class": "db.t4g.medium", "database_storage_gib": 100}, "83.86"),
    ],
)
def test_a_database_in_rds_costs_its_hours_and_its_storage(
    deploy: Deploy, options: dict[str, Any], expected: str
) -> None:
    outputs = deploy(**{"database": "postgres", **options}).outputs

    assert outputs["monthly_cost"] == float(expected)
    assert outputs["monthly_cost_basis"].endswith("without data transfer, CloudWatch Logs, S3 storage and taxes")


def test_a_class_without_a_price_is_named(deploy: Deploy) -> None:
    outputs = deploy(database="postgres", database_instance_class="db.r8g.large").outputs

    assert outputs["monthly_cost"] == float("27.21")
    assert outputs["monthly_cost_basis"].endswith("CloudWatch Logs, S3 storage, taxes and the database's db.r8g.large")


def test_an_mwaa_environment_costs_its_hours() -> None:
    assert in_cents(a_month_of("mwaa:mw1.small")) == Decimal("357.70")


def test_the_page_of_prices_has_each_with_its_unit_and_where_it_is_from() -> None:
    rows = [line for line in (ROOT / "docs" / "prices.md").read_text().splitlines() if line.startswith("| `")]

    def places(usd: Decimal, digits: int) -> str:
        return f"{usd:.{digits}f}".rstrip("0")

    assert rows == [
        f"| `{name}` | {places(price.per_hour, 7)} | {places(a_month_of(name), 5)} | {price.unit} | {price.source} |"
        for name, price in PRICES.items()
    ]


def test_a_zone_for_tasks_of_their_own_costs_half_a_dollar_and_the_tasks_are_left_out(deploy: Deploy) -> None:
    without = deploy().outputs
    outputs = deploy(executors=["LocalExecutor", "AwsEcsExecutor"]).outputs

    assert in_cents(Decimal(outputs["monthly_cost"] - without["monthly_cost"])) == Decimal("0.50")
    assert outputs["monthly_cost_basis"].endswith("taxes and the tasks that AwsEcsExecutor starts")


def test_an_hour_of_a_task_of_its_own_costs_what_the_docs_say() -> None:
    text = (ROOT / "docs" / "growing.md").read_text()
    rows = re.findall(r"^\| ([\d.]+) vCPU, ([\d.]+) GB.* \| ([\d.]+) \| ([\d.]+) \|$", text, re.MULTILINE)

    assert len(rows) == 4
    for vcpus, gigabytes, ordinary, on_spot in rows:
        for expected, spot in ((ordinary, False), (on_spot, True)):
            month = a_month_of_compute(int(float(vcpus) * 1024), int(float(gigabytes) * 1024), spot=spot)
            hour = (month + a_month_of("public-ipv4")) / HOURS_PER_MONTH
            assert f"{hour:.4f}" == expected


def test_a_larger_container_costs_more_by_what_the_docs_say() -> None:
    more = a_month_of_compute(1024, 4096) - a_month_of_compute(512, 2048)

    assert f"| `cpu` 1024, `memory` 4096 | {in_cents(more)} |" in (ROOT / "docs" / "growing.md").read_text()


def test_an_instance_of_rds_costs_what_the_docs_say_and_more_than_snapshots_by_what_they_say() -> None:
    instance, _ = a_month_of_instance("db.t4g.micro", 20, multi_az=False)
    snapshots = 12 * a_month_of("s3:request")
    databases, growing = ((ROOT / "docs" / page).read_text() for page in ("databases.md", "growing.md"))

    assert f"| {in_cents(snapshots)} USD, for the snapshots | {in_cents(instance)} USD: " in databases
    assert f"(databases.md) | {in_cents(instance - snapshots)} |" in growing
    assert growing.count(f"{in_cents(instance - snapshots)} for PostgreSQL") == 2


def test_a_folder_of_dags_costs_the_requests_with_which_airflow_looks_for_changes(
    deploy: Deploy, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("# a")
    without, by_default = (deploy(**args).outputs["monthly_cost"] for args in ({}, {"dags_path": str(tmp_path)}))
    every_five = deploy(dags_path=str(tmp_path), dags_refresh_seconds=5).outputs["monthly_cost"]

    # By hand: 730 h * 120 * 0.000005, and six times that.
    assert (round(by_default - without, 2), round(every_five - without, 2)) == (0.44, 2.63)
    assert "A DAG folder adds 0.44: " in (ROOT / "README.md").read_text()


# By hand: 24.91 of Airflow's own task, 13.98 of the database, 9.344 of the broker, 0.50 of the zone, and the workers.
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "73.65"),
        ({"worker_count_min": 3}, "123.48"),
        # With 0.30 of the metric, 0.20 of its alarms, and 0.438 for telling it once a minute where there is a worker.
        ({"worker_count_min": 0, "worker_count_max": 9}, "49.24"),
        ({"worker_count_max": 9}, "74.59"),
        ({"worker_cpu": 1024, "worker_memory": 4096}, "94.92"),
        ({"worker_spot": True}, "63.02"),
    ],
)
def test_workers_cost_their_hours_and_a_broker(deploy: Deploy, options: dict[str, Any], expected: str) -> None:
    outputs = deploy(executors=["CeleryExecutor"], database="postgres", **options).outputs

    assert outputs["monthly_cost"] == float(expected)
