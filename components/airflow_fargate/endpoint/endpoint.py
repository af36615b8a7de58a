"""The endpoint: where Airflow's web interface and REST API are reached, as the rest of the component has to know it."""

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi

from ..errors import Refusal
from ..part import Part
from ..settings import CapabilitySettings

AIRFLOW_PORT = 8080
"""Airflow's own port, at which its settings need no help."""


@dataclass(frozen=True, kw_only=True)
class EndpointSettings(CapabilitySettings):
    """The port of the web interface and the REST API."""

    port: int = AIRFLOW_PORT


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where Airflow is reached."""

    port: int
    """The port that the task listens on."""
    path: pulumi.Input[str]
    """The prefix of Airflow's own paths, such as `/airflow`; empty for nothing."""
    part: Part


def refuse_endpoint(settings: EndpointSettings) -> Iterator[Refusal]:
    """Refuse ports that Airflow could not listen on."""
    if not 1024 <= settings.port <= 65535:
        yield Refusal("port", f"is {settings.port}; use 1024 to 65535, since the image does not run as root")
