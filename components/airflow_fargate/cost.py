"""Monthly prices in us-east-1, from a dated table. Pure; AWS is not asked.

Not included: data transfer, CloudWatch Logs, S3 storage, taxes, and what other regions charge more.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from .errors import listed

HOURS_PER_MONTH = 730
INCLUDED_STORAGE_GIB = 20
_BASIS = f"USD for {HOURS_PER_MONTH} hours, prices of us-east-1 from 2026-04, without"
_NEVER_INCLUDED = ("data transfer", "CloudWatch Logs", "S3 storage", "taxes")


class Price(NamedTuple):
    """A price in USD per hour of ``unit``, with where and when it was read."""

    per_hour: Decimal
    unit: str
    source: str


_VANTAGE = "vantage.sh/blog/fargate-pricing and cloudburn.io/blog/aws-fargate-pricing, April 2026"
_INFRATALLY = "infratally.com/articles/aws-rds-pricing-explained-2026.html"

PRICES = {
    "vcpu:X86_64": Price(Decimal("0.04048"), "vCPU", _VANTAGE),
    "memory:X86_64": Price(Decimal("0.004445"), "GB", _VANTAGE),
    "vcpu:ARM64": Price(Decimal("0.03238"), "vCPU", _VANTAGE),
    "memory:ARM64": Price(Decimal("0.00356"), "GB", _VANTAGE),
    "storage": Price(Decimal("0.000111"), "GB above the 20 GiB included", _VANTAGE),
    "public-ipv4": Price(Decimal("0.005"), "address", "aws.amazon.com/vpc/pricing, since February 2024"),
    "db.t4g.micro": Price(Decimal("0.016"), "instance", _INFRATALLY),
    "db.t4g.small": Price(Decimal("0.032"), "instance", _INFRATALLY),
    "db.t4g.medium": Price(Decimal("0.065"), "instance", _INFRATALLY),
    "cache.t4g.micro": Price(
        Decimal("0.0128"), "node with Valkey", "AWS Price List, read 2026-10-02 in a public repository that quotes it"
    ),
    "rds-gp3": Price(Decimal("0.115") / HOURS_PER_MONTH, "GB", "usage.ai/blogs/aws/reserved-instances/rds, June 2026"),
    "private-hosted-zone": Price(
        Decimal("0.50") / HOURS_PER_MONTH, "zone", "aws.amazon.com/route53/pricing, unchanged for years"
    ),
    "cloudwatch:metric": Price(
        Decimal("0.30") / HOURS_PER_MONTH, "metric", "aws.amazon.com/cloudwatch/pricing, unchanged for years"
    ),
    "cloudwatch:alarm": Price(
        Decimal("0.10") / HOURS_PER_MONTH, "alarm", "aws.amazon.com/cloudwatch/pricing, unchanged for years"
    ),
    "cloudwatch:put": Price(
        Decimal("0.00001"), "PutMetricData an hour", "aws.amazon.com/cloudwatch/pricing, unchanged for years"
    ),
    "s3:request": Price(Decimal("0.000005"), "PUT or LIST an hour", "aws.amazon.com/s3/pricing, unchanged for years"),
    "mwaa:mw1.small": Price(
        Decimal("0.49"),
        "environment",
        "c3x.dev/blog/mwaa-cost-managed-airflow, 2026; with scheduler, web server and one worker, without storage",
    ),
}

SPOT_FRACTION = Decimal("0.5")
"""Spot's price as a fraction of the ordinary one. It varies: 0.3 to 0.5 is usual (fortem.dev/fargate-spot, June 2026;
AWS says "up to 70% off"), and the dearer end is taken here."""


def a_month_of(thing: str) -> Decimal:
    """Return USD for 730 hours of one of the things in `PRICES`, not rounded."""
    return PRICES[thing].per_hour * HOURS_PER_MONTH


def a_month_of_compute(
    cpu: int,
    memory: int,
    *,
    spot: bool = False,
    cpu_architecture: str = "X86_64",
    ephemeral_storage_gib: int = INCLUDED_STORAGE_GIB,
) -> Decimal:
    """Return USD for 730 hours of one task without an address, not rounded.

    `cpu` in CPU units (1024 is one vCPU), `memory` in MiB, storage in GiB. Spot discounts CPU and memory only.
    """
    compute = (a_month_of(f"vcpu:{cpu_architecture}") * cpu + a_month_of(f"memory:{cpu_architecture}") * memory) / 1024
    if spot:
        compute *= SPOT_FRACTION
    return compute + a_month_of("storage") * max(0, ephemeral_storage_gib - INCLUDED_STORAGE_GIB)


def a_month_of_instance(instance_class: str, storage_gib: int, *, multi_az: bool) -> tuple[Decimal, tuple[str, ...]]:
    """Return USD for 730 hours of an RDS instance with PostgreSQL and its storage, and what of it has no price here.

    A standby in a second zone costs as much again.
    """
    known = instance_class in PRICES
    cost = a_month_of("rds-gp3") * storage_gib + (a_month_of(instance_class) if known else 0)
    return cost * (2 if multi_az else 1), () if known else (f"the database's {instance_class}",)


def monthly_cost_basis(without_price: Sequence[str]) -> str:
    """Say what the prices are of, and what is not included."""
    return f"{_BASIS} {listed((*_NEVER_INCLUDED, *without_price))}"


def in_cents(cost: Decimal) -> Decimal:
    """Round to cents."""
    return cost.quantize(Decimal("0.01"))
