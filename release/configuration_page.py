"""`make configuration`: write docs/configuration.md from the schema, the capabilities' settings and Pulumi.yaml."""

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, cast

import yaml
from airflow_fargate.settings import CapabilitySettings
from airflow_fargate.validation import Settings
from pulumi.provider.experimental.util import camel_case

from configuration import SECRET_KEYS
from local.paths import ROOT
from release.paths import SCHEMA

PAGE = ROOT / "docs" / "configuration.md"

_BEGINNING = """\
# Configuration

Every key of the program's configuration, and every argument of the component: they have the same names, in Python in
snake case. `make configuration` writes this page from the code.

`pulumi config set <key> <value>`, or edit `Pulumi.<stack>.yaml`. A key that does not exist, and a value that AWS or
Airflow would refuse, ends `pulumi preview` with the key, the value and the way out; the component's messages name the
key in snake case, `dags_path` for `dagsPath`. In this program's configuration an empty string, list or object is as
good as none; where a key says that an empty one is refused, the component refuses it. Paths are relative to
`Pulumi.yaml`. The region is the key `aws:region`.

The value beside the type is the default of this program, from `Pulumi.yaml`; where the text names another one, that is
the component's, for programs that embed it. `my-ip` in `allowedCidrs`, the address that you deploy from, is of this
program only. Outputs that the text names, such as `userPasswords`, are in snake case here: `user_passwords`.
"""

_PAGES = {
    "image": "images.md",
    "task": "container.md",
    "exec": "access.md#an-airflow-with-no-open-port",
    "drain": "updates.md#waiting-for-running-tasks",
    "roles": "dags.md#what-dags-may-do-in-aws",
    "login": "users.md",
    "parameter_store": "connections.md",
    "dags": "dags.md",
    "data": "durability.md",
    "database": "databases.md",
    "executor": "growing.md",
}
"""What says more of a capability."""


def page() -> str:
    """Return the page, in Markdown: a section for each capability, and in it one for each key."""
    [component] = json.loads(SCHEMA.read_text())["resources"].values()
    declared: dict[str, Any] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    return "\n".join([_BEGINNING, *_sections(component["inputProperties"], declared)])


def _sections(described: dict[str, Any], declared: dict[str, Any]) -> Iterator[str]:
    base = {argument.name for argument in fields(CapabilitySettings)}
    for capability in fields(Settings):
        settings = cast(type[CapabilitySettings], capability.type)
        yield f"## {(settings.__doc__ or '').partition('.')[0]}\n"
        if capability.name in _PAGES:
            yield f"More: [{_PAGES[capability.name].removeprefix('../')}]({_PAGES[capability.name]})\n"
        for key in (camel_case(argument.name) for argument in fields(settings) if argument.name not in base):
            yield f"### {key}\n"
            yield f"{_form(key, declared[key])}\n"
            yield f"{described[key]['description']}\n"


def _form(key: str, declared: dict[str, Any]) -> str:
    """Return the type of a key, its default if the program gives one, and how it is set if it must be secret."""
    form = declared["type"]
    if form == "array":
        form = f"list of {declared['items']['type']}s"
    if declared["default"] not in ("", [], {}):
        form += f", `{yaml.safe_dump(declared['default'], default_flow_style=True).splitlines()[0]}`"
    if key in SECRET_KEYS:
        form += f"; `pulumi config set --secret {SECRET_KEYS[key]}`"
    return f"*{form}*"


def main() -> None:
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
