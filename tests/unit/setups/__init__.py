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
    "drained-before-updates": one(drain_minutes=10, allowed_cidrs=["203.0.113.7/32"]),
    "a-command-and-tags": one(command=["bash", "-c", "airflow standalone"], tags={"team": "data"}),
    "a-folder-of-dags": one(dags_path=str(DAGS), tags={"team": "data"}),
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
    "known-late": known_late,
    "two-in-one-stack": two,
    "with-options": with_options,
}
