"""Serves `AirflowFargate` to programs in other Pulumi languages, with the names that they know its arguments by."""

import json
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from inspect import cleandoc
from typing import Any, Optional, cast

import pulumi
from pulumi.provider import ConstructResult
from pulumi.provider import main as serve
from pulumi.provider.experimental.analyzer import ComponentDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from .component import AirflowFargate
from .errors import InvalidArgumentsError

PACKAGE = "airflow-fargate"


class Plugin(ComponentProvider):
    """The SDK's plugin host, where it infers the schema and calls the component; corrected where it loses something."""

    def __init__(self) -> None:
        """Infer the schema, and put its descriptions into the names and the Markdown that its readers expect."""
        super().__init__([AirflowFargate], PACKAGE, version=metadata.version(PACKAGE))
        definition = self._component_defs[AirflowFargate.__name__]
        names = {**definition.outputs_mapping, **definition.inputs_mapping}
        self._schema_names = {own: name for name, own in names.items()}
        schema: dict[str, Any] = json.loads(self.schema or "")
        schema |= {
            "displayName": "Airflow on AWS Fargate",
            "description": metadata.metadata(PACKAGE)["Summary"],
            "license": metadata.metadata(PACKAGE)["License-Expression"],
            "keywords": ["category/infrastructure", "kind/component"],
        }
        [resource] = schema["resources"].values()
        for described in (resource, *resource["properties"].values(), *resource["inputProperties"].values()):
            described["description"] = self._in_schema_names(cleandoc(described["description"]))
            for repeated in ("items", "additionalProperties"):
                described.get(repeated, {}).pop("description", None)
        self.schema = json.dumps(schema, indent=2, sort_keys=True)

    def map_inputs(self, inputs: pulumi.Inputs, component_def: ComponentDefinition) -> pulumi.Inputs:
        """Turn the schema's names into Python's, and leave values and refusals to the component.

        The SDK's own mapping drops what the schema does not have, and fails with a TypeError when a secret is given for
        a number.
        """
        given = cast(Mapping[str, Any], inputs)
        return {component_def.inputs_mapping.get(name, name): value for name, value in given.items()}

    def construct(
        self,
        name: str,
        resource_type: str,
        inputs: pulumi.Inputs,
        options: Optional[pulumi.ResourceOptions] = None,  # noqa: UP045
    ) -> ConstructResult:
        """Build the component; what it refuses reaches the caller property by property, and without a traceback."""
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if not isinstance(error.inner, InvalidArgumentsError):
                raise
            raise self._refusal(error.inner) from None

    def _refusal(self, error: InvalidArgumentsError) -> pulumi.InputPropertiesError:
        """Name properties in the message alone: beside the path of one the engine prints its value, a secret's too."""
        lines = "".join(
            f"\n  {self._schema_names.get(refusal.argument, refusal.argument)}: {self._in_schema_names(refusal.reason)}"
            for refusal in error.refusals
        )
        # With no list at all, the SDK's server fails while it answers.
        return pulumi.InputPropertiesError(f"refused, nothing was created:{lines}", [])

    def _in_schema_names(self, text: str) -> str:
        return re.sub(r"[a-z]+(_[a-z]+)+", lambda found: self._schema_names.get(found[0], found[0]), text)


def main() -> None:
    """Serve the engine that started this process."""
    serve(Plugin(), sys.argv[1:])
