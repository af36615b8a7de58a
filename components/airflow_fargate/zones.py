"""The zones of a region in which Fargate runs tasks."""

import re

import pulumi
import pulumi_aws as aws

# AWS: "Availability Zone IDs". The id of a Local Zone or a Wavelength Zone has one more part, as in usw2-lax1-az1.
_AVAILABILITY_ZONE_ID = re.compile(r"(?P<region>[a-z]+\d+)-az\d+")

# The regions where Fargate is in these availability zones only: ECS developer guide, "Supported Regions for Amazon ECS
# on AWS Fargate", Linux containers, read in November 2026.
_ZONES_OF_FARGATE = {
    "apne1": ("apne1-az1", "apne1-az2", "apne1-az4"),
    "cnn1": ("cnn1-az1", "cnn1-az2"),
    "usw1": ("usw1-az1", "usw1-az3"),
}

# AWS lists no exception in ca-central-1, but Fargate was absent there: chosen last.
_DOUBTFUL = "cac1-az4"

# With how many zones a VPC is made. It decides the address ranges of the subnets, so it cannot change.
NUMBER_OF_ZONES = 2


def without_fargate(zone_id: str) -> str | None:
    """Return why Fargate runs no task in the zone of an id such as use1-az1, and the way out; None where it does."""
    if not (parts := _AVAILABILITY_ZONE_ID.fullmatch(zone_id)):
        return "name one that lies in an availability zone, since Fargate runs in no Local Zone and no Wavelength Zone"
    if zone_id not in (zones := _ZONES_OF_FARGATE.get(parts["region"], (zone_id,))):
        return f"name one that lies in {' or '.join(zones)}, since of this region's zones Fargate runs in those only"
    return None


def find_zones(lookup: pulumi.InvokeOptions) -> list[str]:
    """Ask AWS for the names of two availability zones for subnets, those that Fargate has before others.

    None are returned where there are not two, or nobody answers: in the preview of a provider that is not configured
    yet, and by mocks of a program's own.
    """
    found = aws.get_availability_zones(
        filters=[aws.GetAvailabilityZonesFilterArgs(name="zone-type", values=["availability-zone"])],
        state="available",
        opts=lookup,
    )
    # Without an answer these are None, whatever their types say.
    ids = dict(zip(found.names or (), found.zone_ids or (), strict=False))
    names = choose_zones(ids)
    if len(names) < NUMBER_OF_ZONES:
        return []
    if unfit := [name for name in names if without_fargate(ids[name])]:
        pulumi.log.warn(
            f"Fargate is not in {' and '.join(f'{name} ({ids[name]})' for name in unfit)}, and this account has not "
            f"{NUMBER_OF_ZONES} zones with it: a task that ECS places there cannot start. Give vpc_id and subnet_ids, "
            "or choose another region."
        )
    return names


def choose_zones(ids: dict[str, str]) -> list[str]:
    """Return the names of the first two zones, those with Fargate before others; `ids` has the id of each by name."""
    by_fitness = sorted(ids, key=lambda name: (without_fargate(ids[name]) is not None, ids[name] == _DOUBTFUL, name))
    return by_fitness[:NUMBER_OF_ZONES]
