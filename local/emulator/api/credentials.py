"""Where a container finds the credentials of its role: beside the AWS API, on the same port."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Response

from local.emulator.api.wsgi import Application, Environ
from local.emulator.fargate.credentials import PATH, TaskCredentials


@dataclass(frozen=True)
class CredentialsEndpoint:
    """The AWS API with the credentials of tasks beside it, as a WSGI application."""

    application: Application
    credentials: TaskCredentials

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        path: str = environ["PATH_INFO"]
        if not path.startswith(PATH):
            return self.application(environ, start_response)
        found = self.credentials.get(path)
        answer = Response(json.dumps(found), content_type="application/json") if found else Response(status=404)
        return answer(environ, start_response)
