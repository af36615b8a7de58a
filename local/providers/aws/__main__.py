"""`python -m local.providers.aws <engine address>`: the executable `pulumi-resource-aws`."""

from importlib.metadata import version

from local.providers.aws.provider import AwsStandIn
from local.providers.server import serve

serve(AwsStandIn(), version("pulumi-aws"))
