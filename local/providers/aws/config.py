"""The provider's configuration: what is accepted, and why nothing outside this machine can be reached."""

import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from local.providers import schema
from local.providers.aws.session import Settings
from local.providers.errors import ProviderError
from local.providers.schema import Violation
from local.providers.sdk import declaration
from local.providers.values import UNKNOWN, Properties

SDK = "pulumi_aws:Provider"

IMPLEMENTED = frozenset(
    {
        "accessKey",
        "defaultTags",
        "endpoints",
        "region",
        "s3UsePathStyle",
        "secretKey",
        "skipCredentialsValidation",
        "skipMetadataApiCheck",
        "skipRegionValidation",
        "skipRequestingAccountId",
    }
)
"""Keys that mean something here; the skip* flags are accepted because nothing that they skip is done."""

CLOCK_AHEAD = "STAND_IN_CLOCK_AHEAD"
"""The environment variable for tests that sets this machine's clock ahead of AWS's, in seconds."""

ENGINE_KEYS = frozenset({"version", "pluginDownloadURL", "pluginChecksums"})
"""Set by the engine beside the provider's own configuration."""


def parse(given: Mapping[str, Any]) -> Properties:
    """Decode the values: the engine and the SDK hand over everything that is not a string as JSON."""
    types = declaration(SDK).inputs["properties"]
    decoded: Properties = {}
    for name, value in given.items():
        if isinstance(value, str) and types.get(name, schema.STRING) != schema.STRING:
            try:
                decoded[name] = json.loads(value)
            except ValueError:
                raise ProviderError(f"the configuration aws:{name} is not JSON: {value!r}") from None
        else:
            decoded[name] = value
    return decoded


def violations(config: Properties) -> Iterator[Violation]:
    """Keys that the provider does not have, keys that the stand-in does not implement, wrong types."""
    own = {name: value for name, value in config.items() if name not in ENGINE_KEYS}
    known = declaration(SDK).inputs
    yield from schema.violations(known, own)
    for name in own:
        if name in known["properties"] and name not in IMPLEMENTED and not name.startswith("__"):
            yield Violation(
                name,
                f"the local stand-in of the AWS provider does not implement aws:{name}; "
                f"it has {', '.join(sorted(IMPLEMENTED))}",
            )


def settings(config: Properties, environment: Mapping[str, str], services: Iterable[str]) -> Settings:
    """Return the settings of a configuration, with AWS's environment variables where it says nothing.

    Raises ProviderError, naming the key, when something is missing or unsafe.

    :param services: boto3 names of those that must have an endpoint.
    """
    for violation in violations(config):
        raise ProviderError(f"aws:{violation.path}: {violation.reason}")
    region = config.get("region") or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise ProviderError(
            'missing required configuration key "aws:region": the region where AWS operations take place. '
            "Set it with `pulumi config set aws:region us-east-1` or the environment variable AWS_REGION"
        )
    access_key = config.get("accessKey") or environment.get("AWS_ACCESS_KEY_ID")
    secret_key = config.get("secretKey") or environment.get("AWS_SECRET_ACCESS_KEY")
    if not access_key or not secret_key:
        raise ProviderError(
            "no credentials: set aws:accessKey and aws:secretKey (any text will do for the emulator) "
            "or the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    default_tags: Properties = config.get("defaultTags") or {}
    return Settings(
        region=region,
        endpoints=_endpoints(config.get("endpoints") or [], services),
        access_key=access_key,
        secret_key=secret_key,
        default_tags=default_tags.get("tags") or {},
        s3_path_style=bool(config.get("s3UsePathStyle")),
        clock_ahead=timedelta(seconds=float(environment.get(CLOCK_AHEAD, 0))),
    )


def endpoint_of(service: str) -> str:
    """Return the provider's name of a service by boto3's, which may have hyphens."""
    return service.replace("-", "")


def _endpoints(entries: list[Mapping[str, Any]], services: Iterable[str]) -> dict[str, str]:
    given = {name: url for entry in entries for name, url in entry.items() if url and url is not UNKNOWN}
    found: dict[str, str] = {}
    missing: list[str] = []
    for service in services:
        name = endpoint_of(service)
        url = given.get(name)
        if url is None:
            missing.append(name)
        elif not _is_on_this_machine(url):
            raise ProviderError(f"aws:endpoints: {name} is {url!r}, which is not a loopback address. {_REFUSAL}")
        else:
            found[service] = url
    if missing:
        raise ProviderError(f"aws:endpoints: no endpoint for {', '.join(missing)}. {_REFUSAL}")
    return found


_REFUSAL = (
    "This is the local stand-in of the AWS provider: it only talks to an emulator on this machine. To deploy to AWS, "
    "use the real provider: select a stack without aws:endpoints, in a shell whose PATH does not have the local "
    "cloud's pulumi-resource-aws"
)


def _is_on_this_machine(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False
