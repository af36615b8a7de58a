"""AWSServiceRoleForECS, by which ECS acts in an account: made with its first cluster, and there a moment later."""

import threading
from contextlib import suppress

from moto.ecs.exceptions import InvalidParameterException
from moto.ecs.models import EC2ContainerServiceBackend
from moto.iam.exceptions import EntityAlreadyExists, NotFoundException
from moto.iam.models import SERVICE_NAME_CONVERSION, IAMBackend, iam_backends

SECONDS = 2.0
"""IAM takes as long to show a new role everywhere, or longer."""

# moto spells what it does not know in lower case.
SERVICE_NAME_CONVERSION["ecs"] = "ECS"


def create_linked_role(ecs: EC2ContainerServiceBackend) -> None:
    """Begin to create the role, as the creation of a cluster does."""

    def create() -> None:
        with suppress(EntityAlreadyExists):
            _iam(ecs).create_service_linked_role("ecs.amazonaws.com", "Role to enable Amazon ECS", "")

    timer = threading.Timer(SECONDS, create)
    timer.daemon = True
    timer.start()


def refuse_without_linked_role(ecs: EC2ContainerServiceBackend) -> None:
    try:
        _iam(ecs).get_role("AWSServiceRoleForECS")
    except NotFoundException as error:
        raise InvalidParameterException(
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists."
        ) from error


def _iam(ecs: EC2ContainerServiceBackend) -> IAMBackend:
    return iam_backends[ecs.account_id][ecs.partition]
