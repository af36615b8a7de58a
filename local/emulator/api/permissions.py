"""Calls with the credentials of a role: refused unless the role's policies allow them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from moto.core.request import determine_request_protocol
from moto.core.utils import get_service_model
from moto.sts.models import AssumedRole
from moto.utilities.utils import get_partition
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from local.emulator.api.calls import Call, Signature, error, service_signed_as
from local.emulator.api.faults import CODES
from local.emulator.api.needs import Need, Place, needs
from local.emulator.api.wsgi import Application, Environ
from local.emulator.fargate.credentials import has_expired, session_of
from local.emulator.fargate.roles import Role


@dataclass(frozen=True)
class RolePermissions:
    """The AWS API as roles may use it, as a WSGI application; whoever has another key is an administrator."""

    application: Application

    def __call__(self, environ: Environ, start_response: Any) -> Iterable[bytes]:
        signature = Signature.of(environ)
        session = session_of(signature.access_key_id) if signature else None
        if signature and session and (refusal := _refusal(environ, signature, session)):
            return refusal(environ, start_response)
        return self.application(environ, start_response)


def _refusal(environ: Environ, signature: Signature, session: AssumedRole) -> Response | None:
    service = get_service_model(service_signed_as(signature.service))
    protocol = determine_request_protocol(service, environ.get("CONTENT_TYPE"))
    status, code = CODES["refused"][protocol]
    if signature.session_token != session.session_token or has_expired(session):
        code = "ExpiredToken" if service.service_name == "s3" else "ExpiredTokenException"
        return error(protocol, status, code, "The security token included in the request is invalid or has expired")
    role = Role(session.account_id, signature.region, session.role_arn, session.session_name)
    try:
        call = Call.read(environ, signature)
    except HTTPException:
        return None  # no call of the service, which says so itself
    wanted = needs(call, Place(get_partition(signature.region), session.account_id, signature.region))
    if wanted is None:
        name = f"{signature.service}:{call.operation}"
        return error(protocol, status, code, f"{role.denial(name, None)} (the emulator does not know what it takes)")
    known = {"aws:RequestedRegion": signature.region, "aws:SecureTransport": "true"}  # HTTP stands for HTTPS here
    denied = next((need for need in wanted if not _allows(role, need, known)), None)
    return denied and error(protocol, status, code, role.denial(denied.action, denied.resource))


def _allows(role: Role, need: Need, known: dict[str, str]) -> bool:
    return role.allows(need.action, need.resource, {**known, **need.context})
