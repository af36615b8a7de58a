"""The commands behind `make up`, `make destroy`, `make status`, `make logs` and the others of this machine's stack."""

import argparse
import gc
import json
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from airflow_fargate.session import ReadKey

from local import dags, deployment, logs
from local.cloud import UNSET, Cloud
from local.dev import WatchedFolder
from local.emulator_process import EmulatorProcess
from local.engine.choose import engine
from local.environments import airflow as airflow_environment
from local.errors import LocalCloudError
from local.lock import lock
from local.paths import LOCAL, ROOT, Home
from local.progress import duration
from local.proxies import without_proxy
from local.stack import Stack
from local.warm import WarmPython
from operate import backup, status
from operate.console import INTERRUPTED, CommandError, say
from operate.password import password
from operate.rest import RestClient

PORT = 4566
"""The emulator's port. Pulumi.local.yaml names it too, as the endpoint of every service."""

STACK = dags.LOCAL_STACK
HOME = Home(LOCAL)


def up() -> None:
    """Deploy this repository's program, starting what does not run yet."""
    started = time.monotonic()
    stack = _stack()
    say(f"Pulumi {stack.cloud.engine.version}, {stack.cloud.engine.command}")
    images = airflow_environment.images()
    dags.report_changes(ROOT, STACK, HOME)
    deployment.deploy(stack, images)
    outputs = stack.outputs()
    say(f"\n{outputs['url']} is up, after {duration(time.monotonic() - started)}.")
    if outputs["admin_username"]:
        say(f"Log in as {outputs['admin_username']}; `make password` prints the password.")


def dev() -> None:
    """Deploy, and bring what is saved in the DAG folder to Airflow until Ctrl-C."""
    up()
    folder, stack = dags.configured_folder(ROOT, STACK), _stack()
    outputs = stack.outputs()
    rest = RestClient(outputs["url"], outputs["admin_username"], outputs["admin_password"])
    try:
        with tempfile.TemporaryDirectory() as temporary, WarmPython(Path(temporary)) as warm:
            cloud = Cloud(HOME, PORT, warm.engine(stack.cloud.engine), detached=True, python=warm.executable)
            cloud.prepare()
            saved = WatchedFolder(folder, Stack(cloud, ROOT, STACK), rest)
            where = os.path.relpath(folder, ROOT)
            say(f"\nWatching {where}: what you save is in Airflow within seconds. Ctrl-C ends this.")
            while True:
                for line in saved.next_change():
                    say(line)
    finally:
        stack.cloud.prepare()


def destroy() -> None:
    """Destroy the stack, see that nothing is left, and stop every process."""
    if EmulatorProcess(HOME, PORT).running():
        deployment.destroy(_stack())
        say("Nothing is left, and nothing runs.")
    else:
        stop()
        say("Nothing runs.")


def _stack() -> Stack:
    return Stack(Cloud(HOME, PORT, engine(), detached=True), ROOT, STACK)


def show_status() -> int:
    """Show the service's tasks, their health and where they answer."""
    stack, outputs = _deployed()
    return status.report(
        outputs,
        _configuration(stack),
        update="`make up`",
        restore='`eval "$(make -s env)" && pulumi up --refresh`',
    )


def back_up() -> None:
    """Copy the newest snapshot of the database into a file here."""
    stack, outputs = _deployed()
    backup.back_up(outputs, _configuration(stack), Path(), STACK)


def restore(*, source: str) -> None:
    """Put a backup, or the snapshot of an earlier time, in the place of the database."""
    stack, outputs = _deployed()
    backup.restore(outputs, _configuration(stack), source)


def _configuration(stack: Stack) -> ReadKey:
    return status.aws_configuration(stack.pulumi("config", "--json", "--show-secrets").stdout)


def show_logs(*, follow: bool) -> None:
    """Show the container's log."""
    stack, outputs = _deployed()
    cloud = stack.cloud
    for line in logs.lines(cloud.client("logs"), outputs["log_group_name"], follow=follow):
        print(line, flush=follow)


def output() -> None:
    """Print all outputs as JSON, secrets in plain text."""
    _, outputs = _deployed()
    print(json.dumps(outputs, indent=2))


def show_password() -> None:
    """Print the administrator's password, and nothing else."""
    _, outputs = _deployed()
    print(password(outputs))


def _deployed() -> tuple[Stack, dict[str, Any]]:
    if EmulatorProcess(HOME, PORT).running() is None:
        raise LocalCloudError("Nothing is deployed on this machine.", "`make up` deploys the stack.")
    stack = _stack()
    outputs = stack.outputs()
    if "service_arn" not in outputs:
        raise LocalCloudError("The stack has no outputs: the last `make up` did not succeed.", "Run it again.")
    return stack, outputs


def parse_dags(*, stack: str) -> int:
    """Parse the stack's DAG folder with a real Airflow, and print its DAGs and import errors."""
    return int(dags.report(ROOT, stack))


def env() -> None:
    """Print shell exports for plain `pulumi`, the AWS CLI and boto3."""
    cloud = _stack().cloud
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
    with lock(HOME.lock, "make stop"):
        EmulatorProcess(HOME, PORT).stop()
        deployment.forget(HOME)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(required=True)
    for name, function in {
        "up": up,
        "dev": dev,
        "destroy": destroy,
        "status": show_status,
        "output": output,
        "password": show_password,
        "env": env,
        "backup": back_up,
        "prepare": prepare,
        "stop": stop,
    }.items():
        commands.add_parser(name, help=function.__doc__).set_defaults(run=function)
    with_follow = commands.add_parser("logs", help=show_logs.__doc__)
    with_follow.add_argument("--follow", action="store_true", help="wait for more, until Ctrl-C")
    with_follow.set_defaults(run=show_logs)
    with_stack = commands.add_parser("dags", help=parse_dags.__doc__)
    with_stack.add_argument("--stack", default=STACK, help="whose configuration names the folder")
    with_stack.set_defaults(run=parse_dags)
    with_source = commands.add_parser("restore", help=restore.__doc__)
    with_source.add_argument("source", metavar="FROM", help="a file, or a time such as 2026-11-25T12:00Z")
    with_source.set_defaults(run=restore)
    arguments = vars(parser.parse_args())
    run = arguments.pop("run")
    gc.freeze()  # the modules are there to the end: to look for garbage in them takes a fifth of a short command
    os.environ |= without_proxy(os.environ)
    try:
        return run(**arguments) or 0
    except CommandError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        if run is dev:
            return 0
        if run in (up, destroy):
            say("Interrupted. `make up` goes on from here, and `make destroy` removes what is there.")
        return INTERRUPTED
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(main())
