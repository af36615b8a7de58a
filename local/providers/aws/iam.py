"""Roles, their inline policies and the managed policies attached to them."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from local.providers.aws.resource import TAGS, AwsResource, TaggedResource, aws_tags, given, plain_tags
from local.providers.naming import AutoName
from local.providers.resource import Change, Property, properties, same_json
from local.providers.values import Properties


class Role(TaggedResource):
    sdk = "pulumi_aws.iam:Role"
    title = "IAM Role"
    service = "iam"
    inputs = properties(
        assumeRolePolicy=Property(same=same_json),
        description=Property(),
        forceDetachPolicies=Property(default=False),
        maxSessionDuration=Property(default=3600),
        name=Property(replaces=True, computed=True),
        path=Property(replaces=True, default="/"),
        permissionsBoundary=Property(),
        tags=TAGS,
    )
    auto_name = AutoName(max_length=64)
    retry_delete_on = ("DeleteConflict",)

    def create(self, inputs: Properties) -> str:
        answer = self.client(inputs).create_role(
            RoleName=inputs["name"],
            Path=inputs["path"],
            AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
            MaxSessionDuration=inputs["maxSessionDuration"],
            **given(Description=inputs.get("description"), PermissionsBoundary=inputs.get("permissionsBoundary")),
            Tags=aws_tags(self.tags_all(inputs)),
        )
        return answer["Role"]["RoleName"]

    def update(self, change: Change) -> None:
        iam, new = self.client(change.new), change.new
        if change.touches("assumeRolePolicy"):
            iam.update_assume_role_policy(RoleName=self.id, PolicyDocument=new["assumeRolePolicy"])
        if change.touches("description", "maxSessionDuration"):
            iam.update_role(
                RoleName=self.id,
                Description=new.get("description") or "",
                MaxSessionDuration=new["maxSessionDuration"],
            )
        if change.touches("permissionsBoundary"):
            if new.get("permissionsBoundary"):
                iam.put_role_permissions_boundary(RoleName=self.id, PermissionsBoundary=new["permissionsBoundary"])
            else:
                iam.delete_role_permissions_boundary(RoleName=self.id)
        super().update(change)

    def read(self, state: Properties) -> Properties | None:
        role = self.client(state).get_role(RoleName=self.id)["Role"]
        return {
            **self.tag_outputs(plain_tags(role.get("Tags", []))),
            "arn": role["Arn"],
            "assumeRolePolicy": _document(role["AssumeRolePolicyDocument"]),
            "createDate": role["CreateDate"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "description": role.get("Description"),
            "maxSessionDuration": role["MaxSessionDuration"],
            "name": role["RoleName"],
            "path": role["Path"],
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "uniqueId": role["RoleId"],
        }

    def delete(self, state: Properties) -> None:
        iam = self.client(state)
        if state.get("forceDetachPolicies"):
            for policy in iam.list_attached_role_policies(RoleName=self.id)["AttachedPolicies"]:
                iam.detach_role_policy(RoleName=self.id, PolicyArn=policy["PolicyArn"])
            for name in iam.list_role_policies(RoleName=self.id)["PolicyNames"]:
                iam.delete_role_policy(RoleName=self.id, PolicyName=name)
        iam.delete_role(RoleName=self.id)

    def retag(self, state: Properties, added: Mapping[str, str], removed: Iterable[str]) -> None:
        iam = self.client(state)
        if removed:
            iam.untag_role(RoleName=self.id, TagKeys=list(removed))
        if added:
            iam.tag_role(RoleName=self.id, Tags=aws_tags(added))


class RolePolicy(AwsResource):
    sdk = "pulumi_aws.iam:RolePolicy"
    title = "IAM Role Policy"
    service = "iam"
    inputs = properties(
        name=Property(replaces=True, computed=True),
        policy=Property(same=same_json),
        role=Property(replaces=True),
    )
    auto_name = AutoName(max_length=128)

    def create(self, inputs: Properties) -> str:
        self._put(inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def update(self, change: Change) -> None:
        self._put(change.new)

    def read(self, state: Properties) -> Properties | None:
        role, name = self.id.split(":", 1)
        answer = self.client(state).get_role_policy(RoleName=role, PolicyName=name)
        return {"name": name, "policy": _document(answer["PolicyDocument"]), "role": role}

    def delete(self, state: Properties) -> None:
        role, name = self.id.split(":", 1)
        self.client(state).delete_role_policy(RoleName=role, PolicyName=name)

    def _put(self, inputs: Properties) -> None:
        self.client(inputs).put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=inputs["policy"]
        )


class RolePolicyAttachment(AwsResource):
    sdk = "pulumi_aws.iam:RolePolicyAttachment"
    title = "IAM Role Policy Attachment"
    service = "iam"
    inputs = properties(policyArn=Property(replaces=True), role=Property(replaces=True))

    def create(self, inputs: Properties) -> str:
        self.client(inputs).attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
        return f"{inputs['role']}/{inputs['policyArn']}"

    def read(self, state: Properties) -> Properties | None:
        role, policy_arn = self.id.split("/", 1)
        pages = self.client(state).get_paginator("list_attached_role_policies").paginate(RoleName=role)
        if not any(policy["PolicyArn"] == policy_arn for page in pages for policy in page["AttachedPolicies"]):
            return None
        return {"policyArn": policy_arn, "role": role}

    def delete(self, state: Properties) -> None:
        role, policy_arn = self.id.split("/", 1)
        self.client(state).detach_role_policy(RoleName=role, PolicyArn=policy_arn)


def _document(policy: Any) -> str:
    """Return a policy as text: botocore decodes the documents that IAM sends URL-encoded."""
    return policy if isinstance(policy, str) else json.dumps(policy)


RESOURCES = (Role, RolePolicy, RolePolicyAttachment)
