"""OTLP/gRPC by hand, on h2: a library would not let it do wrong. Called by ``toy``."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import grpc
import h2.config
import h2.connection
import h2.events

from conformance.signals import SIGNALS, Signal
from tests.unit.conformance.toy import Behaviour, Refused

_CODES = {code.name: code.value[0] for code in grpc.StatusCode}


@dataclass
class Listening:
    """A server and its port."""

    port: int
    server: asyncio.Server
    connections: set[_Connection]

    async def stop(self) -> None:
        """Close the port and every connection."""
        self.server.close()
        for connection in list(self.connections):
            connection.close()
        await self.server.wait_closed()


async def start(behaviour: Behaviour) -> Listening:
    """Listen on a port of its own."""
    connections: set[_Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(behaviour, connections), "127.0.0.1", 0)
    return Listening(server.sockets[0].getsockname()[1], server, connections)


@dataclass
class _Call:
    fields: dict[str, str]
    data: bytearray = field(default_factory=bytearray)
    timer: asyncio.TimerHandle | None = None


class _Connection(asyncio.Protocol):
    def __init__(self, behaviour: Behaviour, connections: set[_Connection]) -> None:
        self._behaviour = behaviour
        self._connections = connections
        self._state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        self._calls: dict[int, _Call] = {}
        self._outbox: dict[int, tuple[deque[bytes], list[tuple[str, str]]]] = {}
        self._pings = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._connections.add(self)
        self._state.initiate_connection()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        for call in self._calls.values():
            if call.timer is not None:
                call.timer.cancel()

    def close(self) -> None:
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        for event in self._state.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                self._begin(event.stream_id, {str(name): str(value) for name, value in event.headers})
            elif isinstance(event, h2.events.DataReceived):
                self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                self._more(event.stream_id, event.data)
            elif isinstance(event, h2.events.StreamEnded):
                self._whole(event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                self._forget(event.stream_id)
                if self._behaviour.has("a cancelled call closes the connection"):
                    self.close()
                    return
            elif isinstance(event, h2.events.PingReceived):
                self._pinged()
        self._pump()

    def _pinged(self) -> None:
        self._pings += 1
        if self._behaviour.has("pings refused") and self._pings > 2:
            self._state.close_connection(11)

    def _begin(self, stream: int, fields: dict[str, str]) -> None:
        call = self._calls[stream] = _Call(fields)
        loop = asyncio.get_running_loop()
        if fields.get("grpc-timeout", "").endswith("S"):
            seconds = int(fields["grpc-timeout"][:-1])
            ignored = self._behaviour.has("deadlines ignored")
            code = "OK" if ignored else "DEADLINE_EXCEEDED"
            call.timer = loop.call_later(seconds + ignored, self._end, stream, code)

    def _more(self, stream: int, data: bytes | None) -> None:
        call = self._calls.get(stream)
        if call is None:
            return
        call.data += data or b""
        if len(call.data) >= 5 and not call.data[0] and int.from_bytes(call.data[1:5], "big") > self._behaviour.limit:
            if self._behaviour.has("announced sizes taken"):
                self._end(stream, "OK", b"")
            else:
                self._refuse(stream, self._behaviour.too_large())

    def _whole(self, stream: int) -> None:
        if stream not in self._calls:
            return
        if self._behaviour.has("one call at a time"):
            if len(self._calls) > 1:
                self._refuse(stream, Refused("UNAVAILABLE", 503))
            else:
                asyncio.get_running_loop().call_later(0.05, self._answer, stream)
            return
        self._answer(stream)

    def _answer(self, stream: int) -> None:
        if (call := self._calls.get(stream)) is None:
            return
        behaviour = self._behaviour
        try:
            signal = self._signal(call.fields[":path"])
            payload = self._payload(call)
            if (
                len(payload) > 20_000
                and b"\x2a" in payload[:40]
                and behaviour.has("deep nesting closes the connection")
            ):
                self.close()
                return
            request = behaviour.parse(signal, payload)
            response = behaviour.answer(signal, *behaviour.take(signal, request)).SerializeToString()
            self._end(stream, "OK", b"\xff" if behaviour.has("answers are no protobuf") else response)
        except Refused as refused:
            self._refuse(stream, refused)

    def _signal(self, path: str) -> Signal:
        service, _, method = path.strip("/").partition("/")
        for signal in SIGNALS:
            same = service == signal.method.strip("/").partition("/")[0]
            if same and (method == "Export" or self._behaviour.has("any method")):
                if self._behaviour.has(f"no {signal.name}"):
                    break
                return signal
        if self._behaviour.has("any service") and "NoService" in service:
            return SIGNALS[0]
        raise Refused("UNIMPLEMENTED", 404)

    def _payload(self, call: _Call) -> bytes:
        """The one message of the call. Raises Refused."""
        behaviour, coding = self._behaviour, call.fields.get("grpc-encoding")
        messages = []
        data = bytes(call.data)
        while len(data) >= 5:
            length = int.from_bytes(data[1:5], "big")
            messages.append((data[0], data[5 : 5 + length]))
            data = data[5 + length :]
        if len(messages) > 1 and not behaviour.has("two messages taken"):
            raise behaviour.bad("two messages")
        if not messages and not behaviour.has("no message taken"):
            raise behaviour.bad("no message")
        compressed, payload = messages[0] if messages else (0, b"")
        if coding == "identity" and behaviour.has("identity refused"):
            raise Refused("UNIMPLEMENTED", 415)
        if coding not in {None, "identity", "gzip"}:
            raise Refused("INTERNAL" if behaviour.has("unknown compression is INTERNAL") else "UNIMPLEMENTED", 415)
        if not compressed:
            return payload
        if behaviour.has("gzip refused"):
            raise Refused("UNIMPLEMENTED", 415)
        try:
            return behaviour.inflate(
                payload, None if behaviour.has("no limit after decompression") else behaviour.limit
            )
        except Refused as refused:
            if refused.status == 400 and behaviour.has("bad gzip taken"):
                return b""
            raise

    def _refuse(self, stream: int, refused: Refused) -> None:
        code = refused.code
        for other in ("UNAVAILABLE", "UNKNOWN"):
            if code == "INVALID_ARGUMENT" and self._behaviour.has(f"garbage is {other}"):
                code = other
        self._end(stream, code, None, str(refused), refused.packed().SerializeToString())

    def _end(
        self, stream: int, code: str, payload: bytes | None = None, message: str = "", status: bytes = b""
    ) -> None:
        if stream not in self._calls:
            return
        self._forget(stream)
        head = [(":status", "200"), ("content-type", "application/grpc")]
        if not self._behaviour.has("no grpc-accept-encoding"):
            head.append(("grpc-accept-encoding", "identity,gzip"))
        trailers = [("grpc-status", str(_CODES[code])), ("grpc-message", message)]
        if status:
            trailers.append(("grpc-status-details-bin", base64.b64encode(status).decode().rstrip("=")))
        self._state.send_headers(stream, head)
        framed = b"" if payload is None else b"\0" + len(payload).to_bytes(4, "big") + payload
        self._outbox[stream] = (deque([framed]), trailers)
        self._pump()

    def _forget(self, stream: int) -> None:
        call = self._calls.pop(stream, None)
        if call is not None and call.timer is not None:
            call.timer.cancel()

    def _pump(self) -> None:
        """Send what the windows allow."""
        for stream, (pieces, trailers) in list(self._outbox.items()):
            while pieces and pieces[0]:
                room = min(self._state.local_flow_control_window(stream), self._state.max_outbound_frame_size)
                if room <= 0:
                    break
                self._state.send_data(stream, pieces[0][:room])
                pieces[0] = pieces[0][room:]
            if not pieces or not pieces[0]:
                self._state.send_headers(stream, trailers, end_stream=True)
                del self._outbox[stream]
        self._flush()

    def _flush(self) -> None:
        self._transport.write(self._state.data_to_send())
