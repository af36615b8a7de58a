"""Proxies of the environment, which must be asked for nothing that is on this machine."""

from collections.abc import Mapping

LOOPBACK = ("localhost", "127.0.0.1", "::1", "127.0.0.0/8")
"""As names, as addresses, and as the range in which tasks have theirs, for those that can read a range."""


def without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep loopback from a proxy, with all that the environment keeps from it already.

    Every library that honours proxies reads one of the two, and some the one first and some the other.
    """
    kept = [name.strip() for variable in ("no_proxy", "NO_PROXY") for name in environment.get(variable, "").split(",")]
    names = ",".join(dict.fromkeys([*filter(None, kept), *LOOPBACK]))
    return {"NO_PROXY": names, "no_proxy": names}
