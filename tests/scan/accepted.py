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
        "airflow-AIRFLOW__CORE__FERNET_KEY",
        "airflow-TOKEN",
    }
)

ACCEPTED = (
    Accepted(
        "CKV_AWS_65",
        frozenset({"airflow-cluster"}),
        "Container Insights bills metrics of a cluster with one task; ECS shows its CPU and memory without it.",
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
        "CKV_AWS_336",
        frozenset({"airflow-task-definition"}),
        "Airflow writes its database, logs and task files to the container's disk.",
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
)
