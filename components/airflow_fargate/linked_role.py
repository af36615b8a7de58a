"""The roles by which AWS's services act in an account, made with the first resource of a service, and there later."""

import asyncio
import re
from dataclasses import dataclass

import pulumi

from .scope import Scope

# AWS: "service linked role" of ECS and RDS, the page "ServiceLinkedRoles" of RDS, "ServiceLinkedRoleNotFoundFault" of
# ElastiCache.
_NO_ROLE = re.compile("service.?linked.?role", re.IGNORECASE)
_TRIES = 30
_SECONDS_BETWEEN_TRIES = 3


@dataclass(frozen=True)
class LinkedRole:
    """The role of a service."""

    service: str
    name: str
    principal: str

    def awaited(self, scope: Scope, suffix: str) -> pulumi.ErrorHook:
        """Return a hook that has a call tried again while the service has no role in the account yet."""
        return pulumi.ErrorHook(scope.hook_name(f"{scope.name}-{suffix}"), self.await_it)

    async def await_it(self, failure: pulumi.ErrorHookArgs) -> bool:
        """Have a call tried again while the service has no role.

        The service makes it when it is first asked for something that needs it, and IAM takes a while to show it; the
        provider waits for it when it creates a cluster or a service of ECS, and for nothing else. A deployer who may
        not create the role is told so after a minute and a half.
        """
        if not _NO_ROLE.search(failure.errors[0]):
            return False
        if len(failure.errors) < _TRIES:
            await asyncio.sleep(_SECONDS_BETWEEN_TRIES)
            return True
        pulumi.log.error(
            f"{self.service} has no role in this account ({self.name}), and creates it only for a caller who may have "
            f"it created: iam:CreateServiceLinkedRole for {self.principal}. Somebody who may creates it once, with: "
            f"aws iam create-service-linked-role --aws-service-name {self.principal}; then run `pulumi up` again."
        )
        return False


ECS = LinkedRole("ECS", "AWSServiceRoleForECS", "ecs.amazonaws.com")
ELASTICACHE = LinkedRole("ElastiCache", "AWSServiceRoleForElastiCache", "elasticache.amazonaws.com")
RDS = LinkedRole("RDS", "AWSServiceRoleForRDS", "rds.amazonaws.com")
