"""S3, where moto is not as AWS: policies that ask for TLS, tags, lifecycle rules, and blocked encryption."""

import json
import re
from collections.abc import Mapping
from typing import Any

from moto.core.responses import ActionResult
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.exceptions import BadRequest, InvalidTagError
from moto.s3.models import FakeBucket, FakeKey, S3Backend
from moto.s3.responses import S3Response

_NEWER = "NewerNoncurrentVersions"

_BLOCKED = "<BlockedEncryptionTypes><EncryptionType>SSE-C</EncryptionType></BlockedEncryptionTypes>"
_WITHOUT_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def take_requests_for_encrypted() -> None:
    """Have S3 take no statement into account that is about requests without TLS.

    The emulator speaks plain HTTP on loopback, which stands for TLS here.
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


def block_keys_of_customers() -> None:
    """Have S3 say of every bucket that it blocks SSE-C, as of new ones since April 2026 (S3 user guide, "SSE-C")."""
    described = S3Response.get_bucket_encryption

    def get_bucket_encryption(self: S3Response) -> Any:
        status, headers, body = described(self)
        text = body if isinstance(body, str) else body.decode()
        return status, headers, text.replace("</Rule>", f"{_BLOCKED}</Rule>")

    S3Response.get_bucket_encryption = get_bucket_encryption


# S3 API reference, Tag, and user guide, "Using cost allocation S3 bucket tags".
_TAG = re.compile(r"[\w\s.:/=+\-@]*")
_TAGS = 50


def refuse_invalid_tags() -> None:
    """Have S3 refuse tags that it does not take on buckets and objects; moto does so for their number on objects."""
    put_bucket_tagging, put_object_tagging = S3Backend.put_bucket_tagging, S3Backend.put_object_tagging

    def of_bucket(self: S3Backend, bucket_name: str, tags: dict[str, str | None]) -> None:
        if len(tags) > _TAGS:
            raise BadRequest(f"Bucket tag count cannot be greater than {_TAGS}")
        _refuse_tags(tags)
        put_bucket_tagging(self, bucket_name, {key: value or "" for key, value in tags.items()})

    def of_object(self: S3Backend, key: FakeKey, tags: dict[str, str] | None) -> FakeKey:
        _refuse_tags(tags or {})
        return put_object_tagging(self, key, tags)

    S3Backend.put_bucket_tagging = of_bucket  # pyright: ignore[reportAttributeAccessIssue] # moto's type forgets None
    S3Backend.put_object_tagging = of_object


def _refuse_tags(tags: Mapping[str, str | None]) -> None:
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or not _TAG.fullmatch(key):
            raise InvalidTagError("The TagKey you have provided is invalid")
        if len(value or "") > 256 or not _TAG.fullmatch(value or ""):
            raise InvalidTagError("The TagValue you have provided is invalid")


def keep_numbers_of_versions() -> None:
    """Have S3 remember how many versions a lifecycle rule keeps whatever their age."""
    set_rules, get_rules = FakeBucket.set_lifecycle, S3Response.get_bucket_lifecycle

    def set_lifecycle(self: FakeBucket, rules: list[dict[str, Any]]) -> None:
        set_rules(self, rules)
        for rule, kept in zip(rules, self.rules, strict=True):
            vars(kept)[_NEWER] = (rule.get("NoncurrentVersionExpiration") or {}).get(_NEWER)

    def get_bucket_lifecycle(self: S3Response) -> Any:
        def serialized(action_result: ActionResult) -> Any:
            result: Any = action_result.result
            for rule, kept in zip(result["Rules"], self.backend.get_bucket_lifecycle(self.bucket_name), strict=True):
                if newer := vars(kept)[_NEWER]:
                    rule["NoncurrentVersionExpiration"][_NEWER] = newer
            return S3Response.serialized(self, action_result)

        self.serialized = serialized
        return get_rules(self)

    FakeBucket.set_lifecycle = set_lifecycle
    S3Response.get_bucket_lifecycle = get_bucket_lifecycle
