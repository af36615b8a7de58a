"""The AWS provider: configuration, errors and retries around the resource types and functions of each service."""

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from botocore.exceptions import BotoCoreError, ClientError
from pulumi.provider.experimental import provider as protocol

from local.providers.aws import config, functions
from local.providers.aws.resource import AwsResource
from local.providers.aws.session import AwsError, Session, described, error_code, is_not_found
from local.providers.errors import ProviderError
from local.providers.provider import StandIn
from local.providers.resource import Resource
from local.providers.values import plain_map

DELETE_TIMEOUT = 120.0
"""Seconds that a delete waits for what still uses the resource, unless `custom_timeouts` says otherwise.

The real provider waits 5 to 20 minutes; here, everything happens on this machine.
"""
RETRY_INTERVAL = 1.0

ResultT = TypeVar("ResultT")


def _named_in_the_sdk(resource: type[AwsResource]) -> Iterator[type[AwsResource]]:
    if "sdk" in vars(resource):
        yield resource
    for derived in resource.__subclasses__():
        yield from _named_in_the_sdk(derived)


for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    if not _module.name.startswith("__"):
        import_module(f"{__package__}.{_module.name}")

RESOURCES = tuple(_named_in_the_sdk(AwsResource))
"""The resource types of all modules beside this one."""

SERVICES = tuple(sorted({resource.service for resource in RESOURCES} | {"sts"}))
"""boto3 names of the services that the stand-in calls; STS tells whose account it is."""


class AwsStandIn(StandIn[Session]):
    """All resource types and functions that the stand-in has."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment`: where AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY may be."""
        super().__init__(RESOURCES, functions.FUNCTIONS)
        self._environment = environment
        self._session: Session | None = None

    def session(self) -> Session:
        if self._session is None:
            raise ProviderError("the AWS provider is not configured")
        return self._session

    async def check_config(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        given = plain_map(request.new_inputs)
        failures = [
            protocol.CheckFailure(violation.path, violation.reason)
            for violation in config.violations(config.parse(given))
        ]
        return protocol.CheckResponse(inputs=request.new_inputs, failures=failures or None)

    def _configure(self, request: protocol.ConfigureRequest) -> None:
        variables = {name.removeprefix("aws:config:"): value for name, value in request.variables.items()}
        settings = config.settings(config.parse(variables | plain_map(request.args)), self._environment, SERVICES)
        self._session = Session(settings)

    def attempt(
        self, resource: Resource[Session], action: str, subject: str, call: Callable[[], ResultT]
    ) -> ResultT | None:
        what = f"{action} {resource.title} ({subject})"
        while True:
            try:
                return call()
            except BotoCoreError as error:
                raise AwsError(what, error) from error
            except ClientError as error:
                if is_not_found(error) and action in ("reading", "deleting"):
                    return None
                if action != "deleting" or error_code(error) not in resource.retry_delete_on:
                    raise AwsError(what, error) from error
                self._wait_before_retry(resource, what, error)

    def _wait_before_retry(self, resource: Resource[Session], what: str, error: ClientError) -> None:
        try:
            in_time = resource.operation.wait(RETRY_INTERVAL, DELETE_TIMEOUT)
        except ProviderError as cancelled:
            raise ProviderError(f"{what}: {cancelled}: {described(error)}") from error
        if not in_time:
            raise AwsError(what, error) from error

    def _invoke(self, request: protocol.InvokeRequest) -> protocol.InvokeResponse:
        try:
            return super()._invoke(request)
        except (BotoCoreError, ClientError) as error:
            raise AwsError(f"invoking {request.tok}", error) from error
