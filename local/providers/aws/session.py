"""boto3 clients for the emulator, and AWS's errors in the words of the real provider."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from local.providers.errors import ProviderError

ATTEMPTS = 5
"""How often a call is made that is throttled or fails on AWS's side. The real provider makes it 25 times, which would
take minutes with an emulator that has ended."""


@dataclass(frozen=True)
class Settings:
    """The provider's configuration, once it is checked."""

    region: str
    endpoints: Mapping[str, str]
    """URL by boto3 service name; all on this machine."""
    access_key: str
    secret_key: str
    default_tags: Mapping[str, str] = field(default_factory=dict[str, str])
    s3_path_style: bool = False
    clock_ahead: timedelta = timedelta()
    """By how much this machine's clock is ahead of AWS's."""


class Session:
    """Clients by service and region; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._boto3 = boto3.Session(
            aws_access_key_id=settings.access_key,
            aws_secret_access_key=settings.secret_key,
            region_name=settings.region,
        )
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str | None = None) -> Any:
        """Return the boto3 client, as Any: with its stubs no field of an answer could be read."""
        key = (service, region or self.settings.region)
        with self._lock:
            if key not in self._clients:
                addressing = "path" if self.settings.s3_path_style else "auto"
                config = Config(
                    connect_timeout=5,
                    read_timeout=60,
                    retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                    # A proxy of the environment must not see, or divert, what is meant for this machine.
                    proxies={},
                    s3={"addressing_style": addressing},
                )
                self._clients[key] = self._boto3.client(
                    service,  # pyright: ignore[reportArgumentType, reportCallIssue] the stubs want literals
                    region_name=key[1],
                    endpoint_url=self.settings.endpoints[service],
                    config=config,
                )
            return self._clients[key]

    @cached_property
    def account_id(self) -> str:
        return self.client("sts").get_caller_identity()["Account"]

    def arn(self, service: str, resource: str, region: str | None = None) -> str:
        region = region or self.settings.region
        return f"arn:{self.partition(region)}:{service}:{region}:{self.account_id}:{resource}"

    def partition(self, region: str) -> str:
        return self._boto3.get_partition_for_region(region)


def dns_suffix(partition: str) -> str:
    """Return what the names of AWS's hosts end in."""
    return "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"


def error_code(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "")


def is_not_found(error: ClientError) -> bool:
    """Whether AWS says that the thing does not exist, which each service does by another code."""
    code = error_code(error)
    return "NotFound" in code or code.startswith("NoSuch") or code == "404"


def described(error: ClientError | BotoCoreError) -> str:
    """Return the error much as the AWS SDK for Go, and so the real provider, prints it."""
    if isinstance(error, BotoCoreError):
        return f"{error}"
    metadata = error.response.get("ResponseMetadata", {})
    details = error.response.get("Error", {})
    return (
        f"operation error {error.operation_name}, https response error "
        f"StatusCode: {metadata.get('HTTPStatusCode')}, RequestID: {metadata.get('RequestId', '')}, "
        f"api error {details.get('Code')}: {details.get('Message')}"
    )


class AwsError(ProviderError):
    """A call to AWS failed: "creating EC2 Security Group (name): operation error …"."""

    def __init__(self, action: str, error: ClientError | BotoCoreError) -> None:
        super().__init__(f"{action}: {described(error)}")
