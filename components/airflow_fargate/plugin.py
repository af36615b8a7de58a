"""Serves `AirflowFargate` to programs in other Pulumi languages, with the names that they know its arguments by."""

import json
import re
import sys
from collections.abc import Mapping
from importlib import metadata
from inspect import cleandoc
from typing import Any, Optional, cast
from urllib.parse import urlsplit

import pulumi
from pulumi.provider import ConstructResult
from pulumi.provider import main as serve
from pulumi.provider.experimental.analyzer import ComponentDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.server import ComponentInitError

from .component import AirflowFargate
from .errors import InvalidArgumentsError

PACKAGE = "airflow-fargate"
SECRET_OUTPUTS = ("adminPassword", "userPasswords")
"""What generated SDKs mark as secret; annotations cannot say it."""


class Plugin(ComponentProvider):
    """The SDK's plugin host, where it infers the schema and calls the component; corrected where it loses something."""

    def __init__(self) -> None:
        """Infer the schema, and put its descriptions into the names and the Markdown that its readers expect."""
        super().__init__([AirflowFargate], PACKAGE, version=metadata.version(PACKAGE))
        definition = self._component_defs[AirflowFargate.__name__]
        names = {**definition.outputs_mapping, **definition.inputs_mapping}
        self._schema_names = {own: name for name, own in names.items()}
        schema: dict[str, Any] = json.loads(self.schema or "")
        distribution = metadata.metadata(PACKAGE)
        urls: list[str] = distribution.get_all("Project-URL") or []
        [repository] = [url for name, _, url in (each.partition(", ") for each in urls) if name == "Repository"]
        owner = urlsplit(repository).path.split("/")[1].lower()
        schema |= {
            "displayName": "Airflow on AWS Fargate",
            "description": distribution["Summary"],
            "license": distribution["License-Expression"],
            "keywords": ["category/infrastructure", "kind/component"],
            "homepage": repository,
            "repository": repository,
            "logoUrl": f"{repository}/raw/main/docs/logo.svg",
            "publisher": owner,
            "namespace": owner,
        }
        for language, name in _names_in_languages(owner, repository).items():
            schema["language"][language] |= name
        [resource] = schema["resources"].values()
        for output in SECRET_OUTPUTS:
            resource["properties"][output]["secret"] = True
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
        options: Optional[pulumi.ResourceOptions] = None,  # noqa: UP045 - as the SDK has it
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


def _names_in_languages(owner: str, repository: str) -> dict[str, dict[str, str]]:
    """Return what programs import the generated SDKs by, as Pulumi's generators read it.

    Without them the generators put the package among Pulumi's own, and the Go module on example.com. Python's name is
    the one that they choose, and stays: `airflow_fargate` is this library.
    """
    host_and_path = repository.partition("://")[2]
    return {
        "nodejs": {"packageName": f"@{owner}/{PACKAGE}"},
        "python": {"packageName": f"pulumi_{PACKAGE.replace('-', '_')}"},
        "go": {"importBasePath": f"{host_and_path}/sdk/go/{PACKAGE.replace('-', '')}"},
        "csharp": {"rootNamespace": owner.title().replace("-", "")},
        "java": {"basePackage": f"io.github.{owner.replace('-', '')}"},
    }


def main() -> None:
    """Serve the engine that started this process."""
    serve(Plugin(), sys.argv[1:])
