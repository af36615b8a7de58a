"""The refusals of the component: one row each, with the words that the user reads."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import botocore.session
import pulumi
import pytest
from airflow_fargate import AirflowFargate, AirflowFargateArgs, InvalidArgumentsError
from airflow_fargate.airflow import LEAST_MEMORY
from airflow_fargate.dags.requirements.locked import Locked
from airflow_fargate.document import refuse_document
from airflow_fargate.executor.container.sizes import FARGATE_SIZES
from airflow_fargate.executor.settings import MAX_NAME_LENGTH_APART
from airflow_fargate.scope import MAX_NAME_LENGTH
from airflow_fargate.task.log import LOG_RETENTION_DAYS
from airflow_fargate.validation import Settings, validate

from .conftest import Deploy, Recorder

OWN_VPC = {"vpc_id": "vpc-0123456789abcdef0", "subnet_ids": ["subnet-0123456789abcdef0"]}
LEGACY = {"image": "puckel/docker-airflow:1.10.9"}
OWN_LOGIN = {"environment": {"AIRFLOW__CORE__AUTH_MANAGER": "company.login.AuthManager"}}
GIT = {"dags_git_url": "https://example.com/team/dags.git"}
URL = {"database_url": "postgresql://airflow:word@db.example.com/airflow", "egress_ports": [5432]}
WORKERS: AirflowFargateArgs = {"executors": ["CeleryExecutor"], "database": "postgres"}
MAY_READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
OUTPUT = "<an output of another resource>"  # put in by `with_outputs`: pytest cannot collect a real one


def policy(*statements: Any) -> dict[str, Any]:
    """Return the argument that is a policy document with these statements."""
    return {"task_role_policy": json.dumps({"Version": "2012-10-17", "Statement": statements})}


def may(**statement: Any) -> dict[str, Any]:
    return policy(statement)


# The beginning of what is said, or all of it up to the end of the line.
REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"cpus": 512}, "cpus: is not an argument; the arguments are admin_password, admin_username, "),
    ({"image": ""}, "image: is ''; give a container image such as apache/airflow:3.3.2"),
    ({"image": "apache/airflow 3"}, "image: is 'apache/airflow 3'; give a container image"),
    ({"image": 3}, "image: is 3; give a string"),
    (
        {"image": "registry.example.com:5000/airflow:1"},
        "image: is 'registry.example.com:5000/airflow:1', but port 5000 is closed; add 5000 to egress_ports",
    ),
    (
        {"image": "123456789012.dkr-ecr.us-east-1.on.aws/airflow:1"},
        "a dual-stack name, at which ECS does not log in; use 123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:1",
    ),
    (
        {"image": "123456789012.dkr-ecr-fips.cn-north-1.on.amazonwebservices.com.cn/airflow:1"},
        "at which ECS does not log in; use 123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/airflow:1",
    ),
    (
        {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com:443/airflow:1"},
        "at which ECS does not log in to ECR; use 123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:1",
    ),
    (
        {"registry_credentials_arn": "registry"},
        "registry_credentials_arn: is 'registry'; give the ARN of a secret in AWS Secrets Manager, such as arn:aws:",
    ),
    (
        {"image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:1", "registry_credentials_arn": OUTPUT},
        "registry_credentials_arn: is given, but ECS logs in to Amazon ECR by the execution role; leave it out",
    ),
    ({"command": []}, "command: is an empty list; leave it out to have Airflow started"),
    ({"command": "bash"}, "command: is 'bash'; give a list of strings"),
    (
        {"image_entrypoint": ["env"]},
        "image_entrypoint: is given without command; our own runs behind whatever the image ",
    ),
    (
        {**LEGACY, "command": ["webserver"], "image_entrypoint": ["env"]},
        "image_entrypoint: is given, but the legacy image has no login; leave it out",
    ),
    ({"port": 80}, "port: is 80; use 1024 to 65535, since the image does not run as root"),
    ({"port": 65536}, "port: is 65536; use 1024 to 65535"),
    ({"port": "8080"}, "port: is '8080'; give a whole number"),
    ({"port": 8080.5}, "port: is 8080.5; give a whole number"),
    ({"port": True}, "port: is True; give a whole number"),
    ({"cpu": 300}, "cpu: is 300; Fargate has 256, 512, 1024, 2048, 4096, 8192, 16384 CPU units"),
    ({"cpu": 1024, "memory": 1024}, "memory: is 1024 MiB; with cpu 1024 Fargate has 2048, 3072, 4096, "),
    ({"cpu": 512, "memory": 2000}, "memory: is 2000 MiB; with cpu 512 Fargate has 1024, 2048, 3072, 4096 MiB"),
    ({"cpu": 256, "memory": 512}, "memory: is 512 MiB, which is not enough for Airflow; use at least 1024 MiB"),
    ({"cpu_architecture": "arm64"}, "cpu_architecture: is 'arm64'; use X86_64 or ARM64"),
    ({**LEGACY, "cpu_architecture": "ARM64"}, "cpu_architecture: is ARM64; the legacy image has X86_64 only"),
    ({"ephemeral_storage_gib": 10}, "ephemeral_storage_gib: is 10; use 20 to 200 GiB"),
    ({"ephemeral_storage_gib": 201}, "ephemeral_storage_gib: is 201; use 20 to 200 GiB"),
    ({"spot": "yes"}, "spot: is 'yes'; give true or false"),
    (
        {"spot": OUTPUT},
        "spot: is an output or a secret, but decides what is created; give true or false",
    ),
    ({"allowed_cidrs": "0.0.0.0/0"}, "allowed_cidrs: is '0.0.0.0/0'; give a list of strings"),
    ({"allowed_cidrs": ["10.0.0/8"]}, "allowed_cidrs: has '10.0.0/8', which is not an address range; give one such as"),
    (
        {"allowed_cidrs": ["10.1.2.3/8"]},
        "has '10.1.2.3/8', which is not an address range; the range around it is 10.0.0.0/8",
    ),
    ({"allowed_cidrs": ["10.0.0.0/8", "10.0.0.0/8"]}, "allowed_cidrs: has 10.0.0.0/8 more than once; name it once"),
    ({"allowed_cidrs": ["0.0.0.0/0"]}, "allowed_cidrs: has 0.0.0.0/0, which lets the whole internet try the login; "),
    ({"allowed_cidrs": ["12.0.0.0/7"]}, "allowed_cidrs: has 12.0.0.0/7, which lets the whole internet try the login; "),
    ({**OWN_VPC, "allowed_cidrs": ["2600::/15"]}, "allowed_cidrs: has 2600::/15, which lets the whole internet try"),
    ({**OWN_VPC, "allowed_cidrs": ["::/0"]}, "allowed_cidrs: has ::/0, which lets the whole internet try the login; "),
    ({"allowed_cidrs": ["128.0.0.0/1"]}, "or set allow_public_access to true"),
    ({**LEGACY, "allowed_cidrs": ["10.0.0.0/23"]}, "allowed_cidrs: has 10.0.0.0/23; the legacy image has no login: "),
    (
        {**LEGACY, **OWN_VPC, "allowed_cidrs": ["2001:db8::/63"]},
        "allowed_cidrs: has 2001:db8::/63; the legacy image has no login: ",
    ),
    (
        {"legacy_image": True, "allowed_cidrs": ["0.0.0.0/0"], "allow_public_access": True},
        "allowed_cidrs: has 0.0.0.0/0; the legacy image has no login: nothing wider than /24",
    ),
    (
        {"allowed_cidrs": ["2001:db8::/64"]},
        "allowed_cidrs: has 2001:db8::/64, but the VPC that is made has no IPv6, and nobody could come from there; ",
    ),
    ({"executors": []}, "executors: is an empty list; name LocalExecutor, or leave it out"),
    (
        {"executors": ["KubernetesExecutor"]},
        "executors: has 'KubernetesExecutor'; use LocalExecutor, AwsEcsExecutor and CeleryExecutor, the default of ",
    ),
    ({"executors": ["AwsEcsExecutor"] * 2}, "executors: has AwsEcsExecutor more than once; name it once"),
    (
        {"executors": ["AwsEcsExecutor"], "command": ["airflow", "standalone"]},
        "executors: has AwsEcsExecutor, but your command replaces ours, which has it; leave one of them out",
    ),
    (
        {"executors": ["AwsEcsExecutor"], "database_snapshot_seconds": 0},
        "executors: has AwsEcsExecutor, but with database_snapshot_seconds 0 the log of a task ends with its container",
    ),
    (
        {"executors": ["AwsEcsExecutor"], "environment": {"AIRFLOW__AWS_ECS_EXECUTOR__RUN_TASK_KWARGS": "{}"}},
        "has AIRFLOW__AWS_ECS_EXECUTOR__RUN_TASK_KWARGS, which the component sets itself: set remote_task_spot, or ",
    ),
    (
        {"executors": ["CeleryExecutor"]},
        "it is in Airflow's container, where no other reaches it; add database: postgres or a database_url, or leave ",
    ),
    (
        {**WORKERS, "command": ["airflow", "standalone"]},
        "executors: has CeleryExecutor, but your command replaces ours, which has it; leave one of them out",
    ),
    (
        {**WORKERS, "executors": ["CeleryExecutor", "AwsEcsExecutor"], "database_snapshot_seconds": 0},
        "executors: has CeleryExecutor and AwsEcsExecutor, but with database_snapshot_seconds 0 the log of a task ends",
    ),
    (
        {**WORKERS, "environment": {"AIRFLOW__CELERY__BROKER_URL": "redis://localhost"}},
        "has AIRFLOW__CELERY__BROKER_URL, which the component sets itself: it is the stack's own",
    ),
    (
        {**WORKERS, "environment": {"AIRFLOW__CELERY__WORKER_CONCURRENCY": "2"}},
        "has AIRFLOW__CELERY__WORKER_CONCURRENCY, which the component sets itself: set worker_concurrency",
    ),
    (
        {"worker_count_min": 2},
        "worker_count_min: is given, but executors has no CeleryExecutor; add it, or leave this out",
    ),
    (
        {"secrets": {"T": "t"}, "remote_task_secrets": ["T"]},
        "remote_task_secrets: is given, but executors has no AwsEcsExecutor or CeleryExecutor; add it, or leave this",
    ),
    ({**WORKERS, "worker_count_min": 0}, "worker_count_min: is 0; use 1 or more, or 0 with worker_count_max"),
    (
        {**WORKERS, "worker_count_min": -1, "worker_count_max": 2},
        "worker_count_min: is -1; use 1 or more, or 0 with worker_count_max",
    ),
    (
        {**WORKERS, "worker_count_min": 3, "worker_count_max": 2},
        "worker_count_max: is 2; use at least worker_count_min, 3, or leave it out",
    ),
    ({**WORKERS, "worker_concurrency": 0}, "worker_concurrency: is 0; use 1 or more"),
    ({**WORKERS, "worker_cpu": 500}, "worker_cpu: is 500; Fargate has 256, 512, 1024, "),
    (
        {**WORKERS, "worker_cpu": 256, "worker_memory": 512},
        "worker_memory: is 512 MiB, which is not enough for Airflow; use at least 1024 MiB",
    ),
    ({**LEGACY, "worker_spot": True}, "worker_spot: is given, but the legacy image runs its tasks one after "),
    ({**LEGACY, "executors": ["LocalExecutor"]}, "executors: is given, but the legacy image runs its tasks one after "),
    (
        {"remote_task_cpu": 1024},
        "remote_task_cpu: is given, but executors has no AwsEcsExecutor; add it, or leave this",
    ),
    (
        {"executors": ["AwsEcsExecutor"], "remote_task_cpu": 500},
        "remote_task_cpu: is 500; Fargate has 256, 512, 1024, 2048, 4096, 8192, 16384 CPU units",
    ),
    (
        {"executors": ["AwsEcsExecutor"], "remote_task_cpu": 1024},
        "remote_task_memory: is 1024 MiB; with cpu 1024 Fargate has 2048, 3072, 4096, 5120, 6144, 7168, 8192 MiB",
    ),
    (
        {"executors": ["AwsEcsExecutor"], "remote_task_secrets": ["TOKEN"]},
        "remote_task_secrets: has 'TOKEN', which is not in secrets; name one of those",
    ),
    (
        {"executors": ["AwsEcsExecutor"], "secrets": {"T": "t"}, "remote_task_secrets": ["T", "T"]},
        "remote_task_secrets: has T more than once; name it once",
    ),
    ({"drain_minutes": -1}, "drain_minutes: is -1; use 0 (no draining) to 1440, a day"),
    ({"drain_minutes": 1441}, "drain_minutes: is 1441; use 0 (no draining) to 1440, a day"),
    (
        {"drain_minutes": 1},
        "drain_minutes: is 1, but allowed_cidrs admits nobody, and whoever runs `pulumi up` has to ",
    ),
    ({**LEGACY, "drain_minutes": 1}, "drain_minutes: is given, but the legacy image has no REST API that tells what "),
    ({"egress_ports": [0]}, "egress_ports: has 0; use 1 to 65535"),
    ({"egress_ports": [443]}, "egress_ports: has 443, which is open already; leave it out"),
    ({"egress_ports": [53]}, "egress_ports: has 53, which is open already; leave it out"),
    ({"egress_ports": [22, 22]}, "egress_ports: has 22 more than once; name it once"),
    (
        {"vpc_id": "vpc-0123456789abcdef0"},
        "subnet_ids: is missing, but vpc_id is vpc-0123456789abcdef0; give both or neither",
    ),
    ({"vpc_id": OUTPUT}, "subnet_ids: is missing, but vpc_id is given; give both or neither"),
    ({"subnet_ids": ["subnet-0123456789abcdef0"]}, "vpc_id: is missing, but subnet_ids is given; give both or neither"),
    ({"vpc_id": OUTPUT, "subnet_ids": []}, "subnet_ids: is an empty list; give at least one public subnet of the VPC"),
    ({"vpc_id": "main", "subnet_ids": OUTPUT}, "vpc_id: is 'main'; the id of a VPC looks like vpc-0123456789abcdef0"),
    (
        {"vpc_id": OUTPUT, "subnet_ids": ["a"]},
        "subnet_ids: has 'a'; the id of a subnet looks like subnet-0123456789abcdef0",
    ),
    (
        {"vpc_id": OUTPUT, "subnet_ids": [f"subnet-{number:08x}" for number in range(17)]},
        "subnet_ids: has 17 subnets; a service of ECS has 16 at most, name fewer",
    ),
    (
        {"vpc_id": OUTPUT, "subnet_ids": ["subnet-01234567", "subnet-01234567"]},
        "subnet_ids: has subnet-01234567 more than once; name it once",
    ),
    (
        {"permissions_boundary_arn": "boundary"},
        "permissions_boundary_arn: is 'boundary'; give the ARN of a policy, such as arn:aws:iam::123456789012:policy/",
    ),
    (
        {"task_role_policy_arns": ["AmazonS3ReadOnlyAccess"]},
        "task_role_policy_arns: has 'AmazonS3ReadOnlyAccess'; give ARNs of policies, such as arn:aws:iam::aws:policy/",
    ),
    (
        {"task_role_policy_arns": ["arn:aws:iam::aws:policy/AmazonSQSFullAccess"] * 2},
        "task_role_policy_arns: has arn:aws:iam::aws:policy/AmazonSQSFullAccess more than once; name it once",
    ),
    (
        {"task_role_policy_arns": [f"arn:aws:iam::123456789012:policy/{number}" for number in range(21)]},
        "task_role_policy_arns: has 21 policies; AWS attaches at most 20 to a role",
    ),
    (
        {"task_role_policy_arns": ["arn:aws-cn:iam::aws:policy/AdministratorAccess"]},
        "AdministratorAccess, with which a DAG may do everything; name what DAGs need, or set allow_admin_task_role to",
    ),
    ({"task_role_policy": "s3:*"}, "task_role_policy: is no JSON: Expecting value: line 1 column 1 (char 0); give a "),
    ({"task_role_policy": "[]"}, "task_role_policy: is no policy document; give one: {"),
    (
        {"task_role_policy": json.dumps({"Statement": MAY_READ})},
        'is no policy document; give one: {"Version": "2012-10-17", "Statement": […]}',
    ),
    (policy(), "task_role_policy: is no policy document; give one: {"),
    (policy("*"), "has statement 1 of 1 that is no object; give one with Effect, Action and Resource"),
    (
        may(Effect="Allow", Action="s3:*", Resource="*", Principal="*"),
        "task_role_policy: has statement 1 of 1 with a Principal; leave it out, in a role's policy it is the role",
    ),
    (
        may(Effect="Allow", Action="s3:*", Resource="*", NotPrincipal="*"),
        "task_role_policy: has statement 1 of 1 with a Principal; leave it out, in a role's policy it is the role",
    ),
    (may(Action="s3:*", Resource="*"), "has statement 1 of 1 with the Effect None; give Allow or Deny"),
    (may(Effect="Allow", Resource="*"), "1 of 1 with the Action None; give one with its service in front, such as s3:"),
    (may(Effect="Allow", Action=["s3:*", "Get*"], Resource="*"), "with the Action 'Get*'; give one with its service "),
    (may(Effect="Deny", Action="s3:*", NotResource=[]), "1 of 1 with the Resource None; give an ARN, or * for any"),
    (may(Effect="Allow", Action="s3:*", Resource="lake/*"), "with the Resource 'lake/*'; give an ARN, or * for any"),
    (
        policy(MAY_READ, {**MAY_READ, "Action": ["s3:Get*", "*"]}),
        "has statement 2 of 2 that allows * on *, with which a DAG may do everything; name what DAGs need, or set ",
    ),
    (
        may(Effect="Allow", Action="*", Resource=["arn:aws:s3:::lake", "arn:aws:*:*:*:*"]),
        "has statement 1 of 1 that allows * on *, with which a DAG may do everything; name what DAGs need, or set ",
    ),
    (
        may(Effect="Allow", Action="s3:GetObject", Resource=f"arn:aws:s3:::{'x' * 7_000}"),
        "has 7108 characters without blanks; a role has 10,240 in its own policies, 7,000 of them for this one: make a",
    ),
    *(
        (
            {**needs_role, argument: {"AWS_SECRET_ACCESS_KEY": "a", "AWS_ACCESS_KEY_ID": "b"}},
            f"{argument}: has AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, with which Airflow itself would ask AWS for ",
        )
        for argument, needs_role in (
            ("secrets", {"variables": {"region": "north"}}),
            ("environment", {"secrets_backend_prefix": "/team", "command": ["airflow", "standalone"]}),
            ("environment", {"executors": ["AwsEcsExecutor"]}),
            ("secrets", WORKERS),
        )
    ),
    ({"admin_username": ""}, "admin_username: is ''; use at least one character, and no blanks, colons, commas"),
    ({"admin_username": "me$USER"}, "admin_username: is 'me$USER'; use at least one character, and no blanks, "),
    ({"admin_username": "~/me"}, "commas or dollar signs, nor a ~ in front"),
    ({"users": {"$USER": "op"}}, "users: has '$USER'; use at least one character, and no blanks, "),
    ({"admin_username": "a:admin,b"}, "admin_username: is 'a:admin,b'; use at least one character, and no blanks, "),
    (
        {"admin_password": "hunter2"},
        "admin_password: has 7 characters; use 12 or more, or leave it out to have one generated",
    ),
    ({"users": {"vera": "reader"}}, "users: gives 'vera' the role 'reader'; use admin, op, user or viewer"),
    ({"users": {"vera": "Viewer"}}, "users: gives 'vera' the role 'Viewer'; use admin, op, user or viewer"),
    ({"users": {"vera b": "op"}}, "users: has 'vera b'; use at least one character, and no blanks, colons, commas"),
    ({"users": {"admin": "op"}}, "users: has 'admin', which is the administrator's name; leave it out"),
    (
        {"admin_username": "root", "users": {"Root": "op"}},
        "users: has 'Root', which only differs in case from 'root'; choose another",
    ),
    (
        {"users": {"vera": "op", "Vera": "viewer"}},
        "users: has 'Vera', which only differs in case from 'vera'; choose another",
    ),
    (
        {"users": {f"user-{number:03}": "viewer" for number in range(103)}},
        "users: has 103 users, whose passwords have 4120 bytes; an SSM parameter holds 1 to 4096",
    ),
    (
        {"secrets": {"USER_PASSWORDS": "{}"}},
        "secrets: has USER_PASSWORDS, which the component sets itself: they are generated",
    ),
    ({"users": ["vera"]}, "users: is ['vera']; give names with strings as values"),
    (
        {"users": OUTPUT},
        "users: is an output or a secret, but decides what is created; give names with strings",
    ),
    ({**LEGACY, "users": {"vera": "op"}}, "users: is given, but the legacy image has no login; leave it out"),
    *(
        (
            {**OWN_LOGIN, **args},
            f"{next(iter(args))}: is given, but environment has AIRFLOW__CORE__AUTH_MANAGER, an auth",
        )
        for args in (
            {"admin_username": "root"},
            {"admin_password": OUTPUT},
            {"users": {"vera": "op"}},
            {"drain_minutes": 5, "allowed_cidrs": ["203.0.113.7/32"]},
            {"image_entrypoint": ["env"], "command": ["airflow", "standalone"]},
        )
    ),
    (
        {
            "environment": {
                "AIRFLOW__CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager."
                "SimpleAuthManager"
            }
        },
        "has AIRFLOW__CORE__AUTH_MANAGER with Airflow's simple auth manager, which the component sets up by itself; ",
    ),
    (
        {"secrets": {"AIRFLOW__CORE__AUTH_MANAGER": "company.login.AuthManager"}},
        "AIRFLOW__CORE__AUTH_MANAGER, which the component sets itself: name that of your image in environment",
    ),
    (
        {"environment": {**OWN_LOGIN["environment"], "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}},
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS, which the component sets itself: it would let everybody in",
    ),
    (
        {**LEGACY, "admin_username": "admin"},
        "admin_username: is given, but the legacy image has no login; leave it out",
    ),
    ({**LEGACY, "admin_password": OUTPUT}, "admin_password: is given, but the legacy image has no login; leave it out"),
    ({"admin_password": 123456789012}, "admin_password: has a value of another type; give a string"),
    (
        {"secrets": {"A": 1}},
        "secrets: has a value of another type; give names with strings as values, each of which may be an output",
    ),
    ({"vpc_id": 1, "subnet_ids": OUTPUT}, "vpc_id: is 1; give a string"),
    ({"vpc_id": OUTPUT, "subnet_ids": "subnet-01234567"}, "subnet_ids: is 'subnet-01234567'; give a list of strings"),
    ({"allow_public_access": "true"}, "allow_public_access: is 'true'; give true or false"),
    ({"database": "mysql"}, "database: is 'mysql'; use sqlite or postgres"),
    ({"database": OUTPUT}, "database: is an output or a secret, but decides what is created; give a string"),
    (
        {"database": "postgres", "database_instance_class": "t4g.micro"},
        "database_instance_class: is 't4g.micro'; give one of RDS, such as db.t4g.micro",
    ),
    ({"database": "postgres", "database_storage_gib": 10}, "database_storage_gib: is 10; RDS has 20 to 65536 GiB"),
    ({"database": "postgres", "database_backup_days": 36}, "database_backup_days: is 36; RDS has 0 to 35 days"),
    (
        {"database": "postgres", "database_version": "13"},
        "database_version: is '13'; Airflow supports PostgreSQL 14, 15, 16, 17, 18",
    ),
    (
        {"database_storage_gib": 40, "database": "sqlite"},
        "database_storage_gib: is given, but without database: postgres or keep_postgres there is no instance",
    ),
    (
        {"database_multi_az": True, "database_url": OUTPUT},
        "database_multi_az: is given, but without database: postgres or keep_postgres there is no instance",
    ),
    (
        {"database": "postgres", "database_url": OUTPUT},
        "database_url: is given, but database is too; leave out the one that you do not want",
    ),
    (
        {"database": "postgres", **OWN_VPC},
        "subnet_ids: has one subnet; with an instance of RDS give two or more, in two availability zones",
    ),
    *(
        (
            {"database": "postgres", "environment": {name: "sqlite:////tmp/airflow.db"}},
            f"{name}, which the component sets itself: it follows database\n",
        )
        for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC")
    ),
    (
        {"database": "postgres", "secrets": {"PGPASSWORD": "secret word"}},
        "secrets: has PGPASSWORD, which the component sets itself: it follows database\n",
    ),
    (
        {**URL, "secrets": {"AIRFLOW__CORE__SQL_ALCHEMY_CONN": "postgresql://db/other"}},
        "AIRFLOW__CORE__SQL_ALCHEMY_CONN, which the component sets itself: it follows database_url\n",
    ),
    ({"database_url": "mysql://u:p@db/a"}, "database_url: does not begin with postgresql://; give one such as"),
    ({"database_url": "postgresql+asyncpg://u:p@db/a"}, "database_url: does not begin with postgresql://; give one"),
    ({"database_url": "postgresql://db/a"}, "database_url: lacks a host, a user or a database; give one such as"),
    ({"database_url": "postgresql://u:p@db/"}, "database_url: lacks a host, a user or a database; give one such as"),
    ({"database_url": "postgresql://u:p@db:port/a"}, "database_url: is no URL; give one such as postgresql://user:"),
    ({"database_url": "postgresql://u:p@db/a"}, "leads to port 5432, which is closed; add it to egress_ports"),
    (
        {"database_url": "postgresql://u:p@db:6432/a", "egress_ports": [5432]},
        "database_url: leads to port 6432, which is closed; add it to egress_ports",
    ),
    (
        {"database_url": "postgresql://u:p@db/a?sslmode=verify-full", "egress_ports": [5432]},
        "has a parameter other than sslmode, or an sslmode other than disable, allow, prefer, require; both of Air",
    ),
    (
        {"database_url": "postgresql://u:p@db/a?connect_timeout=5", "egress_ports": [5432]},
        "has a parameter other than sslmode, or an sslmode other than disable, allow, prefer, require; both of Air",
    ),
    ({"database": "postgres", "keep_postgres": True, **OWN_VPC}, "subnet_ids: has one subnet; with an instance of RDS"),
    ({"keep_postgres": True, "database_version": "13"}, "database_version: is '13'; Airflow supports PostgreSQL 14"),
    ({"keep_postgres": OUTPUT}, "keep_postgres: is an output or a secret, but decides what is created; give true or"),
    ({"database_snapshot_seconds": 29}, "database_snapshot_seconds: is 29; use 30 or more, or 0 for no snapshots"),
    ({"keep_runs_days": -1}, "keep_runs_days: is -1; use 1 or more, or 0 to keep all"),
    (
        {"database": "postgres", "database_snapshot_seconds": 60},
        "database_snapshot_seconds: is given, but the database is not in the container; leave it out",
    ),
    *(
        (
            {"command": ["airflow", "standalone"], "fernet_key": OUTPUT, argument: value},
            f"{argument}: is given, but your command replaces ours, which would do it; leave one of them out",
        )
        for argument, value in (
            ("database_snapshot_seconds", 60),
            ("keep_runs_days", 30),
            ("restore_from", "a-bucket"),
            ("retain_data", True),
        )
    ),
    *(
        (
            {"database_snapshot_seconds": 0, "fernet_key": OUTPUT, argument: value},
            f"{argument}: is given, but with database_snapshot_seconds 0 nothing is kept; leave one of them out",
        )
        for argument, value in (("restore_from", "a-bucket"), ("retain_data", True))
    ),
    ({"restore_from": "a-bucket"}, "restore_from: is given, but fernet_key is not: the passwords in the database can"),
    ({"restore_from": OUTPUT}, "restore_from: is an output or a secret, but decides what is created; give a string"),
    (
        {**URL, "restore_from": "last", "fernet_key": OUTPUT},
        "restore_from: is given, but database_url leads to what there is; leave it out",
    ),
    (
        {"database": "postgres", "restore_from": "s3://a-bucket", "fernet_key": OUTPUT},
        "restore_from: is 's3://a-bucket'; give the name or the ARN of a snapshot of RDS",
    ),
    ({"database": "postgres", "restore_from": "last"}, "restore_from: is given, but fernet_key is not: the passwords"),
    ({"fernet_key": "not a key"}, "fernet_key: is not 32 bytes in URL-safe base64 (44 characters); give the one that"),
    ({"fernet_key": f"{'+' * 43}="}, "fernet_key: is not 32 bytes in URL-safe base64 (44 characters); give the one"),
    (
        {"fernet_key": f"{'k' * 43}=, {'l' * 43}="},
        "or a new one and that one, with a comma between them",
    ),
    ({"fernet_key": ",".join([f"{'k' * 43}="] * 92)}, "fernet_key: has 4139 bytes; an SSM parameter holds 1 to 4096"),
    ({**LEGACY, "retain_data": True}, "retain_data: is given, but the legacy image keeps nothing when its task ends"),
    (
        {**LEGACY, "database": "postgres"},
        "database: is given, but the legacy image has its database in the container; leave it out, or use Airflow 3",
    ),
    (
        {**LEGACY, **URL},
        "database_url: is given, but the legacy image has its database in the container; leave it out, or use",
    ),
    ({"environment": {"A-B": "1"}}, "environment: has 'A-B'; use letters, digits and underscores, no digit first"),
    (
        {"environment": {"A": 1}},
        "environment: is {'A': 1}; give names with strings as values, each of which may be an output",
    ),
    (
        {"environment": {"AIRFLOW__CORE__EXECUTOR": "CeleryExecutor"}},
        "environment: has AIRFLOW__CORE__EXECUTOR, which the component sets itself: set executors",
    ),
    (
        {"environment": {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}},
        "which the component sets itself: it would let everybody in without a password",
    ),
    (
        {**LEGACY, "environment": {"AIRFLOW__WEBSERVER__WEB_SERVER_PORT": "80"}},
        "environment: has AIRFLOW__WEBSERVER__WEB_SERVER_PORT, which the component sets itself: set port\n",
    ),
    (
        {"secrets": {"ADMIN_PASSWORD": "x"}},
        "secrets: has ADMIN_PASSWORD, which the component sets itself: set admin_password\n",
    ),
    *(
        (
            {argument: {name: "x" * 20}},
            f"{argument}: has {name}, which the component sets itself: {reason}\n",
        )
        for argument in ("environment", "secrets")
        for name, reason in (
            ("AIRFLOW__CORE__FERNET_KEY_CMD", "set fernet_key"),
            ("AIRFLOW__API_AUTH__JWT_SECRET_SECRET", "it is generated once for the stack"),
            ("AIRFLOW__WEBSERVER__SECRET_KEY", "it is generated once for the stack"),
            ("AIRFLOW__WEBSERVER__SECRET_KEY_SECRET", "it is generated once for the stack"),
            ("AIRFLOW__WEBSERVER__WEB_SERVER_PORT", "set port"),
            ("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "it follows port and AIRFLOW__API__BASE_URL"),
            ("AIRFLOW__WORKERS__EXECUTION_API_SERVER_URL", "it follows port and AIRFLOW__API__BASE_URL"),
        )
    ),
    *(
        (
            {"environment": {name: value}},
            f"environment: has {name} as {value!r}, which is no address of a web interface",
        )
        for name in ("AIRFLOW__API__BASE_URL", "AIRFLOW__WEBSERVER__BASE_URL")
        for value in (
            "airflow.example.com",
            "ftp://a.example",
            "https://",
            "http://a:b/c",
            "http://a.example/?x",
            "//a",
        )
    ),
    *(
        ({"environment": {name: "127.0.0.1"}}, f"has {name} as '127.0.0.1', where nobody would reach Airflow; leave it")
        for name in ("AIRFLOW__API__HOST", "AIRFLOW__WEBSERVER__WEB_SERVER_HOST")
    ),
    *(
        (
            {"secrets": {name: "/a.pem"}},
            f"secrets: has {name} but Airflow speaks plain HTTP here; leave it out, and put",
        )
        for name in (
            "AIRFLOW__API__SSL_CERT",
            "AIRFLOW__API__SSL_KEY",
            "AIRFLOW__WEBSERVER__WEB_SERVER_SSL_CERT",
            "AIRFLOW__WEBSERVER__WEB_SERVER_SSL_KEY",
        )
    ),
    *(
        ({argument: {name: value}}, f"{argument}: has {name} but its port {port} is closed; add {port} to egress_ports")
        for argument, name, value, port in (
            ("environment", "HTTP_PROXY", "http://proxy.example:3128", 3128),
            ("environment", "https_proxy", "proxy.example:3128", 3128),
            ("environment", "http_proxy", "socks4://proxy.example", 1080),
            ("environment", "all_proxy", "socks4a://proxy.example", 1080),
            ("secrets", "all_proxy", "socks5://proxy.example", 1080),
            ("secrets", "ALL_PROXY", "socks5h://user:password@proxy.example", 1080),
            ("secrets", "HTTPS_PROXY", "http://user:password@proxy.example", 80),
        )
    ),
    *(
        ({"environment": {"HTTP_PROXY": value}}, "has HTTP_PROXY as what is not the URL of a proxy; give one such as")
        for value in ("http://proxy.example:port", "proxy://proxy.example")
    ),
    ({"secrets": {"A": ""}}, "secrets: has A with 0 bytes; an SSM parameter holds 1 to 4096"),
    ({"secrets": {"A": "\ud800" * 1366}}, "secrets: has A with 4098 bytes; an SSM parameter holds 1 to 4096"),
    ({"secrets": {"A": "é" * 2049}}, "secrets: has A with 4098 bytes; an SSM parameter holds 1 to 4096"),
    (
        {"environment": {"TOKEN": "a"}, "secrets": {"TOKEN": "b"}},
        "environment: has TOKEN, which is in secrets too; leave it in one of the two",
    ),
    ({"dags_path": ""}, "dags_path: is ''; name a folder with DAG files in it, or leave it out"),
    ({"dags_path": "no-such-folder"}, "dags_path: is 'no-such-folder', which is not a folder; name one with DAG files"),
    ({"plugins_path": ""}, "plugins_path: is ''; name a folder with plugin files in it, or leave it out"),
    ({"plugins_path": "none"}, "plugins_path: is 'none', which is not a folder; name one with plugin files in it"),
    ({"requirements_path": ""}, "requirements_path: is ''; name a file with requirements in it, or leave it out"),
    (
        {"requirements_path": "none.txt"},
        "requirements_path: cannot be used: [Errno 2] No such file or directory: 'none",
    ),
    (
        {"requirements_path": "none.txt", "pip_requirements": ["pandas"]},
        "requirements_path: is given, and pip_requirements too; move those into the file",
    ),
    (
        {"requirements_path": "none.txt", "command": ["airflow", "standalone"]},
        "requirements_path: is given with a command, which runs without them; put packages into the image",
    ),
    (
        {"requirements_path": "none.txt", "cpu_architecture": "ARM"},
        "cpu_architecture: is 'ARM'; use X86_64 or ARM64",
    ),
    ({"constraints_path": "c.txt"}, "constraints_path: is given, but requirements_path is not; give both or neither"),
    (
        {"plugins_path": "plugins", "command": ["airflow", "standalone"]},
        "plugins_path: is given with a command, which runs without it; put plugins into the image",
    ),
    (
        {"allowed_cidrs": [OUTPUT]},
        "allowed_cidrs: is an output or a secret, but decides what is created; give a list of strings",
    ),
    (
        {"tags": OUTPUT},
        "tags: is an output or a secret, but decides what is created; give names with strings as values, each of which",
    ),
    (
        {"dags_path": OUTPUT},
        "dags_path: is an output or a secret, but decides what is created; give a string",
    ),
    ({"dags_refresh_seconds": 4}, "dags_refresh_seconds: is 4; use 5 or more, which is how often Airflow asks"),
    ({"dags_git_url": "git@github.com:team/dags.git"}, "is 'git@github.com:team/dags.git'; give one such as https://"),
    (
        {"dags_git_url": "ssh://example.com/dags"},
        "dags_git_url: is 'ssh://example.com/dags'; give one such as https://",
    ),
    ({"dags_git_url": "https://example.com"}, "dags_git_url: is 'https://example.com'; give one such as https://"),
    ({"dags_git_url": "https://example.com/"}, "dags_git_url: is 'https://example.com/'; give one such as https://"),
    ({"dags_git_url": "https://example.com/a d"}, "dags_git_url: is 'https://example.com/a d'; give one such as"),
    ({"dags_git_url": "https://example.com/d?x=1"}, "dags_git_url: is 'https://example.com/d?x=1'; give one such as"),
    ({"dags_git_url": "https://h:x/d"}, "dags_git_url: is 'https://h:x/d': Port could not be cast to integer value"),
    ({"dags_git_url": "https://me:hunter2@example.com/d"}, "dags_git_url: has a user name or password in it; leave it"),
    (
        {"dags_git_url": "http://example.com/d"},
        "is http://example.com/d, but port 80 is closed; add it to egress_ports",
    ),
    (
        {"dags_git_url": "https://example.com:3000/d"},
        "dags_git_url: is https://example.com:3000/d, but port 3000 is closed; add it to egress_ports",
    ),
    *(
        ({**GIT, "dags_git_ref": ref}, f"dags_git_ref: is {ref!r}; give a branch, a tag or a commit, such as main")
        for ref in (
            "",
            "--upload-pack=x",
            "a b",
            "a..b",
            "a:b",
            "refs/",
            "x.lock",
            "a@{1}",
            "a//b",
            "/a",
            ".a",
            "a.",
            "a/.b",
            "^",
        )
    ),
    (
        {**GIT, "dags_git_ref": "release/$USER"},
        "dags_git_ref: is 'release/$USER', of which Airflow makes another name; take one without a dollar sign",
    ),
    (
        {**GIT, "dags_git_subdir": "${HOME}/dags"},
        "dags_git_subdir: is '${HOME}/dags', of which Airflow makes another name; take one without a dollar sign",
    ),
    ({"dags_git_ref": "main"}, "dags_git_ref: is given, but dags_git_url is not; give both or neither"),
    ({"dags_git_subdir": "dags"}, "dags_git_subdir: is given, but dags_git_url is not; give both or neither"),
    ({"dags_git_username": "me"}, "dags_git_username: is given, but dags_git_url is not; give both or neither"),
    ({"dags_git_token": OUTPUT}, "dags_git_token: is given, but dags_git_url is not; give both or neither"),
    *(
        ({**GIT, "dags_git_subdir": subdir}, f"dags_git_subdir: is {subdir!r}; give a folder inside the repository")
        for subdir in ("/dags", "../dags", "a/../../b", "./a", "a\\b", "--x")
    ),
    *(
        (
            {"dags_git_url": f"https://example.com/{page}"},
            f"a page of its web interface; give https://example.com/{way_out}\n",
        )
        for page, way_out in (
            ("team/dags/tree/main", "team/dags with dags_git_ref main"),
            ("team/dags/tree/main/a/b/", "team/dags with dags_git_ref main and dags_git_subdir a/b"),
            ("team/dags/blob/main/b.py", "team/dags with dags_git_ref main"),
            ("team/dags/blob/main/a/b.py", "team/dags with dags_git_ref main and dags_git_subdir a"),
            ("group/sub/dags/-/tree/v1/a", "group/sub/dags with dags_git_ref v1 and dags_git_subdir a"),
            ("team/dags/src/branch/main/a", "team/dags with dags_git_ref main and dags_git_subdir a"),
            ("group/src/dags/src/tag/v1", "group/src/dags with dags_git_ref v1"),
            ("team/dags/src/commit/abc", "team/dags with dags_git_ref abc"),
        )
    ),
    *(
        ({"dags_git_url": f"https://{page}"}, f"is https://{page}, a page of its web interface; give https://{way_out}")
        for page, way_out in (
            ("github.com/team/dags/pull/3", "github.com/team/dags"),
            ("github.com/team/dags/commits/main", "github.com/team/dags"),
            ("github.com/team/dags.git/releases", "github.com/team/dags.git"),
            ("bitbucket.org/team/dags/pull-requests/", "bitbucket.org/team/dags"),
            (
                "bitbucket.org/team/dags/src/main/a/b",
                "bitbucket.org/team/dags with dags_git_ref main and dags_git_subdir a/b",
            ),
            ("bitbucket.org/team/dags/src/main/", "bitbucket.org/team/dags with dags_git_ref main"),
            ("gitlab.example.com/group/sub/dags/-/merge_requests/7", "gitlab.example.com/group/sub/dags"),
        )
    ),
    ({**GIT, "dags_git_username": "me"}, "dags_git_username: is given, but dags_git_token is not; give both or"),
    *(
        (
            {**GIT, "dags_git_token": "t", "dags_git_username": name},
            f"dags_git_username: is {name!r}; give a name without",
        )
        for name in ("a b", "a:b", "a\n")
    ),
    ({**GIT, "dags_git_token": ""}, "dags_git_token: is empty; leave it out for a repository that anybody may read"),
    ({**GIT, "dags_git_token": 7}, "dags_git_token: has a value of another type; give a string"),
    (
        {"dags_git_url": "http://example.com/d", "egress_ports": [80], "dags_git_token": "t"},
        "dags_git_token: would be sent in the clear over http://; use an https:// URL in dags_git_url",
    ),
    ({"pip_requirements": ["-r requirements.txt"]}, "pip_requirements: has '-r requirements.txt': "),
    ({"pip_requirements": ["pandas=2"]}, "pip_requirements: has 'pandas=2': "),
    ({"pip_requirements": ["pandas >=2"]}, "has 'pandas >=2'; leave out the blanks, at which the entrypoint splits"),
    ({"pip_requirements": ["a@https://u:hunter2@example.com/a.whl"]}, "has a with a URL or a marker; name package and"),
    ({"pip_requirements": ["a;python_version<'3.13'"]}, "pip_requirements: has a with a URL or a marker; name package"),
    ({"pip_requirements": ["Apache_Airflow==2"]}, "has 'Apache_Airflow==2'; the version of Airflow is that of image"),
    ({"pip_requirements": ["pandas", "Pandas==2"]}, "pip_requirements: has pandas more than once; name it once"),
    *(
        ({**LEGACY, argument: value}, f"{argument}: is given, but the legacy image predates DAG bundles; leave it out")
        for argument, value in (
            ("dags_path", "dags"),
            ("dags_refresh_seconds", 60),
            ("dags_git_url", "https://example.com/d"),
            ("dags_git_ref", "main"),
            ("dags_git_subdir", "dags"),
            ("dags_git_token", OUTPUT),
            ("dags_git_username", "me"),
        )
    ),
    ({**LEGACY, "load_examples": True}, "load_examples: is given, but the legacy image does not read it; leave it out"),
    ({**LEGACY, "pip_requirements": ["a"]}, "pip_requirements: is given, but the legacy image does not read it; leave"),
    (
        {"environment": {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": "[]"}},
        "which the component sets itself: set dags_path or dags_git_url",
    ),
    (
        {"secrets": {"AIRFLOW_CONN_DAGS_GIT": "{}"}},
        "which the component sets itself: set dags_git_url and dags_git_tok",
    ),
    ({"log_retention_days": 10}, "log_retention_days: is 10; CloudWatch has 1, 3, 5, 7, 14, 30, 60, "),
    ({"tags": {"aws:name": "x"}}, "tags: has 'aws:name'; names that begin with aws: belong to AWS, choose another"),
    (
        {"tags": {"rds:team": "x"}, "database": "postgres"},
        "tags: has 'rds:team'; names that begin with rds: belong to RDS, choose another",
    ),
    (
        {"tags": {"a": "RDS:b"}, "keep_postgres": True},
        "tags: has 'a' with the value 'RDS:b'; with an instance of RDS none begins with aws: or rds:",
    ),
    ({"tags": {"a": "aws:b"}, "database": "postgres"}, "tags: has 'a' with the value 'aws:b'; with an instance of RDS"),
    ({"tags": {"": "x"}}, "tags: has the name '', 0 characters; use 1 to 128"),
    ({"tags": {"x" * 129: ""}}, f"tags: has the name {'x' * 129!r}, 129 characters; use 1 to 128"),
    ({"tags": {"x": "y" * 257}}, "tags: has 'x' with a value of 257 characters; use at most 256"),
    (
        {"tags": {f"tag-{n}": "" for n in range(49)}},
        "tags: has 51 tags, Name, SubnetType that the VPC has beside them included; AWS allows 50 on a resource",
    ),
    (
        {"vpc_id": OUTPUT, "subnet_ids": OUTPUT, "tags": {f"tag-{n}": "" for n in range(51)}},
        "tags: has 51 tags; AWS allows 50 on a resource",
    ),
    ({"tags": {"Team": "a", "team": "b"}}, "tags: has 'Team', 'team', which differ in case only; IAM takes them for"),
    *(
        (
            {"tags": {"team": value}},
            f"tags: has 'team' with {wrong} in its value {value!r}; use letters, digits, blanks",
        )
        for value, wrong in (
            ("R&D", "'&'"),
            ("data (platform)", "'(' ')'"),
            ("a, b", "','"),
            ("a\nb", r"'\n'"),
            ("🚀", "'🚀'"),
        )
    ),
    ({"tags": {"k#": "v"}}, "tags: has the name 'k#' with '#'; use letters, digits, blanks and _ . : / = + - @"),
    ({"secrets": {"A": "x{{ssm:b}}"}}, "secrets: has A with {{…}} in it, which SSM takes for the name of another para"),
    ({"secrets": {"A": "a\0b"}}, "secrets: has A with a zero byte, which no environment variable can hold"),
    ({"environment": {"A": "a\0b"}}, "environment: has A with a zero byte, which no environment variable can hold"),
    ({"admin_password": "hunter2\0hunter2"}, "admin_password: has a zero byte, which no environment variable can hold"),
    ({"admin_password": "{{hunter2}}{{"}, "admin_password: has {{…}} in it, which SSM takes for the name of another"),
    ({"admin_password": "x" * 5000}, "admin_password: has 5000 bytes; an SSM parameter holds 1 to 4096"),
    (
        {**GIT, "dags_git_token": "x" * 4096},
        "dags_git_token: makes a connection with 4177 bytes; an SSM parameter",
    ),
    ({**GIT, "dags_git_token": "{{a}}"}, "dags_git_token: makes a connection with {{…}} in it, which SSM takes for"),
    ({"allowed_cidrs": ["fe80::1%eth0"]}, "has 'fe80::1%eth0', which is not an address range; the range around it is"),
    (
        {"allowed_cidrs": ["10.0.0.0/16", "10.0.0.0/255.255.0.0"]},
        "allowed_cidrs: has 10.0.0.0/16 more than once; name it once",
    ),
    (
        {"allowed_cidrs": [f"10.0.0.{n}" for n in range(61)]},
        "allowed_cidrs: has 61 IPv4 ranges; a security group holds 60 rules: join neighbouring ranges",
    ),
    (
        {"egress_ports": list(range(1000, 1058))},
        "has 58 ports; a security group holds 60 rules, 3 of which are HTTPS, DNS and the stack's own: name at most 57",
    ),
    (
        {"database": "postgres", "executors": ["CeleryExecutor"], "egress_ports": list(range(1000, 1055))},
        "has 55 ports; a security group holds 60 rules, 6 of which are HTTPS, DNS and the stack's own: name at most 54",
    ),
    (
        {"executors": ["LocalExecutor", "AwsEcsExecutor"], "allowed_cidrs": [f"10.0.0.{n}" for n in range(60)]},
        "allowed_cidrs: has 60 IPv4 ranges; a security group holds 60 rules, 1 of which are the stack's own: join",
    ),
    (
        {"environment": {"A": "x" * 29_000}},
        "environment: makes a task definition over the 65,536 bytes that ECS takes (environment 29,",
    ),
    (
        {"command": ["bash", "-c", "x" * 65_000]},
        "command: makes a task definition over the 65,536 bytes that ECS takes (command 65,",
    ),
    (
        {"pip_requirements": [f"package-{number:0>40}" for number in range(600)]},
        "pip_requirements: makes a task definition over the 65,536 bytes that ECS takes (pip_requirements 3",
    ),
    ({"image": "https://ghcr.io/acme/airflow:1"}, "give a container image such as apache/airflow:3.3.2, without https"),
    ({"image": "ACME/airflow/Base:1"}, "image: is 'ACME/airflow/Base:1'; give a container image such as apache/airfl"),
    ({"image": "ghcr.io/Acme/Airflow:1"}, "repositories are in lower case: ghcr.io/acme/airflow:1"),
    *(
        ({"image": image}, f"image: is {image!r}; give a container image such as apache/airflow:3.3.2")
        for image in (
            *("apache/airflow:", "apache//airflow:3", "x:3.3.2:x", "apache/airflow@sha256:abc"),
            *(f"apache/airflow:{'t' * 129}", "a" * 256),
        )
    ),
    (
        {"image": "apache/airflow:2.10.5"},
        "image: is 'apache/airflow:2.10.5', which is Airflow 2; use Airflow 3, such",
    ),
    *(
        ({"image": image}, f"image: is {image!r}, which is Airflow 2; use Airflow 3, such as apache/airflow:3.3.2")
        for image in ("apache/airflow:2", "index.docker.io/apache/airflow:2.10.5", "apache/airflow:2-python3.12")
    ),
    ({"image": "docker.io/apache/airflow:slim-2.9.0"}, "Airflow 2; use Airflow 3, such as apache/airflow:3.3.2"),
]


def with_outputs(args: dict[str, Any]) -> Any:
    output = cast(Any, object.__new__(pulumi.Output))
    return {key: {OUTPUT: output, repr([OUTPUT]): [output]}.get(str(value), value) for key, value in args.items()}


@pytest.mark.parametrize(("args", "message"), REFUSALS, ids=[message[:60] for _, message in REFUSALS])
def test_is_refused_with_the_argument_the_value_and_the_way_out(args: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate("airflow", with_outputs(args))

    assert message in f"{refused.value}\n"
    assert [refusal.argument in {*args, *AirflowFargateArgs.__annotations__} for refusal in refused.value.refusals] == [
        True
    ], "one mistake is one refusal, of what a caller can find"


SLIM: dict[str, Any] = {"image": "apache/airflow:slim-3.3.2"}
BARE: dict[str, Any] = {"database_snapshot_seconds": 0}
DAGS = str(Path(__file__).parent / "setups" / "dags")
NEEDS_PROVIDERS: dict[str, dict[str, Any]] = {
    "snapshots": {},
    "DAGs from a folder": {**BARE, "dags_path": DAGS},
    "DAGs from Git": {**BARE, **GIT},
    "plugins": {**BARE, "plugins_path": DAGS},
    "locked packages": {**BARE, "requirements_path": "requirements.txt"},
    "connections": {**BARE, "connections": {"web": "http://example.com"}},
    "PostgreSQL": {**BARE, **URL},
    "executors": {
        "executors": ["AwsEcsExecutor"],
        "environment": {"AIRFLOW__LOGGING__REMOTE_LOGGING": "True"},
        **BARE,
    },
    "another package": {"pip_requirements": ["pandas"]},
    "a copy under another name of Docker Hub": {"image": "docker.io/apache/airflow:slim-latest-python3.12"},
}


@pytest.mark.parametrize("args", NEEDS_PROVIDERS.values(), ids=NEEDS_PROVIDERS)
def test_a_slim_image_is_refused_where_it_lacks_what_the_component_needs(
    args: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Settings, "packages", Locked())

    with pytest.raises(InvalidArgumentsError) as refused:
        validate("airflow", AirflowFargateArgs(**{**SLIM, **args}))

    [refusal] = refused.value.refusals
    image = args.get("image", SLIM["image"])
    assert str(refusal).startswith(f"image: is '{image}', without the providers that snapshots, logs, DAGs and ")
    assert refusal.reason.endswith("; leave out slim-, or build an image from it that has them")


@pytest.mark.parametrize(
    "args",
    [
        BARE,
        {"command": ["airflow", "standalone"]},
        {"pip_requirements": ["Apache.Airflow_providers-amazon>=9"]},
        {"image": "example.com/apache/airflow:slim-3.3.2"},
        {"image": "apache/airflow:3.3.2-slim-1"},
    ],
)
def test_a_slim_image_may_run_what_it_has(args: dict[str, Any]) -> None:
    validate("airflow", AirflowFargateArgs(**{**SLIM, **args}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * (MAX_NAME_LENGTH + 1), "42 characters; use at most 41, since IAM role names have at most 64"),
        ("1airflow", "name: is '1airflow'; use letters, digits, hyphens and underscores, a letter first"),
        ("air flow", "name: is 'air flow'; use letters, digits, hyphens and underscores, a letter first"),
        ("sg-airflow", "name: is 'sg-airflow'; choose one that does not begin with aws, ssm or sg-"),
        ("ssmAirflow", "name: is 'ssmAirflow'; choose one that does not begin with aws, ssm or sg-"),
        ("AwsAirflow", "name: is 'AwsAirflow'; choose one that does not begin with aws, ssm or sg-"),
    ],
)
def test_a_name_that_aws_would_refuse_is_refused(name: str, message: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate(name, {})

    assert message in str(refused.value)


@pytest.mark.parametrize("name", ["a" * 26, "air--flow", "airflow-"])
def test_a_name_that_elasticache_would_refuse_is_refused_with_workers(name: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate(name, WORKERS)

    assert f"name: is '{name}'; with CeleryExecutor use at most 25 characters and single hyphens" in str(refused.value)
    validate("a" * 25, WORKERS)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a" * 35, "35 characters; with AwsEcsExecutor use at most 34, since IAM role names have at most 64"),
        (
            "my_airflow",
            "name: is 'my_airflow', which begins a name in DNS with AwsEcsExecutor; use hyphens ",
        ),
    ],
)
def test_a_name_that_aws_would_refuse_with_tasks_of_their_own_is_refused_then(name: str, message: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate(name, {"executors": ["AwsEcsExecutor"]})

    assert message in str(refused.value)
    validate(name, {})


def test_a_name_that_is_too_long_for_anything_is_refused_once() -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate("a" * (MAX_NAME_LENGTH + 1), {"executors": ["AwsEcsExecutor"]})

    assert len(refused.value.refusals) == 1


def test_every_mistake_in_the_folder_of_dags_is_a_refusal(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("(")
    (tmp_path / "b.py").write_text("x = 1\n  y = 2\n")

    with pytest.raises(InvalidArgumentsError) as refused:
        validate("airflow", {"dags_path": str(tmp_path)})

    assert [refusal.argument for refusal in refused.value.refusals] == ["dags_path", "dags_path"]
    assert "dags_path: has b.py, line 2: unexpected indent (compiled by Python 3." in str(refused.value)


@pytest.mark.parametrize("url", ["https://me:hunter2@example.com/d", "https://me:hunter2@example.com:3000/d?x"])
def test_a_password_in_the_url_of_the_repository_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate("airflow", {"dags_git_url": url})

    assert "hunter2" not in str(refused.value)


def test_the_longest_name_fits_into_every_name_that_is_derived_from_it(deploy: Deploy) -> None:
    deployment = deploy()
    longest = max(len(r.name) - len("airflow") for r in deployment.recorder.resources if r.typ == "aws:iam/role:Role")

    assert MAX_NAME_LENGTH + longest + len("-1234567") == 64

    deployment = deploy(executors=["AwsEcsExecutor"])
    longest = max(len(r.name) - len("airflow") for r in deployment.recorder.resources if r.typ == "aws:iam/role:Role")
    assert MAX_NAME_LENGTH_APART + longest + len("-1234567") == 64


def test_all_refusals_are_told_at_once_and_nothing_is_created(deploy: Deploy) -> None:
    recorder = Recorder()

    with pytest.raises(InvalidArgumentsError) as refused:
        deploy(recorder=recorder, port=80, cpu=1, log_retention_days=2)

    assert [refusal.argument for refusal in refused.value.refusals] == ["port", "cpu", "log_retention_days"]
    told = [f"\n  {refusal.argument}: {refusal.reason}" for refusal in refused.value.refusals]
    assert str(refused.value) == "".join(["AirflowFargate 'airflow' was refused, nothing was created:", *told])
    assert refused.value.errors == [
        {"property_path": refusal.argument, "reason": refusal.reason} for refusal in refused.value.refusals
    ], "a caller in another language is told the path of each"
    assert recorder.resources == []


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (lambda: {"admin_password": pulumi.Output.secret("hunter2")}, "admin_password: has 7 characters; use 12 or"),
        (lambda: {"secrets": {"TOKEN": pulumi.Output.secret("hunter2" * 586)}}, "secrets: has TOKEN with 4102 bytes"),
        (
            lambda: {**GIT, "dags_git_token": pulumi.Output.secret("{{hunter2}}")},
            "dags_git_token: makes a connection with {{…}} in it",
        ),
    ],
    ids=["admin_password", "secrets", "dags_git_token"],
)
def test_what_is_known_late_is_refused_without_being_shown(
    deploy: Deploy, late: Callable[[], dict[str, Any]], words: str
) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        deploy(**late())

    assert words in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_size_that_fargate_does_not_have_is_refused_once_however_small() -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        validate("airflow", {"cpu": 256, "memory": 256})

    assert [refusal.argument for refusal in refused.value.refusals] == ["memory"]


def test_of_what_is_no_policy_document_nothing_more_is_said() -> None:
    for document in ("{", json.dumps({"Statement": ["*"]})):
        assert len(list(refuse_document(document, allow_admin=False))) == 1


def test_a_policy_may_be_as_long_as_iam_takes_it_beside_the_components_own() -> None:
    def refused(length: int) -> list[str]:
        [document] = may(Effect="Allow", Action="s3:GetObject", Resource="arn:aws:s3:::").values()
        filled = document.replace(":::", ":::" + "x" * (length - len("".join(document.split()))))
        return [refusal.reason for refusal in refuse_document(filled, allow_admin=False)]

    assert refused(7_000) == []
    assert len(refused(7_001)) == 1


def test_a_policy_that_is_known_late_is_refused_then(deploy: Deploy) -> None:
    [everything] = may(Effect="Allow", Action="*", Resource="*").values()

    with pytest.raises(InvalidArgumentsError, match=r"task_role_policy: has statement 1 of 1 that allows \* on \*"):
        deploy(task_role_policy=pulumi.Output.from_input(everything))

    deploy(task_role_policy=pulumi.Output.from_input(everything), allow_admin_task_role=True)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        ("apache/airflow 3", "image: is 'apache/airflow 3'; give a container image such as apache/airflow:3.3.2"),
        ("registry.example.com:5000/airflow:1", "but port 5000 is closed; add 5000 to egress_ports"),
        ("123456789012.dkr-ecr.us-east-1.on.aws/airflow", "use 123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow"),
    ],
)
def test_an_image_that_is_known_late_is_refused_then(deploy: Deploy, image: str, words: str) -> None:
    with pytest.raises(InvalidArgumentsError) as refused:
        deploy(lambda: AirflowFargate("airflow", {"image": pulumi.Output.from_input(image)}))

    assert words in str(refused.value)


def test_fargate_has_these_sizes() -> None:
    """GB of memory for each number of vCPU, as AWS's developer guide lists them ("Fargate task sizes")."""
    listed = {
        0.25: [0.5, 1, 2],
        0.5: [1, 2, 3, 4],
        1: [*range(2, 9)],
        2: [*range(4, 17)],
        4: [*range(8, 31)],
        8: [*range(16, 61, 4)],
        16: [*range(32, 121, 8)],
    }

    assert {cpu / 1024: [memory / 1024 for memory in sizes] for cpu, sizes in FARGATE_SIZES.items()} == listed


