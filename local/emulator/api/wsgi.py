"""The types of WSGI, by which the parts of the port of the AWS API are put around each other."""

from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]
