"""`python -m local.emulator --port N --data DIR --image NAME:TAG=VENV …`: AWS on 127.0.0.1:N until SIGTERM.

On the same port it takes, as JSON, what tests have it behave otherwise by:

    PUT /clock      {"seconds": how far its clock goes forward, "rate": how many times as fast it goes from then on}
    PUT /databases  {"creating_seconds": how long a new RDS instance is `creating` at least}
    PUT /limits     {"vcpus": …, "full_zones": […], "pulls": …}: what Fargate runs out of; what is left out has no limit
    PUT /quotas     {"policies_per_role": …}: what IAM grants the account; what is left out is that of a new one
    /faults         see `api.faults`
"""

import argparse
import gc
import logging
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from local.cgroup import remove_abandoned_groups
from local.emulator.fargate import clock
from local.emulator.fargate.images import Image
from local.emulator.fargate.relay import start_relay_loop
from local.emulator.fargate.sandbox import available_isolation
from local.emulator.fargate.size import GROUPS

_LOG = logging.getLogger("local.emulator")

_PARENT_POLL_SECONDS = 1.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local.emulator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--port", type=int, default=4566, help="port of the AWS API on 127.0.0.1 (default: %(default)s)"
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        help="directory for the files of tasks, databases and caches; emptied of old ones at start",
    )
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="NAME:TAG=VENV",
        help="an image and the Python environment that stands for it; repeatable; no other image can be pulled",
    )
    parser.add_argument(
        "--isolation",
        choices=("namespaces", "user-namespaces", "none"),
        help="how containers are kept apart (default: the strongest that this machine grants)",
    )
    parser.add_argument(
        "--parent",
        type=int,
        metavar="PID",
        help="the process that starts the emulator; once it has ended, however it did, the emulator ends as on SIGTERM",
    )
    return parser.parse_args()


def _configure_moto(port: int) -> None:
    """Set what moto reads when it is imported."""
    # Without the first it lacks AWS's own policies; without the last it tells browsers that every page may read its
    # answers.
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
    os.environ["MOTO_PORT"] = str(port)
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"


def _emptied(folder: Path) -> Path:
    """Return a folder in which nothing is of an earlier time."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _end_on_a_signal() -> threading.Event:
    """Return what is set by the first signal that ends the emulator."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: ended.set())
    return ended


def _wait_for_the_end(ended: threading.Event, parent: int | None) -> None:
    """Wait until a signal comes, or the process that has started this one is gone."""
    # A parent that was killed can stop nobody; a process that lost its parent is given another one.
    while not ended.wait(_PARENT_POLL_SECONDS) and parent in (None, os.getppid()):
        pass
    # A second signal is for those who can't wait for the containers' stopTimeout: they die with this process.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def main() -> int:
    arguments = _arguments()
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    _configure_moto(arguments.port)
    from local.emulator.api.ecs import ControlPlane
    from local.emulator.api.elasticache import Caches
    from local.emulator.api.iam import Quotas
    from local.emulator.api.rds import Databases
    from local.emulator.api.scaling import Scaling
    from local.emulator.api.server import ApiServer
    from local.emulator.api.strictness import be_as_strict_as_aws
    from local.emulator.engines.certificates import new_authority, write_trusted
    from local.emulator.fargate.credentials import TaskCredentials
    from local.emulator.fargate.limits import Limits
    from local.emulator.fargate.protection import TaskProtections
    from local.emulator.fargate.run import Agent

    try:
        images = {image.name: image for image in map(Image.parse, arguments.image)}
    except ValueError as error:
        _LOG.error("%s", error)
        return 2
    data: Path = arguments.data.absolute()
    tasks_folder, databases_folder, caches_folder = (_emptied(data / name) for name in ("tasks", "databases", "caches"))
    remove_abandoned_groups(GROUPS)
    isolation = arguments.isolation or available_isolation()
    if isolation == "none":
        _LOG.info(
            "containers share this machine's network and processes: it grants no namespaces (unshare --net --pid)"
        )
    limits = Limits()
    credentials, protections = TaskCredentials(), TaskProtections()
    authority, trusted = new_authority("AWS, as the local cloud has it"), data / "trusted.pem"
    write_trusted(authority, trusted)
    agent = Agent(
        arguments.port, tasks_folder, images, isolation, start_relay_loop(), limits, credentials, protections, trusted
    )
    plane = ControlPlane(agent)
    be_as_strict_as_aws()
    quotas = Quotas()
    quotas.enforce()
    databases = Databases(databases_folder)
    databases.install()
    caches = Caches(caches_folder, authority, agent.loop)
    caches.install()
    plane.start()
    scaling = Scaling(plane)
    scaling.start()
    try:
        server = ApiServer(
            arguments.port,
            {
                "/clock": lambda body: clock.adjust(**body),
                "/databases": lambda body: databases.set(**body),
                "/limits": lambda body: limits.set(**body),
                "/quotas": lambda body: quotas.set(**body),
            },
            credentials,
            protections,
        )
    except OSError as error:
        _LOG.error("port %d on 127.0.0.1: %s; free it or choose another --port", arguments.port, error.strerror)
        return 1
    ended = _end_on_a_signal()
    gc.freeze()  # moto is there to the end: no collection is to look through it again
    server.start()
    _LOG.info(
        "AWS API on http://127.0.0.1:%d, containers by %s, images %s",
        arguments.port,
        isolation,
        ", ".join(images) or "none",
    )
    _wait_for_the_end(ended, arguments.parent)
    _LOG.info("stopping every task, database and cache")
    scaling.stop()
    plane.stop()
    databases.stop()
    caches.stop()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
