"""IAM's roles, which one request reads while another makes one, and the quotas of the policies that one has."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend, Role

# IAM user guide, "IAM and AWS STS quotas": characters of all inline policies of a role together, without blanks.
_INLINE_CHARACTERS = 10_240


@dataclass
class Quotas:
    """What IAM grants an account; the defaults are those of a new one."""

    policies_per_role: int = 10

    def set(self, policies_per_role: int = 10) -> None:
        """Raise the quota, or set it back."""
        self.policies_per_role = policies_per_role

    def enforce(self) -> None:
        """Have moto refuse what is beyond them."""
        attach, put, quotas = IAMBackend.attach_role_policy, IAMBackend.put_role_policy, self

        def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
            attached = self.get_role(role_name).managed_policies
            if policy_arn not in attached and len(attached) >= quotas.policies_per_role:
                raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {quotas.policies_per_role}")
            attach(self, policy_arn, role_name)

        def put_role_policy(self: IAMBackend, role_name: str, policy_name: str, policy_json: str) -> None:
            policies = {**self.get_role(role_name).policies, policy_name: policy_json}
            if sum(len(re.sub(r"\s", "", each)) for each in policies.values()) > _INLINE_CHARACTERS:
                raise LimitExceededException(
                    f"Maximum policy size of {_INLINE_CHARACTERS} bytes exceeded for role {role_name}"
                )
            put(self, role_name, policy_name, policy_json)

        IAMBackend.attach_role_policy = attach_role_policy
        IAMBackend.put_role_policy = put_role_policy


def read_roles_while_others_are_made() -> None:
    """Have moto look through the roles that there are, and not through its dictionary, which may grow meanwhile."""
    IAMBackend.get_roles = _roles_of_now


def _roles_of_now(self: IAMBackend) -> Iterable[Role]:
    return list(self.roles.values())
