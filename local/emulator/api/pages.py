"""Requests that a page in a browser makes: refused, whatever they ask for.

The port asks for no secret, and a browser on this machine sends to it whatever a page anywhere wants it to.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Response

from local.emulator.api.wsgi import Application, Environ
from local.emulator.fargate import credentials

# Also in front of which S3 and some others put a bucket or a word of their own: nobody else answers below these.
_LOOPBACK = r"(?:[a-z0-9._-]+\.)?(?:localhost|127(?:\.\d{1,3}){3})"
_OWN_HOST = re.compile(rf"(?:{_LOOPBACK}|{re.escape(credentials.ADDRESS[0])})(?::\d+)?", re.IGNORECASE)


@dataclass(frozen=True)
class WithoutPages:
    """What programs of this machine may ask and no page in a browser may, as a WSGI application."""

    application: Application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if refusal := _refusal(environ):
            return Response(f"{refusal}\n", 403, content_type="text/plain")(environ, start_response)
        return self.application(environ, start_response)


def _refusal(environ: Environ) -> str | None:
    if (origin := environ.get("HTTP_ORIGIN")) is not None:
        return f"The local cloud answers programs, and no page in a browser: this request is from one of {origin}."
    # Of a picture, a form of method GET or a link there is no Origin.
    if environ.get("HTTP_SEC_FETCH_SITE") in ("cross-site", "same-site"):
        return "The local cloud answers programs, and no page in a browser: this request is from one of another site."
    # A page whose name leads to this machine by now is one of this site to the browser: the name gives it away.
    if (host := environ.get("HTTP_HOST")) is not None and not _OWN_HOST.fullmatch(host):
        return f"The local cloud is at 127.0.0.1 and localhost, not at {host}: ask it by one of these names."
    return None
