"""IAM's roles, which one request reads while another makes one."""

from collections.abc import Iterable

from moto.iam.models import IAMBackend, Role


def read_roles_while_others_are_made() -> None:
    """Have moto look through the roles that there are, and not through its dictionary, which may grow meanwhile."""
    IAMBackend.get_roles = _roles_of_now


def _roles_of_now(self: IAMBackend) -> Iterable[Role]:
    return list(self.roles.values())
