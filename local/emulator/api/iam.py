"""IAM's roles, which one request reads while another makes one, and the quota of policies that are attached to one."""

from collections.abc import Iterable
from dataclasses import dataclass

from moto.iam.exceptions import LimitExceededException
from moto.iam.models import IAMBackend, Role


@dataclass
class Quotas:
    """What IAM grants an account; the defaults are those of a new one."""

    policies_per_role: int = 10

    def set(self, policies_per_role: int = 10) -> None:
        """Raise the quota, or set it back."""
        self.policies_per_role = policies_per_role

    def enforce(self) -> None:
        """Have moto refuse what is beyond them."""
        attach, quotas = IAMBackend.attach_role_policy, self

        def attach_role_policy(self: IAMBackend, policy_arn: str, role_name: str) -> None:
            attached = self.get_role(role_name).managed_policies
            if policy_arn not in attached and len(attached) >= quotas.policies_per_role:
                raise LimitExceededException(f"Cannot exceed quota for PoliciesPerRole: {quotas.policies_per_role}")
            attach(self, policy_arn, role_name)

        IAMBackend.attach_role_policy = attach_role_policy


def read_roles_while_others_are_made() -> None:
    """Have moto look through the roles that there are, and not through its dictionary, which may grow meanwhile."""
    IAMBackend.get_roles = _roles_of_now


def _roles_of_now(self: IAMBackend) -> Iterable[Role]:
    return list(self.roles.values())
