"""CloudWatch log groups."""

from collections.abc import Iterable, Mapping

from local.providers.aws.resource import REGION, TAGS, TaggedResource, given
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties
from local.providers.values import Properties

NEVER_EXPIRES = 0


class LogGroup(TaggedResource):
    sdk = "pulumi_aws.cloudwatch:LogGroup"
    title = "CloudWatch Logs Log Group"
    service = "logs"
    inputs = properties(
        kmsKeyId=Property(),
        logGroupClass=Property(replaces=True, computed=True, values=("STANDARD", "INFREQUENT_ACCESS", "DELIVERY")),
        name=Property(replaces=True, computed=True),
        region=REGION,
        retentionInDays=Property(default=NEVER_EXPIRES),
        skipDestroy=Property(default=False),
        tags=TAGS,
    )
    auto_name = AutoName(max_length=512)

    def create(self, inputs: Properties) -> str:
        tags = self.tags_all(inputs)
        self.client(inputs).create_log_group(
            logGroupName=inputs["name"],
            **given(kmsKeyId=inputs.get("kmsKeyId"), logGroupClass=inputs.get("logGroupClass"), tags=tags or None),
        )
        return inputs["name"]

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating and inputs["retentionInDays"] != NEVER_EXPIRES:
            self._retain(inputs)

    def update(self, change: Change) -> None:
        logs, new = self.client(change.new), change.new
        if change.touches("retentionInDays"):
            self._retain(new)
        if change.touches("kmsKeyId"):
            if new.get("kmsKeyId"):
                logs.associate_kms_key(logGroupName=self.id, kmsKeyId=new["kmsKeyId"])
            else:
                logs.disassociate_kms_key(logGroupName=self.id)
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        logs = self.client(state)
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.id)
        groups = [group for page in pages for group in page["logGroups"]]
        group = next((group for group in groups if group["logGroupName"] == self.id), None)
        if group is None:
            return None
        arn = group["arn"].removesuffix(":*")
        return {
            **self.tag_outputs(logs.list_tags_for_resource(resourceArn=arn)["tags"]),
            "arn": arn,
            "kmsKeyId": group.get("kmsKeyId"),
            "logGroupClass": group.get("logGroupClass", "STANDARD"),
            "name": self.id,
            "region": self.region(state),
            "retentionInDays": group.get("retentionInDays", NEVER_EXPIRES),
        }

    def delete(self, state: Properties) -> None:
        if not state.get("skipDestroy"):
            self.client(state).delete_log_group(logGroupName=self.id)

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        logs, arn = self.client(state), self.session.arn("logs", f"log-group:{self.id}", state.get("region"))
        if removed:
            logs.untag_resource(resourceArn=arn, tagKeys=list(removed))
        if added:
            logs.tag_resource(resourceArn=arn, tags=dict(added))

    def _retain(self, inputs: Properties) -> None:
        days = inputs["retentionInDays"]
        if days == NEVER_EXPIRES:
            self.client(inputs).delete_retention_policy(logGroupName=self.id)
        else:
            self.client(inputs).put_retention_policy(logGroupName=self.id, retentionInDays=days)


RESOURCES = (LogGroup,)
