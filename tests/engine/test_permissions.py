"""What the role of a task may do: its credentials, and the calls that the emulator refuses with them."""

import json
import re
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from airflow_fargate.identity import Location, trust_policy
from botocore.exceptions import ClientError
from moto.iam.models import IAMBackend, iam_backends

from local.cloud import REGION
from local.emulator.fargate.credentials import TaskCredentials, has_expired, session_of
from local.emulator.fargate.policies import allows
from local.emulator.fargate.roles import Role
from local.testing.deployed import Deployed
from local.testing.emulated import ACCOUNT, CLUSTER, Client, EmulatedAccount, Emulator, acting_as

Statement = dict[str, Any]
Call = Callable[[Client], Any]

BUCKET = "arn:aws:s3:::lake"
TRUST: Statement = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "ecs-tasks.amazonaws.com"},
}


def allow(action: str | list[str], resource: str | list[str], **more: Any) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements: Statement) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


GET = ("s3:GetObject", f"{BUCKET}/a.csv")

DECISIONS: list[tuple[list[Statement], bool]] = [
    ([], False),
    ([allow("s3:GetObject", f"{BUCKET}/a.csv")], True),
    ([allow("S3:getobject", f"{BUCKET}/*")], True),
    ([allow("s3:Get?bject", [f"{BUCKET}/b", f"{BUCKET}/?.csv"])], True),
    ([allow(["s3:PutObject", "s3:*"], "*")], True),
    ([allow("*", "*")], True),
    ([allow("s3:GetObject", f"{BUCKET}/A.csv")], False),
    ([allow("s3:GetObject", "arn:aws:s3:::la.e/*")], False),
    ([allow("s3:GetObject", "arn:aws:s3:::[l]ake/*")], False),
    ([allow("s3:GetObjectVersion", "*")], False),
    ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], True),
    ([{"Effect": "Allow", "NotAction": ["iam:*", "s3:*"], "Resource": "*"}], False),
    ([{"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKET}/secret/*"}], True),
    ([{"Effect": "Allow", "Action": "s3:*", "NotResource": f"{BUCKET}/*"}], False),
    ([allow("*", "*"), {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}], False),
    ([allow("*", "*"), {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"{BUCKET}/b"}], True),
    ([allow("s3:*", "*", Condition={"StringEquals": {"aws:requestedregion": ["eu-west-1", "us-east-1"]}})], True),
    ([allow("s3:*", "*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})], False),
    ([allow("s3:*", "*", Condition={"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}})], True),
    ([allow("s3:*", "*", Condition={"StringLike": {"aws:RequestedRegion": "us-*"}})], True),
    ([allow("s3:*", "*", Condition={"Bool": {"aws:SecureTransport": True}})], True),
    ([allow("s3:*", "*", Condition={"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}})], True),
    ([allow("s3:*", "*", Condition={"ArnLike": {"aws:PrincipalArn": "arn:*role/*"}})], False),
    (
        [
            allow(
                "s3:*",
                "*",
                Condition={"Bool": {"aws:SecureTransport": "true"}, "StringLike": {"aws:RequestedRegion": "eu-*"}},
            )
        ],
        False,
    ),
]


@pytest.mark.parametrize(("statements", "allowed"), DECISIONS, ids=range(len(DECISIONS)))
def test_a_policy_allows_what_iam_says_it_does(statements: list[Statement], allowed: bool) -> None:
    context = {
        "aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/task",
        "aws:RequestedRegion": "us-east-1",
        "aws:SecureTransport": "true",
    }

    assert allows([document(*statements)], *GET, context) is allowed


@pytest.mark.parametrize(
    "unknown",
    [
        {"Resource": "arn:aws:s3:::${aws:username}/*"},
        {"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}},
        {"Condition": {"StringEquals": {"aws:ResourceTag/team": "data"}}},
        {"Condition": {"Null": {"aws:TokenIssueTime": "true"}}},
        {"Condition": {"ForAnyValue:StringEquals": {"aws:RequestedRegion": "us-east-1"}}},
        {"Condition": {"StringNotEquals": {"aws:ResourceTag/team": "data"}}},
    ],
    ids=lambda unknown: json.dumps(unknown),
)
def test_what_cannot_be_told_allows_nothing_and_denies_all(unknown: Statement) -> None:
    statement = {**allow("s3:*", "*"), **unknown}
    context = {"aws:RequestedRegion": "us-east-1"}

    assert not allows([document(statement)], *GET, context)
    assert not allows([document(allow("*", "*"), {**statement, "Effect": "Deny"})], *GET, context)


def test_a_resource_that_is_not_known_is_allowed_by_all_of_them_alone_and_denied_by_any() -> None:
    assert allows([document(allow("ecs:*", "*"))], "ecs:ListTasks", None, {})
    assert not allows([document(allow("ecs:*", "arn:aws:ecs:*"))], "ecs:ListTasks", None, {})
    but_those = {"Effect": "Allow", "Action": "ecs:*", "NotResource": "arn:aws:ecs:eu-west-1:*"}
    assert not allows([document(but_those)], "ecs:ListTasks", None, {})
    deny = {"Effect": "Deny", "Action": "ecs:ListTasks", "Resource": "arn:aws:ecs:eu-west-1:*"}
    assert not allows([document(allow("ecs:*", "*"), deny)], "ecs:ListTasks", None, {})


TASK_ARN = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/{CLUSTER}/{'a' * 32}"
OF_ANY_TASK = f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"


def trust(**elements: Any) -> Statement:
    """Return the plain statement of a trust policy with some elements of its own."""
    return {**TRUST, **elements}


def on_condition(operator: str, key: str, value: str | list[str], **elements: Any) -> Statement:
    return trust(Condition={operator: {key: value}}, **elements)


TRUSTS: Mapping[str, tuple[list[Statement], bool]] = {
    "the plain one": ([TRUST], True),
    "one of several services": ([trust(Principal={"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]})], True),
    "one of several statements": ([trust(Principal={"Service": "ec2.amazonaws.com"}), TRUST], True),
    "another service": ([trust(Principal={"Service": "ecs.amazonaws.com"})], False),
    "an account": ([trust(Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})], False),
    "nobody in particular": ([trust(Principal="*")], False),
    "no account in particular": ([trust(Principal={"AWS": "*"})], False),
    "the name of the service without its kind": ([trust(Principal="ecs-tasks.amazonaws.com")], False),
    "everybody but some": (
        [{"Effect": "Allow", "Action": "sts:AssumeRole", "NotPrincipal": {"Service": "ec2.amazonaws.com"}}],
        False,
    ),
    "every action": ([trust(Action="sts:*")], True),
    "one of several actions": ([trust(Action=["sts:TagSession", "STS:AssumeRole"])], True),
    "another action": ([trust(Action="sts:TagSession")], False),
    "denied after all": ([TRUST, trust(Effect="Deny")], False),
    "denied to another service": ([TRUST, trust(Effect="Deny", Principal={"Service": "ec2.amazonaws.com"})], True),
    "denied to all": ([TRUST, trust(Effect="Deny", Principal="*")], False),
    "denied to every account": ([TRUST, trust(Effect="Deny", Principal={"AWS": "*"})], False),
    "denied to one account": ([TRUST, trust(Effect="Deny", Principal={"AWS": "999999999999"})], True),
    "another action denied": ([TRUST, trust(Effect="Deny", Action="sts:TagSession")], True),
    "for this account": ([on_condition("StringEquals", "aws:SourceAccount", ACCOUNT)], True),
    "for this account among others": ([on_condition("StringEquals", "aws:sourceaccount", ["1", ACCOUNT])], True),
    "for another account": ([on_condition("StringEquals", "aws:SourceAccount", "999999999999")], False),
    "denied but for this account": (
        [TRUST, on_condition("StringNotEquals", "aws:SourceAccount", ACCOUNT, Effect="Deny", Principal="*")],
        True,
    ),
    "denied but for another account": (
        [TRUST, on_condition("StringNotEquals", "aws:SourceAccount", "999999999999", Effect="Deny")],
        False,
    ),
    "for all of the account in this region": ([on_condition("ArnLike", "aws:SourceArn", OF_ANY_TASK)], True),
    "the same as a string": ([on_condition("StringLike", "aws:SourceArn", OF_ANY_TASK)], True),
    "for another region": ([on_condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:eu-west-1:{ACCOUNT}:*")], False),
    "for tasks": ([on_condition("ArnLike", "aws:SourceArn", f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/*")], False),
    "for a cluster": (
        [on_condition("ArnEquals", "aws:SourceArn", f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{CLUSTER}")],
        False,
    ),
    "for an organization": ([on_condition("StringEquals", "aws:SourceOrgID", "o-1")], False),
    "the component's": (trust_policy(Location("aws", ACCOUNT, REGION))["Statement"], True),
    "the component's of another account": (trust_policy(Location("aws", "999999999999", REGION))["Statement"], False),
    "the component's of another region": (trust_policy(Location("aws", ACCOUNT, "eu-west-1"))["Statement"], False),
    "nothing": ([], False),
}


@pytest.mark.parametrize(("statements", "trusted"), TRUSTS.values(), ids=TRUSTS)
def test_ecs_assumes_the_role_of_a_task_whose_trust_policy_lets_it(statements: list[Statement], trusted: bool) -> None:
    backend: IAMBackend = iam_backends[ACCOUNT]["aws"]
    made = backend.create_role(uuid.uuid4().hex, document(*statements), "/", None, "", [], "3600")

    assert Role(ACCOUNT, REGION, made.arn, "session").is_assumable(TASK_ARN) is trusted


class Account(EmulatedAccount):
    """An account with one of each resource that a DAG uses, and roles."""

    def __init__(self, endpoint: str) -> None:
        super().__init__(endpoint)
        self._endpoint = endpoint
        self.s3.create_bucket(Bucket="lake")
        self.s3.put_object(Bucket="lake", Key="a.csv", Body=b"1,2")
        self.ssm.put_parameter(Name="/dags/word", Value="a word", Type="SecureString")
        self.queue = self._client("sqs").create_queue(QueueName="jobs")["QueueUrl"]
        self.topic = self._client("sns").create_topic(Name="news")["TopicArn"]
        secrets = self._client("secretsmanager")
        self.secret = secrets.create_secret(Name="dags/login", SecretString="a login")["ARN"]
        self.passed = self.create_role()
        self.definition = self.register(["true"])
        self.tagged = self.register(["true"], tags_of_definition=[{"key": "team", "value": "data"}])
        self.task_arn = self.run_task(self.definition)["taskArn"]

    def _client(self, service: str) -> Client:
        administrator: Any = boto3.Session("test", "test", region_name=REGION)
        return administrator.client(service, endpoint_url=self._endpoint)

    def create_role(self, *statements: Statement, boundary: str | None = None) -> str:
        """Create a role for tasks with these statements, and return its ARN."""
        name, bound = uuid.uuid4().hex, {"PermissionsBoundary": boundary} if boundary else {}
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST), **bound)["Role"]["Arn"]
        if statements:
            self.iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=document(*statements))
        return arn

    def create_policy(self, *statements: Statement) -> str:
        name = uuid.uuid4().hex
        return self.iam.create_policy(PolicyName=name, PolicyDocument=document(*statements))["Policy"]["Arn"]

    def acting_as(self, role_arn: str, service: str) -> Client:
        return acting_as(self._endpoint, role_arn, service)


@pytest.fixture(scope="module")
def account(emulator: Emulator) -> Account:
    return Account(emulator.endpoint)


def code(call: Callable[[], Any]) -> str:
    """Return the code of AWS's refusal, or nothing."""
    try:
        call()
    except ClientError as error:
        return error.response.get("Error", {}).get("Code", "")
    return ""


DENIED = {"AccessDenied", "AccessDeniedException", "403"}

ARN = f"{REGION}:{ACCOUNT}"


def calls(account: Account) -> list[tuple[str, Call, list[Statement]]]:
    """Return calls by service, each with statements that allow it, every one of which it takes."""
    network = {"awsvpcConfiguration": {"subnets": [account.subnet], "assignPublicIp": "ENABLED"}}
    cluster = f"arn:aws:ecs:{ARN}:cluster/{CLUSTER}"
    parameter = f"arn:aws:ssm:{ARN}:parameter/dags"
    queue = f"arn:aws:sqs:{ARN}:jobs"
    copy = {"Bucket": "lake", "Key": "a.csv"}
    in_cluster = {"ArnEquals": {"ecs:cluster": cluster}}
    to_tasks = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    return [
        ("s3", lambda s3: s3.get_object(Bucket="lake", Key="a.csv"), [allow("s3:GetObject", f"{BUCKET}/*")]),
        ("s3", lambda s3: s3.head_object(Bucket="lake", Key="a.csv"), [allow("s3:GetObject", f"{BUCKET}/a.csv")]),
        ("s3", lambda s3: s3.head_bucket(Bucket="lake"), [allow("s3:ListBucket", BUCKET)]),
        ("s3", lambda s3: s3.list_objects_v2(Bucket="lake"), [allow("s3:ListBucket", BUCKET)]),
        (
            "s3",
            lambda s3: s3.list_objects_v2(Bucket="lake", Prefix="in/"),
            [allow("s3:ListBucket", BUCKET, Condition={"StringLike": {"s3:prefix": "in/*"}})],
        ),
        ("s3", lambda s3: s3.list_object_versions(Bucket="lake"), [allow("s3:ListBucketVersions", BUCKET)]),
        ("s3", lambda s3: s3.put_object(Bucket="lake", Key="b", Body=b"3"), [allow("s3:PutObject", f"{BUCKET}/b")]),
        (
            "s3",
            lambda s3: s3.put_object(Bucket="lake", Key="b", Body=b"3", Tagging="a=b"),
            [allow("s3:PutObject", f"{BUCKET}/b"), allow("s3:PutObjectTagging", f"{BUCKET}/b")],
        ),
        (
            "s3",
            lambda s3: s3.copy_object(Bucket="lake", Key="c", CopySource=copy),
            [allow("s3:PutObject", f"{BUCKET}/c"), allow("s3:GetObject", f"{BUCKET}/a.csv")],
        ),
        (
            "s3",
            lambda s3: s3.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "c"}, {"Key": "d"}]}),
            [allow("s3:DeleteObject", f"{BUCKET}/c"), allow("s3:DeleteObject", f"{BUCKET}/d")],
        ),
        ("s3", lambda s3: s3.list_buckets(), [allow("s3:ListAllMyBuckets", "*")]),
        ("ssm", lambda ssm: ssm.get_parameter(Name="/dags/word"), [allow("ssm:GetParameter", f"{parameter}/word")]),
        (
            "ssm",
            lambda ssm: ssm.get_parameters(Names=["/dags/word", "/tests/password"]),
            [
                allow("ssm:GetParameters", f"{parameter}/*"),
                allow("ssm:GetParameters", f"arn:aws:ssm:{ARN}:parameter/tests/password"),
            ],
        ),
        ("ssm", lambda ssm: ssm.get_parameters_by_path(Path="/dags"), [allow("ssm:GetParametersByPath", parameter)]),
        ("ssm", lambda ssm: ssm.describe_parameters(), [allow("ssm:DescribeParameters", "*")]),
        (
            "sqs",
            lambda sqs: sqs.send_message(QueueUrl=account.queue, MessageBody="job"),
            [allow("sqs:SendMessage", queue)],
        ),
        (
            "sqs",
            lambda sqs: sqs.send_message_batch(QueueUrl=account.queue, Entries=[{"Id": "1", "MessageBody": "job"}]),
            [allow("sqs:SendMessage", queue)],
        ),
        ("sqs", lambda sqs: sqs.get_queue_url(QueueName="jobs"), [allow("sqs:GetQueueUrl", queue)]),
        (
            "sns",
            lambda sns: sns.publish(TopicArn=account.topic, Message="news"),
            [allow("sns:Publish", f"arn:aws:sns:{ARN}:news")],
        ),
        ("sns", lambda sns: sns.list_topics(), [allow("sns:ListTopics", "*")]),
        (
            "ecs",
            lambda ecs: ecs.run_task(
                cluster=CLUSTER, taskDefinition=account.definition, networkConfiguration=network, launchType="FARGATE"
            ),
            [
                allow("ecs:RunTask", account.definition, Condition=in_cluster),
                allow("iam:PassRole", account.role, Condition=to_tasks),
            ],
        ),
        (
            "ecs",
            lambda ecs: ecs.run_task(
                cluster=CLUSTER,
                taskDefinition=account.tagged,
                networkConfiguration=network,
                launchType="FARGATE",
                propagateTags="TASK_DEFINITION",
                overrides={"taskRoleArn": account.passed},
            ),
            [
                allow("ecs:RunTask", f"{account.tagged.rpartition(':')[0]}:*", Condition=in_cluster),
                allow("iam:PassRole", account.role, Condition=to_tasks),
                allow("iam:PassRole", account.passed, Condition=to_tasks),
                allow(
                    "ecs:TagResource",
                    f"arn:aws:ecs:{ARN}:task/{CLUSTER}/*",
                    Condition={"StringEquals": {"ecs:CreateAction": "RunTask"}},
                ),
            ],
        ),
        (
            "ecs",
            lambda ecs: ecs.describe_tasks(cluster=CLUSTER, tasks=[account.task_arn]),
            [allow("ecs:DescribeTasks", f"arn:aws:ecs:{ARN}:task/{CLUSTER}/*", Condition=in_cluster)],
        ),
        (
            "ecs",
            lambda ecs: ecs.stop_task(cluster=CLUSTER, task=account.task_arn),
            [allow("ecs:StopTask", f"arn:aws:ecs:{ARN}:task/{CLUSTER}/*")],
        ),
        (
            "ecs",
            lambda ecs: ecs.update_task_protection(cluster=CLUSTER, tasks=[account.task_arn], protectionEnabled=False),
            [allow("ecs:UpdateTaskProtection", f"arn:aws:ecs:{ARN}:task/{CLUSTER}/*", Condition=in_cluster)],
        ),
        (
            "cloudwatch",
            lambda cloudwatch: cloudwatch.put_metric_data(
                Namespace="Tests", MetricData=[{"MetricName": "a", "Value": 1}]
            ),
            [allow("cloudwatch:PutMetricData", "*", Condition={"StringEquals": {"cloudwatch:namespace": "Tests"}})],
        ),
        ("ecs", lambda ecs: ecs.describe_clusters(clusters=[CLUSTER]), [allow("ecs:DescribeClusters", cluster)]),
        ("ecs", lambda ecs: ecs.list_task_definitions(), [allow("ecs:ListTaskDefinitions", "*")]),
        (
            "secretsmanager",
            lambda secrets: secrets.get_secret_value(SecretId="dags/login"),
            [allow("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{ARN}:secret:dags/login-??????")],
        ),
        (
            "secretsmanager",
            lambda secrets: secrets.get_secret_value(SecretId=account.secret),
            [allow("secretsmanager:GetSecretValue", account.secret)],
        ),
        ("rds", lambda rds: rds.describe_db_instances(), [allow("rds:DescribeDBInstances", f"arn:aws:rds:{ARN}:db:*")]),
    ]


def test_a_call_takes_every_statement_that_allows_it(account: Account, subtests: pytest.Subtests) -> None:
    table = calls(account)
    assert {service for service, _, _ in table} == {
        *("cloudwatch", "ecs", "rds", "s3", "secretsmanager", "sns", "sqs", "ssm")
    }
    for number, (service, call, statements) in enumerate(table):
        with subtests.test(f"{number} {service}"):
            client = account.acting_as(account.create_role(*statements), service)
            assert code(lambda: call(client)) == ""  # noqa: B023 - called here and now
            for left_out in statements:
                others = [each for each in statements if each is not left_out]
                client = account.acting_as(account.create_role(*others), service)
                assert code(lambda: call(client)) in DENIED  # noqa: B023 - called here and now


def test_an_object_that_is_missing_is_told_to_those_alone_who_may_list_the_bucket(account: Account) -> None:
    read = allow("s3:GetObject", f"{BUCKET}/*")
    without = account.acting_as(account.create_role(read), "s3")
    with_list = account.acting_as(account.create_role(read, allow("s3:ListBucket", BUCKET)), "s3")

    assert code(lambda: without.get_object(Bucket="lake", Key="missing")) == "AccessDenied"
    assert code(lambda: with_list.get_object(Bucket="lake", Key="missing")) == "NoSuchKey"


def test_policies_that_are_attached_count_within_the_boundary(account: Account) -> None:
    read = allow("s3:GetObject", f"{BUCKET}/*")
    bounded = account.create_role(read, boundary=account.create_policy(allow("s3:ListBucket", "*")))
    free = account.create_role()
    for role in (bounded, free):
        name = role.rpartition("/")[2]
        account.iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess")

    assert code(lambda: account.acting_as(free, "s3").get_object(Bucket="lake", Key="a.csv")) == ""
    assert code(lambda: account.acting_as(bounded, "s3").get_object(Bucket="lake", Key="a.csv")) == "AccessDenied"
    assert code(lambda: account.acting_as(bounded, "s3").list_objects_v2(Bucket="lake")) == ""


def test_a_refusal_names_who_what_and_on_which_resource(account: Account) -> None:
    role = account.create_role()
    user = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/test"

    with pytest.raises(ClientError) as refused:
        account.acting_as(role, "ssm").get_parameter(Name="/dags/word")

    assert str(refused.value) == (
        "An error occurred (AccessDeniedException) when calling the GetParameter operation: "
        f"User: {user} is not authorized to perform: ssm:GetParameter on resource: "
        f"arn:aws:ssm:{ARN}:parameter/dags/word because no identity-based policy allows the ssm:GetParameter action"
    )


def test_a_call_whose_permission_is_not_known_is_refused_even_to_an_administrator(account: Account) -> None:
    role = account.create_role(allow("*", "*"))

    assert code(lambda: account.acting_as(role, "dynamodb").list_tables()) == "AccessDeniedException"
    assert code(lambda: account.acting_as(role, "s3").get_bucket_encryption(Bucket="lake")) == "AccessDenied"
    again = account.acting_as(role, "sts")
    assert code(lambda: again.assume_role(RoleArn=role, RoleSessionName="again")) == "AccessDenied"
    assert again.get_caller_identity()["Arn"].endswith(f":assumed-role/{role.rpartition('/')[2]}/test")


def test_a_session_takes_its_token_and_a_url_that_it_has_signed_is_its_own_call(account: Account) -> None:
    get = {"Bucket": "lake", "Key": "a.csv"}
    urls = [
        account.acting_as(role, "s3").generate_presigned_url("get_object", Params=get)
        for role in (account.create_role(), account.create_role(allow("s3:GetObject", f"{BUCKET}/a.csv")))
    ]
    refused, allowed = urls

    assert urllib.request.urlopen(allowed).read() == b"1,2"
    for url in (refused, re.sub("(X-Amz-Security-Token=)[^&]+", r"\1another", allowed, flags=re.IGNORECASE)):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(url)


ASK = """
import boto3, os
print("keys", "AWS_ACCESS_KEY_ID" in os.environ)
try:
    print(boto3.client("sts").get_caller_identity()["Arn"])
    print(boto3.client("s3").get_object(Bucket="lake", Key="a.csv")["Body"].read().decode())
except Exception as error:
    print(type(error).__name__)
"""


def test_a_container_finds_the_credentials_of_its_role_where_ecs_has_them(account: Account) -> None:
    role = account.create_role(allow("s3:GetObject", f"{BUCKET}/*"))

    task = account.run_until_stopped(account.register(["python", "-c", ASK], task_role=role))

    session = f"{role.rpartition('/')[2]}/{task['taskArn'].rpartition('/')[2]}"
    assert account.log(task) == ["keys False", f"arn:aws:sts::{ACCOUNT}:assumed-role/{session}", "1,2"]


def test_credentials_are_others_before_they_end_and_are_gone_with_the_task() -> None:
    task: Any = SimpleNamespace(account_id=ACCOUNT, region=REGION, id="a-task")
    credentials = TaskCredentials()
    path = credentials.open(task, f"arn:aws:iam::{ACCOUNT}:role/task")

    first = credentials.get(path)
    assert first is not None
    assert credentials.get(path) == first
    session = session_of(first["AccessKeyId"])
    assert session is not None
    assert not has_expired(session)
    session.expiration = datetime.now(UTC) + timedelta(minutes=59)
    second = credentials.get(path)
    assert second is not None
    assert second["AccessKeyId"] != first["AccessKeyId"]
    session.expiration = datetime.now(UTC) - timedelta(seconds=1)
    assert has_expired(session)
    credentials.close(task)
    assert credentials.get(path) is None


def test_a_container_without_a_role_has_no_credentials(account: Account) -> None:
    task = account.run_until_stopped(account.register(["python", "-c", ASK]))

    assert account.log(task) == ["keys False", "NoCredentialsError"]


def test_a_task_whose_role_does_not_trust_ecs_does_not_start(account: Account) -> None:
    role = account.create_role()
    of_lambda = document(trust(Principal={"Service": "lambda.amazonaws.com"}))
    account.iam.update_assume_role_policy(RoleName=role.rpartition("/")[2], PolicyDocument=of_lambda)

    task = account.run_until_stopped(account.register(["true"], task_role=role))

    assert task["stoppedReason"].startswith(f"ECS was unable to assume the role '{role}' that was provided for this")


def test_where_this_machine_grants_no_namespaces_the_credentials_are_at_a_full_address(tmp_path: Path) -> None:
    emulator = Emulator(tmp_path, "--isolation", "none")
    try:
        account = Account(emulator.endpoint)
        role = account.create_role(allow("s3:GetObject", f"{BUCKET}/*"))

        task = account.run_until_stopped(account.register(["python", "-c", ASK], task_role=role))

        assert account.log(task)[-1] == "1,2"
    finally:
        emulator.stop()


def dags_bucket(stack: Deployed) -> str:
    environment = {variable["name"]: variable["value"] for variable in stack.container["environment"]}
    [bundle] = json.loads(environment["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"])
    return bundle["kwargs"]["bucket_name"]


def data_bucket(stack: Deployed) -> str:
    return stack.workspace.outputs()["data_bucket_name"]


def keep(s3: Client, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=b"any")
    s3.get_object(Bucket=bucket, Key=key)


FEATURES: Mapping[str, tuple[str, Callable[[Deployed, Client], Any]]] = {
    # The amazon provider's bundle asks for the bucket, lists it, and gets its objects.
    "ListDags": (
        "s3",
        lambda stack, s3: (s3.head_bucket(Bucket=dags_bucket(stack)), s3.list_objects_v2(Bucket=dags_bucket(stack))),
    ),
    "ReadDags": ("s3", lambda stack, s3: s3.get_object(Bucket=dags_bucket(stack), Key="dags/hello.py")),
    "ListData": (
        "s3",
        lambda stack, s3: (
            s3.list_objects_v2(Bucket=data_bucket(stack)),
            s3.list_object_versions(Bucket=data_bucket(stack)),
        ),
    ),
    "KeepLogs": ("s3", lambda stack, s3: keep(s3, data_bucket(stack), "logs/dag_id=any/attempt=1.log")),
    "KeepDatabase": ("s3", lambda stack, s3: keep(s3, data_bucket(stack), "metadata/3.3.2/airflow.db.gz")),
    "ReadConnectionsAndVariables": (
        "ssm",
        lambda _, ssm: [ssm.get_parameter(Name=name, WithDecryption=True) for name in PARAMETERS],
    ),
    # The executor's: the health check at its start is a task that there is not.
    "StartRemoteTasks": ("ecs", lambda stack, ecs: start_remote_task(stack, ecs)),
    "HandOverRemoteRoles": ("ecs", lambda stack, ecs: start_remote_task(stack, ecs)),
    "FollowRemoteTasks": (
        "ecs",
        lambda stack, ecs: ecs.describe_tasks(cluster=stack.service["clusterArn"], tasks=["a" * 32]),
    ),
}
"""The service that a feature calls, and what it does there with the statement of this name."""


def start_remote_task(stack: Deployed, ecs: Client) -> None:
    service = stack.service
    family = f"{service['clusterArn'].rpartition('/')[2]}-remote"
    [task] = ecs.run_task(
        cluster=service["clusterArn"],
        taskDefinition=family,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
        networkConfiguration=service["networkConfiguration"],
        propagateTags="TASK_DEFINITION",
    )["tasks"]
    ecs.stop_task(cluster=service["clusterArn"], task=task["taskArn"])


PARAMETERS = ("/team/airflow/connections/sales", "/team/airflow/variables/region")

WITHOUT_A_CALL = {"AnswerEcsExec"}
"""Those whose service moto does not have."""


def test_every_statement_of_the_task_role_suffices_and_is_needed(stack: Deployed, tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text("x = 1\n")
    stack.configure(
        dags_path=str(tmp_path),
        enable_exec=True,
        executors=["LocalExecutor", "AwsEcsExecutor"],
        secrets_backend_prefix="/team/airflow",
        connections={"sales": "http://example.com"},
        variables={"region": "north"},
        # With a command of one's own nothing would be kept.
        image=None,
        command=None,
    )
    stack.workspace.up()
    iam, outputs = stack.client("iam"), stack.workspace.outputs()
    name, policy = outputs["task_role_name"], {"RoleName": outputs["task_role_name"]}
    [own] = iam.list_role_policies(RoleName=name)["PolicyNames"]
    policy["PolicyName"] = own
    statements = iam.get_role_policy(**policy)["PolicyDocument"]["Statement"]

    assert {each["Sid"] for each in statements} == FEATURES.keys() | WITHOUT_A_CALL
    for sid, (service, uses) in FEATURES.items():
        client = acting_as(stack.cloud.emulator.endpoint, outputs["task_role_arn"], service)
        iam.put_role_policy(**policy, PolicyDocument=document(*statements))
        assert code(lambda: uses(stack, client)) == "", sid  # noqa: B023 - called here and now
        others = [each for each in statements if each["Sid"] != sid]
        iam.put_role_policy(**policy, PolicyDocument=document(*others))
        assert code(lambda: uses(stack, client)) in DENIED, sid  # noqa: B023 - called here and now
