"""The settings that the arguments describe: each read as the type that it is declared with, defaults filled in.

A value that is an output of another resource is not known yet and passes as it is; what decides which resources exist
must be plain.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import pulumi

from .arguments import AirflowFargateArgs
from .dags.folder import DagFolder, read_dag_folder
from .errors import Refusal

_SECRET_ARGUMENTS = ("admin_password", "dags_git_token", "secrets")

D = TypeVar("D")
T = TypeVar("T")

DEFAULT_IMAGE = "apache/airflow:3.3.2"
DEFAULT_DAGS_REFRESH_SECONDS = 30


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The arguments with their defaults filled in, as the other modules read them."""

    image: pulumi.Input[str]
    legacy_image: bool
    command: tuple[str, ...] | None
    port: int
    cpu: int
    memory: int
    cpu_architecture: str
    ephemeral_storage_gib: int
    spot: bool
    allowed_cidrs: tuple[str, ...]
    allow_public_access: bool
    egress_ports: tuple[int, ...]
    enable_exec: bool
    vpc_id: pulumi.Input[str] | None
    subnet_ids: pulumi.Input[list[pulumi.Input[str]]] | None
    admin_username: str
    admin_password: pulumi.Input[str] | None
    environment: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, pulumi.Input[str]]
    dags_path: str | None
    dag_folder: DagFolder
    dags_refresh_seconds: int
    dags_git_url: str | None
    dags_git_ref: str
    dags_git_subdir: str
    dags_git_token: pulumi.Input[str] | None
    load_examples: bool
    pip_requirements: tuple[str, ...]
    log_retention_days: int
    tags: Mapping[str, pulumi.Input[str]]


def read_settings(args: AirflowFargateArgs) -> tuple[Settings, list[Refusal]]:
    """Return the settings, and a refusal for each argument that is unknown or has another type."""
    reader = _Reader(args)
    image = reader.input_string("image", DEFAULT_IMAGE)
    legacy_image = reader.boolean("legacy_image", _is_legacy(image))
    dags_path = reader.optional_string("dags_path")
    dag_folder = DagFolder() if not dags_path or legacy_image else read_dag_folder(Path(dags_path))
    settings = Settings(
        image=image,
        legacy_image=legacy_image,
        command=reader.strings("command") if "command" in args else None,
        port=reader.integer("port", 8080),
        cpu=reader.integer("cpu", 512),
        memory=reader.integer("memory", 2048),
        cpu_architecture=reader.string("cpu_architecture", "X86_64"),
        ephemeral_storage_gib=reader.integer("ephemeral_storage_gib", 20),
        spot=reader.boolean("spot", False),
        allowed_cidrs=reader.strings("allowed_cidrs"),
        allow_public_access=reader.boolean("allow_public_access", False),
        egress_ports=reader.integers("egress_ports"),
        enable_exec=reader.boolean("enable_exec", False),
        vpc_id=reader.optional_input("vpc_id", _string, "a string"),
        subnet_ids=reader.optional_input("subnet_ids", _list_of_inputs, "a list of strings"),
        admin_username=reader.string("admin_username", "" if legacy_image else "admin"),
        admin_password=reader.optional_input("admin_password", _string, "a string"),
        environment=reader.mapping("environment"),
        secrets=reader.mapping("secrets"),
        dags_path=dags_path,
        dag_folder=dag_folder,
        dags_refresh_seconds=reader.integer("dags_refresh_seconds", DEFAULT_DAGS_REFRESH_SECONDS),
        dags_git_url=reader.optional_string("dags_git_url"),
        dags_git_ref=reader.string("dags_git_ref", "main"),
        dags_git_subdir=reader.string("dags_git_subdir", ""),
        dags_git_token=reader.optional_input("dags_git_token", _string, "a string"),
        load_examples=reader.boolean("load_examples", False),
        pip_requirements=reader.strings("pip_requirements"),
        log_retention_days=reader.integer("log_retention_days", 30),
        tags=reader.mapping("tags"),
    )
    return settings, reader.refusals


