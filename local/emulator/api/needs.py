"""The permissions that a call takes: actions on resources, from AWS's service authorization reference.

Of each service here are the calls that a DAG makes as a rule. What the others take is not known.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote

from moto.ecs.exceptions import EcsClientException
from moto.ecs.models import EC2ContainerServiceBackend, TaskDefinition, ecs_backends
from moto.s3.models import S3Backend, s3_backends
from moto.secretsmanager.models import SecretsManagerBackend, secretsmanager_backends

from local.emulator.api.calls import Call


class Need(NamedTuple):
    """An action on a resource; None is one that is not known here, for which a permission on all will do."""

    action: str
    resource: str | None
    context: Mapping[str, str] = {}
    """Condition keys of the request."""


@dataclass(frozen=True)
class Place:
    """The account and region whose resources a call names."""

    partition: str
    account: str
    region: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"


def needs(call: Call, place: Place) -> list[Need] | None:
    """Return what a call takes; None if that is not known."""
    of_service = _SERVICES.get(call.service)
    found = None if of_service is None else of_service(call, place)
    return None if found is None else list(found)


def _s3(call: Call, place: Place) -> Iterator[Need] | None:
    if call.operation == "ListBuckets":
        return iter([Need("s3:ListAllMyBuckets", "*")])
    if action := _S3_OF_OBJECTS.get(call.operation):
        return _s3_object(call, place, action)
    action = _S3_OF_BUCKETS.get(call.operation)
    return None if action is None else iter([_s3_bucket(call, place, action)])


def _s3_bucket(call: Call, place: Place, action: str) -> Need:
    prefix = {"s3:prefix": call.parameters["Prefix"]} if "Prefix" in call.parameters else {}
    return Need(f"s3:{action}", f"arn:{place.partition}:s3:::{call.parameters['Bucket']}", prefix)


def _s3_object(call: Call, place: Place, action: str) -> Iterator[Need]:
    given, bucket = call.parameters, f"arn:{place.partition}:s3:::{call.parameters['Bucket']}"
    objects: list[Mapping[str, Any]] = [given] if "Key" in given else given["Delete"]["Objects"]
    for each in objects:
        yield Need(_of_version(action, "VersionId" in each), f"{bucket}/{each['Key']}")
    if call.operation in ("GetObject", "HeadObject") and not _s3_exists(place, given["Bucket"], given["Key"]):
        # Whoever may not list a bucket is not told what is missing in it.
        yield Need("s3:ListBucket", bucket)
    if source := given.get("CopySource"):
        path, _, version = unquote(source).lstrip("/").partition("?versionId=")
        yield Need(_of_version("GetObject", bool(version)), f"arn:{place.partition}:s3:::{path}")
    for parameter in given.keys() & _S3_BESIDES.keys():
        yield Need(f"s3:{_S3_BESIDES[parameter]}", f"{bucket}/{given['Key']}")


def _of_version(action: str, is_of_version: bool) -> str:
    return f"s3:{action.replace('Object', 'ObjectVersion', 1) if is_of_version and 'Object' in action else action}"


def _s3_exists(place: Place, bucket: str, key: str) -> bool:
    backend: S3Backend = s3_backends[place.account][place.partition]
    return bucket in backend.buckets and key in backend.buckets[bucket].keys


_S3_OF_OBJECTS: Mapping[str, str] = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObject": "DeleteObject",
    "DeleteObjectTagging": "DeleteObjectTagging",
    "DeleteObjects": "DeleteObject",
    "GetObject": "GetObject",
    "GetObjectAcl": "GetObjectAcl",
    "GetObjectTagging": "GetObjectTagging",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "PutObject": "PutObject",
    "PutObjectAcl": "PutObjectAcl",
    "PutObjectTagging": "PutObjectTagging",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}

_S3_OF_BUCKETS: Mapping[str, str] = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "GetBucketLocation": "GetBucketLocation",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketTagging": "GetBucketTagging",
    "GetBucketVersioning": "GetBucketVersioning",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
}

_S3_BESIDES: Mapping[str, str] = {
    **dict.fromkeys(("ACL", "GrantFullControl", "GrantRead", "GrantReadACP", "GrantWriteACP"), "PutObjectAcl"),
    # S3 user guide, "Conditional writes".
    "IfMatch": "GetObject",
    "ObjectLockLegalHoldStatus": "PutObjectLegalHold",
    "ObjectLockMode": "PutObjectRetention",
    "Tagging": "PutObjectTagging",
}
"""The action on an object that a parameter takes besides."""


def _ssm(call: Call, place: Place) -> Iterator[Need]:
    given, action = call.parameters, f"ssm:{call.operation}"
    names = [*given.get("Names", []), *(given[each] for each in ("Name", "Path") if each in given)]
    if "Parameter" not in call.operation or not names:
        yield Need(action, None)
        return
    for name in names:
        # An ARN stays one; a name may end in a version or a label.
        resource = name.partition(":parameter")[2].lstrip("/") if name.startswith("arn:") else name.lstrip("/")
        arn = place.arn("ssm", f"parameter/{resource.partition(':')[0]}")
        yield Need(action, arn)
        if given.get("Tags"):
            yield Need("ssm:AddTagsToResource", arn)


def _secretsmanager(call: Call, place: Place) -> Iterator[Need]:
    given, action = call.parameters, f"secretsmanager:{call.operation}"
    if call.operation == "GetRandomPassword":
        yield Need(action, "*")
    elif "SecretId" in given:
        yield Need(action, _secret(place, given["SecretId"]))
    elif call.operation == "CreateSecret":
        # The six characters that AWS adds are not known before.
        yield Need(action, place.arn("secretsmanager", f"secret:{given['Name']}-??????"))
        if given.get("Tags"):
            yield Need("secretsmanager:TagResource", None)
    else:
        yield Need(action, None)
        for each in given.get("SecretIdList", []):
            yield Need("secretsmanager:GetSecretValue", _secret(place, each))


def _secret(place: Place, name: str) -> str:
    if name.startswith("arn:"):
        return name
    backend: SecretsManagerBackend = secretsmanager_backends[place.account][place.region]
    secret = backend.secrets.get(name)
    return secret.arn if secret else place.arn("secretsmanager", f"secret:{name}")


def _sqs(call: Call, place: Place) -> Iterator[Need]:
    queue = call.parameters.get("QueueName") or call.parameters.get("QueueUrl", "").rpartition("/")[2]
    yield Need(f"sqs:{call.operation.removesuffix('Batch')}", place.arn("sqs", queue) if queue else None)
    if call.operation == "CreateQueue" and (call.parameters.get("tags") or call.parameters.get("Tags")):
        yield Need("sqs:TagQueue", place.arn("sqs", queue))


def _sns(call: Call, place: Place) -> Iterator[Need]:
    given = call.parameters
    topic = given.get("TopicArn") or given.get("TargetArn")
    if call.operation == "CreateTopic":
        topic = place.arn("sns", given["Name"])
        if given.get("Tags"):
            yield Need("sns:TagResource", topic)
    yield Need(f"sns:{call.operation.removesuffix('Batch')}", topic)


def _cloudwatch(call: Call, _place: Place) -> Iterator[Need]:
    namespace = {"cloudwatch:namespace": call.parameters["Namespace"]} if "Namespace" in call.parameters else {}
    # Metrics are no resources.
    yield Need(f"cloudwatch:{call.operation}", "*", namespace)


def _ecs(call: Call, place: Place) -> Iterator[Need]:
    given, operation = call.parameters, call.operation
    named = given.get("cluster") or "default"
    cluster = named if named.startswith("arn:") else place.arn("ecs", f"cluster/{named}")
    context = {"ecs:cluster": cluster}
    resources: list[str | None] = [None]
    if operation in ("RunTask", "StartTask"):
        definition = _definition(place, given["taskDefinition"])
        resources = [definition.arn if definition else None]
        overrides: Mapping[str, str] = given.get("overrides") or {}
        defined = (getattr(definition, name, None) for name in ("task_role_arn", "execution_role_arn"))
        yield from _pass_roles([*defined, overrides.get("taskRoleArn"), overrides.get("executionRoleArn")])
        if _gives_tags(given, definition):
            # The id of the new task is not known before.
            task = _in_ecs(place, f"task/{cluster.rpartition('/')[2]}", "?" * 32)
            yield Need("ecs:TagResource", task, {"ecs:CreateAction": operation})
    elif operation == "RegisterTaskDefinition":
        context = {}
        resources = [place.arn("ecs", f"task-definition/{given['family']}:*")]
        yield from _pass_roles([given.get("taskRoleArn"), given.get("executionRoleArn")])
    elif operation in ("DescribeClusters", "DeleteCluster"):
        context = {}
        resources = [_in_ecs(place, "cluster", each) for each in given.get("clusters") or [named]]
    elif operation in _ECS_NAMED:
        kind, parameter = _ECS_NAMED[operation]
        values = given[parameter] if isinstance(given[parameter], list) else [given[parameter]]
        resources = [_in_ecs(place, f"{kind}/{cluster.rpartition('/')[2]}", each) for each in values]
    for resource in resources:
        yield Need(f"ecs:{operation}", resource, context)


def _gives_tags(given: Mapping[str, Any], definition: TaskDefinition | None) -> bool:
    """Whether a RunTask gives its tasks tags: some of its own, those of the definition, or those of ECS."""
    propagates = given.get("propagateTags") == "TASK_DEFINITION" and (definition is None or bool(definition.tags))
    return bool(given.get("tags") or given.get("enableECSManagedTags")) or propagates


def _in_ecs(place: Place, kind: str, name: str) -> str:
    return name if name.startswith("arn:") else place.arn("ecs", f"{kind}/{name}")


def _definition(place: Place, name: str) -> TaskDefinition | None:
    backend: EC2ContainerServiceBackend = ecs_backends[place.account][place.region]
    try:
        return backend.describe_task_definition(name)
    except EcsClientException:
        return None


def _pass_roles(arns: Iterable[str | None]) -> Iterator[Need]:
    for arn in filter(None, arns):
        yield Need("iam:PassRole", arn, {"iam:PassedToService": "ecs-tasks.amazonaws.com"})


_ECS_NAMED: Mapping[str, tuple[str, str]] = {
    "CreateService": ("service", "serviceName"),
    "DeleteService": ("service", "service"),
    "DescribeServices": ("service", "services"),
    "DescribeTasks": ("task", "tasks"),
    "GetTaskProtection": ("task", "tasks"),
    "StopTask": ("task", "task"),
    "UpdateTaskProtection": ("task", "tasks"),
    "UpdateService": ("service", "service"),
}
"""Calls on resources in a cluster: the kind, and the parameter with the name or names."""


def _rds(call: Call, place: Place) -> Iterator[Need]:
    given, action = call.parameters, f"rds:{call.operation}"
    instance = place.arn("rds", f"db:{given.get('DBInstanceIdentifier', '*')}")
    name = given.get("DBSnapshotIdentifier") or given.get("FinalDBSnapshotIdentifier")
    snapshot = place.arn("rds", f"snapshot:{name}")
    if call.operation in ("DescribeDBInstances", "RebootDBInstance", "StartDBInstance", "StopDBInstance"):
        yield Need(action, instance)
    elif call.operation == "DeleteDBInstance":
        yield from (Need(action, each) for each in (instance, *([snapshot] if name else [])))
    elif call.operation == "CreateDBSnapshot":
        yield from (Need(action, each) for each in (instance, snapshot))
    else:
        yield Need(action, snapshot if call.operation == "DeleteDBSnapshot" else None)


def _sts(call: Call, _place: Place) -> Iterator[Need] | None:
    # A role that assumes another is not told: whether that one trusts it would have to be asked.
    return iter(()) if call.operation == "GetCallerIdentity" else None


_SERVICES: Mapping[str, Callable[[Call, Place], Iterator[Need] | None]] = {
    "cloudwatch": _cloudwatch,
    "ecs": _ecs,
    "rds": _rds,
    "s3": _s3,
    "secretsmanager": _secretsmanager,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "sts": _sts,
}
