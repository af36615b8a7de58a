"""The setups whose graph is held exactly: by name, a program that declares the component."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
from airflow_fargate import AirflowFargate, AirflowFargateArgs

DAGS = Path(__file__).parent / "dags"
GIT = "https://git.example.com/team/dags.git"
MAY_READ = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake/*"},
    }
)


def one(**args: Any) -> Callable[[], AirflowFargate]:
    return lambda: AirflowFargate("airflow", AirflowFargateArgs(**args))


def known_late() -> AirflowFargate:
    """Give every argument that may be an output as one, secret where it is a secret."""
    known, secret = pulumi.Output.from_input, pulumi.Output.secret
    args: dict[str, Any] = {
        "image": known("123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:1"),
        "vpc_id": known("vpc-0123456789abcdef0"),
        "subnet_ids": known(["subnet-0123456789abcdef0"]),
        "task_role_policy": known(MAY_READ),
        "admin_password": secret("correct horse battery"),
        "environment": {"A": known("1")},
        "secrets": {"TOKEN": secret("t0ken")},
        "connections": {"sales": secret("postgresql://db.example.com/sales")},
        "variables": {"region": known("north")},
        "dags_git_url": GIT,
        "dags_git_token": secret("git t0ken"),
        "tags": {"team": known("data")},
    }
    return AirflowFargate("airflow", AirflowFargateArgs(**args))


def two() -> AirflowFargate:
    AirflowFargate("first", {})
    return AirflowFargate("second", {})


def with_options() -> AirflowFargate:
    """Give every resource option that reaches the children."""
    provider = aws.Provider("frankfurt", region="eu-central-1")
    before = aws.cloudwatch.LogGroup("before")
    options = pulumi.ResourceOptions(
        provider=provider, protect=True, depends_on=[before], aliases=[pulumi.Alias(name="old")]
    )
    return AirflowFargate("airflow", {}, options)


SETUPS: Mapping[str, Callable[[], AirflowFargate]] = {
    "nothing-given": one(),
    "allowed-ranges-and-a-port": one(allowed_cidrs=["203.0.113.7/32", "198.51.100.0/24"], port=9000),
    "an-ipv6-range": one(
        allowed_cidrs=["2001:db8::/64"],
        vpc_id="vpc-0123456789abcdef0",
        subnet_ids=["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    ),
    "the-guides-image": one(
        image="puckel/docker-airflow:1.10.9", cpu=256, memory=512, allowed_cidrs=["203.0.113.7/32"], port=8081
    ),
    "environment-and-secrets": one(
        environment={"B": "2", "A": "1", "AIRFLOW__CORE__PARALLELISM": "7"},
        secrets={"TOKEN": "t0ken"},
        admin_username="root",
        admin_password="correct horse battery",
    ),
    "another-size-on-spot": one(
        cpu=4096, memory=30720, cpu_architecture="ARM64", ephemeral_storage_gib=50, spot=True, log_retention_days=7
    ),
    "smallest-size": one(cpu=256, memory=1024),
    "exec-and-more-egress": one(enable_exec=True, egress_ports=[5432, 22]),
    "tasks-of-their-own": one(
        executors=["LocalExecutor", "AwsEcsExecutor"],
        dags_path=str(DAGS),
        dags_git_url=GIT,
        dags_git_token="git t0ken",
        environment={"https_proxy": "http://proxy.example.com:443", "A": "1"},
        secrets={"TOKEN": "t0ken", "OTHER": "an0ther"},
        remote_task_secrets=["TOKEN"],
        task_role_policy_arns=["arn:aws:iam::aws:policy/AmazonSQSFullAccess"],
        task_role_policy=MAY_READ,
        egress_ports=[5432],
        port=9000,
        tags={"team": "data"},
    ),
    "only-tasks-of-their-own": one(
        executors=["AwsEcsExecutor"], remote_task_cpu=4096, remote_task_memory=16384, remote_task_spot=True
    ),
    "workers": one(executors=["CeleryExecutor"], database="postgres"),
    "workers-beside-tasks-of-their-own": one(
        executors=["CeleryExecutor", "AwsEcsExecutor", "LocalExecutor"],
        database_url="postgresql://airflow:w0rd@db.example.com:6432/airflow",
        egress_ports=[6432],
        secrets={"TOKEN": "t0ken", "OTHER": "an0ther"},
        remote_task_secrets=["TOKEN"],
        dags_path=str(DAGS),
        task_role_policy=MAY_READ,
        worker_cpu=1024,
        worker_memory=4096,
        worker_concurrency=8,
        worker_count_min=3,
        worker_spot=True,
        tags={"team": "data"},
    ),
    "workers-when-there-are-tasks": one(
        executors=["CeleryExecutor"],
        database="postgres",
        worker_count_min=0,
        worker_count_max=4,
        tags={"team": "data"},
    ),
    "drained-before-updates": one(drain_minutes=10, allowed_cidrs=["203.0.113.7/32"]),
    "a-command-and-tags": one(command=["bash", "-c", "airflow standalone"], tags={"team": "data"}),
    "a-folder-of-dags": one(dags_path=str(DAGS), tags={"team": "data"}),
    "plugins-beside-a-git-repository": one(plugins_path=str(DAGS), dags_git_url=GIT),
    "a-git-repository": one(
        dags_git_url=GIT, dags_git_ref="release/1", dags_git_subdir="airflow/dags", dags_refresh_seconds=60
    ),
    "every-source-of-dags": one(
        dags_path=str(DAGS),
        dags_git_url=GIT,
        dags_git_token="git t0ken",
        load_examples=True,
        pip_requirements=["pandas==2.3.*", "httpx[http2]>=0.27,<1"],
    ),
    "no-snapshots": one(database_snapshot_seconds=0),
    "old-runs-deleted-alone": one(database_snapshot_seconds=0, keep_runs_days=30),
    "data-that-outlives-the-stack": one(
        retain_data=True, restore_from="airflow-data-7654321", fernet_key=f"{'k' * 43}=", log_retention_days=90
    ),
    "an-image-in-ecr": one(image=f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/data/airflow@sha256:{'0' * 64}"),
    "a-database-in-rds": one(
        database="postgres",
        database_instance_class="db.t4g.small",
        database_storage_gib=50,
        database_multi_az=True,
        database_backup_days=14,
        database_version="16",
        tags={"team": "data"},
    ),
    "a-database-of-ones-own": one(
        database_url="postgresql://airflow:w0rd@db.example.com:6432/airflow?sslmode=require",
        egress_ports=[6432],
        fernet_key=f"{'0' * 43}=",
    ),
    "a-database-that-outlives-the-stack": one(
        database="postgres",
        retain_data=True,
        restore_from="airflow-database-final-00c0ffee",
        fernet_key=f"{'0' * 43}=",
    ),
    "an-instance-of-rds-kept": one(keep_postgres=True),
    "permissions-for-dags": one(
        task_role_policy_arns=[
            "arn:aws:iam::aws:policy/AmazonSQSFullAccess",
            "arn:aws:iam::123456789012:policy/teams/data",
        ],
        task_role_policy=MAY_READ,
        permissions_boundary_arn="arn:aws:iam::123456789012:policy/boundary",
    ),
    "users-beside-the-administrator": one(admin_username="root", users={"vera": "viewer", "otto@example.com": "op"}),
    "an-auth-manager-of-ones-own": one(environment={"AIRFLOW__CORE__AUTH_MANAGER": "company.login.AuthManager"}),
    "connections-and-variables": one(
        connections={
            "sales": "postgresql://user:password@db.example.com:5432/sales",
            "aws_default": '{"conn_type": "aws", "extra": {"region_name": "eu-west-1"}}',
        },
        variables={"region": "north"},
    ),
    "a-prefix-that-others-fill": one(secrets_backend_prefix="/team/airflow"),
    "known-late": known_late,
    "two-in-one-stack": two,
    "with-options": with_options,
}
