"""`python -I -S warm_client.py <socket> <arguments>`: have a `WarmPython` start a process, and wait for its end.

Signals that ask for an end are passed on. What was started ends with this process, however that ends.
"""

import json
import os
import signal
import socket
import sys
from types import FrameType


def main() -> None:
    address, *arguments = sys.argv[1:]
    with socket.socket(socket.AF_UNIX) as server:

        def pass_on(number: int, _: FrameType | None) -> None:
            server.sendall(bytes([number]))

        server.connect(address)
        folder = os.getcwd()  # noqa: PTH109 - importing pathlib would take longer than all the rest
        start = json.dumps([arguments, folder, dict(os.environ)]).encode()
        socket.send_fds(server, [len(start).to_bytes(8)], [0, 1, 2])
        server.sendall(start)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, pass_on)
        answer = server.recv(4)
    code = int.from_bytes(answer, signed=True) if answer else 1
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    main()
