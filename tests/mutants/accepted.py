"""The mutants that no test notices, and why that is right."""

from typing import NamedTuple


class Accepted(NamedTuple):
    """Mutations of a module, by their names, and the reason why no test is to notice them."""

    module: str
    mutations: frozenset[str]
    reason: str


ACCEPTED: tuple[Accepted, ...] = (
    Accepted(
        "configuration.py",
        frozenset({"my_ip: without timeout=10", "my_ip: timeout=10 → 5", "my_ip: 64 → 32"}),
        "How long an answer may take, and be: no test waits for one, and an address is shorter than either.",
    ),
    Accepted(
        "configuration.py",
        frozenset({"_read: readers = without int", "_refuse_unknown_keys: close = without n=1"}),
        "The same: JSON reads whole numbers as well, and only the first of the close names is read.",
    ),
    Accepted(
        "configuration.py",
        frozenset(
            {
                "_refuse_unknown_keys: sorted(CONFIG.get()) → list(CONFIG.get())",
                "_refuse_secrets_in_the_open: sorted(keys) → list(keys)",
            }
        ),
        "Which of several wrong keys is named first.",
    ),
    Accepted(
        "preflight.py",
        frozenset({"preflight: 'region' → 'regionx'"}),
        "The same: the session has been given the region of the configuration, and is asked next.",
    ),
    Accepted(
        "preflight.py",
        frozenset(
            {
                "preflight: '' → 'x'",
                "_refuse_place: '' → 'x'",
                "_refuse_full: '' → 'x'",
                "_to_internet_gateway: '' → 'x'",
                "_to_device: '' → 'x'",
            }
        ),
        "A default for the type checker, or for text that is joined: AWS's answers have the field.",
    ),
    Accepted(
        "components/airflow_fargate/dags/container/bucket.py",
        frozenset({"_s3_client: connect_timeout=5 → 2"}),
        "How long an answer may take: no test waits for one.",
    ),
)
