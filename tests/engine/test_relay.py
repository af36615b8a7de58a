"""What a container sees of its connections to this machine, and this machine of those to a container."""

import socket
import struct
import threading
from collections.abc import Callable, Generator
from typing import Any

import pytest

from local.emulator.fargate.relay import Relay, start_relay_loop
from local.testing.clouds import free_port

RESET_ON_CLOSE = struct.pack("ii", 1, 0)

Serve = Callable[[Callable[[socket.socket], None]], socket.socket]


class Listening:
    """Stands for a sandbox, in which the container's own address is one of this machine's."""

    def listen(self, *address: Any) -> socket.socket:
        return socket.create_server(address)


@pytest.fixture
def serve() -> Generator[Serve]:
    """Return what serves one connection on this machine, and connects to it by way of a relay."""
    relay, opened = Relay(start_relay_loop()), list[socket.socket]()

    def connected(answer: Callable[[socket.socket], None]) -> socket.socket:
        server = socket.create_server(("127.0.0.1", 0))

        def once() -> None:
            with server.accept()[0] as connection:
                answer(connection)

        threading.Thread(target=once, daemon=True).start()
        address = ("127.0.0.1", free_port())
        relay.lead_out(Listening(), address, server.getsockname(), lambda: True)  # pyright: ignore[reportArgumentType] # all that is asked of a sandbox
        client = socket.create_connection(address, timeout=10)
        opened.extend((server, client))
        return client

    yield connected
    for each in opened:
        each.close()
    relay.close()


def test_a_connection_that_the_server_resets_is_reset_for_the_container(serve: Serve) -> None:
    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    client = serve(reset)
    client.sendall(b"?")

    with pytest.raises(ConnectionResetError):
        client.recv(1)


def test_a_connection_that_the_container_resets_is_reset_for_the_server(serve: Serve) -> None:
    ended, errors = threading.Event(), list[OSError]()

    def wait(connection: socket.socket) -> None:
        try:
            while connection.recv(1):
                pass
        except OSError as error:
            errors.append(error)
        ended.set()

    client = serve(wait)
    client.sendall(b"?")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    client.close()

    assert ended.wait(10)
    assert [type(error) for error in errors] == [ConnectionResetError]


def test_an_answer_comes_after_the_container_has_said_all_that_it_says(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        while connection.recv(1):
            pass
        connection.sendall(b"!")

    client = serve(answer)
    client.sendall(b"?")
    client.shutdown(socket.SHUT_WR)

    assert (client.recv(1), client.recv(1)) == (b"!", b"")