class _Reader:
    """Reads arguments as the types that they are declared with, and collects what has another type."""

    def __init__(self, args: AirflowFargateArgs) -> None:
        self.refusals: list[Refusal] = []
        self._args = cast(Mapping[str, Any], args)
        known = AirflowFargateArgs.__annotations__
        for argument in self._args:
            if argument not in known:
                self._refuse(argument, f"is not an argument; the arguments are {', '.join(sorted(known))}")

    def boolean(self, argument: str, default: bool) -> bool:
        return self._plain(argument, default, _boolean, "true or false")

    def integer(self, argument: str, default: int) -> int:
        return self._plain(argument, default, _integer, "a whole number")

    def string(self, argument: str, default: str) -> str:
        return self._plain(argument, default, _string, "a string")

    def optional_string(self, argument: str) -> str | None:
        return self._plain(argument, None, _string, "a string")

    def strings(self, argument: str) -> tuple[str, ...]:
        return self._plain(argument, (), _tuple_of(_string), "a list of strings")

    def integers(self, argument: str) -> tuple[int, ...]:
        return self._plain(argument, (), _tuple_of(_integer), "a list of whole numbers")

    def input_string(self, argument: str, default: str) -> pulumi.Input[str]:
        value = self.optional_input(argument, _string, "a string")
        return default if value is None else value

    def optional_input(self, argument: str, convert: Callable[[Any], T | None], kind: str) -> pulumi.Input[T] | None:
        value = self._args.get(argument)
        return cast("pulumi.Output[T]", value) if _is_output(value) else self._plain(argument, None, convert, kind)

    def mapping(self, argument: str) -> Mapping[str, pulumi.Input[str]]:
        nothing: Mapping[str, pulumi.Input[str]] = {}
        return self._plain(argument, nothing, _mapping, "names with strings as values, each of which may be an output")

    def _plain(self, argument: str, default: D, convert: Callable[[Any], T | None], kind: str) -> D | T:
        value = self._args.get(argument)
        if value is None:
            return default
        converted = None if _is_output(value) else convert(value)
        if converted is None:
            if _is_output(value) or (isinstance(value, list) and any(map(_is_output, cast(list[Any], value)))):
                shown = "is an output or a secret, but decides what is created"
            else:
                shown = "has a value of another type" if argument in _SECRET_ARGUMENTS else f"is {value!r}"
            self._refuse(argument, f"{shown}; give {kind}")
            return default
        return converted

    def _refuse(self, argument: str, reason: str) -> None:
        self.refusals.append(Refusal(argument, reason))


def _is_output(value: object) -> bool:
    return isinstance(value, pulumi.Output | Awaitable)


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _integer(value: object) -> int | None:
    """Accept whole floats: consumers in other languages send every number as one."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _tuple_of(convert: Callable[[Any], T | None]) -> Callable[[Any], tuple[T, ...] | None]:
    def convert_all(value: object) -> tuple[T, ...] | None:
        if not isinstance(value, list | tuple):
            return None
        items = [convert(item) for item in cast(Iterable[Any], value)]
        return None if None in items else tuple(cast(list[T], items))

    return convert_all


def _list_of_inputs(value: object) -> list[pulumi.Input[str]] | None:
    if not isinstance(value, list | tuple):
        return None
    items = list(cast(Iterable[Any], value))
    return items if all(isinstance(item, str) or _is_output(item) for item in items) else None


def _mapping(value: object) -> Mapping[str, pulumi.Input[str]] | None:
    if not isinstance(value, Mapping):
        return None
    items = cast(Mapping[Any, Any], value)
    if not all(isinstance(key, str) and (isinstance(item, str) or _is_output(item)) for key, item in items.items()):
        return None
    return dict(items)


def _is_legacy(image: pulumi.Input[str]) -> bool:
    """Tell the legacy image by its repository, whatever the registry and the tag."""
    return isinstance(image, str) and re.search(r"(^|/)puckel/docker-airflow(:|@|$)", image) is not None
