"""Everything in which the emulator's API is as strict as AWS, and moto alone is not."""

from .buckets import (
    block_keys_of_customers,
    keep_numbers_of_versions,
    refuse_invalid_tags,
    take_requests_for_encrypted,
)
from .discovery import enforce_discovery_rules
from .iam import read_roles_while_others_are_made
from .reads import read_while_others_write
from .requests import refuse_invalid_requests
from .rules import enforce_rules
from .scaling import serve_scaling


def be_as_strict_as_aws() -> None:
    """Put AWS's rules on top of moto, and what moto does not serve; once, before the first request."""
    enforce_rules()
    enforce_discovery_rules()
    serve_scaling()
    read_roles_while_others_are_made()
    take_requests_for_encrypted()
    refuse_invalid_tags()
    refuse_invalid_requests()
    read_while_others_write()
    block_keys_of_customers()
    keep_numbers_of_versions()
