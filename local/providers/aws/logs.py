"""CloudWatch log groups."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.resource import Field, TaggedResource
from local.providers.naming import AutoName
from local.providers.resource import Change, properties
from local.providers.values import Properties

NEVER_EXPIRES = 0


class LogGroup(TaggedResource):
    sdk = "pulumi_aws.cloudwatch:LogGroup"
    title = "CloudWatch Logs Log Group"
    service = "logs"
    inputs = properties(
        name=Field(api="logGroupName", replaces=True, computed=True),
        retentionInDays=Field(default=NEVER_EXPIRES),
    )
    outputs = {"logGroupClass": "logGroupClass"}
    identity = "{name}"
    creates, deletes = "create_log_group", "delete_log_group"
    auto_name = AutoName(max_length=512)

    @staticmethod
    def spell(name: str) -> str:
        return name

    def creation_tags(self, inputs: Properties) -> Properties:
        tags = self.tags_all(inputs)
        return {"tags": tags} if tags else {}

    def finish(self, inputs: Properties, *, creating: bool) -> None:
        if creating and inputs["retentionInDays"] != NEVER_EXPIRES:
            self._retain(inputs)

    def update(self, change: Change) -> None:
        if change.touches("retentionInDays"):
            self._retain(change.new)
        super().update(change)

    def _retain(self, inputs: Properties) -> None:
        never = inputs["retentionInDays"] == NEVER_EXPIRES
        self.call("delete_retention_policy" if never else "put_retention_policy", inputs)

    def describe(self, state: Properties) -> Any:
        logs = self.client(state)
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=self.id)
        found = [group for page in pages for group in page["logGroups"] if group["logGroupName"] == self.id]
        if not found:
            return None
        return found[0] | {"tags": logs.list_tags_for_resource(resourceArn=self._arn(state))["tags"]}

    def outputs_of(self, found: Any, state: Properties) -> Properties:
        return {**super().outputs_of(found, state), "arn": self._arn(state)}

    def actual_tags(self, found: Any) -> dict[str, str]:
        return found["tags"]

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        if removed:
            self.client(state).untag_resource(resourceArn=self._arn(state), tagKeys=list(removed))
        if added:
            self.client(state).tag_resource(resourceArn=self._arn(state), tags=dict(added))

    def _arn(self, state: Properties) -> str:
        return self.session.arn("logs", f"log-group:{self.id}", state.get("region"))
