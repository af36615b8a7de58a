"""
# A first DAG

One task, which says hello. Trigger it in the web interface, and read what it says in its log.
"""

from airflow.sdk import dag, task


@dag(schedule=None, doc_md=__doc__)
def hello():
    @task
    def say_hello(name: str) -> None:
        print(f"Hello, {name}!")

    say_hello("world")


hello()
