"""The errors that reach the engine as plain messages, without a Python traceback."""

from collections.abc import Mapping
from typing import Any


class ProviderError(Exception):
    """An operation failed; the message is shown to the user as it stands."""


class InitFailedError(ProviderError):
    """A resource exists but did not become usable: the engine keeps it in the state and updates it next time."""

    def __init__(self, message: str, resource_id: str, properties: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties


class UnknownTokenError(ProviderError):
    """The program asks for a resource type or function that the stand-in does not have."""

    def __init__(self, kind: str, token: str, known: Mapping[str, object]) -> None:
        super().__init__(
            f"the local stand-in of the provider has no {kind} {token}; it has {', '.join(sorted(known))}. "
            "Use the real provider for anything else (see local/providers/README.md)"
        )
