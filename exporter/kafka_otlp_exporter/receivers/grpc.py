"""OTLP over gRPC: bytes in, status code out. It must not parse a payload, or know of Kafka.

Handlers are registered as stream-unary, which is the same on the wire as unary-unary. This lets a call wait for the byte
budget before its message is read; until then the flow control of HTTP/2 keeps the bytes at the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import grpc

from kafka_otlp_exporter.config.address import Address
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.config.watched import Watched
from kafka_otlp_exporter.flow.intake import FAREWELL_SECONDS, Intake
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal, SignalRow
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Unavailable
from kafka_otlp_exporter.receivers import answers
from kafka_otlp_exporter.receivers.guards import Edge
from kafka_otlp_exporter.receivers.tls import Tls

# How many bytes a stream may send before it is read. While a message is read, gRPC opens the window to its length.
WINDOW_BYTES = 16 * 1024

_OPTIONS = (
    # With the probe on, gRPC would widen the window of a stream that is not read yet.
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", WINDOW_BYTES),
    # Many clients ping every 10 s; with the default, gRPC would close their connections.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    # A client that connects and sends nothing holds a connection that another client could have.
    ("grpc.server_handshake_timeout_ms", 10_000),
    ("grpc.max_connection_idle_ms", 120_000),
    ("grpc.max_concurrent_streams", 100),
)

_CODES = {code.value[0]: code for code in grpc.StatusCode}

# How long gRPC may take to cancel the task of a call that has ended without a message. Measured: the next turn of the loop.
_CANCELLATION_SECONDS = 0.05

# grpc.aio.ServicerContext; its type stubs have neither read() without a deserializer nor the trailer of abort().
Context = Any
Handler = Callable[[object, Context], Awaitable[bytes]]


class GrpcReceiver:
    """Serves the three OTLP services on one port."""

    def __init__(self, intake: Intake, edge: Edge, *, shared_port: bool = False) -> None:
        """Must be made on the event loop that serves it. ``shared_port``: several processes listen on the port."""
        self._intake = intake
        self._edge = edge
        admission = intake.admission
        most_connections = admission.most_connections if edge.grpc is None else admission.most_tls_connections
        options = (
            ("grpc.max_receive_message_length", min(admission.largest_request, edge.grpc_limit)),
            ("grpc.max_allowed_incoming_connections", most_connections),
            # Calls that our handler has not seen yet. Beyond these gRPC answers CANCELLED, which clients send again, but
            # without RetryInfo. Below these, Admission limits the open calls.
            ("grpc.server.max_pending_requests", admission.most_calls),
            ("grpc.server.max_pending_requests_hard_limit", admission.most_calls),
            # A second exporter on the port is a mistake. It must fail, and not take a part of the connections in silence.
            ("grpc.so_reuseport", int(shared_port)),
        )
        self._server = grpc.aio.server(options=(*_OPTIONS, *options))
        for signal, row in SIGNALS.items():
            service, method = row.method.strip("/").split("/")
            handler: Any = grpc.stream_unary_rpc_method_handler(self._handler(signal, row))
            self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])

    async def start(self, address: Address) -> int:
        """Listen on ``address`` and return the port. Raises CannotListen."""
        try:
            if self._edge.grpc is None:
                port = self._server.add_insecure_port(str(address))
            else:
                port = self._server.add_secure_port(str(address), _credentials(self._edge.grpc))
        except RuntimeError as error:
            raise address.cannot_listen("is the port taken?") from error
        await self._server.start()
        return port

    async def stop(self, grace: float) -> None:
        """Stop when the calls that were admitted are answered, at the latest after ``grace`` seconds.

        The intake must be draining.
        """
        await asyncio.sleep(min(FAREWELL_SECONDS, grace / 2))
        await self._server.stop(max(0.0, grace - FAREWELL_SECONDS))

    def _handler(self, signal: Signal, row: SignalRow) -> Handler:
        async def export(_: object, context: Context) -> bytes:
            shown = [value for name, value in context.invocation_metadata() if name == "authorization"]
            outcome: Outcome
            if (refused := self._edge.refuse(shown)) is not None:
                outcome = self._intake.refuse(signal, refused)
            else:
                outcome = await self._intake.export(signal, Format.PROTOBUF, context.peer(), lambda: _read_one(context))
            if isinstance(outcome, Delivered):
                return answers.response(row, outcome, Format.PROTOBUF)
            return await _abort(context, outcome)

        return export


def _credentials(watched: Watched[Tls]) -> grpc.ServerCredentials:
    """Credentials whose certificate gRPC asks for at each handshake; the answer None means that it has not changed."""
    used = watched.value

    def newest() -> Any:
        nonlocal used
        if watched.value is used:
            return None
        used = watched.value
        return _configuration(used)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(used), newest, require_client_authentication=used.client_ca is not None
    )


def _configuration(tls: Tls) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(tls.key, tls.certificate)], root_certificates=tls.client_ca)


async def _read_one(context: Context) -> bytes | Invalid:
    """The one message of a call. gRPC shows a cut message like no message, so its presence and its end are checked."""
    message = await context.read()
    if message is grpc.aio.EOF:
        # A call that its client has ended shows the same, a moment before gRPC cancels this task.
        await asyncio.sleep(_CANCELLATION_SECONDS)
        return Invalid("the call holds no message, or one that was cut off; an Export call holds exactly one.")
    if await context.read() is not grpc.aio.EOF:
        return Invalid("the call holds more than one message; an Export call holds exactly one.")
    return bytes(message)


async def _abort(context: Context, outcome: Invalid | Unavailable) -> NoReturn:
    trailer: tuple[tuple[str, bytes], ...] = (("grpc-status-details-bin", answers.status(outcome, Format.PROTOBUF)),)
    if (retry_info := answers.retry_info(outcome)) is not None:
        # OpenTelemetry's exporter for Python reads the delay from here alone.
        trailer = (*trailer, ("google.rpc.retryinfo-bin", retry_info))
    await context.abort(_CODES[answers.codes(outcome).grpc], outcome.message, trailer)
    raise AssertionError("abort() raises")
