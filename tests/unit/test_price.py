from decimal import Decimal
from typing import Any

import pytest
from airflow_fargate.cost import PRICES, a_month_of, a_month_of_compute, in_cents

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


# By hand: 730 h * instance + GiB * 0.115, twice with a standby, on the 24.91 of the default task.
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "38.89"),
        ({"database_multi_az": True}, "52.87"),
        ({"database": "sqlite", "keep_postgres": True}, "38.89"),
        ({"database_instance_class": "db.t4g.medium", "database_storage_gib": 100}, "83.86"),
    ],
)
def test_a_database_in_rds_costs_its_hours_and_its_storage(
    deploy: Deploy, options: dict[str, Any], expected: str
) -> None:
    outputs = deploy(**{"database": "postgres", **options}).outputs

    assert outputs["monthly_cost"] == float(expected)
    assert outputs["monthly_cost_basis"].endswith("without data transfer, CloudWatch Logs and taxes")


def test_a_class_without_a_price_is_named(deploy: Deploy) -> None:
    outputs = deploy(database="postgres", database_instance_class="db.r8g.large").outputs

    assert outputs["monthly_cost"] == float("27.21")
    assert outputs["monthly_cost_basis"].endswith("CloudWatch Logs, taxes and the database's db.r8g.large")


def test_an_mwaa_environment_costs_its_hours() -> None:
    assert in_cents(a_month_of("mwaa:mw1.small")) == Decimal("357.70")


def test_every_price_says_where_it_is_from() -> None:
    assert [name for name, price in PRICES.items() if not price.source or price.per_hour <= 0] == []
