"""The least that AWS has to allow whoever runs `pulumi up` and `pulumi destroy`: `make deployer-policy` writes it.

It is taken from the calls that the emulator sees while a stack is created, updated, refreshed and destroyed, and from
`BESIDES`, which names what nothing on this machine calls.
"""

import json
import tempfile
from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from airflow_fargate.image import DEFAULT_IMAGE

from local.cloud import Cloud
from local.engine.choose import engine
from local.paths import ROOT
from local.testing.clouds import temporary_cloud
from local.testing.deployed import NETWORK, OFFICIAL, PROGRAM, Deployed, stand_in_image
from local.testing.faults import Faults
from local.testing.workspace import Workspace
from operate.console import say

DOCUMENT = ROOT / "docs" / "deployer-policy.json"

BESIDES: Mapping[str, Collection[str]] = {
    "the AWS provider, reading a bucket": (
        *("s3:GetAccelerateConfiguration", "s3:GetBucketAcl", "s3:GetBucketCORS", "s3:GetBucketLocation"),
        *("s3:GetBucketLogging", "s3:GetBucketObjectLockConfiguration", "s3:GetBucketRequestPayment"),
        *("s3:GetBucketWebsite", "s3:GetReplicationConfiguration"),
        *("s3:ListTagsForResource", "s3:TagResource", "s3:UntagResource"),
    ),
    "the AWS provider, deleting a file that has versions": ("s3:DeleteObjectVersion",),
    "the AWS provider, waiting for a deployment": ("ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments"),
    "the AWS provider, reading and deleting a role": ("iam:ListInstanceProfilesForRole", "iam:ListRolePolicies"),
    "the AWS provider, for another `permissions_boundary_arn`": (
        *("iam:DeleteRolePermissionsBoundary", "iam:PutRolePermissionsBoundary"),
    ),
    "the AWS provider, where a stack has drifted": (
        *("ec2:ModifySecurityGroupRules", "ec2:ReplaceRoute", "ec2:ReplaceRouteTableAssociation"),
        *("iam:UpdateAssumeRolePolicy", "iam:UpdateRole", "logs:DeleteRetentionPolicy", "rds:ResetDBParameterGroup"),
        "elasticache:ModifyReplicationGroup",
    ),
    "the AWS provider, for another subnet with `CeleryExecutor`": ("elasticache:ModifyCacheSubnetGroup",),
    "Application Auto Scaling, for the alarms of a policy": (
        *("cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm"),
    ),
    "the AWS provider, with `restore_from`": ("rds:RebootDBInstance", "rds:RestoreDBInstanceFromDBSnapshot"),
    "the component, looking what is in the snapshot of `restore_from`": ("rds:DescribeDBSnapshots",),
    "RDS, deleting an instance, with its backups, and with `retain_data`": (
        *("rds:CreateDBSnapshot", "rds:DeleteDBInstanceAutomatedBackup"),
    ),
    "the AWS provider, deleting a service of Cloud Map that has instances, and for another description": (
        *("servicediscovery:DeregisterInstance", "servicediscovery:UpdateService"),
    ),
    "Cloud Map, with the zone of a namespace": (
        *("route53:CreateHostedZone", "route53:DeleteHostedZone", "route53:GetHostedZone"),
        "route53:ListHostedZonesByName",
    ),
    "ECS, handing the roles to the task": ("iam:PassRole",),
    "ECS, RDS, ElastiCache and Application Auto Scaling, in an account in which they have never run": (
        "iam:CreateServiceLinkedRole",
    ),
    "the program's preflight": ("ec2:DescribeRegions",),
    "the component, saying why an update has failed": ("logs:GetLogEvents",),
    "`make repair`": ("ecs:ListTaskDefinitions",),
}
"""Actions that a deployer needs and no call of the scenario shows, by who asks for them: from the sources of
terraform-provider-aws 6 and of this repository, and AWS's Service Authorization Reference."""

