"""The awsx provider: it has components only, and so nothing but Construct."""

from importlib.metadata import version

import pulumi
from pulumi.provider import ConstructResult, Provider

from local.providers.awsx.vpc import TOKEN, Vpc, VpcArgs
from local.providers.errors import UnknownTokenError


class AwsxStandIn(Provider):
    def __init__(self) -> None:
        super().__init__(version("pulumi-awsx"))

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: pulumi.ResourceOptions | None = None,
    ) -> ConstructResult:
        if resource_type != TOKEN:
            raise UnknownTokenError("component", resource_type, {TOKEN: Vpc})
        vpc = Vpc(name, VpcArgs.parse(inputs), options)
        return ConstructResult(vpc.urn, vpc.outputs)
