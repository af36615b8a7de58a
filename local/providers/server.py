"""The gRPC side: serves a provider to the engine that started this process."""

import argparse
import asyncio
import concurrent.futures
import contextlib
import gc
import hashlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from google.protobuf import struct_pb2
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import Message
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.provider.provider import Provider as ComponentProvider
from pulumi.provider.server import ProviderServicer as ComponentServicer
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2
from typing_extensions import override

from local.providers.errors import InitFailedError, ProviderError
from local.providers.provider import StandIn
from local.providers.values import DIGEST

CONCURRENT_REQUESTS = 64
"""Threads for requests; the engine sends as many at once as `--parallel` says, four a core by default."""

_CONTENTS = frozenset({"path", "text", "uri"})

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""The engine's own limit."""


def serve(provider: StandIn[Any], version: str) -> None:
    """Serve resource types and functions on a free port of 127.0.0.1, which is printed, until the engine ends."""
    asyncio.run(_serve(lambda engine: _Resources([], version, provider, engine_address=engine), provider.cancel))


def serve_components(provider: ComponentProvider) -> None:
    """Serve remote components in the same way."""

    async def cancel() -> None:
        provider.cancel()

    asyncio.run(_serve(lambda engine: _Components(provider, [], engine_address=engine), cancel))


async def _serve(
    servicer: Callable[[str], provider_pb2_grpc.ResourceProviderServicer], cancel: Callable[[], Awaitable[None]]
) -> None:
    # The engine also sends flags of the Go plugins, which mean nothing here.
    parser = argparse.ArgumentParser(description="Stand-in for a Pulumi provider plugin, run by the engine.")
    parser.add_argument("engine", help="address of the engine")
    arguments, _ = parser.parse_known_args()

    gc.freeze()  # the modules are there to the end, and to look for garbage in them takes a sixth of a short life
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


class _Resources(ProviderServicer):
    @override
    async def Attach(self, request: plugin_pb2.PluginAttach, context: Any) -> Empty:
        """Serve an engine that did not start this process, but was told of it by PULUMI_DEBUG_PROVIDERS."""
        del request, context
        return Empty()


class _Components(ComponentServicer):
    @override
    async def Attach(self, request: plugin_pb2.PluginAttach, context: Any) -> Empty:
        """As above; components are registered with the engine."""
        del context
        self.engine_address = request.address
        return Empty()


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
            spell_out_digests(request)
            try:
                response = await handler.unary_unary(request, context)
            except Exception as failure:
                # The SDK's servicer wraps whatever the provider raises.
                cause = failure.__context__ or failure
                if isinstance(cause, ProviderError):
                    await context.abort_with_status(status_of(cause))
                raise
            give_digests(response)
            return response

        return grpc.unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


def spell_out_digests(message: Message) -> None:
    """Make texts of assets that are nothing but a digest, as the engine sends those it has seen before.

    The SDK knows no such assets, and drops the digests of others. `give_digests` is the way back.
    """
    for asset in _assets(message):
        if asset.keys().isdisjoint(_CONTENTS):
            asset["text"].string_value = f"{DIGEST}{asset['hash'].string_value}"


def give_digests(message: Message) -> None:
    """Give every asset its digest, by which the engine and `Diff` tell whether it has changed."""
    for asset in _assets(message):
        if "path" in asset:
            asset["hash"].string_value = hashlib.sha256(Path(asset["path"].string_value).read_bytes()).hexdigest()
        elif "text" in asset and asset["text"].string_value.startswith(DIGEST):
            asset["hash"].string_value = asset["text"].string_value.removeprefix(DIGEST)
            del asset["text"]
        elif "text" in asset:
            asset["hash"].string_value = hashlib.sha256(asset["text"].string_value.encode()).hexdigest()


def _assets(message: Message) -> Iterator[MutableMapping[str, struct_pb2.Value]]:
    """Return the fields of every asset within a message, however deep."""
    if isinstance(message, struct_pb2.Struct):
        signature = message.fields.get(rpc._special_sig_key)  # pyright: ignore[reportPrivateUsage] # has no public name
        if signature and signature.string_value == rpc._special_asset_sig:  # pyright: ignore[reportPrivateUsage] # too
            yield message.fields
            return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        within: Any = value
        if field.message_type.GetOptions().map_entry:
            within = value.values()
        elif isinstance(value, Message):
            within = [value]
        for each in within:
            if isinstance(each, Message):
                yield from _assets(each)


def status_of(failure: ProviderError) -> grpc.Status:
    """Return a failure as gRPC hands it to the engine, with the resource that exists in spite of it."""
    status = grpc.Status()
    status.code = grpc.StatusCode.UNKNOWN
    status.details = str(failure)
    status.trailing_metadata = ()
    if isinstance(failure, InitFailedError):
        exists = provider_pb2.ErrorResourceInitFailed(
            id=failure.resource_id,
            properties=PropertyValue.marshal_map(dict(failure.properties)),
            reasons=[str(failure)],
        )
        give_digests(exists)
        details = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(failure))
        details.details.add().Pack(exists)
        status.trailing_metadata = (("grpc-status-details-bin", details.SerializeToString()),)
    return status
