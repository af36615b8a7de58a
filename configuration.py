"""Reads the component's arguments from the stack's configuration.

Every argument has a key of the same name in camel case. Pulumi.yaml declares the keys, so the engine has checked their
types and filled in the defaults before this runs; an empty string, list or object means that nothing was given.
"""

import difflib
import json
import os
import urllib.request
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, cast, get_args

import pulumi
from airflow_fargate import AirflowFargateArgs
from pulumi.runtime.config import CONFIG, is_config_secret

MY_IP = "my-ip"
SECRET_KEYS = {
    "adminPassword": "adminPassword",
    "connections": "--path connections.NAME",
    "dagsGitToken": "dagsGitToken",
    "databaseUrl": "databaseUrl",
    "fernetKey": "fernetKey",
    "secrets": "--path secrets.NAME",
    "variables": "--path variables.NAME",
}
"""The keys that must be set with `--secret`, and what follows it."""

_OTHER_NAMESPACES = ("aws", "awsx", "pulumi", "random")
"""Those of Pulumi itself and of the providers that the program uses."""

_MY_IP_SERVICE = "https://checkip.amazonaws.com"


def read_arguments() -> AirflowFargateArgs:
    """Return the arguments that the stack's configuration gives, or raise `pulumi.RunError` naming the key."""
    config = pulumi.Config()
    hints = {name: get_args(declared)[0] for name, declared in AirflowFargateArgs.__annotations__.items()}
    known = {_camel_case(argument) for argument in hints}
    _refuse_unknown_keys(config, known)
    _refuse_secrets_in_the_open(config, known - SECRET_KEYS.keys())
    arguments = {argument: _read(config, _camel_case(argument), hint) for argument, hint in hints.items()}
    cidrs = arguments["allowed_cidrs"]
    if isinstance(cidrs, list) and MY_IP in cidrs:
        if os.environ.get("CI"):
            pulumi.log.warn(
                f"allowedCidrs has {MY_IP}, and this runs in CI: the web interface opens to the runner, whose address "
                "others may share, and to no person. Name who may open it: "
                "pulumi config set --path 'allowedCidrs[0]' 203.0.113.7/32"
            )
        arguments["allowed_cidrs"] = _with_address(cast(list[Any], cidrs), my_ip())
    for argument in ("dags_path", "plugins_path", "requirements_path", "constraints_path"):
        if arguments[argument] and "://" not in str(arguments[argument]):
            arguments[argument] = str(Path(__file__).parent / arguments[argument])
    given = {argument: value for argument, value in arguments.items() if value not in (None, "", [], {})}
    return cast(AirflowFargateArgs, given)


def _with_address(cidrs: list[Any], address: str) -> list[Any]:
    """Put an address in the place of `my-ip`, unless it is in the list already."""
    own = f"{address}/32"
    if own in cidrs or address in cidrs:
        return [cidr for cidr in cidrs if cidr != MY_IP]
    return [own if cidr == MY_IP else cidr for cidr in cidrs]


def my_ip() -> str:
    """Return the public IPv4 address of this machine, as AWS sees it."""
    try:
        with urllib.request.urlopen(_MY_IP_SERVICE, timeout=10) as response:  # a constant https URL
            return str(IPv4Address(response.read(64).decode("ascii").strip()))
    except (OSError, ValueError) as error:
        raise pulumi.RunError(
            f"allowedCidrs is {MY_IP}, but {_MY_IP_SERVICE} did not give this machine's address ({error}). Name it: "
            "pulumi config set --path 'allowedCidrs[0]' 203.0.113.7/32"
        ) from error


def _read(config: pulumi.Config, key: str, hint: Any) -> Any:
    if key in SECRET_KEYS:
        return _read_secret(config, key)
    readers: dict[Any, Callable[[str], Any]] = {
        bool: lambda key: config.get_bool(key) or None,
        int: config.get_int,
        str: config.get,
        pulumi.Input[str]: config.get,
    }
    value = readers.get(hint, config.get_object)(key)
    return _as_text(key, cast(dict[str, Any], value)) if isinstance(value, dict) else value


def _read_secret(config: pulumi.Config, key: str) -> Any:
    """Return the value as it is: the component makes it a secret, and can refuse it before there are resources."""
    value = config.get(key)
    if not value or value == "{}":
        return None
    if not is_config_secret(config.full_key(key)):
        raise pulumi.RunError(
            f"{key} is in plain text in the stack's configuration. "
            f"Set it with: pulumi config set --secret {SECRET_KEYS[key]}"
        )
    if not SECRET_KEYS[key].startswith("--path"):
        return value
    try:
        secrets = json.loads(value)
    except ValueError:
        secrets = None
    if not isinstance(secrets, dict) or not all(
        isinstance(each, str) for each in cast(dict[str, Any], secrets).values()
    ):
        # Without the value, which the SDK's own message would show.
        raise pulumi.RunError(
            f"{key} has a value of another type than names with texts. Set each one with: "
            f"pulumi config set --secret {SECRET_KEYS[key]}"
        )
    return cast(dict[str, str], secrets)


def _refuse_unknown_keys(config: pulumi.Config, known: set[str]) -> None:
    for full_key in sorted(CONFIG.get()):
        namespace, _, key = full_key.partition(":")
        if namespace != config.name:
            if namespace not in _OTHER_NAMESPACES and key in known:
                raise pulumi.RunError(
                    f"{full_key} has a key of this program, whose namespace is {config.name}, and has no effect. "
                    f"Set {config.name}:{key}, and take this one away with `pulumi config rm {full_key}`."
                )
        elif key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise pulumi.RunError(
                f"{full_key} is not a key of this program. {hint}Take it away with `pulumi config rm {full_key}`. "
                f"The keys are {', '.join(sorted(known))}."
            )


def _refuse_secrets_in_the_open(config: pulumi.Config, keys: set[str]) -> None:
    """Refuse a value that was set with `--secret` where it would be read in the state and the task definition."""
    for key in sorted(keys):
        if not is_config_secret(config.full_key(key)):
            continue
        if key != "environment":
            raise pulumi.RunError(
                f"{key} is a secret in the stack's configuration, but it is not kept as one. "
                f"Set it without --secret: pulumi config set {key}"
            )
        names = ", ".join(sorted(config.get_object(key) or {}))
        raise pulumi.RunError(
            f"environment has a secret in the stack's configuration, but {names} can be read in the task definition. "
            "Move what is secret to secrets: pulumi config set --secret --path secrets.NAME, and "
            "pulumi config rm --path environment.NAME"
        )


def _as_text(key: str, values: dict[str, Any]) -> dict[str, Any]:
    """Return whole numbers as the text that somebody typed, and refuse other values that are no text.

    `pulumi config set --path` takes what looks like a number or a truth value for one, and how it was spelt is lost.
    """
    for name, value in values.items():
        if isinstance(value, bool | float):
            raise pulumi.RunError(
                f"{key} has {name} with {json.dumps(value)}, which is not text. "
                f"Set it with: pulumi config set --type string --path {key}.{name} {json.dumps(value)}"
            )
    return {name: str(value) if isinstance(value, int) else value for name, value in values.items()}


def _camel_case(argument: str) -> str:
    first, *rest = argument.split("_")
    return first + "".join(word.title() for word in rest)
