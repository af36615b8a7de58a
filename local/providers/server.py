"""The gRPC side: serves a provider to the engine that started this process."""

import argparse
import asyncio
import concurrent.futures
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.provider.provider import Provider as ComponentProvider
from pulumi.provider.server import ProviderServicer as ComponentServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from local.providers.errors import InitFailedError, ProviderError
from local.providers.provider import StandIn

CONCURRENT_REQUESTS = 64
"""Threads for requests; the engine sends as many at once as `--parallel` says, four a core by default."""

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit."""


def serve(provider: StandIn[Any], version: str) -> None:
    """Serve resource types and functions on a free port of 127.0.0.1, which is printed, until the engine ends."""
    asyncio.run(_serve(lambda engine: ProviderServicer([], version, provider, engine_address=engine), provider.cancel))


def serve_components(provider: ComponentProvider) -> None:
    """Serve remote components in the same way."""

    async def cancel() -> None:
        provider.cancel()

    asyncio.run(_serve(lambda engine: ComponentServicer(provider, [], engine_address=engine), cancel))


async def _serve(
    servicer: Callable[[str], provider_pb2_grpc.ResourceProviderServicer], cancel: Callable[[], Awaitable[None]]
) -> None:
    # The engine also sends flags of the Go plugins, which mean nothing here.
    parser = argparse.ArgumentParser(description="Stand-in for a Pulumi provider plugin, run by the engine.")
    parser.add_argument("engine", help="address of the engine")
    arguments, _ = parser.parse_known_args()

    loop = asyncio.get_running_loop()
    loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(CONCURRENT_REQUESTS))
    server = grpc.aio.server(
        interceptors=[_InOwnWords()], options=[("grpc.max_receive_message_length", MAX_MESSAGE_BYTES)]
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer(arguments.engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    engine = os.getppid()
    # An engine that was killed cannot stop its plugins.
    while not stop.is_set() and os.getppid() == engine:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), timeout=1)
    # Requests that still wait for AWS end with an error instead of keeping their threads, and so the process, alive.
    await cancel()
    await server.stop(grace=None)


class _InOwnWords(grpc.aio.ServerInterceptor):
    """Reports a ProviderError by its message, and what exists in spite of it; the SDK would print a traceback."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None

        async def answer(request: Any, context: Any) -> Any:
            try:
                return await handler.unary_unary(request, context)
            except Exception as failure:
                # The SDK's servicer wraps whatever the provider raises.
                cause = failure.__context__ or failure
                if isinstance(cause, ProviderError):
                    await context.abort_with_status(_status(cause))
                raise

        return grpc.unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


def _status(failure: ProviderError) -> grpc.Status:
    status = grpc.Status()
    status.code = grpc.StatusCode.UNKNOWN
    status.details = str(failure)
    status.trailing_metadata = ()
    if isinstance(failure, InitFailedError):
        details = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
        details.details.add().Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=failure.resource_id,
                properties=PropertyValue.marshal_map(dict(failure.properties)),
                reasons=[str(failure)],
            )
        )
        status.trailing_metadata = (("grpc-status-details-bin", details.SerializeToString()),)
    return status
