"""Limits of Fargate: vCPUs of the account, room in a zone, pulls from Docker Hub."""

from collections.abc import Iterable
from dataclasses import dataclass

from moto.ec2.models.availability_zones_and_regions import Zone

from local.emulator.fargate.task import Task

# ECS developer guide, "Supported Regions for Amazon ECS on AWS Fargate": these regions have Fargate in other zones.
_ZONES_WITHOUT_FARGATE = {"apne1-az3", "cnn1-az4", "usw1-az2"}


class PlacementError(Exception):
    """Why a task could not be started at all; the text is the reason that ECS gives."""


@dataclass
class Limits:
    """The limits now; there are none until one is set."""

    vcpus: float | None = None
    """How many may be running in a region at once; None: any number."""
    full_zones: frozenset[str] = frozenset()
    """Availability zones that have no room for another task."""
    pulls: bool = True
    """Whether Docker Hub gives out images."""

    def set(self, vcpus: float | None = None, full_zones: Iterable[str] = (), pulls: bool = True) -> None:
        """Set all of them; those that are not given, to no limit."""
        self.vcpus, self.full_zones, self.pulls = vcpus, frozenset(full_zones), pulls

    def refuse_vcpus(self, cpu_units: int, tasks: Iterable[Task]) -> None:
        """Refuse a task of so many CPU units if there are too many with those of `tasks`."""
        running = sum(int(task.cpu) for task in tasks if task.last_status != "STOPPED")
        if self.vcpus is not None and running + cpu_units > self.vcpus * 1024:
            raise PlacementError("You've reached the limit on the number of vCPUs you can run concurrently.")

    def roomy(self, subnets: dict[str, Zone]) -> str:
        """Return the first of the subnets, given with their zones, whose zone has Fargate and room; else refuse."""
        usable = {subnet: zone for subnet, zone in subnets.items() if _has_fargate(zone)}
        if not usable:
            names = ", ".join(zone.name for zone in subnets.values())
            raise PlacementError(f"Fargate is not supported in the requested availability zone: {names}")
        for subnet, zone in usable.items():
            if zone.name not in self.full_zones:
                return subnet
        raise PlacementError(
            "Capacity is unavailable at this time. Please try again later or in a different availability zone."
        )


def _has_fargate(zone: Zone) -> bool:
    return zone.zone_type == "availability-zone" and zone.zone_id not in _ZONES_WITHOUT_FARGATE
