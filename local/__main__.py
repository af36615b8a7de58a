"""The commands behind `make up`, `make destroy`, `make status`, `make logs`, `make output` and `make env`."""

import argparse
import json
import shlex
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local import airflow_environment, logs, status
from local.bootstrap import check_space
from local.cloud import UNSET, Cloud
from local.emulator_process import EmulatorProcess
from local.engine.choose import engine
from local.errors import LocalCloudError
from local.lock import lock
from local.paths import ROOT, SHARED, Home
from local.progress import duration, say
from local.stack import Stack

PORT = 4566
"""The emulator's port. Pulumi.local.yaml names it too, as the endpoint of every service."""

STACK = "local"
HOME = Home(SHARED)
NEEDED_SPACE = 1024**3
"""Bytes for what a local cloud writes while it runs."""


def up() -> None:
    """Deploy this repository's program, starting what does not run yet."""
    started = time.monotonic()
    with lock(HOME.lock, "make up"):
        check_space(HOME.path, NEEDED_SPACE)
        cloud = Cloud(HOME, PORT, engine())
        say(f"Pulumi {cloud.engine.version}, {cloud.engine.command}")
        images = airflow_environment.images()
        cloud.prepare()
        stack = Stack(cloud, ROOT, STACK)
        if cloud.emulator.running():
            cloud.emulator.refuse_other_images(images)
        else:
            _start_clean(cloud, stack, images)
        stack.prepare()
        stack.run("up", "--yes", "--skip-preview")
        outputs = stack.outputs()
    say(f"\n{outputs['url']} is up, after {duration(time.monotonic() - started)}.")
    say(f"Log in as {outputs['admin_username']}; `make output` shows the password.")


def _start_clean(cloud: Cloud, stack: Stack, images: Mapping[str, Path]) -> None:
    if stack.lists_resources():
        say("The emulator no longer runs, and with it ended all that the state lists (a restart?): starting clean.")
    _forget()
    cloud.prepare()
    cloud.start(images)


def destroy() -> None:
    """Destroy the stack, see that nothing is left, and stop every process."""
    with lock(HOME.lock, "make destroy"):
        if EmulatorProcess(HOME, PORT).running() is None:
            _forget()
            say("Nothing runs.")
            return
        cloud = Cloud(HOME, PORT, engine())
        stack = Stack(cloud, ROOT, STACK)
        if stack.exists():
            stack.prepare()
            stack.run("destroy", "--yes", "--skip-preview")
        left = cloud.left_behind()
        cloud.emulator.stop()
        _forget()
    if left:
        raise LocalCloudError(
            "Pulumi has destroyed the stack, and this was still there: " + ", ".join(sorted(left)),
            "It is gone now, with the emulator. On AWS it would not be: look for what made it.",
        )
    say("Nothing is left, and nothing runs.")


def _forget() -> None:
    """Removes what describes a cloud that has ended; the engine, the environments and the passphrase stay."""
    for folder in (HOME.state, HOME.stack, HOME.data):
        shutil.rmtree(folder, ignore_errors=True)


def show_status() -> None:
    """Show the service's tasks, their health and where they answer."""
    cloud, outputs = _deployed()
    rows = status.tasks(cloud.session(), outputs["cluster_arn"], outputs["service_arn"], cloud.emulator.endpoint)
    print(status.table(rows))
    urls = [row.url for row in rows if row.url]
    if outputs["url"] not in urls:
        say(
            f"The stack's output is {outputs['url']}; the task has been replaced since. `make up` brings it up to date."
        )


def show_logs(*, follow: bool) -> None:
    """Show the container's log."""
    cloud, outputs = _deployed()
    for line in logs.lines(cloud.session(), outputs["log_group_name"], follow=follow, endpoint=cloud.emulator.endpoint):
        print(line, flush=follow)


def output() -> None:
    """Print all outputs as JSON, secrets in plain text."""
    _, outputs = _deployed()
    print(json.dumps(outputs, indent=2))


def _deployed() -> tuple[Cloud, dict[str, Any]]:
    cloud = Cloud(HOME, PORT, engine())
    stack = Stack(cloud, ROOT, STACK)
    if cloud.emulator.running() is None or not stack.lists_resources():
        raise LocalCloudError("Nothing is deployed on this machine.", "`make up` deploys the stack.")
    return cloud, stack.outputs()


def env() -> None:
    """Print shell exports for plain `pulumi`, the AWS CLI and boto3."""
    cloud = Cloud(HOME, PORT, engine())
    print(f"unset {' '.join(UNSET)}")
    for name, value in cloud.variables(STACK).items():
        print(f"export {name}={shlex.quote(value)}")
    if cloud.emulator.running() is None:
        say("Nothing runs yet; `make up` starts it.")


def prepare() -> None:
    """Get the engine and the Airflow environment, and start nothing."""
    engine()
    airflow_environment.images()


def stop() -> None:
    """Stop every process, whatever Pulumi's state says, and forget the stack."""
    with lock(HOME.lock, "make clean"):
        EmulatorProcess(HOME, PORT).stop()
        _forget()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, function in {
        "up": up,
        "destroy": destroy,
        "status": show_status,
        "output": output,
        "env": env,
        "prepare": prepare,
        "stop": stop,
    }.items():
        commands.add_parser(name, help=function.__doc__).set_defaults(run=function)
    with_follow = commands.add_parser("logs", help=show_logs.__doc__)
    with_follow.add_argument("--follow", action="store_true", help="wait for more, until Ctrl-C")
    with_follow.set_defaults(run=show_logs)
    arguments = vars(parser.parse_args())
    run = arguments.pop("run")
    try:
        run(**arguments)
    except LocalCloudError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        if run in (up, destroy):
            say("Interrupted. `make up` goes on from here, and `make destroy` removes what is there.")
        return 130
    except BrokenPipeError:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
