"""
# One task for each thing that there is

How many countries there are is known only when the DAG runs: `expand` then makes a task instance for each, which run
side by side, and the last task takes the results of all of them.
"""

import csv
from pathlib import Path

from airflow.sdk import dag, get_current_context, task

ORDERS = Path(__file__).parent / "data" / "orders.csv"


def read_orders() -> list[dict[str, str]]:
    with ORDERS.open(newline="") as file:
        return list(csv.DictReader(file))


@dag(schedule=None, tags=["example"], doc_md=__doc__)
def one_task_per_country():
    @task
    def countries() -> list[str]:
        return sorted({order["country"] for order in read_orders()})

    @task(map_index_template="{{ country }}")
    def count_orders(country: str) -> int:
        # Shown instead of the number of the mapped task.
        get_current_context()["country"] = country
        return sum(order["country"] == country for order in read_orders())

    @task
    def add_up(counts: list[int]) -> int:
        return sum(counts)

    add_up(count_orders.expand(country=countries()))


one_task_per_country()
