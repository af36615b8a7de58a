"""`make up` and `make destroy`: one stack in one local cloud, from nothing and back to nothing."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from local.bootstrap import check_space
from local.errors import LocalCloudError
from local.lock import lock
from local.paths import Home
from local.stack import Stack
from operate.console import say

NEEDED_SPACE = 1024**3
"""Bytes for what a local cloud writes while it runs."""


def deploy(stack: Stack, images: Mapping[str, Path]) -> None:
    """Run `pulumi up`, on an emulator that is started unless it runs; quick when nothing has changed.

    :param images: The environment that stands for each image, by the image's name and tag.
    """
    cloud = stack.cloud
    with lock(cloud.home.lock, "make up"):
        check_space(cloud.home.path, NEEDED_SPACE)
        if cloud.emulator.running():
            cloud.emulator.refuse_other_images(images)
        else:
            if stack.lists_resources():
                say("The emulator has ended (a restart?), and with it all that the state lists: starting clean.")
            forget(cloud.home)
            cloud.start(images)
        cloud.prepare()
        stack.prepare()
        stack.repair()
        stack.run("up", "--yes", "--skip-preview")


def destroy(stack: Stack) -> None:
    """Run `pulumi destroy` and stop every process; it is an error if something is left in the emulator then."""
    cloud = stack.cloud
    with lock(cloud.home.lock, "make destroy"):
        left: set[str] = set()
        if cloud.emulator.running():
            if stack.exists():
                cloud.prepare()
                stack.prepare()
                stack.repair()
                stack.run("destroy", "--yes", "--skip-preview")
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
