"""The roles by which services act in an account: made when a service is first asked, and there a moment later."""

import threading
from contextlib import suppress
from typing import Literal

from moto.core.base_backend import BaseBackend
from moto.iam.exceptions import EntityAlreadyExists, NotFoundException
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, iam_backends

SECONDS = 2.0
"""IAM takes as long to show a new role everywhere, or longer."""

Service = Literal["ECS", "ElastiCache", "RDS"]

# moto spells what it does not know in lower case.
SERVICE_NAME_CONVERSION.update({"ecs": "ECS", "elasticache": "ElastiCache", "rds": "RDS"})


def create_linked_role(backend: BaseBackend, service: Service) -> None:
    """Begin to create the role, as the creation of a cluster of ECS does."""

    def create() -> None:
        with suppress(EntityAlreadyExists):
            _iam(backend).create_service_linked_role(
                f"{service.lower()}.amazonaws.com", f"Role to enable Amazon {service}", ""
            )

    timer = threading.Timer(SECONDS, create)
    timer.daemon = True
    timer.start()


def has_linked_role(backend: BaseBackend, service: Service) -> bool:
    try:
        _iam(backend).get_role(f"AWSServiceRoleFor{service}")
    except NotFoundException:
        return False
    return True


def is_first_used(backend: BaseBackend, service: Service) -> bool:
    """Whether a service has no role yet, which it begins to create, as RDS and ElastiCache do when they need one."""
    if has_linked_role(backend, service):
        return False
    create_linked_role(backend, service)
    return True


def _iam(backend: BaseBackend) -> IAMBackend:
    return iam_backends[backend.account_id][backend.partition]
