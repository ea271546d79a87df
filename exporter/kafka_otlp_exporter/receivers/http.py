"""OTLP over HTTP: POST of protobuf or JSON to three paths, and one answer in the same encoding.

Every request waits for the byte budget before its body is read. The receiver must not parse a payload, or know of Kafka.
Sources: the OTLP specification, "OTLP/HTTP"; RFC 9110 for status codes and headers.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import http_exceptions, web
from google.rpc import code_pb2

from kafka_otlp_exporter.config.address import Address
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow.intake import FAREWELL_SECONDS, Intake
from kafka_otlp_exporter.otlp.signals import CONTENT_TYPES, SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Outcome, Reason, Unauthenticated, Unavailable
from kafka_otlp_exporter.receivers import answers, http_body, http_compression
from kafka_otlp_exporter.receivers.guards import Edge
from kafka_otlp_exporter.receivers.http_connections import Connections
from kafka_otlp_exporter.receivers.listener import Listener
from kafka_otlp_exporter.telemetry.logs import log

# Load balancers keep idle connections for up to 600 s. If the exporter ended one first, a request on it could be lost.
IDLE_SECONDS = 630.0
# How long the rest of a refused request is read and dropped, so that the client can read the answer first.
LINGER_SECONDS = 5.0
# The connection is kept after a refused request when the rest of its body has at most so many bytes.
WORTH_READING_BYTES = 64 * 1024

_PATHS: Mapping[str, Signal] = {f"/v1/{signal.value}": signal for signal in Signal}
_FORMATS: Mapping[str, Format] = {name: encoding for encoding, name in CONTENT_TYPES.items()}
_SERVER = "kafka-otlp-exporter"
_TYPES = " or ".join(CONTENT_TYPES.values())

# aiohttp logs the headers of malformed requests, and they may contain credentials.
_SILENT = logging.getLogger(__name__)
_SILENT.setLevel(logging.CRITICAL + 1)


class _Asked(NamedTuple):
    encoding: Format
    coding: str  # of the content, empty when it is not compressed


class HttpReceiver:
    """Serves the three OTLP paths on one port."""

    def __init__(self, intake: Intake, edge: Edge, *, shared_port: bool = False) -> None:
        """Must be made on the event loop that serves it. ``shared_port``: several processes listen on the port."""
        self._intake = intake
        self._edge = edge
        self._limit = min(intake.admission.largest_request, edge.http_limit)
        self._web = web.Server(
            self._handle,
            handler_cancellation=True,
            access_log=None,
            logger=_SILENT,
            auto_decompress=False,
            keepalive_timeout=IDLE_SECONDS,
            lingering_time=LINGER_SECONDS,
            read_bufsize=8 * 1024,
        )
        admission = intake.admission
        most_connections = admission.most_connections if edge.http is None else admission.most_tls_connections
        self._connections = Connections(most_connections, self._web)
        tls = edge.http
        self._listener = Listener(
            self._connections.accept,
            lambda: None if tls is None else tls.value.context,
            self._connections.full,
            most_connections // 2,
            shared_port=shared_port,
        )

    async def start(self, address: Address) -> int:
        """Listen on ``address`` and return the port. Raises CannotListen."""
        try:
            return await self._listener.start(address.host, address.port)
        except OSError as error:
            raise address.cannot_listen(error) from error

    async def stop(self, grace: float) -> None:
        """Stop when the requests that were admitted are answered, at the latest after ``grace`` seconds.

        The intake must be draining.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + grace
        await asyncio.sleep(min(FAREWELL_SECONDS, grace / 2))
        self._listener.close()
        self._connections.end_idle()
        await self._connections.wait_quiet(end - loop.time())
        self._connections.close()
        await self._web.shutdown(max(0.1, min(1.0, end - loop.time())))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self._connections.begin(request.protocol)
        response: web.StreamResponse | None = None
        try:
            response = await self._answer(request)
        except Exception:
            log.exception("request_failed")
            response = _plain(503, "the exporter failed over this request; its log says how.", {"Retry-After": "1"})
            response.force_close()
        finally:
            leaving = response is not None and response.keep_alive is False
            unread = 0 if request.content.is_eof() else WORTH_READING_BYTES
            self._connections.end(request.protocol, leaving=leaving, unread=unread)
        return response

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if not _has_readable_length(request):
            response = _plain(400, "the content-length has more digits than any length.")
            response.force_close()
            return response
        signal = _PATHS.get(_path(request))
        if signal is None:
            return _leaving(request, _plain(404, f"there is nothing at this path; POST to {', '.join(_PATHS)}."))
        if request.method != "POST":
            return _leaving(request, _plain(405, "an Export call is a POST.", {"Allow": "POST"}))
        asked = self._asked(request, signal)
        if isinstance(asked, web.Response):
            return _leaving(request, asked)
        if (request.content_length or 0) > self._limit:
            outcome = self._intake.refuse(signal, http_body.too_large(self._limit))
        else:
            outcome = await self._intake.export(
                signal, asked.encoding, _peer(request), lambda: self._read(request, asked.coding)
            )
        response = _response(signal, outcome, asked.encoding)
        if self._intake.draining:
            response.force_close()
        if isinstance(outcome, Unavailable) and outcome.reason is Reason.TIMED_OUT and not request.content.is_eof():
            return await _hang_up(request, response)
        return _leaving(request, response)

    def _asked(self, request: web.BaseRequest, signal: Signal) -> _Asked | web.Response:
        """How to read the body, or the answer to a request whose body is not read."""
        encoding = _FORMATS.get(request.headers.get("Content-Type", "").partition(";")[0].strip().lower())
        if (refused := self._edge.refuse(request.headers.getall("Authorization", []))) is not None:
            self._intake.refuse(signal, refused)
            return _unauthenticated(refused, encoding)
        if encoding is None:
            message = f"the content-type has to be {_TYPES}."
            self._intake.refuse(signal, Invalid(message))
            return _plain(415, message)
        coding = http_compression.coding(",".join(request.headers.getall("Content-Encoding", [])))
        if coding is None:
            return self._unknown_compression(signal, encoding)
        return _Asked(encoding, coding)

    async def _read(self, request: web.BaseRequest, coding: str) -> bytes | Outcome:
        if request.headers.get("Expect", "").lower() == "100-continue" and not request.content.is_eof():
            # RFC 9110, section 10.1.1. It is sent only when there is room for the body.
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            request.writer.output_size = 0
        try:
            if coding:
                return await http_body.read_packed(request.content.readany, self._limit, coding)
            return await http_body.read(request.content.readany, self._limit)
        except (web.RequestPayloadError, http_exceptions.BadHttpMessage):
            return Invalid("the body is damaged: its chunks or its length are not what its headers say.")

    def _unknown_compression(self, signal: Signal, encoding: Format) -> web.Response:
        message = f"the content-encoding has to be one of {http_compression.ACCEPTED}, or identity."
        self._intake.refuse(signal, Invalid(message))
        accepted = {"Accept-Encoding": http_compression.ACCEPTED}
        return _made(415, answers.refusal(code_pb2.UNIMPLEMENTED, message, encoding), encoding, accepted)


