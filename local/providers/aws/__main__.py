"""`python -m local.providers.aws <engine address>`: the executable `pulumi-resource-aws`."""

import os
from importlib.metadata import version

from local.providers.aws.provider import AwsStandIn
from local.providers.server import serve

environment = dict(os.environ)
# The user's own profiles, endpoints and metadata service are none of the emulator's business.
for name in environment:
    if name.startswith("AWS_"):
        del os.environ[name]
os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

serve(AwsStandIn(environment), version("pulumi-aws"))
