"""boto3 as the stack's `aws:` configuration has the provider ask AWS: credentials, region and endpoints."""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import botocore.exceptions
import botocore.session
import pulumi
from botocore.config import Config
from botocore.loaders import create_loader

ReadKey = Callable[[str], str | None]
"""Reads a key of the `aws:` namespace, as `pulumi.Config("aws").get` does; a list or object is JSON."""

# Each leads to other credentials. boto3 has no counterpart that could be handed the same values.
_NOT_FOLLOWED = (
    *("assumeRole", "assumeRoles", "assumeRoleWithWebIdentity"),
    *("sharedConfigFiles", "sharedCredentialsFiles"),
)


_DATA = create_loader(os.environ.get("AWS_DATA_PATH"))
"""What botocore knows of services, read once: a session of its own takes half a second of CPU for three clients."""


class NotFollowedError(botocore.exceptions.BotoCoreError):
    """Asking AWS would mean to ask with other credentials than the provider's, perhaps of another account."""

    fmt = "the provider alone follows aws:{key} of the stack's configuration"


def aws_session(read: ReadKey) -> boto3.Session:
    """Return a session with the provider's credentials and region, or raise `NotFollowedError`."""
    for key in _NOT_FOLLOWED:
        if read(key):
            raise NotFollowedError(key=key)
    core = botocore.session.Session()
    core.register_component("data_loader", _DATA)
    return boto3.Session(
        botocore_session=core,
        aws_access_key_id=read("accessKey"),
        aws_secret_access_key=read("secretKey"),
        aws_session_token=read("token"),
        profile_name=read("profile"),
        region_name=read("region"),
    )


def aws_endpoint(read: ReadKey, service: str) -> str | None:
    """Return where the provider reaches a service such as `ecs`, if that is not AWS itself."""
    endpoints: list[dict[str, str]] = json.loads(read("endpoints") or "[]")
    return next((endpoint[service] for endpoint in endpoints if service in endpoint), None)


def program_clients(arn: str, **options: Config) -> Callable[[str], Any]:
    """Return what makes a service's client for the region of `arn`, with the program's `aws:` configuration.

    :param options: `config`, where botocore's own patience is not the right one.
    """
    read = pulumi.Config("aws").get
    session: Any = aws_session(read)  # typed clients know services by literal names
    region = arn.split(":")[3]

    def client(service: str) -> Any:
        return session.client(service, region_name=region, endpoint_url=aws_endpoint(read, service), **options)

    return client
