"""The AWS API: moto's server on one local port, with the faults that were asked for and the controls beside it."""

import logging
import threading
from functools import cache

from moto.moto_server.werkzeug_app import (  # pyright: ignore[reportMissingTypeStubs] - its own flask_cors has no types
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from local.emulator.api.agent import AgentEndpoint
from local.emulator.api.controls import Controls, Setters
from local.emulator.api.credentials import CredentialsEndpoint
from local.emulator.api.faults import FaultInjection
from local.emulator.api.pages import WithoutPages
from local.emulator.api.permissions import RolePermissions
from local.emulator.fargate.credentials import TaskCredentials
from local.emulator.fargate.protection import TaskProtections


class ApiServer:
    def __init__(self, port: int, setters: Setters, credentials: TaskCredentials, protections: TaskProtections) -> None:
        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        aws = RolePermissions(_dispatcher())
        for_tasks = AgentEndpoint(CredentialsEndpoint(FaultInjection(aws), credentials), protections)
        application = WithoutPages(Controls(for_tasks, setters))
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="api", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _dispatcher() -> DomainDispatcherApplication:
    """Return moto's, which lists its own folders from the disk for each request, and now for each name once."""
    dispatcher = DomainDispatcherApplication(create_backend_app)
    dispatcher.get_backend_for_host = cache(dispatcher.get_backend_for_host)
    return dispatcher
