"""Wheels on this machine: each is downloaded once, and none is taken whose bytes are not the locked ones."""

import hashlib
import http.client
import netrc
import os
import re
import shutil
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .pylock import LockedWheel
from .whole import whole

_TIMEOUT_SECONDS = 60

# uv's variables with URLs of indexes, the ones behind `=` with a name before it.
_INDEX_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS")
_INDEX = re.compile(r"(?:(?P<name>[\w.-]+)=)?https?://(?:(?P<user>[^/\s]*)@)?(?P<host>[^/\s]+)")


class Store:
    """The wheels of this machine, in the cache of its user; where they come from may want a password."""

    def __init__(self, requirements: str, say: Callable[[str], None]) -> None:
        """Take passwords from where uv has them: its variables, the text of the requirements, and netrc."""
        self._folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "airflow-fargate", "wheels")
        self._passwords = {**_netrc(), **_passwords(os.path.expandvars(requirements), os.environ)}
        self._say = say

    def get(self, wheel: LockedWheel) -> Path:
        """Return the file of a wheel, after a download if it is not there yet.

        :raises ValueError: It is not to be had, or it is another file by now.
        """
        path = self._folder / wheel.sha256 / wheel.name
        if path.is_file() and _sha256(path) == wheel.sha256:
            return path
        size = f", {wheel.size / 1e6:.1f} MB" if wheel.size else ""
        self._say(f"Downloading {wheel.name}{size}")
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as part:
            try:
                self._download(wheel.url, part)
            except (OSError, http.client.HTTPException) as error:
                reason = error.reason if type(error) is urllib.error.URLError else error
                if isinstance(error, urllib.error.HTTPError):
                    error.close()
                raise ValueError(f"needs {wheel.name}, which {wheel.url} does not give: {reason}") from error
            if (found := _sha256(part)) != wheel.sha256:
                raise ValueError(f"needs {wheel.name}, but {wheel.url} gives another file: its sha256 is {found}")
        return path

    def _download(self, url: str, path: Path) -> None:
        request = urllib.request.Request(url)  # noqa: S310 - a URL that uv has written
        parts = urlsplit(url)
        if password := self._passwords.get(parts.netloc, self._passwords.get(parts.hostname or "")):
            # Not for where the index sends us: a storage of its own, with a signed URL.
            request.add_unredirected_header("Authorization", f"Basic {b64encode(password.encode()).decode()}")
        with (
            closing(urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)) as answer,  # noqa: S310 - as above
            path.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)


def _passwords(requirements: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return `user:password` by the host, with its port, of each index that has one."""
    found: dict[str, str] = {}
    for text in (requirements, *(environment.get(name, "") for name in _INDEX_VARIABLES)):
        for index in _INDEX.finditer(text):
            variable = f"UV_INDEX_{re.sub(r'[^A-Z0-9]', '_', (index['name'] or '').upper())}"
            named = [environment.get(f"{variable}_{each}", "") for each in ("USERNAME", "PASSWORD")]
            if index["user"]:
                found[index["host"]] = unquote(index["user"])
            elif any(named):
                found[index["host"]] = ":".join(named)
    return found


def _netrc() -> dict[str, str]:
    with suppress(OSError, netrc.NetrcParseError):
        hosts = netrc.netrc(os.environ.get("NETRC")).hosts
        return {host: f"{login}:{password}" for host, (login, _, password) in hosts.items()}
    return {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
