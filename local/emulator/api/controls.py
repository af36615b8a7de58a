"""Controls for tests: a PUT of JSON on the port of the AWS API has the emulator behave otherwise."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from local.emulator.api.wsgi import Application, Environ

Setters = Mapping[str, Callable[[dict[str, Any]], None]]
"""The handler of the body, by path."""


@dataclass(frozen=True)
class Controls:
    """The AWS API with controls beside it, as a WSGI application."""

    application: Application
    setters: Setters

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        setter = self.setters.get(environ["PATH_INFO"])
        if setter is None:
            return self.application(environ, start_response)
        if environ["REQUEST_METHOD"] != "PUT":
            return Response(status=405, headers={"Allow": "PUT"})(environ, start_response)
        setter(json.loads(Request(environ).get_data()))
        return Response(status=204)(environ, start_response)
