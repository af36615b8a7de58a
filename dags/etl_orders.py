"""
# Extract, transform, load

Reads the orders in `data/orders.csv`, which is uploaded beside this file, leaves out those that cannot be right, and
loads the revenue of each country into a table. A second run changes nothing: the load replaces what it finds.
"""

import csv
import os
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from airflow.sdk import dag, task

# Relative to this file: Airflow keeps its copy of the DAG folder wherever it likes.
ORDERS = Path(__file__).parent / "data" / "orders.csv"


@dag(schedule=None, tags=["example"], doc_md=__doc__)
def etl_orders():
    @task
    def extract() -> list[dict[str, str]]:
        with ORDERS.open(newline="") as file:
            return list(csv.DictReader(file))

    @task
    def transform(orders: list[dict[str, str]]) -> dict[str, str]:
        """Add up money as decimals, and hand it on as text: XComs are JSON, whose numbers would lose cents."""
        revenue: dict[str, Decimal] = {}
        for order in orders:
            if not order["quantity"] or int(order["quantity"]) < 1:
                print(f"order {order['order_id']} is left out: its quantity is {order['quantity']!r}")
                continue
            amount = int(order["quantity"]) * Decimal(order["unit_price"])
            revenue[order["country"]] = revenue.get(order["country"], Decimal(0)) + amount
        return {country: str(total) for country, total in sorted(revenue.items())}

    @task
    def load(revenue: dict[str, str]) -> int:
        """Into a file beside Airflow's own database, so that this runs anywhere; yours would be a warehouse."""
        warehouse = Path(os.environ["AIRFLOW_HOME"]) / "warehouse.db"
        with closing(sqlite3.connect(warehouse)) as connection, connection:
            connection.execute("CREATE TABLE IF NOT EXISTS revenue (country TEXT PRIMARY KEY, total TEXT NOT NULL)")
            connection.executemany("INSERT OR REPLACE INTO revenue VALUES (?, ?)", revenue.items())
            [(countries,)] = connection.execute("SELECT count(*) FROM revenue")
        print(f"{countries} countries in {warehouse}")
        return countries

    load(transform(extract()))


etl_orders()
