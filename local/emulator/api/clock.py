"""PUT /clock with {"seconds": how far}, on the port of the AWS API, sets the emulator's clock forward."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from local.emulator.api.faults import Application, Environ
from local.emulator.fargate import clock

PATH = "/clock"


@dataclass(frozen=True)
class ClockControl:
    """The AWS API and the clock beside it, as a WSGI application."""

    application: Application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            return self.application(environ, start_response)
        clock.set_forward(json.loads(Request(environ).get_data())["seconds"])
        return Response(status=204)(environ, start_response)
