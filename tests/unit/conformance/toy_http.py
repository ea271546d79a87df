"""OTLP/HTTP on aiohttp, with the faults of ``toy``. Called by ``toy``."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from google.protobuf import json_format

from conformance import telemetry
from conformance.signals import SIGNALS, Signal
from conformance.telemetry import MIB
from tests.unit.conformance.toy import Behaviour, Refused
from tests.unit.conformance.toy_json import decoded

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_CROWD = 10


@dataclass
class Listening:
    """A server and its port."""

    port: int
    runner: web.AppRunner

    async def stop(self) -> None:
        """Close the port and every connection."""
        await self.runner.cleanup()


async def start(behaviour: Behaviour) -> Listening:
    """Listen on a port of its own."""
    application = web.Application()
    no_word = _say_nothing if behaviour.has("no 100 Continue") else None
    application.router.add_route("*", "/{path:.*}", _Handler(behaviour).serve, expect_handler=no_word)
    # What is packed arrives packed: how it is unpacked is the toy's business.
    runner = web.AppRunner(application, auto_decompress=False, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return Listening(int(runner.addresses[0][1]), runner)


async def _say_nothing(_: web.Request) -> None:
    return None


class _Handler:
    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour
        self._open = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        self._open += 1
        try:
            if self._behaviour.has("no crowds"):
                await asyncio.sleep(0.2)
                if self._open > _CROWD:
                    return web.Response(status=503)
            return await self._export(request)
        finally:
            self._open -= 1

    async def _export(self, request: web.Request) -> web.StreamResponse:
        behaviour, media_type = self._behaviour, PROTOBUF
        try:
            signal = self._signal(request)
            media_type = self._media_type(request)
            body = self._unpacked(request, await self._body(request))
            message = self._message(signal, media_type, body)
            rejected, sentence = behaviour.take(signal, message)
        except Refused as refused:
            return self._error(refused, media_type)
        response = behaviour.answer(signal, rejected, sentence)
        status = 207 if rejected and behaviour.has("partial success is 207") else 200
        if media_type == JSON:
            return self._packed(status, JSON, self._json_answer(response))
        answer = b"\xff" if behaviour.has("answers are no protobuf") else response.SerializeToString()
        return self._packed(status, PROTOBUF, answer)

    def _signal(self, request: web.Request) -> Signal:
        behaviour = self._behaviour
        found = [signal for signal in SIGNALS if signal.path == request.path and not behaviour.has(f"no {signal.name}")]
        if not found:
            if behaviour.has("any path"):
                return SIGNALS[0]
            raise Refused("UNIMPLEMENTED", 404, "no such path")
        if request.method != "POST" and not behaviour.has("any HTTP method"):
            raise Refused("UNIMPLEMENTED", 405, "only POST")
        return found[0]

    def _media_type(self, request: web.Request) -> str:
        behaviour = self._behaviour
        names = {name for name, _ in request.raw_headers}
        if behaviour.has("header names by case") and b"Content-Type" not in names:
            raise Refused("INVALID_ARGUMENT", 415)
        given = request.headers.get("Content-Type")
        if given is None and behaviour.has("no Content-Type taken"):
            return PROTOBUF
        given = given or ""
        if not behaviour.has("parameters refused"):
            given = given.partition(";")[0]
        if not behaviour.has("media types by case"):
            given = given.lower()
        if given in {PROTOBUF, JSON} and not (given == JSON and behaviour.has("JSON refused")):
            return given
        if given and behaviour.has("any Content-Type"):
            return PROTOBUF
        raise Refused("INVALID_ARGUMENT", 415, "another Content-Type")

    async def _body(self, request: web.Request) -> bytes:
        behaviour = self._behaviour
        if behaviour.has("chunks refused") and request.headers.get("Transfer-Encoding"):
            raise Refused("INVALID_ARGUMENT", 411)
        body = bytearray()
        size = 0
        async for piece in request.content.iter_any():
            size += len(piece)
            if behaviour.has("no limit"):
                if size >= telemetry.OVER_LIMIT[-1]:
                    return b""
                body += piece if size < MIB else b""
            else:
                body += piece
                if size > behaviour.limit:
                    raise behaviour.too_large()
        return bytes(body)

    def _unpacked(self, request: web.Request, body: bytes) -> bytes:
        behaviour, coding = self._behaviour, request.headers.get("Content-Encoding", "identity")
        if coding not in {"identity", "gzip"}:
            if behaviour.has("unknown codings taken"):
                return body
            raise Refused("INVALID_ARGUMENT", 400 if behaviour.has("unknown coding is 400") else 415)
        if coding == "identity":
            return body
        if behaviour.has("gzip refused"):
            raise Refused("UNIMPLEMENTED", 415)
        try:
            return behaviour.inflate(body, None if behaviour.has("no limit after decompression") else behaviour.limit)
        except Refused as refused:
            if refused.status == 400 and behaviour.has("bad gzip is 500"):
                refused.status = 500
            raise

    def _message(self, signal: Signal, media_type: str, body: bytes) -> Any:
        behaviour = self._behaviour
        if media_type == JSON and behaviour.has("{} refused") and body == b"{}":
            raise behaviour.bad()
        try:
            return decoded(behaviour, signal, body) if media_type == JSON else behaviour.parse(signal, body)
        except Refused as refused:
            if behaviour.has("bad JSON is 422" if media_type == JSON else "bad protobuf is 422"):
                refused.status = 422
            if behaviour.has("deep nesting is 500") and len(body) > 20_000:
                refused.status = 500
            raise

    def _json_answer(self, response: Any) -> bytes:
        if self._behaviour.has("snake_case answers"):
            return b'{"partial_success":null}'
        if self._behaviour.has("empty partialSuccess"):
            return b'{"partialSuccess":{}}'
        return json_format.MessageToJson(response, indent=None).encode()

    def _error(self, refused: Refused, media_type: str) -> web.Response:
        behaviour, fields = self._behaviour, dict[str, str]()
        if refused.status == 405 and not behaviour.has("no Allow"):
            fields["Allow"] = "POST"
        if refused.status == 503 and not behaviour.has("no Retry-After"):
            fields["Retry-After"] = "1"
        status = refused.packed()
        body = json_format.MessageToJson(status).encode() if media_type == JSON else status.SerializeToString()
        if media_type == JSON and behaviour.has("errors of its own in JSON"):
            body = json.dumps({"error_code": 3, "error_message": "bad"}).encode()
        if behaviour.has("errors are text") or (refused.status == 413 and behaviour.has("413 is text")):
            body = b"something went wrong"
        if refused.status in {404, 405, 415} and behaviour.has("404 is text"):
            body = b"something went wrong"
        got = self._packed(refused.status, "text/plain" if behaviour.has("errors are text/plain") else media_type, body)
        got.headers.update(fields)
        if behaviour.has("a refusal closes the connection"):
            got.force_close()
        return got

    def _packed(self, status: int, media_type: str, body: bytes) -> web.Response:
        behaviour, fields = self._behaviour, dict[str, str]()
        if behaviour.has("answers always packed"):
            body, fields = gzip.compress(body), {"Content-Encoding": "gzip"}
        swapped: Mapping[str, str] = {}
        if status == 200 and behaviour.has("answers have the other Content-Type"):
            swapped = {PROTOBUF: JSON, JSON: PROTOBUF}
        fields["Content-Type"] = swapped.get(media_type, media_type)
        return web.Response(status=status, headers=fields, body=body)