def _path(request: web.BaseRequest) -> str:
    path = request.raw_path.partition("?")[0]
    return path if path.startswith("/") else request.path


def _has_readable_length(request: web.BaseRequest) -> bool:
    try:
        request.content_length  # noqa: B018
    except ValueError:  # thousands of leading zeros: the parser of headers accepts them, and int() does not
        return False
    return True


def _peer(request: web.BaseRequest) -> str:
    return str(request.transport.get_extra_info("peername")) if request.transport is not None else ""


def _response(signal: Signal, outcome: Outcome, encoding: Format) -> web.Response:
    if isinstance(outcome, Delivered):
        return _made(200, answers.response(SIGNALS[signal], outcome, encoding), encoding)
    headers = {}
    if isinstance(outcome, Unavailable):
        # RFC 9110, section 10.2.3: whole seconds.
        headers["Retry-After"] = str(max(1, math.ceil(outcome.retry_after)))
    return _made(answers.codes(outcome).http, answers.status(outcome, encoding), encoding, headers)


def _unauthenticated(outcome: Unauthenticated, encoding: Format | None) -> web.Response:
    # RFC 6750, section 3.
    challenge = {"WWW-Authenticate": "Bearer"}
    code = answers.codes(outcome).http
    if encoding is None:
        return _plain(code, outcome.message, challenge)
    return _made(code, answers.status(outcome, encoding), encoding, challenge)


def _made(status: int, content: bytes, encoding: Format, headers: dict[str, str] | None = None) -> web.Response:
    own = {"Content-Type": CONTENT_TYPES[encoding], "Server": _SERVER}
    return web.Response(status=status, body=content, headers=own | headers if headers else own)


def _plain(status: int, sentence: str, headers: dict[str, str] | None = None) -> web.Response:
    own = {"Content-Type": "text/plain; charset=utf-8", "Server": _SERVER}
    return web.Response(status=status, body=f"{sentence}\n".encode(), headers=own | (headers or {}))


def _leaving(request: web.BaseRequest, response: web.Response) -> web.Response:
    """End the connection after the answer, unless the rest of the request is short and sure to arrive."""
    if not request.content.is_eof() and (
        request.headers.get("Expect") or request.content_length is None or request.content_length > WORTH_READING_BYTES
    ):
        response.force_close()
    return response


async def _hang_up(request: web.BaseRequest, response: web.Response) -> web.Response:
    """Answer, and close without waiting for the rest of a body that does not arrive."""
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    if request.transport is not None:
        request.transport.close()
    return response
