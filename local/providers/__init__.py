"""Stand-ins for the provider plugins `aws`, `awsx` and `random`, for the local cloud and the engine tests.

They speak the provider protocol to the real Pulumi engine and boto3 to an AWS emulator on this machine, and they
refuse any endpoint that is not on it. README.md beside this file lists what differs from the real providers.
"""
