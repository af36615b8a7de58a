"""A call of AWS's API: who has signed it, what it asks for, and how it is refused in its protocol."""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from moto.backend_index import backend_url_patterns
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model, service_name_from_moto_package_name
from werkzeug.wrappers import Response

from local.emulator.api.wsgi import Environ

_SIGNED = re.compile(r"([^/= ]+)/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Signature:
    """Who has signed a call, by the key, and for what."""

    access_key_id: str
    session_token: str
    region: str
    service: str
    """By the name that requests are signed with."""

    @classmethod
    def of(cls, environ: Environ) -> "Signature | None":
        """Return the signature in the header or, of a URL that was signed beforehand, in the query."""
        query = {name.lower(): value for name, value in Request(environ).args.items()}
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or query.get("x-amz-security-token", "")
        if key := query.get("awsaccesskeyid"):
            # Signature Version 2, which boto3 uses for such URLs, and which is of no region.
            return cls(key, token, "us-east-1", "s3")
        found = _SIGNED.search(environ.get("HTTP_AUTHORIZATION") or query.get("x-amz-credential", ""))
        return cls(found[1], token, found[2], found[3]) if found else None


@dataclass(frozen=True)
class Call:
    """A call by the names of its service's model."""

    service: str
    """By botocore's name."""
    operation: str
    protocol: str
    """That it is answered in."""
    parameters: Mapping[str, Any]
    """Without what the body of an object of S3 has."""

    @classmethod
    def read(cls, environ: Environ, signature: Signature) -> "Call":
        """Return the call that a request makes, and leave the request to be read again."""
        model = get_service_model(service_signed_as(signature.service))
        body = b""
        if model.service_name != "s3" or environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            environ["wsgi.input"] = BytesIO(body)
        request = Request({**environ, "wsgi.input": BytesIO(body)})
        operation, in_path = get_service_router(model.service_name).match(request)
        protocol = determine_request_protocol(model, request.content_type)
        parse = PROTOCOL_PARSERS[protocol](operation).parse
        parameters: Mapping[str, Any] = parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": body,
                "url_path": request.path,
                "url_params": in_path,
            }
        )
        return cls(model.service_name, operation.name, protocol, parameters)


@functools.cache
def service_signed_as(signing_name: str) -> str:
    """Return botocore's name of the service that requests are signed for; the newest, where several share one."""
    host = f"https://{signing_name}.us-east-1.amazonaws.com"
    *_, package = (package for package, pattern in backend_url_patterns if pattern.match(host))
    return service_name_from_moto_package_name(package)


def error(protocol: str, status: int, code: str, message: str) -> Response:
    """Return the answer to a call that fails."""
    if protocol.endswith("json"):
        return Response(json.dumps({"__type": code, "message": message}), status, content_type="application/json")
    element = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    text = {
        "ec2": f"<Response><Errors><Error>{element}</Error></Errors><RequestID>fault</RequestID></Response>",
        "query": f"<ErrorResponse><Error><Type>Sender</Type>{element}</Error></ErrorResponse>",
        # The others wrap the error in an element that botocore looks through and S3 does not have.
        "rest-xml": f"<Error>{element}</Error>",
    }[protocol]
    return Response(text, status, content_type="text/xml")
