"""S3 buckets, what guards them, and objects."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import pulumi
from botocore.exceptions import ClientError

from local.providers.aws.resource import (
    REGION,
    TAGS,
    AwsResource,
    TaggedResource,
    aws_tags,
    given,
    pascal_case,
    plain_tags,
)
from local.providers.aws.session import error_code
from local.providers.errors import ProviderError
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_json
from local.providers.schema import Violation
from local.providers.values import DIGEST, Properties

CONTENTS = ("content", "contentBase64", "source")
DEFAULT_CONTENT_TYPE = "application/octet-stream"


class Bucket(TaggedResource):
    sdk = "pulumi_aws.s3:Bucket"
    title = "S3 Bucket"
    service = "s3"
    inputs = properties(
        bucket=Property(replaces=True, computed=True),
        forceDestroy=Property(default=False),
        region=REGION,
        tags=TAGS,
    )
    auto_name = AutoName(max_length=63, property="bucket", transform=str.lower)

    def create(self, inputs: Properties) -> str:
        region = self.region(inputs)
        # us-east-1 is the one region that must not be named.
        placement = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.client(inputs).create_bucket(Bucket=inputs["bucket"], **placement)
        return inputs["bucket"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating and self.tags_all(inputs):
            self._put_tags(inputs, self.tags_all(inputs))

    def read(self, state: Properties) -> Properties | None:
        s3 = self.client(state)
        s3.head_bucket(Bucket=self.id)
        region = self.region(state)
        return {
            **self.tag_outputs(self._tags(state)),
            "arn": f"arn:aws:s3:::{self.id}",
            "bucket": self.id,
            "bucketDomainName": f"{self.id}.s3.amazonaws.com",
            "bucketRegion": region,
            "bucketRegionalDomainName": f"{self.id}.s3.{region}.amazonaws.com",
            "region": region,
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

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        kept = {key: value for key, value in self._tags(state).items() if key not in removed}
        self._put_tags(state, kept | dict(added))

    def _tags(self, state: Properties) -> dict[str, str]:
        try:
            return plain_tags(self.client(state).get_bucket_tagging(Bucket=self.id)["TagSet"])
        except ClientError as error:
            if error_code(error) == "NoSuchTagSet":
                return {}
            raise

    def _put_tags(self, state: Properties, tags: Mapping[str, str]) -> None:
        """S3 sets all tags at once."""
        if tags:
            self.client(state).put_bucket_tagging(Bucket=self.id, Tagging={"TagSet": aws_tags(tags)})
        else:
            self.client(state).delete_bucket_tagging(Bucket=self.id)


class BucketPublicAccessBlock(AwsResource):
    sdk = "pulumi_aws.s3:BucketPublicAccessBlock"
    title = "S3 Bucket Public Access Block"
    service = "s3"
    inputs = properties(
        blockPublicAcls=Property(default=False),
        blockPublicPolicy=Property(default=False),
        bucket=Property(replaces=True),
        ignorePublicAcls=Property(default=False),
        region=REGION,
        restrictPublicBuckets=Property(default=False),
    )
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")

    def create(self, inputs: Properties) -> str:
        self.client(inputs).put_public_access_block(
            Bucket=inputs["bucket"],
            PublicAccessBlockConfiguration={pascal_case(name): inputs[name] for name in self.switches},
        )
        return inputs["bucket"]

    def update(self, change: Change) -> None:
        self.create(change.new)

    def read(self, state: Properties) -> Properties | None:
        block = self.client(state).get_public_access_block(Bucket=self.id)["PublicAccessBlockConfiguration"]
        switches = {name: block.get(pascal_case(name), False) for name in self.switches}
        return {**switches, "bucket": self.id, "region": self.region(state)}

    def delete(self, state: Properties) -> None:
        self.client(state).delete_public_access_block(Bucket=self.id)


class BucketPolicy(AwsResource):
    sdk = "pulumi_aws.s3:BucketPolicy"
    title = "S3 Bucket Policy"
    service = "s3"
    inputs = properties(bucket=Property(replaces=True), policy=Property(same=same_json), region=REGION)

    def create(self, inputs: Properties) -> str:
        self.client(inputs).put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])
        return inputs["bucket"]

    def update(self, change: Change) -> None:
        self.create(change.new)

    def read(self, state: Properties) -> Properties | None:
        policy = self.client(state).get_bucket_policy(Bucket=self.id)["Policy"]
        return {"bucket": self.id, "policy": policy, "region": self.region(state)}

    def delete(self, state: Properties) -> None:
        self.client(state).delete_bucket_policy(Bucket=self.id)


def same_rules(old: list[Properties], new: list[Properties]) -> bool:
    """Equality of encryption rules; no bucket key is the default."""

    def normal(rules: list[Properties]) -> list[Properties]:
        return [{**rule, "bucketKeyEnabled": bool(rule.get("bucketKeyEnabled"))} for rule in rules]

    return normal(old) == normal(new)


class BucketServerSideEncryptionConfiguration(AwsResource):
    sdk = "pulumi_aws.s3:BucketServerSideEncryptionConfiguration"
    title = "S3 Bucket Server Side Encryption Configuration"
    service = "s3"
    inputs = properties(bucket=Property(replaces=True), region=REGION, rules=Property(same=same_rules))

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        rules = inputs.get("rules")
        # Whether each rule is an object is for the schema to say.
        for index, rule in enumerate(cast("list[Any]", rules) if isinstance(rules, list) else []):
            if isinstance(rule, dict) and "blockedEncryptionTypes" in rule:
                yield Violation(f"rules[{index}].blockedEncryptionTypes", "the local stand-in does not implement it")

    def create(self, inputs: Properties) -> str:
        rules = [self._rule(rule) for rule in inputs["rules"]]
        self.client(inputs).put_bucket_encryption(
            Bucket=inputs["bucket"], ServerSideEncryptionConfiguration={"Rules": rules}
        )
        return inputs["bucket"]

    def update(self, change: Change) -> None:
        self.create(change.new)

    def read(self, state: Properties) -> Properties | None:
        answer = self.client(state).get_bucket_encryption(Bucket=self.id)
        rules = answer["ServerSideEncryptionConfiguration"]["Rules"]
        return {
            "bucket": self.id,
            "region": self.region(state),
            "rules": [self._described(rule) for rule in rules],
        }

    def delete(self, state: Properties) -> None:
        self.client(state).delete_bucket_encryption(Bucket=self.id)

    @staticmethod
    def _rule(rule: Properties) -> Properties:
        default = rule.get("applyServerSideEncryptionByDefault")
        return given(
            ApplyServerSideEncryptionByDefault=default
            and given(SSEAlgorithm=default["sseAlgorithm"], KMSMasterKeyID=default.get("kmsMasterKeyId")),
            BucketKeyEnabled=rule.get("bucketKeyEnabled"),
        )

    @staticmethod
    def _described(rule: Mapping[str, Any]) -> Properties:
        default = rule.get("ApplyServerSideEncryptionByDefault")
        return given(
            applyServerSideEncryptionByDefault=default
            and given(sseAlgorithm=default["SSEAlgorithm"], kmsMasterKeyId=default.get("KMSMasterKeyID")),
            bucketKeyEnabled=rule.get("BucketKeyEnabled"),
        )


class BucketObject(TaggedResource):
    sdk = "pulumi_aws.s3:BucketObjectv2"
    title = "S3 Object"
    service = "s3"
    inputs = properties(
        bucket=Property(replaces=True),
        cacheControl=Property(),
        content=Property(),
        contentBase64=Property(),
        contentType=Property(computed=True),
        forceDestroy=Property(default=False),
        key=Property(replaces=True, computed=True),
        metadata=Property(),
        region=REGION,
        source=Property(same=lambda old, new: _digest(old) == _digest(new)),
        sourceHash=Property(),
        tags=TAGS,
    )

    auto_name = AutoName(max_length=1024, property="key", random_digits=0)

    @classmethod
    def check(cls, inputs: Properties) -> Iterator[Violation]:
        contents = [name for name in CONTENTS if inputs.get(name) is not None]
        if len(contents) != 1:
            yield Violation("content", f"give exactly one of {', '.join(CONTENTS)}; got {contents or 'none'}")

    def create(self, inputs: Properties) -> str:
        self.client(inputs).put_object(
            Bucket=inputs["bucket"],
            Key=inputs["key"],
            Body=_body(inputs),
            ContentType=inputs.get("contentType") or DEFAULT_CONTENT_TYPE,
            Tagging=urlencode(self.tags_all(inputs)),
            **given(CacheControl=inputs.get("cacheControl"), Metadata=inputs.get("metadata")),
        )
        return f"{inputs['bucket']}/{inputs['key']}"

    def update(self, change: Change) -> None:
        if change.names - {"tags", "tagsAll", "forceDestroy"}:
            self.create(change.new)
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        bucket, key = self._name()
        s3 = self.client(state)
        found = s3.head_object(Bucket=bucket, Key=key)
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        return {
            **self.tag_outputs(plain_tags(tags)),
            "arn": f"arn:aws:s3:::{bucket}/{key}",
            "bucket": bucket,
            "cacheControl": found.get("CacheControl"),
            "contentType": found["ContentType"],
            "etag": found["ETag"].strip('"'),
            "key": key,
            "metadata": found["Metadata"] or None,
            "region": self.region(state),
            "storageClass": found.get("StorageClass", "STANDARD"),
            "versionId": found.get("VersionId"),
        }

    def delete(self, state: Properties) -> None:
        bucket, key = self._name()
        self.client(state).delete_object(Bucket=bucket, Key=key)

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        del added, removed
        bucket, key = self._name()
        self.client(state).put_object_tagging(
            Bucket=bucket, Key=key, Tagging={"TagSet": aws_tags(self.tags_all(state))}
        )

    def _name(self) -> tuple[str, str]:
        bucket, _, key = self.id.partition("/")
        return bucket, key


def _body(inputs: Properties) -> bytes:
    if inputs.get("content") is not None:
        return inputs["content"].encode()
    if inputs.get("contentBase64") is not None:
        return base64.b64decode(inputs["contentBase64"])
    return _contents(inputs["source"])


def _digest(source: pulumi.Asset) -> str:
    if isinstance(source, pulumi.StringAsset) and source.text.startswith(DIGEST):
        return source.text.removeprefix(DIGEST)
    return hashlib.sha256(_contents(source)).hexdigest()


def _contents(source: pulumi.Asset) -> bytes:
    if isinstance(source, pulumi.FileAsset):
        return Path(source.path).read_bytes()
    if isinstance(source, pulumi.StringAsset):
        return source.text.encode()
    raise ProviderError(f"the local stand-in takes files and texts as the source of an S3 object, not {source!r}")


RESOURCES = (Bucket, BucketPublicAccessBlock, BucketPolicy, BucketServerSideEncryptionConfiguration, BucketObject)
