"""`python -m local.providers.awsx <engine address>`: the executable `pulumi-resource-awsx`."""

from local.providers.awsx.provider import AwsxStandIn
from local.providers.server import serve_components

serve_components(AwsxStandIn())
