"""Apache Airflow in one container on AWS Fargate, as a Pulumi component."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .arguments import AirflowFargateArgs
    from .component import OUTPUTS, AirflowFargate
    from .errors import InvalidArgumentsError

__all__ = ["OUTPUTS", "AirflowFargate", "AirflowFargateArgs", "InvalidArgumentsError"]

_MODULES = {
    "OUTPUTS": "component",
    "AirflowFargate": "component",
    "AirflowFargateArgs": "arguments",
    "InvalidArgumentsError": "errors",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: the SDKs take seconds, and what only reads a folder or asks AWS needs none of them."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return value
