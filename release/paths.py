"""Where a release finds what it is made of, and leaves what it has made."""

from local.paths import ROOT

COMPONENTS = ROOT / "components"
"""The folder of the package."""

SCHEMA = COMPONENTS / "airflow_fargate" / "schema.json"

RELEASED = ROOT / "tests" / "released"
"""What each release has registered."""

SOURCES = RELEASED / "sources"
"""The files of the package as the last release has them."""

TRIED = ROOT / "dist"
"""Where sdist and wheel are left, so that what is published is what was tried."""