def test_cloudwatch_keeps_logs_for_these_numbers_of_days() -> None:
    session: Any = botocore.session.get_session()
    _, _, listed = session.get_service_model("logs").shape_for("Days").documentation.partition("Possible values are")
    days, _, _ = listed.partition("</p>")

    assert tuple(map(int, re.findall(r"\d+", days))) == LOG_RETENTION_DAYS


@pytest.mark.parametrize(
    ("cpu", "memory"),
    [(cpu, memory) for cpu, sizes in FARGATE_SIZES.items() for memory in sizes if memory >= LEAST_MEMORY],
)
def test_every_size_that_fargate_has_and_airflow_fits_into_is_accepted(cpu: int, memory: int) -> None:
    assert validate("airflow", {"cpu": cpu, "memory": memory}).task.memory == memory


@pytest.mark.parametrize(
    "args",
    [
        {**OWN_VPC, "allowed_cidrs": ["0.0.0.0/0", "::/0"], "allow_public_access": True},
        {**OWN_VPC, "allowed_cidrs": ["10.0.0.0/8", "2001::/16"]},
        {**LEGACY, **OWN_VPC, "allowed_cidrs": ["10.0.0.0/24", "2001:db8::/64"], "cpu": 256, "memory": 512},
        {"vpc_id": OUTPUT, "subnet_ids": OUTPUT},
        {"image": "registry.example.com:5000/airflow:1", "egress_ports": [5000]},
        {"image": "registry.example.com:443/airflow:1", "registry_credentials_arn": OUTPUT},
        {"image": f"ghcr.io/acme/airflow@sha256:{'0' * 64}"},
        {"image": f"123456789012.dkr.ecr.us-east-1.amazonaws.com/airflow:1@sha256:{'0' * 64}"},
        {"permissions_boundary_arn": "arn:aws-us-gov:iam::123456789012:policy/teams/data-boundary"},
        {"permissions_boundary_arn": "arn:aws:iam::aws:policy/PowerUserAccess"},
        {"users": {f"user-{number:03}": "viewer" for number in range(102)}},
        {"admin_password": "x" * 12},
        {"users": {"vera": "viewer", "otto@example.com": "op", "ute": "user", "anna": "admin"}},
        {
            "environment": {
                **OWN_LOGIN["environment"],
                "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "a:admin",
                "ADMIN_PASSWORD": "of the image's own",
            }
        },
        {**OWN_LOGIN, "command": ["airflow", "standalone"]},
        may(Effect="Deny", Action="*", Resource="*"),
        may(Effect="Allow", NotAction="iam:*", Resource="*"),
        may(Effect="Allow", Action="*", Resource="arn:aws:s3:::lake/*"),
        may(Effect="Allow", Action="s3:GetObject", Resource="arn:aws:s3:::" + " " * 20_000),
        {**may(Effect="Allow", Action="*", Resource="*"), "allow_admin_task_role": True},
        {"task_role_policy_arns": ["arn:aws:iam::aws:policy/AdministratorAccess"], "allow_admin_task_role": True},
        {"task_role_policy_arns": [f"arn:aws:iam::123456789012:policy/{number}" for number in range(20)]},
        {"registry_credentials_arn": "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:a/registry-AbCdEf"},
        {"admin_password": "p'w\"d $HOME é"},
        {"environment": {"HTTP_PROXY": "http://proxy.example:3128", "A_CMD": "1"}, "egress_ports": [3128]},
        {"environment": {"AIRFLOW__API__HOST": "0.0.0.0", "AIRFLOW__API__BASE_URL": ""}},  # noqa: S104 - nothing listens
        {
            **LEGACY,
            "environment": {"AIRFLOW__WEBSERVER__BASE_URL": "http://a/b"},
            "secrets": {"HTTP_PROXY": "http://a:3128"},
        },
        {"environment": {"AIRFLOW__CORE__PARALLELISM": "8"}, "secrets": {"_TOKEN": "x" * 4096}},
        {"image": "registry.example.com:443/team/airflow:1@sha256:" + "a" * 64},
        {"image": "localhost:5000/airflow", "egress_ports": [5000]},
        {"tags": {"Kostenstelle": "Größe / 3 + 4 @ x.y:z=1_2-3"}},
        {"tags": {"x": "", "y" * 128: "z" * 256}},
        {"tags": {"rds:team": "rds:data"}},
        {"tags": {f"tag-{n}": "" for n in range(48)}},
        {**OWN_VPC, "tags": {f"tag-{n}": "" for n in range(50)}},
        {"allowed_cidrs": [f"10.0.0.{n}" for n in range(60)], "egress_ports": list(range(1000, 1057))},
        {"egress_ports": [1, 65535]},
        {**OWN_VPC, "allowed_cidrs": ["12.0.0.0/8", "2600::/16"]},
        {
            "database": "postgres",
            "executors": ["CeleryExecutor"],
            "allowed_cidrs": [f"10.0.0.{n}" for n in range(59)],
            "egress_ports": list(range(1000, 1054)),
        },
        {"ephemeral_storage_gib": 20},
        {"drain_minutes": 24 * 60, "allowed_cidrs": ["203.0.113.7/32"]},
        {"drain_minutes": 0, "allowed_cidrs": []},
        *(
            {"database_url": f"{scheme}://user:password@db.example.com/airflow", "egress_ports": [5432]}
            for scheme in ("postgresql", "postgres", "postgresql+psycopg2")
        ),
        {"ephemeral_storage_gib": 200, "cpu_architecture": "ARM64", "spot": True, "port": 1024},
    ],
)
def test_valid_arguments_are_accepted(args: Any) -> None:
    validate("airflow", with_outputs(args))


def test_whole_floats_are_accepted_as_the_numbers_that_other_languages_send() -> None:
    args: Any = {"cpu": 1024.0, "memory": 4096.0, "egress_ports": [22.0]}

    settings = validate("airflow", args)

    read = (settings.task.cpu, settings.task.memory, settings.firewall.egress_ports)
    assert repr(read) == "(1024, 4096, (22,))"


@pytest.mark.parametrize(
    ("image", "legacy"),
    [
        ("puckel/docker-airflow", True),
        ("docker.io/puckel/docker-airflow:1.10.9", True),
        ("apache/airflow:3.3.2", False),
        ("notpuckel/docker-airflow", False),
        ("puckel/docker-airflow-fork", False),
    ],
)
def test_the_legacy_image_is_recognised_by_its_repository(image: str, legacy: bool) -> None:
    assert validate("airflow", {"image": image}).image.legacy is legacy
