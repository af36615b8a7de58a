"""What containers that run tasks apart from Airflow have of Airflow's own task, and what keeps them apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from ..endpoint.endpoint import Endpoint
from ..firewall import Firewall, create_firewall
from ..identity import Location, RoleSettings
from ..network import Network
from ..part import Part, Reach
from ..scope import Scope
from ..task.log import Log
from ..task.workload import TaskSettings


@dataclass(frozen=True)
class Surroundings:
    """What tasks in other containers share with Airflow's own task."""

    task: TaskSettings
    endpoint: Endpoint
    image: Mapping[str, Any]
    log: Log
    location: pulumi.Output[Location]
    network: Network
    ipv6: bool
    firewall: Firewall
    """That of the task with the API server."""
    role_settings: RoleSettings

    def create_firewall(self, scope: Scope, part: Part, description: str) -> Firewall:
        """Create a security group without a way in, which reaches the API server and what `part` has to reach."""
        return create_firewall(
            scope,
            self.network.vpc_id,
            description=description,
            port=self.endpoint.port,
            allowed=(),
            reach=(*part.reach, Reach("execution-api", "tcp", self.endpoint.port, self.firewall.security_group.id)),
            ipv6=self.ipv6,
        )
