"""
# A task that fails, is tried again, and succeeds

Like a service that is not there at first. The first two tries fail, each is written down in a log of its own, and the
third succeeds: the run is green, and "Tries" in the task's details shows what it took.
"""

from datetime import timedelta

from airflow.sdk import dag, get_current_context, task


@dag(schedule=None, tags=["example"], doc_md=__doc__)
def fails_then_succeeds():
    @task(retries=2, retry_delay=timedelta(seconds=5))
    def ask_a_shy_service() -> str:
        attempt = get_current_context()["ti"].try_number
        if attempt < 3:
            raise ConnectionError(f"attempt {attempt}: nobody answered")
        return f"answered at attempt {attempt}"

    ask_a_shy_service()


fails_then_succeeds()
