"""S3 buckets, what guards them, and objects."""

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import jmespath
import pulumi
from botocore.exceptions import ClientError

from local.providers.aws.resource import AwsResource, Field, TaggedResource, pascal_case
from local.providers.aws.session import dns_suffix, error_code
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_json
from local.providers.schema import Violation
from local.providers.values import DIGEST, Properties

CONTENT_TYPE = "application/octet-stream"


class Bucket(TaggedResource):
    sdk = "pulumi_aws.s3:Bucket"
    title = "S3 Bucket"
    service = "s3"
    inputs = properties(bucket=Field(replaces=True, computed=True), forceDestroy=Property(default=False))
    identity = "{bucket}"
    auto_name = AutoName(max_length=63, property="bucket", transform=str.lower)

    def create(self, inputs: Properties) -> str:
        region = self.region(inputs)
        # us-east-1 is the one region that must not be named.
        placement = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.call("create_bucket", inputs, **placement)
        return inputs["bucket"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating and self.tags_all(inputs):
            self._put_tags(inputs, self.tags_all(inputs))

    def describe(self, state: Properties) -> Any:
        self.call("head_bucket", state)
        return {"Tags": self._tags(state)}

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        region = self.region(state)
        partition = self.session.partition(region)
        suffix = dns_suffix(partition)
        return {
            **super().outputs_of(found, state),
            "arn": f"arn:{partition}:s3:::{self.id}",
            "bucketDomainName": f"{self.id}.s3.{suffix}",
            "bucketRegion": region,
            "bucketRegionalDomainName": f"{self.id}.s3.{region}.{suffix}",
        }

    def delete(self, state: Properties) -> None:
        s3 = self.client(state)
        if state.get("forceDestroy"):
            # The first page again and again: the markers of a next one are of versions that are gone.
            while versions := self._first_versions(s3):
                answer = s3.delete_objects(Bucket=self.id, Delete={"Objects": versions, "Quiet": True})
                if answer.get("Errors"):
                    break  # DeleteBucket fails, and says why
        s3.delete_bucket(Bucket=self.id)

    def _first_versions(self, s3: Any) -> list[dict[str, str]]:
        """Return the versions and delete markers that S3 lists at once, which is what it deletes at once."""
        page = s3.list_object_versions(Bucket=self.id)
        listed = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in listed]

    def _tags(self, state: Properties) -> list[dict[str, str]]:
        try:
            return self.client(state).get_bucket_tagging(Bucket=self.id)["TagSet"]
        except ClientError as error:
            if error_code(error) == "NoSuchTagSet":
                return []
            raise

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        kept = {tag["Key"]: tag["Value"] for tag in self._tags(state) if tag["Key"] not in removed}
        self._put_tags(state, kept | dict(added))

    def _put_tags(self, state: Properties, tags: Mapping[str, str]) -> None:
        """S3 sets all tags at once."""
        if tags:
            self.client(state).put_bucket_tagging(Bucket=self.id, Tagging={"TagSet": self.tag_list(tags)})
        else:
            self.client(state).delete_bucket_tagging(Bucket=self.id)


class BucketPublicAccessBlock(AwsResource):
    sdk = "pulumi_aws.s3:BucketPublicAccessBlock"
    title = "S3 Bucket Public Access Block"
    service = "s3"
    inputs = properties(
        bucket=Field(replaces=True),
        **{
            name: Field(api=f"PublicAccessBlockConfiguration.{pascal_case(name)}", default=False)
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        },
    )
    identity = "{bucket}"
    creates = updates = "put_public_access_block"
    reads, deletes = "get_public_access_block", "delete_public_access_block"


class BucketPolicy(AwsResource):
    sdk = "pulumi_aws.s3:BucketPolicy"
    title = "S3 Bucket Policy"
    service = "s3"
    inputs = properties(bucket=Field(replaces=True), policy=Field(same=same_json))
    identity = "{bucket}"
    creates = updates = "put_bucket_policy"
    reads, deletes = "get_bucket_policy", "delete_bucket_policy"


def same_rules(old: list[Properties], new: list[Properties]) -> bool:
    """Equality of encryption rules; no bucket key is the default, and what is blocked is S3's choice."""

    def normal(rules: list[Properties]) -> list[Properties]:
        return [
            {**rule, "bucketKeyEnabled": bool(rule.get("bucketKeyEnabled")), "blockedEncryptionTypes": None}
            for rule in rules
        ]

    return normal(old) == normal(new)


