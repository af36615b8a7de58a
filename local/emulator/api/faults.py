"""Calls that AWS refuses or throttles, on demand: what becomes of a deployment then can be tried.

Off until it is asked for, over HTTP on the port of the AWS API:

    PUT /faults     {"fault": "refused", "throttled" or "broken", "calls": how many in all, or null for every one}
    PUT /faults     {"fault": …, "service": such as "s3", "seconds": how long}: in this outage each call of it fails
    GET /faults     {"seen": […], "failed": […]}, by call, since the first PUT
    DELETE /faults  lets every call pass, and forgets

Outside an outage a call fails once: what was seen before the PUT, or has failed, passes. Two calls are the same if they
have the same operation and parameters, whatever digits automatic names end in.
"""

import json
import re
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Literal

from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from local.emulator.api.calls import error, service_signed_as
from local.emulator.api.wsgi import Application, Environ

PATH = "/faults"

Fault = Literal["refused", "throttled", "broken"]

CODES: Mapping[Fault, Mapping[str, tuple[int, str]]] = {
    "refused": {
        "ec2": (403, "UnauthorizedOperation"),
        "json": (400, "AccessDeniedException"),
        "query": (403, "AccessDenied"),
        "rest-json": (403, "AccessDeniedException"),
        "rest-xml": (403, "AccessDenied"),
    },
    "broken": {
        "ec2": (500, "InternalError"),
        "json": (500, "InternalServerError"),
        "query": (500, "InternalFailure"),
        "rest-json": (500, "InternalServerException"),
        "rest-xml": (500, "InternalError"),
    },
    "throttled": {
        "ec2": (503, "RequestLimitExceeded"),
        "json": (400, "ThrottlingException"),
        "query": (400, "Throttling"),
        "rest-json": (429, "TooManyRequestsException"),
        "rest-xml": (503, "SlowDown"),
    },
}
"""Status and error code by the protocol of the call."""

_RANDOM_DIGITS = re.compile(r"(?<=-)[0-9a-f]{7}(?![0-9a-z])")
_TOKEN = re.compile(r"ClientToken=[^&]*")


@dataclass(frozen=True)
class Call:
    """One request to the AWS API."""

    service: str
    protocol: str
    operation: str
    parameters: str

    @property
    def key(self) -> str:
        same = _RANDOM_DIGITS.sub("", _TOKEN.sub("", self.parameters))
        return f"{self.service}:{self.operation} {same}"


@dataclass
class FaultInjection:
    """The AWS API with faults, as a WSGI application."""

    application: Application
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _fault: Fault | None = None
    _left: int | None = 0
    """How many more calls are to fail; None: all."""
    _outages: dict[str, tuple[Fault, float]] = field(default_factory=dict[str, tuple[Fault, float]])
    """By service, with the moment at which it is over."""
    _seen: dict[str, None] = field(default_factory=dict[str, None])
    _failed: list[str] = field(default_factory=list[str])

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            return self._control(Request(environ))(environ, start_response)
        call = _call(environ) if self._fault or self._outages else None
        if call is not None and (fault := self._fault_for(call)):
            return _failure(call, fault)(environ, start_response)
        return self.application(environ, start_response)

    def _control(self, request: Request) -> Response:
        with self._lock:
            if request.method == "PUT":
                wanted: dict[str, Any] = json.loads(request.get_data())
                if "service" in wanted:
                    self._outages[wanted["service"]] = wanted["fault"], time.monotonic() + wanted["seconds"]
                else:
                    self._fault, self._left = wanted["fault"], wanted["calls"]
            elif request.method == "DELETE":
                self._fault = None
                self._outages.clear()
                self._seen.clear()
                self._failed.clear()
            answer = {"seen": [*self._seen], "failed": self._failed}
        return Response(json.dumps(answer), content_type="application/json")

    def _fault_for(self, call: Call) -> Fault | None:
        with self._lock:
            fault, end = self._outages.get(call.service, (None, 0.0))
            if time.monotonic() < end:
                return fault
            if self._fault is None or call.key in self._failed or self._left == 0:
                self._seen[call.key] = None
                return None
            self._seen[call.key] = None
            self._failed.append(call.key)
            if self._left is not None:
                self._left -= 1
            return self._fault


def _call(environ: Environ) -> Call | None:
    """Return the call that a signed request makes; other requests are none of AWS's API."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request", environ.get("HTTP_AUTHORIZATION", ""))
    if scope is None:
        return None
    service = service_signed_as(scope[1])
    protocol = determine_request_protocol(get_service_model(service), environ.get("CONTENT_TYPE"))
    if protocol.startswith("rest-"):
        request, parameters = Request(environ), f"{environ['PATH_INFO']}?{environ['QUERY_STRING']}"
    else:
        body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        request, parameters = Request({**environ, "wsgi.input": BytesIO(body)}), body.decode()
    operation, _ = get_service_router(service).match(request)
    return Call(scope[1], protocol, operation.name, parameters)


def _failure(call: Call, fault: Fault) -> Response:
    status, code = CODES[fault][call.protocol]
    message = (
        f"User: arn:aws:iam::123456789012:user/test is not authorized to perform: {call.service}:{call.operation}"
        if fault == "refused"
        else {"throttled": "Rate exceeded", "broken": "We encountered an internal error. Please try again."}[fault]
    )
    return error(call.protocol, status, code, message)
