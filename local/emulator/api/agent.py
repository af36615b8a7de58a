"""Where a container finds the ECS agent: beside the AWS API, on the same port."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request, Response

from local.emulator.api.wsgi import Application, Environ
from local.emulator.fargate.protection import PATH, TaskProtections


@dataclass(frozen=True)
class AgentEndpoint:
    """The AWS API with the ECS agent of tasks beside it, as a WSGI application."""

    application: Application
    protections: TaskProtections

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(PATH):
            return self.application(environ, start_response)
        body = Request(environ).get_data()
        answer = self.protections.answer(environ["REQUEST_METHOD"], path, json.loads(body or b"{}"))
        if answer is None:
            return Response(status=404)(environ, start_response)
        status, content = answer
        return Response(json.dumps(content), status, content_type="application/json")(environ, start_response)