_RULE_NAMES = {
    "applyServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault",
    "blockedEncryptionTypes": "BlockedEncryptionTypes",
    "bucketKeyEnabled": "BucketKeyEnabled",
    "kmsMasterKeyId": "KMSMasterKeyID",
    "sseAlgorithm": "SSEAlgorithm",
}


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    """Return a value whose objects have their keys by other names, at any depth."""
    if isinstance(value, list):
        return [_renamed(item, names) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {names[key]: _renamed(item, names) for key, item in cast("dict[str, Any]", value).items()}
    return value


def _rules_of(found: list[dict[str, Any]]) -> list[Properties]:
    rules = [
        {**rule, "BlockedEncryptionTypes": rule["BlockedEncryptionTypes"]["EncryptionType"]}
        if "BlockedEncryptionTypes" in rule
        else rule
        for rule in found
    ]
    return _renamed(rules, {api: name for name, api in _RULE_NAMES.items()})


def _not_implemented(value: Any, names: Collection[str], path: str) -> Iterator[Violation]:
    """Yield what has another name than these, at any depth; whether it is a list or an object is for the schema."""
    if isinstance(value, list):
        for index, item in enumerate(cast("list[Any]", value)):
            yield from _not_implemented(item, names, f"{path}[{index}]")
    elif isinstance(value, dict):
        for name, item in cast("dict[str, Any]", value).items():
            if name not in names:
                yield Violation(f"{path}.{name}", "the local stand-in does not implement it")
            yield from _not_implemented(item, names, f"{path}.{name}")


class BucketServerSideEncryptionConfiguration(AwsResource):
    sdk = "pulumi_aws.s3:BucketServerSideEncryptionConfiguration"
    title = "S3 Bucket Server Side Encryption Configuration"
    service = "s3"
    inputs = properties(
        bucket=Field(replaces=True),
        rules=Field(
            api="ServerSideEncryptionConfiguration.Rules",
            encode=partial(_renamed, names=_RULE_NAMES),
            decode=_rules_of,
            same=same_rules,
        ),
    )
    identity = "{bucket}"
    creates = updates = "put_bucket_encryption"
    reads, deletes = "get_bucket_encryption", "delete_bucket_encryption"

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        yield from _not_implemented(inputs.get("rules"), _RULE_NAMES, "rules")


_RULE_PARTS = {"id": "ID", "expiration": "Expiration", "filter": "Filter", "status": "Status"} | {
    part: pascal_case(part)
    for part in (
        *("abortIncompleteMultipartUpload", "days", "daysAfterInitiation", "newerNoncurrentVersions"),
        *("noncurrentDays", "noncurrentVersionExpiration", "prefix"),
    )
}
"""What the stand-in implements of lifecycle rules, by S3's names."""


class BucketVersioning(AwsResource):
    sdk = "pulumi_aws.s3:BucketVersioning"
    title = "S3 Bucket Versioning"
    service = "s3"
    inputs = properties(
        bucket=Field(replaces=True),
        versioningConfiguration=Field(
            encode=partial(_renamed, names={"status": "Status"}), decode=partial(_renamed, names={"Status": "status"})
        ),
    )
    described = "Status && {VersioningConfiguration: {Status: Status}}"
    identity = "{bucket}"
    creates = updates = "put_bucket_versioning"
    reads = "get_bucket_versioning"

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        yield from _not_implemented(inputs.get("versioningConfiguration"), ("status",), "versioningConfiguration")

    def delete(self, state: Properties) -> None:
        """Suspend versions: what has had them once cannot be without."""
        self.client(state).put_bucket_versioning(Bucket=self.id, VersioningConfiguration={"Status": "Suspended"})


class BucketLifecycleConfiguration(AwsResource):
    sdk = "pulumi_aws.s3:BucketLifecycleConfiguration"
    title = "S3 Bucket Lifecycle Configuration"
    service = "s3"
    inputs = properties(
        bucket=Field(replaces=True),
        rules=Field(
            api="LifecycleConfiguration.Rules",
            answer="Rules",
            encode=partial(_renamed, names=_RULE_PARTS),
            decode=partial(_renamed, names={api: name for name, api in _RULE_PARTS.items()}),
        ),
    )
    identity = "{bucket}"
    creates = updates = "put_bucket_lifecycle_configuration"
    reads, deletes = "get_bucket_lifecycle_configuration", "delete_bucket_lifecycle"

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        yield from _not_implemented(inputs.get("rules"), _RULE_PARTS, "rules")


def _contents(source: pulumi.Asset) -> bytes:
    if isinstance(source, pulumi.FileAsset):
        return Path(source.path).read_bytes()
    if isinstance(source, pulumi.StringAsset):
        return source.text.encode()
    raise ProviderError(f"the local stand-in takes files and texts as the source of an S3 object, not {source!r}")


def _digest(source: pulumi.Asset) -> str:
    if isinstance(source, pulumi.StringAsset) and source.text.startswith(DIGEST):
        return source.text.removeprefix(DIGEST)
    return hashlib.sha256(_contents(source)).hexdigest()


class BucketObject(TaggedResource):
    sdk = "pulumi_aws.s3:BucketObjectv2"
    title = "S3 Object"
    service = "s3"
    inputs = properties(
        bucket=Field(replaces=True),
        key=Field(replaces=True, computed=True),
        overrideProvider=Property(),
        source=Field(api="Body", encode=_contents, same=lambda old, new: _digest(old) == _digest(new)),
        sourceHash=Property(),
    )
    outputs = {"contentType": "ContentType", "versionId": "VersionId"}
    identity = "{bucket}/{key}"
    creates, deletes = "put_object", "delete_object"
    auto_name = AutoName(max_length=1024, property="key", random_digits=0)

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        overridden: Any = inputs.get("overrideProvider")
        if isinstance(overridden, dict) and jmespath.search("defaultTags.tags", overridden):
            yield Violation("overrideProvider.defaultTags.tags", "must be empty: default tags are overridden by none")

    def tags_all(self, inputs: Properties) -> dict[str, str]:
        # One that names the default tags names none.
        overridden = "defaultTags" in (inputs.get("overrideProvider") or {})
        return inputs.get("tags") or {} if overridden else super().tags_all(inputs)

    def creation_tags(self, inputs: Properties) -> Properties:
        return {"Tagging": urlencode(self.tags_all(inputs)), "ContentType": CONTENT_TYPE}

    def update(self, change: Change) -> None:
        if change.touches("source", "sourceHash"):
            self.create(change.new)
        super().update(change)

    def describe(self, state: Properties) -> Any:
        found = self.call("head_object", state)
        return {**found, "Tags": self.call("get_object_tagging", state)["TagSet"]}

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        del added, removed
        if tags := self.tag_list(self.tags_all(state)):
            self.call("put_object_tagging", state, Tagging={"TagSet": tags})
        else:
            self.call("delete_object_tagging", state)
