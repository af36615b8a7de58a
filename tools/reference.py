"""Writes the API reference from the docstrings, as HTML."""

import warnings
from pathlib import Path

import pdoc
from pdoc import render

from local.paths import SHARED
from local.progress import say


def write_reference(folder: Path) -> Path:
    """Write the reference into a folder and return its first page. Whatever pdoc warns of is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        # The SDK's `Input` refers to `Output[T]` by names that only the SDK's own modules have; shown as written.
        names = "(Input|Output|T|Resource|ProviderResource|Alias)"
        warnings.filterwarnings("ignore", f"Error parsing type annotation .*Import of {names} failed", UserWarning)
        render.configure(docformat="markdown", show_source=False)
        pdoc.pdoc("airflow_fargate", output_directory=folder)
    return folder / "airflow_fargate.html"


if __name__ == "__main__":
    say(f"The API reference is {write_reference(SHARED / 'docs')}")
