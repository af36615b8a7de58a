"""TCP from a task's public address to its container, and from the container to this machine's loopback."""

import asyncio
import logging
import re
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from local.emulator.fargate.sandbox import Sandbox, SandboxError

_LOG = logging.getLogger(__name__)
_CHUNK = 64 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Address = tuple[str, int]

_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


_LOOPBACK_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(?:[^/@\s]*@)?(localhost|127(?:\.\d+){3}):(\d+)")


@dataclass(frozen=True)
class Destination:
    """Where on this machine's loopback network a URL in a container's environment leads."""

    address: str
    port: int
    is_web: bool
    """Whether by HTTP, which stands for HTTPS out there, whatever the port is here."""


def destinations(values: Iterable[str]) -> set[Destination]:
    """Return what a container must reach of this machine: what URLs in its environment lead to."""
    return {
        Destination("127.0.0.1" if host == "localhost" else host, int(port), scheme in ("http", "https"))
        for value in values
        for scheme, host, port in _LOOPBACK_URL.findall(value)
    }


def start_relay_loop() -> asyncio.AbstractEventLoop:
    """One event loop in a thread of its own carries the connections of all tasks."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="relay", daemon=True).start()
    return loop


class Relay:
    """The open ports of one task; `close` ends the connections too."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.Task[None]] = set()

    def serve(self, listener: socket.socket, sandbox: Sandbox, allows: Callable[[str], bool]) -> None:
        """Carry what reaches `listener` into the sandbox, to the port of the same number.

        `allows` is asked for each connection's source address. A refused one is reset: the kernel has already accepted
        it, so it can't be left without an answer, as a security group would leave it.
        """
        address, port = listener.getsockname()

        async def connect(source: str) -> _Streams | None:
            if not allows(source):
                _LOG.info("%s:%d refused %s: no ingress rule of the security groups allows it", address, port, source)
                return None
            return await asyncio.open_connection(sock=await asyncio.to_thread(sandbox.connect, port))

        self._listen(listener, connect)

    def lead_out(self, sandbox: Sandbox, inside: Address, outside: Address, allows: Callable[[], bool]) -> None:
        """Carry connections that the container makes to a loopback address of its own to one of this machine's.

        `allows` is asked for each; one that is refused is reset.
        """

        async def connect(_source: str) -> _Streams | None:
            if not allows():
                _LOG.info("no way to %s:%d: the rules of the security groups do not allow it", *outside)
                return None
            return await asyncio.open_connection(*outside)

        self._listen(sandbox.listen(*inside), connect)

    def lead_over(self, sandbox: Sandbox, inside: Address, others: Callable[[], Iterable[Sandbox]]) -> None:
        """Carry connections that the container makes to a loopback address of its own into another task's container.

        `others` is asked for each; it goes to the first of them that takes it, and is reset if none does.
        """

        async def connect(_source: str) -> _Streams | None:
            for other in others():
                with suppress(SandboxError):
                    return await asyncio.open_connection(sock=await asyncio.to_thread(other.connect, inside[1]))
            return None

        self._listen(sandbox.listen(*inside), connect)

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()

    def _listen(self, listener: socket.socket, connect: Callable[[str], Awaitable[_Streams | None]]) -> None:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection = asyncio.current_task()
            assert connection is not None  # noqa: S101 - a callback of start_server always runs in a task
            self._connections.add(connection)
            try:
                await _carry(reader, writer, connect)
            finally:
                self._connections.discard(connection)

        async def start() -> None:
            self._servers.append(await asyncio.start_server(accepted, sock=listener))

        asyncio.run_coroutine_threadsafe(start(), self._loop).result()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)


async def _carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connect: Callable[[str], Awaitable[_Streams | None]]
) -> None:
    try:
        streams = await connect(writer.get_extra_info("peername")[0])
    except (OSError, SandboxError):
        streams = None
    if streams is None:
        _reset(writer)
        return
    their_reader, their_writer = streams
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(reader, their_writer))
            both.create_task(_pump(their_reader, writer))
    except* OSError:
        # As without a relay between them: neither waits for the other any longer.
        _reset(writer)
        _reset(their_writer)
    finally:
        writer.close()
        their_writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(_CHUNK):
        writer.write(chunk)
        await writer.drain()
    # A half-closed connection stays open the other way: HTTP clients may wait for the answer.
    if writer.can_write_eof():
        writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
