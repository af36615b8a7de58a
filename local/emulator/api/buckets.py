"""Bucket policies that ask for TLS. The emulator speaks plain HTTP on loopback, which stands for TLS here."""

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def take_requests_for_encrypted() -> None:
    """Have S3 take no statement into account that is about requests without TLS.

    moto knows neither the condition nor, in a bucket policy, what one that is not met means: it denies every request.
    """

    def get_permission(self: FakeBucket, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        document["Statement"] = [each for each in document["Statement"] if each.get("Condition") != _WITHOUT_TLS]
        if not document["Statement"]:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(document)).is_action_permitted(action, resource)

    FakeBucket.get_permission = get_permission
