"""Many short tasks, sixteen of which run at once."""

from airflow.sdk import dag, task


@dag(schedule="@hourly", catchup=False, max_active_tasks=16)
def count():
    """Count in a hundred tasks, and add up."""

    @task(retries=2)  # on Spot AWS may stop the worker
    def one(number: int) -> int:
        return number**2

    @task
    def total(numbers: list[int]) -> None:
        print("total", sum(numbers))

    total(one.expand(number=list(range(100))))


count()
