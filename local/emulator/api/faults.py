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
from typing import Any, Literal

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from local.emulator.api.calls import Call, Signature, error
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
_TOKENS = ("ClientToken", "clientToken")


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
        read = _read(environ) if self._fault or self._outages else None
        if read is not None and (fault := self._fault_for(*read)):
            return _failure(*read, fault)(environ, start_response)
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

    def _fault_for(self, service: str, call: Call) -> Fault | None:
        key = _key(service, call)
        with self._lock:
            fault, end = self._outages.get(service, (None, 0.0))
            if time.monotonic() < end:
                return fault
            self._seen[key] = None
            if self._fault is None or key in self._failed or self._left == 0:
                return None
            self._failed.append(key)
            if self._left is not None:
                self._left -= 1
            return self._fault


def _read(environ: Environ) -> tuple[str, Call] | None:
    """Return the call that a signed request makes, with the name that it has signed the service by."""
    signature = Signature.of(environ)
    if signature is None:
        return None
    try:
        return signature.service, Call.read(environ, signature)
    except HTTPException:
        return None  # no call of the service, which says so itself


def _key(service: str, call: Call) -> str:
    """Return what calls that are the same have in common."""
    given = {name: value for name, value in call.parameters.items() if name not in _TOKENS}
    return f"{service}:{call.operation} {_RANDOM_DIGITS.sub('', json.dumps(given, sort_keys=True, default=str))}"


def _failure(service: str, call: Call, fault: Fault) -> Response:
    status, code = CODES[fault][call.protocol]
    message = (
        f"User: arn:aws:iam::123456789012:user/test is not authorized to perform: {service}:{call.operation}"
        if fault == "refused"
        else {"throttled": "Rate exceeded", "broken": "We encountered an internal error. Please try again."}[fault]
    )
    return error(call.protocol, status, code, message)
