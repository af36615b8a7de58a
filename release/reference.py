"""Writes the API reference from the docstrings, as HTML."""

import warnings
from pathlib import Path

import airflow_fargate
import pdoc
import pulumi
from airflow_fargate import arguments
from pdoc import render
from pulumi import output, resource

from local.paths import LOCAL
from operate.console import say


def write_reference(folder: Path) -> Path:
    """Write the reference into a folder and return its first page. Whatever pdoc warns of is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # pdoc reads `Output[T]` inside the SDK's `Input` with the names of the module that uses it.
        for module in (arguments, resource):
            for name, value in {"Input": pulumi.Input, "Output": pulumi.Output, "T": output.T}.items():
                setattr(module, name, value)
        for name in airflow_fargate.__all__:
            getattr(airflow_fargate, name)  # pdoc looks at what is there, and a name is when it was asked for
        render.configure(docformat="markdown", show_source=False)
        pdoc.pdoc("airflow_fargate", output_directory=folder)
    return folder / "airflow_fargate.html"


if __name__ == "__main__":
    say(f"The API reference is {write_reference(LOCAL / 'docs')}")