_S3_ACTIONS = {
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjectsV2": "ListBucket",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}
"""S3's operations whose permission has another name; elsewhere an operation and its permission share one."""

_NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity"}

_TOGETHER = ("application-autoscaling:*", "ec2:Describe*", "s3:GetBucket*")
"""Permissions that are given by a pattern: with each by its own name the document would be longer than IAM lets a
policy be. AWS gives the first two for no resource whose name is known beforehand; the last one only reads how buckets
of the stack are set up."""

_NAMED: Mapping[str, Collection[str]] = {
    "cloudwatch": ("alarm:TargetTracking-service/airflow-*",),
    "ecs": (
        *("cluster/airflow-*", "service/airflow-*/*", "service-deployment/airflow-*/*", "task/airflow-*/*"),
        "task-definition/airflow-*",
    ),
    # The parameter group is the one that AWS gives every cache.
    "elasticache": (
        *("cluster:airflow-*", "parametergroup:default.valkey*", "replicationgroup:airflow-*", "subnetgroup:airflow-*"),
    ),
    "iam": ("role/airflow-*",),
    "logs": ("log-group:airflow-*",),
    # The option group is the one that AWS gives every instance.
    "rds": (
        *("db:airflow-*", "og:default:postgres-*", "pg:airflow-*", "snapshot:airflow-*", "snapshot:rds:airflow-*"),
        "subgrp:airflow-*",
    ),
    "s3": ("airflow-*",),
    # Connections and variables are below /airflow/<name of the cluster>.
    "ssm": ("parameter/airflow-*", "parameter/airflow/airflow-*"),
}
"""Resources with the component's name in their ARN, by service. EC2 knows things by numbers, unknown beforehand."""

_UNNAMED = {
    *("ecs:CreateCluster", "ecs:DeregisterTaskDefinition", "ecs:DescribeTaskDefinition", "ecs:ListServices"),
    *("ecs:ListTaskDefinitions", "ecs:ListTasks", "ecs:RegisterTaskDefinition", "ecs:TagResource"),
    *("logs:DescribeLogGroups", "rds:DescribeDBInstances", "ssm:DescribeParameters"),
}
"""Permissions of those services that AWS gives for no single resource, or for several kinds at once."""

_CONDITIONS: Mapping[str, tuple[str, str, list[str]]] = {
    "iam:PassRole": ("role/airflow-*", "iam:PassedToService", ["ecs-tasks.amazonaws.com"]),
    "iam:CreateServiceLinkedRole": (
        "role/aws-service-role/*",
        "iam:AWSServiceName",
        [
            *("ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticache.amazonaws.com"),
            "rds.amazonaws.com",
        ],
    ),
}
"""Resource, key and values of those that would otherwise allow more than they are for."""


PROGRAM_WITH_ANOTHER = f"""{PROGRAM}{NETWORK}
vpc = network("airflow-own", ("us-east-1a", "us-east-1b", "us-east-1c"))
subnet_ids = vpc.public_subnet_ids.apply(lambda ids: ids[:NUMBER])
AirflowFargate("airflow-elsewhere", {{"vpc_id": vpc.vpc_id, "subnet_ids": subnet_ids, "database": "postgres"}})
"""
"""Beside an Airflow in a network that it makes, one in a network of the caller's, of which it has so many subnets."""


def policy(calls: Iterable[str]) -> dict[str, Any]:
    """Return the policy document that allows calls such as "s3:HeadBucket", and what is needed besides."""
    actions = {action(call) for call in calls} - _NEEDS_NO_PERMISSION
    actions |= {each for group in BESIDES.values() for each in group}
    actions = {next((pattern for pattern in _TOGETHER if fnmatch(each, pattern)), each) for each in actions}
    named = {each for each in actions - _UNNAMED - _CONDITIONS.keys() if each.partition(":")[0] in _NAMED}
    statements = [_statement(sorted(actions - named - _CONDITIONS.keys()), "*")]
    for service in sorted({each.partition(":")[0] for each in named}):
        of_service = sorted(each for each in named if each.startswith(f"{service}:"))
        statements.append(_statement(of_service, [arn for name in _NAMED[service] for arn in _arns(service, name)]))
    for each, (resource, key, values) in _CONDITIONS.items():
        statements.append(_statement([each], _arns("iam", resource)) | {"Condition": {"StringEquals": {key: values}}})
    return {"Version": "2012-10-17", "Statement": statements}


def action(call: str) -> str:
    """Return the permission that a call needs, whatever its parameters."""
    service, _, operation = call.partition(" ")[0].partition(":")
    return f"{service}:{_S3_ACTIONS.get(operation, operation) if service == 's3' else operation}"


def _statement(actions: list[str], resource: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource}


def _arns(service: str, name: str) -> list[str]:
    match service:
        case "s3":
            return [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]
        case "iam":
            return [f"arn:aws:iam::*:{name}"]
        case "logs":
            return [f"arn:aws:logs:*:*:{name}", f"arn:aws:logs:*:*:{name}:*"]
        case _:
            return [f"arn:aws:{service}:*:*:{name}"]


def calls_of_a_life(cloud: Cloud, folder: Path) -> set[str]:
    """Create, update, refresh and destroy a stack that has everything, and return all calls of AWS, with parameters.

    `folder` is empty; the cloud has a stand-in for the official image.
    """
    dags = folder / "dags"
    dags.mkdir()
    (dags / "first.py").touch()
    stack = Deployed(cloud, Workspace.make(cloud, folder, "", {}))
    faults = Faults(cloud.emulator.endpoint)
    faults.forget()
    faults.pause()
    try:
        executors = ["LocalExecutor", "AwsEcsExecutor", "CeleryExecutor"]
        stack.configure(
            PROGRAM_WITH_ANOTHER.replace("NUMBER", "2"),
            **OFFICIAL,
            dags_path=str(dags),
            database="postgres",
            executors=executors,
            tags={"team": "data", "taken": "away"},
            worker_count_max=2,
        )
        stack.workspace.up()
        (dags / "first.py").rename(dags / "second.py")
        stack.configure(
            PROGRAM_WITH_ANOTHER.replace("NUMBER", "3"),
            **OFFICIAL,
            allowed_cidrs=["127.0.0.0/9"],
            dags_path=str(dags),
            database="postgres",
            database_backup_days=1,
            enable_exec=True,
            executors=executors,
            log_retention_days=7,
            secrets={"ANOTHER": "secret"},
            spot=True,
            tags={"team": "another"},
            task_role_policy_arns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
            worker_count_max=3,
        )
        stack.workspace.up()
        stack.workspace.refresh()
    finally:
        stack.workspace.destroy()
    seen = faults.calls
    faults.forget()
    return seen


def main() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "stack").mkdir()
        images = {DEFAULT_IMAGE: stand_in_image(folder / "image")}
        with temporary_cloud(folder / "cloud", engine(), images) as cloud:
            document = policy(calls_of_a_life(cloud, folder / "stack"))
    DOCUMENT.write_text(json.dumps(document, indent=2) + "\n")
    say(f"{DOCUMENT.relative_to(ROOT)} has what the deployer needs; read the difference")


if __name__ == "__main__":
    main()
