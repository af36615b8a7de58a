"""boto3 as the stack's `aws:` configuration has the provider ask AWS: credentials, region and endpoints."""

import functools
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import botocore.session
import pulumi
from botocore.config import Config
from botocore.credentials import (
    AssumeRoleCredentialFetcher,
    AssumeRoleWithWebIdentityCredentialFetcher,
    CachedCredentialFetcher,
    CredentialProvider,
    CredentialResolver,
    Credentials,
    DeferredRefreshableCredentials,
)
from botocore.loaders import create_loader

ReadKey = Callable[[str], str | None]
"""Reads a key of the `aws:` namespace, as `pulumi.Config("aws").get` does; a list or object is JSON."""

_FILES = {"sharedConfigFiles": "config_file", "sharedCredentialsFiles": "credentials_file"}
"""Keys that list files, and botocore's variables for one."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

_assumed: dict[str, Any] = {}
"""What STS gave for a role, until it is over: sessions are opened every few seconds while a service is waited for."""

_DATA = create_loader(os.environ.get("AWS_DATA_PATH"))
"""What botocore knows of services, read once: a session of its own takes half a second of CPU for three clients."""


class NotFollowedError(botocore.exceptions.BotoCoreError):
    """Asking AWS would mean to ask with other credentials than the provider's, perhaps of another account."""

    fmt = "the provider alone follows aws:{key} of the stack's configuration"


def aws_session(read: ReadKey) -> boto3.Session:
    """Return a session with the provider's region and credentials, or raise `NotFollowedError`.

    The roles are assumed as the provider does it: by web identity first, and then each with the one before.
    """
    core = _core_session()
    for key, variable in _FILES.items():
        files: list[str] = json.loads(read(key) or "[]")
        if len(files) > 1:
            raise NotFollowedError(key=key)
        for file in files:
            core.set_config_variable(variable, file)
    session = boto3.Session(
        botocore_session=core,
        aws_access_key_id=read("accessKey"),
        aws_secret_access_key=read("secretKey"),
        aws_session_token=read("token"),
        profile_name=read("profile"),
        region_name=read("region"),
    )
    by_web_identity: dict[str, Any] = json.loads(read("assumeRoleWithWebIdentity") or "{}")
    roles: list[dict[str, Any]] = json.loads(read("assumeRoles") or "[]")
    if not by_web_identity and not roles:
        return session
    sts: Callable[..., Any] = functools.partial(
        core.create_client,
        region_name=read("stsRegion") or session.region_name,
        endpoint_url=aws_endpoint(read, "sts"),
    )
    credentials = _assumed_by_web_identity(sts, by_web_identity) if by_web_identity else core.get_credentials()
    for role in roles:
        credentials = _assumed_with(sts, credentials, role)
    acting = _core_session()
    acting.register_component("credential_provider", CredentialResolver([_Found(credentials)]))
    return boto3.Session(botocore_session=acting, region_name=session.region_name)


def _core_session() -> botocore.session.Session:
    core = botocore.session.Session()
    core.register_component("data_loader", _DATA)
    return core


class _Found(CredentialProvider):
    """Credentials that need not be looked for."""

    METHOD = "assume-role"

    def __init__(self, credentials: Any) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Any:
        return self._credentials


def _assumed_by_web_identity(sts: Callable[..., Any], role: Mapping[str, Any]) -> DeferredRefreshableCredentials:
    def token() -> str:
        try:
            return role.get("webIdentityToken") or Path(role["webIdentityTokenFile"]).read_text()
        except (OSError, KeyError) as error:
            raise NotFollowedError(key="assumeRoleWithWebIdentity") from error

    return _renewed(
        AssumeRoleWithWebIdentityCredentialFetcher(sts, token, role["roleArn"], _request(role), cache=_assumed)
    )


def _assumed_with(
    sts: Callable[..., Any], credentials: Credentials | None, role: Mapping[str, Any]
) -> DeferredRefreshableCredentials:
    if credentials is None:
        raise botocore.exceptions.NoCredentialsError
    return _renewed(AssumeRoleCredentialFetcher(sts, credentials, role["roleArn"], _request(role), cache=_assumed))


def _renewed(fetcher: CachedCredentialFetcher) -> DeferredRefreshableCredentials:
    """Return credentials that are asked for when they are needed, and again before they are over."""
    return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


def _request(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return what STS is asked for, in its words, besides the role."""
    tags: Mapping[str, str] = role.get("tags") or {}
    arns: Sequence[str] = role.get("policyArns") or ()
    request = {
        "RoleSessionName": role.get("sessionName"),
        "ExternalId": role.get("externalId"),
        "DurationSeconds": _seconds(role["duration"]) if role.get("duration") else None,
        "Policy": role.get("policy"),
        "PolicyArns": [{"arn": arn} for arn in arns],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        "TransitiveTagKeys": role.get("transitiveTagKeys"),
        "SourceIdentity": role.get("sourceIdentity"),
    }
    return {name: value for name, value in request.items() if value}


def _seconds(text: str) -> int:
    """Read a duration as Go writes it, such as `1h30m`."""
    parts: list[tuple[str, str]] = re.findall(r"([\d.]+)(h|ms|m|us|µs|ns|s)", text)
    return int(sum(float(number) * _UNITS[unit] for number, unit in parts))


def aws_endpoint(read: ReadKey, service: str) -> str | None:
    """Return where the provider reaches a service such as `ecs`, if that is not AWS itself."""
    endpoints: list[dict[str, str]] = json.loads(read("endpoints") or "[]")
    return next((endpoint[service] for endpoint in endpoints if service in endpoint), None)


def clients(
    read: ReadKey, region: str | None = None, session: boto3.Session | None = None, **options: Config
) -> Callable[[str], Any]:
    """Return what makes a service's client with the `aws:` configuration that `read` reads.

    :param region: Where the services are, if not in the region of the configuration.
    :param session: One that `aws_session` has opened before.
    :param options: `config`, where botocore's own patience is not the right one.
    """
    opened: Any = session or aws_session(read)  # typed clients know services by literal names

    def client(service: str) -> Any:
        return opened.client(service, region_name=region, endpoint_url=aws_endpoint(read, service), **options)

    return client


def program_clients(arn: str, **options: Config) -> Callable[[str], Any]:
    """Return what makes a service's client for the region of `arn`, with the program's `aws:` configuration."""
    return clients(pulumi.Config("aws").get, arn.split(":")[3], None, **options)
