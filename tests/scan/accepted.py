"""The checks of checkov that the component does not pass, and why it is right all the same."""

from typing import NamedTuple


class Accepted(NamedTuple):
    """A check, the resources that do not pass it, and the reason."""

    check: str
    resources: frozenset[str]
    reason: str


_LOGS = frozenset({"airflow-logs"})
_BUCKET = frozenset({"airflow-dags"})
_DATA = frozenset({"airflow-data"})
_PARAMETERS = frozenset(
    {
        "airflow-ADMIN_PASSWORD",
        "airflow-AIRFLOW_CONN_DAGS_GIT",
        "airflow-AIRFLOW__API_AUTH__JWT_SECRET",
        "airflow-AIRFLOW__API__SECRET_KEY",
        "airflow-AIRFLOW__CELERY__BROKER_URL",
        "airflow-AIRFLOW__CORE__FERNET_KEY",
        "airflow-PGPASSWORD",
        "airflow-TOKEN",
    }
)
_DATABASE = frozenset({"airflow-database"})
_BROKER = frozenset({"airflow-broker"})

ACCEPTED = (
    Accepted(
        "CKV_AWS_65",
        frozenset({"airflow-cluster", "airflow-worker-cluster"}),
        "Container Insights bills metrics of each cluster; ECS shows the CPU and memory of its one service without it.",
    ),
    Accepted(
        "CKV_AWS_158",
        _LOGS,
        "The log is encrypted with CloudWatch's key. A key of one's own costs USD 1 a month and outlives the stack.",
    ),
    Accepted(
        "CKV_AWS_338",
        _LOGS,
        "A year of logs is the user's to choose, by log_retention_days; the default is 30.",
    ),
    Accepted(
        "CKV_AWS_333",
        frozenset({"airflow-service"}),
        "The public address is the product: no load balancer and no NAT gateway, each of which costs more than the "
        "task. The security group admits the named addresses only, and none by default.",
    ),
    Accepted(
        "CKV_AWS_333",
        frozenset({"airflow-worker-service"}),
        "The public address is the way out without a NAT gateway, which costs more than the worker. The security group "
        "has no way in.",
    ),
    Accepted(
        "CKV_AWS_336",
        frozenset({"airflow-task-definition"}),
        "Airflow writes its database, logs and task files to the container's disk.",
    ),
    Accepted(
        "CKV_AWS_336",
        frozenset({"airflow-remote-task-definition", "airflow-worker-task-definition"}),
        "Airflow unpacks DAGs and packages onto the container's disk, and tasks write their logs and files there.",
    ),
    Accepted(
        "CKV2_AWS_5",
        frozenset({"airflow-remote-security-group", "airflow-remote-lifetime-security-group"}),
        "They are given to the tasks that Airflow starts by RunTask; no resource of the stack stands for one of them.",
    ),
    Accepted(
        "CKV_AWS_337",
        _PARAMETERS,
        "They are SecureStrings under the account's own key for SSM, aws/ssm. A key of one's own costs USD 1 a month, "
        "and the execution role would need kms:Decrypt beside the parameters that it is limited to.",
    ),
    Accepted(
        "CKV_AWS_145",
        _BUCKET,
        "The bucket holds copies of the user's DAG files, encrypted with S3's key (SSE-S3); secrets are not in it.",
    ),
    Accepted(
        "CKV_AWS_18", _BUCKET, "An access log needs a second bucket, which `pulumi destroy` could not empty at once."
    ),
    Accepted("CKV_AWS_21", _BUCKET, "The files are copies of a folder that is under version control where it matters."),
    Accepted(
        "CKV_AWS_144", _BUCKET, "The files are copies: another region would hold nothing that the folder does not."
    ),
    Accepted("CKV2_AWS_61", _BUCKET, "Nothing in it grows old: it holds what is in the folder, no more."),
    Accepted("CKV2_AWS_62", _BUCKET, "Airflow asks for changed files by itself; nothing waits for a notification."),
    Accepted(
        "CKV_AWS_145",
        _DATA,
        "Snapshots and logs are encrypted with S3's key (SSE-S3), passwords in it with the Fernet key besides.",
    ),
    Accepted("CKV_AWS_18", _DATA, "An access log needs a bucket more, which `pulumi destroy` could not empty at once."),
    Accepted(
        "CKV_AWS_144", _DATA, "Another region's copy is the user's to make, by `make backup` or a rule of theirs."
    ),
    Accepted("CKV2_AWS_62", _DATA, "The next task looks for the newest snapshot; nothing waits for a notification."),
    Accepted(
        "CKV_AWS_300",
        frozenset({"airflow-data-lifecycle"}),
        "Only logs are uploaded in parts: their rule ends broken ones; Checkov wants it for all objects.",
    ),
    Accepted(
        "CKV_AWS_118",
        _DATABASE,
        "Enhanced Monitoring is billed as a log, which outlives the stack; the metrics that an instance has are free.",
    ),
    Accepted(
        "CKV_AWS_129",
        _DATABASE,
        "The instance keeps the last days of its log. A copy in CloudWatch is billed, and outlives the stack.",
    ),
    Accepted(
        "CKV_AWS_157",
        _DATABASE,
        "A standby in another zone costs as much again, and is the user's to choose, by database_multi_az.",
    ),
    Accepted(
        "CKV_AWS_161",
        _DATABASE,
        "Airflow connects with the password that it has started with; a token of IAM is refused after 15 minutes.",
    ),
    Accepted(
        "CKV_AWS_293",
        _DATABASE,
        "`pulumi destroy` leaves nothing, and its preview says so. The option `protect` forbids it, and with "
        "retain_data a last snapshot stays.",
    ),
    Accepted(
        "CKV_AWS_353",
        _DATABASE,
        "The queries are Airflow's own. Who has to know which one is slow turns it on then, which interrupts nothing.",
    ),
    Accepted(
        "CKV2_AWS_50",
        _BROKER,
        "Airflow queues again what is lost with the one node; a second one to fail over to costs as much again.",
    ),
    Accepted(
        "CKV_AWS_191",
        _BROKER,
        "What waits in it is encrypted with ElastiCache's key, and gone when a worker has taken it. A key of one's own "
        "costs USD 1 a month.",
    ),
)
