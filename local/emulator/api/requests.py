"""Requests that AWS refuses for a value in them, and moto takes."""

from typing import Any

from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import determine_request_protocol
from moto.core.responses import BaseResponse
from moto.core.utils import camelcase_to_underscores, get_service_model

from local.emulator.api.constraints import violations
from local.emulator.api.request_rules import RULES, Parameters, RefusedValueError

CODES = {
    "ec2": "InvalidParameterValue",
    "ecs": "InvalidParameterException",
    "elasticache": "InvalidParameterValue",
    "iam": "ValidationError",
    "logs": "InvalidParameterException",
    "rds": "InvalidParameterValue",
    "servicediscovery": "InvalidInput",
    "sts": "ValidationError",
}
"""The code of a refusal by the model; ValidationException for every other service."""

_call_action = BaseResponse.call_action


class _Checked(BaseResponse):
    """Stands for every service but S3, whose requests moto handles in a way of its own."""

    def call_action(self) -> Any:
        action = self._get_action()
        model: ServiceModel = get_service_model(self.boto3_service_name)
        if action in model.operation_names and (refusal := _refusal(self, model.operation_model(action))):

            def refuse() -> None:
                raise refusal

            # What moto calls for the action: what it raises becomes an answer of the service's kind.
            setattr(self, camelcase_to_underscores(action), refuse)
        return _call_action(self)


def refuse_invalid_requests() -> None:
    """Have moto refuse them."""
    BaseResponse.call_action = _Checked.call_action  # pyright: ignore[reportAttributeAccessIssue] # each response is one


def _refusal(request: BaseResponse, operation: OperationModel) -> RefusedValueError | None:
    if operation.input_shape is None:
        return None
    service = operation.service_model.service_name
    parameters = _parameters(request, operation)
    if wrong := next(violations(operation.input_shape, parameters), None):
        return RefusedValueError(CODES.get(service, "ValidationException"), f"1 validation error detected: {wrong}")
    rule = RULES.get((service, operation.name))
    return next(rule(parameters), None) if rule else None


def _parameters(request: BaseResponse, operation: OperationModel) -> Parameters:
    """Return the request by the names of its model, whatever moto makes of it afterwards."""
    http = request.normalized_request
    protocol = determine_request_protocol(operation.service_model, http.content_type)
    return PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": http.method,
            "values": http.values,
            "headers": http.headers,
            "body": http.data,
            "url_path": http.path,
            "url_params": request.uri_match,
        }
    )
