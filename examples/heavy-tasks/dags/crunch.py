"""Light tasks in Airflow's own container, and a heavy one with 4 vCPU and 16 GB for the minutes that it takes."""

from airflow.sdk import dag, task


@dag(schedule="@daily", catchup=False)
def crunch():
    """Find what there is, crunch it elsewhere, and tell of it."""

    @task
    def find() -> list[int]:
        return list(range(8))

    @task(
        executor="AwsEcsExecutor",
        executor_config={"overrides": {"cpu": "4096", "memory": "16384"}},
        retries=2,  # on Spot AWS may stop it
    )
    def heavy(numbers: list[int]) -> int:
        return sum(number**2 for number in numbers)

    @task
    def tell(total: int) -> None:
        print("total", total)

    tell(heavy(find()))


crunch()
