"""`python -m local.providers.random <engine address>`: the executable `pulumi-resource-random`."""

from importlib.metadata import version

from local.providers.random.provider import RandomStandIn
from local.providers.server import serve

serve(RandomStandIn(), version("pulumi-random"))
