"""A proxy that the caller names in the environment, which must not be asked for what is in the task itself."""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import pulumi

from .environment import EnvironmentSettings, Variable
from .part import Part, merge

# As curl, requests, httpx and urllib read them: in both cases.
_PROXY = ("http_proxy", "https_proxy", "all_proxy")
NO_PROXY = ("NO_PROXY", "no_proxy")
_DEFAULT_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks4a": 1080, "socks5": 1080, "socks5h": 1080}

# Airflow's tasks ask the API server of their own container; the task's credentials and metadata are at the others (AWS:
# "Amazon ECS task metadata endpoint", "Task IAM role").
_NEVER_BY_PROXY = ("localhost", "127.0.0.1", "::1", "169.254.169.254", "169.254.170.2")


def proxy_part(settings: EnvironmentSettings, *hosts: pulumi.Input[str]) -> Part:
    """Add what is in the task, and `hosts`, to `NO_PROXY`, in both of its spellings, if there is a proxy."""
    plain, secret = settings.environment, settings.secrets
    if not any(name.lower() in _PROXY for name in (*plain, *secret)):
        return Part()
    parts: list[Part] = []
    for name, other in (NO_PROXY, reversed(NO_PROXY)):
        given = next((values[each] for each in (name, other) for values in (plain, secret) if each in values), "")
        bypass = {name: pulumi.Output.all(given, *hosts).apply(lambda known: _with_ours(*known))}
        is_secret = name in secret or (name not in plain and other in secret)
        parts.append(Part(secrets=bypass) if is_secret else Part(environment=bypass))
    return merge(*parts)


def refuse_closed_proxy(open_ports: Sequence[int]) -> Callable[[Variable], Iterator[str]]:
    """Return the rule that refuses a proxy behind none of the ports that lead out."""

    def refuse(variable: Variable) -> Iterator[str]:
        """Name the port alone: there may be a password in the URL."""
        if variable.name.lower() not in _PROXY or not variable.value:
            return
        try:
            parts = urlsplit(variable.value if "://" in variable.value else f"http://{variable.value}")
            port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
        except ValueError:
            port = None
        if port is None:
            yield "as what is not the URL of a proxy; give one such as http://proxy.example.com:3128"
        elif port not in open_ports:
            yield f"but its port {port} is closed; add {port} to egress_ports"

    return refuse


def _with_ours(value: str, *hosts: str) -> str:
    given = [host.strip() for host in value.split(",") if host.strip()]
    return value if "*" in given else ",".join(dict.fromkeys([*given, *_NEVER_BY_PROXY, *hosts]))
