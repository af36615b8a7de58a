"""The emulator's process: started in the background, found again by later commands, stopped without a rest."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from local.errors import LocalCloudError
from local.paths import ROOT, Home
from local.processes import ProcessRecord, listener
from local.progress import Step

START_SECONDS = 60
STOP_SECONDS = 90
"""More than the longest `stopTimeout` that the component sets: tasks end as they do on AWS."""


class EmulatorProcess:
    """The one emulator of a home folder.

    It ends with the process that has started it, or if `detached` outlives it, for other commands to find.
    """

    def __init__(self, home: Home, port: int, *, detached: bool = False) -> None:
        self._home = home
        self._port = port
        self._detached = detached
        self._record = home.run / "emulator.json"
        self.log = home.run / "emulator.log"

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def running(self) -> psutil.Process | None:
        """Return the process that an earlier command started, if it still runs."""
        record = ProcessRecord.read(self._record)
        return record.running() if record else None

    def start(self, images: Mapping[str, Path]) -> None:
        """Start the emulator and wait until it answers.

        :param images: The environment that stands for each image, by the image's name and tag.
        """
        command = self._command(images)
        self._refuse_used_port()
        self._home.run.mkdir(parents=True, exist_ok=True)
        with Step(f"AWS emulator at {self.endpoint}"), self.log.open("w") as log:
            # A session of its own: Ctrl-C in the terminal is not meant for it.
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
            try:
                ProcessRecord.of(process.pid, command).write(self._record)
                self._wait_until_ready(process)
            except BaseException:
                process.kill()
                process.wait()
                self._record.unlink(missing_ok=True)
                raise
            process.returncode = 0  # nobody waits for it here, of which Popen would warn

    def refuse_other_images(self, images: Mapping[str, Path]) -> None:
        """Refuse to go on with an emulator that was started with other images: it would not find the new ones."""
        record = ProcessRecord.read(self._record)
        if record is not None and record.command != self._command(images):
            raise LocalCloudError(
                f"The emulator runs with other images: {' '.join(record.command)}",
                "`make destroy` ends it; the next `make up` starts it with the present ones.",
            )

    def stop(self) -> None:
        """Stop the emulator with all its tasks; nothing to do if there is none."""
        process = self.running()
        if process is not None:
            family = [process, *process.children(recursive=True)]
            with Step("Stopping the AWS emulator and its tasks"):
                process.terminate()
                _, alive = psutil.wait_procs(family, timeout=STOP_SECONDS)
                for survivor in alive:
                    with suppress(psutil.NoSuchProcess):
                        survivor.kill()
                psutil.wait_procs(alive, timeout=10)
        self._record.unlink(missing_ok=True)

    def _command(self, images: Mapping[str, Path]) -> list[str]:
        command = [sys.executable, "-m", "local.emulator", "--port", str(self._port), "--data", str(self._home.data)]
        for image, venv in images.items():
            command += ["--image", f"{image}={venv}"]
        return command if self._detached else [*command, "--parent", str(os.getpid())]

    def _refuse_used_port(self) -> None:
        with socket.socket() as probe:
            # As servers do: a connection that is only waiting to expire is not in the way.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self._port))
            except OSError as error:
                raise LocalCloudError(
                    f"Port {self._port} on 127.0.0.1 is in use by {listener(self._port)}",
                    "Stop that process, and try again.",
                ) from error

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise self._failed(f"ended with exit code {process.returncode}")
            with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{self.endpoint}/moto-api/", timeout=5).close()
                return
            time.sleep(0.1)
        raise self._failed(f"did not answer within {START_SECONDS} s")

    def _failed(self, how: str) -> LocalCloudError:
        last = "\n  ".join(self.log.read_text(errors="replace").splitlines()[-10:])
        return LocalCloudError(f"The AWS emulator {how}. The end of {self.log}:\n  {last}")
