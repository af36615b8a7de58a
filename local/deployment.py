"""`make up` and `make destroy` as such: one stack in one local cloud, from nothing and back to nothing."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local.bootstrap import check_space
from local.errors import LocalCloudError
from local.lock import lock
from local.paths import Home
from local.stack import Stack
from operate.console import say

NEEDED_SPACE = 1024**3
"""Bytes for what a local cloud writes while it runs."""


@dataclass(frozen=True)
class Deployment:
    """A stack together with the emulator that it is deployed to."""

    stack: Stack

    def up(self, images: Mapping[str, Path]) -> None:
        """Deploys, starting the emulator if it does not run; otherwise quick if nothing has changed."""
        cloud = self.stack.cloud
        with lock(cloud.home.lock, "make up"):
            check_space(cloud.home.path, NEEDED_SPACE)
            if cloud.emulator.running():
                cloud.emulator.refuse_other_images(images)
            else:
                if self.stack.lists_resources():
                    say("The emulator has ended (a restart?), and with it all that the state lists: starting clean.")
                forget(cloud.home)
                cloud.start(images)
            cloud.prepare()
            self.stack.prepare()
            self.stack.repair()
            self.stack.run("up", "--yes", "--skip-preview")

    def destroy(self) -> None:
        """Destroys the stack and stops every process; what Pulumi has left in the emulator is an error."""
        cloud = self.stack.cloud
        with lock(cloud.home.lock, "make destroy"):
            left: set[str] = set()
            if cloud.emulator.running():
                if self.stack.exists():
                    cloud.prepare()
                    self.stack.prepare()
                    self.stack.repair()
                    self.stack.run("destroy", "--yes", "--skip-preview")
                left = cloud.left_behind()
                cloud.emulator.stop()
            forget(cloud.home)
        if left:
            raise LocalCloudError(
                f"Pulumi has destroyed the stack, and this was still there: {', '.join(sorted(left))}",
                "It ended with the emulator. On AWS it would still be there: find out what made it.",
            )


def forget(home: Home) -> None:
    """Remove what describes a cloud that has ended; the passphrase, the engine and the environments stay."""
    for folder in (home.state, home.stack, home.data):
        shutil.rmtree(folder, ignore_errors=True)
