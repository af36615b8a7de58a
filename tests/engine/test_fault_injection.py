"""The emulator's faults, as boto3 sees them: the error of each of AWS's protocols, by a service that speaks it."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from local.emulator.api.faults import PATH, Fault, FaultInjection


class _Body(io.BytesIO):
    def stream(self) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture
def api() -> Client:
    return Client(FaultInjection(Response()))


@pytest.fixture
def client(api: Client) -> Callable[..., Any]:
    """Make boto3's client for a service, whose requests go straight to the application."""

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        url = urlsplit(request.url)
        sent: dict[str, str | bytes] = dict(request.headers)
        headers = {name: value.decode() if isinstance(value, bytes) else value for name, value in sent.items()}
        body: Any = request.body.read() if isinstance(request.body, io.IOBase) else request.body
        answer = api.open(url.path, method=request.method, query_string=url.query, headers=headers, data=body)
        return AWSResponse(request.url, answer.status_code, cast(Any, answer.headers), _Body(answer.data))

    def make(service: str, **options: Any) -> Any:
        session: Any = boto3.Session("test", "test", region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1}, **options)
        made = session.client(service, endpoint_url="http://127.0.0.1:1", config=config)
        made.meta.events.register("before-send", send)
        return made

    return make


CALLS = {
    # EC2's own protocol, then JSON, query, REST with XML, REST with JSON
    ("ec2", "describe_vpcs"): ("ec2:DescribeVpcs", "UnauthorizedOperation", "RequestLimitExceeded"),
    ("ecs", "list_clusters"): ("ecs:ListClusters", "AccessDeniedException", "ThrottlingException"),
    ("rds", "describe_db_instances"): ("rds:DescribeDBInstances", "AccessDenied", "Throttling"),
    ("elbv2", "describe_target_groups"): ("elasticloadbalancing:DescribeTargetGroups", "AccessDenied", "Throttling"),
    ("s3", "list_buckets"): ("s3:ListBuckets", "AccessDenied", "SlowDown"),
    ("route53", "list_hosted_zones"): ("route53:ListHostedZones", "AccessDenied", "SlowDown"),
    ("efs", "describe_file_systems"): (
        "elasticfilesystem:DescribeFileSystems",
        "AccessDeniedException",
        "TooManyRequestsException",
    ),
}


@pytest.mark.parametrize(("fault", "column"), [("refused", 1), ("throttled", 2)])
@pytest.mark.parametrize(("service", "operation"), CALLS)
def test_a_call_fails_as_it_does_in_the_protocol_of_its_service(
    api: Client, client: Callable[..., Any], service: str, operation: str, fault: Fault, column: int
) -> None:
    api.put(PATH, data=json.dumps({"fault": fault, "calls": None}))

    with pytest.raises(ClientError) as failed:
        getattr(client(service), operation)()

    name = CALLS[service, operation][0]
    error = cast(Any, failed.value.response)["Error"]
    assert error["Code"] == CALLS[service, operation][column]
    assert error["Message"].endswith("Rate exceeded" if fault == "throttled" else f"not authorized to perform: {name}")
    [call] = cast(Any, api.get(PATH).json)["failed"]
    assert call.startswith(f"{name} ")


def test_an_object_and_what_is_said_about_it_are_two_calls(api: Client, client: Callable[..., Any]) -> None:
    api.put(PATH, data=json.dumps({"fault": "refused", "calls": 0}))

    client("s3").put_object(Bucket="bucket", Key="dags/one.py", Body=b"text")
    client("s3").put_object_tagging(Bucket="bucket", Key="dags/one.py", Tagging={"TagSet": []})

    seen = cast(Any, api.get(PATH).json)["seen"]
    assert [call.partition(" ")[0] for call in seen] == ["s3:PutObject", "s3:PutObjectTagging"]


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_a_call_that_was_signed_beforehand_fails_once_however_it_was_signed(
    api: Client, client: Callable[..., Any], version: str
) -> None:
    s3 = client("s3", signature_version=version)
    api.put(PATH, data=json.dumps({"fault": "refused", "calls": None}))

    def ask(seconds: int) -> TestResponse:
        asked = {"Bucket": "bucket", "Key": "dags/one.py"}
        signed: str = s3.generate_presigned_url("get_object", Params=asked, ExpiresIn=seconds)
        url = urlsplit(signed)
        return api.get(url.path, query_string=url.query)

    refused, again = ask(60), ask(120)

    assert (refused.status_code, again.status_code) == (403, 200)
    assert "not authorized to perform: s3:GetObject" in refused.text
    [call] = cast(Any, api.get(PATH).json)["seen"]
    assert call.startswith("s3:GetObject ")


def test_a_call_with_other_parameters_or_another_token_is_told_by_the_parameters_alone(
    api: Client, client: Callable[..., Any]
) -> None:
    api.put(PATH, data=json.dumps({"fault": "refused", "calls": 0}))
    ec2, route53 = client("ec2"), client("route53")

    for zone, token in (("us-east-1a", "one"), ("us-east-1a", "two"), ("us-east-1b", "two")):
        with suppress(ResponseParserError):  # the answer is empty
            ec2.create_volume(AvailabilityZone=zone, Size=1, ClientToken=token)
    for name in ("one.example", "two.example"):
        with suppress(ResponseParserError):
            route53.create_hosted_zone(Name=name, CallerReference="any")

    seen = cast(Any, api.get(PATH).json)["seen"]
    assert [call.partition(" ")[0] for call in seen] == [*["ec2:CreateVolume"] * 2, *["route53:CreateHostedZone"] * 2]


def test_what_is_no_call_of_the_service_passes(api: Client) -> None:
    api.put(PATH, data=json.dumps({"fault": "refused", "calls": None}))
    signed = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/elasticfilesystem/aws4_request"}

    assert api.get("/no/such/path", headers=signed).status_code == 200
    assert api.get("/").status_code == 200
