"""Roles, their inline policies and the managed policies attached to them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.resource import AwsResource, Field, TaggedResource
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_json
from local.providers.values import Properties


def _document(policy: Any) -> str:
    """Return a policy as text: botocore decodes the documents that IAM sends URL-encoded."""
    return policy if isinstance(policy, str) else json.dumps(policy)


class Role(TaggedResource):
    sdk = "pulumi_aws.iam:Role"
    title = "IAM Role"
    service = "iam"
    inputs = properties(
        assumeRolePolicy=Field(api="AssumeRolePolicyDocument", decode=_document, same=same_json),
        description=Field(),
        name=Field(api="RoleName", replaces=True, computed=True),
        permissionsBoundary=Field(answer="PermissionsBoundary.PermissionsBoundaryArn"),
    )
    everywhere = properties(tags=Property())
    outputs = {"arn": "Arn", "uniqueId": "RoleId"}
    identity = "{name}"
    creates, reads, described, deletes = "create_role", "get_role", "Role", "delete_role"
    auto_name = AutoName(max_length=64)
    retry_delete_on = ("DeleteConflict",)

    def update(self, change: Change) -> None:
        iam, new = self.client(change.new), change.new
        if change.touches("assumeRolePolicy"):
            iam.update_assume_role_policy(RoleName=self.id, PolicyDocument=new["assumeRolePolicy"])
        if change.touches("description"):
            iam.update_role(RoleName=self.id, Description=new.get("description") or "")
        if change.touches("permissionsBoundary"):
            if new.get("permissionsBoundary"):
                self.call("put_role_permissions_boundary", new)
            else:
                self.call("delete_role_permissions_boundary", new)
        super().update(change)

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        if removed:
            self.client(state).untag_role(RoleName=self.id, TagKeys=list(removed))
        if added:
            self.client(state).tag_role(RoleName=self.id, Tags=self.tag_list(added))


class RolePolicy(AwsResource):
    sdk = "pulumi_aws.iam:RolePolicy"
    title = "IAM Role Policy"
    service = "iam"
    inputs = properties(
        name=Field(api="PolicyName", replaces=True, computed=True),
        policy=Field(api="PolicyDocument", decode=_document, same=same_json),
        role=Field(api="RoleName", replaces=True),
    )
    everywhere = properties()
    identity = "{role}:{name}"
    creates = updates = "put_role_policy"
    reads, deletes = "get_role_policy", "delete_role_policy"
    auto_name = AutoName(max_length=128)


class RolePolicyAttachment(AwsResource):
    sdk = "pulumi_aws.iam:RolePolicyAttachment"
    title = "IAM Role Policy Attachment"
    service = "iam"
    inputs = properties(policyArn=Field(replaces=True), role=Field(api="RoleName", replaces=True))
    everywhere = properties()
    identity = "{role}/{policyArn}"
    creates, deletes = "attach_role_policy", "detach_role_policy"

    def describe(self, state: Properties) -> Any:
        pages = self.client(state).get_paginator("list_attached_role_policies").paginate(RoleName=state["role"])
        attached = [policy for page in pages for policy in page["AttachedPolicies"]]
        return next((policy for policy in attached if policy["PolicyArn"] == state["policyArn"]), None)
