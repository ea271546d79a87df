"""Which connections there may be, with transports and parsers that a test controls."""

import asyncio
from typing import Any, cast

import pytest

from kafka_otlp_exporter.receivers import http_connections
from kafka_otlp_exporter.receivers.http_connections import HEADER_BYTES, READ_BYTES, Connections


class Parser:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.received = b""
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def connection_lost(self, exc: BaseException | None) -> None:
        self.lost = True

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool | None:
        return None

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False


class Transport:
    """Keeps what is done to it."""

    def __init__(self) -> None:
        self.written = b""
        self.end = ""
        self.ended = asyncio.Event()

    def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.end = "closed"

    def abort(self) -> None:
        self.end = "aborted"
        self.ended.set()


class Port:
    """Connections, and what a client does on them."""

    def __init__(self, most: int) -> None:
        self.parsers: list[Parser] = []
        self.connections = Connections(most, self._parser)

    def _parser(self) -> Parser:
        self.parsers.append(Parser())
        return self.parsers[-1]

    def connect(self) -> tuple[Any, Transport, Parser]:
        """A new connection: its protocol, its transport, its parser."""
        protocol, transport = self.connections.accept(), Transport()
        protocol.connection_made(cast(asyncio.BaseTransport, transport))
        return protocol, transport, self.parsers[-1]

    @staticmethod
    def send(protocol: Any, data: bytes) -> None:
        """Bytes, as the event loop hands them on."""
        while data:
            buffer = protocol.get_buffer(-1)
            size = min(len(data), len(buffer))
            buffer[:size] = data[:size]
            protocol.buffer_updated(size)
            data = data[size:]


def test_bytes_reach_the_parser_of_their_connection():
    """All of them, a buffer at a time."""

    async def run() -> None:
        port = Port(3)
        one, _, first = port.connect()
        two, _, second = port.connect()
        content = bytes(number % 251 for number in range(READ_BYTES * 3 + 5))
        port.send(one, content)
        port.send(two, b"abc")
        assert (first.received, second.received) == (content, b"abc")
        one.connection_lost(None)
        assert (first.lost, second.lost, len(port.connections)) == (True, False, 1)

    asyncio.run(run())


def test_the_oldest_idle_connection_makes_room():
    """A connection that is served, or on which a request begins to arrive, does not."""

    async def run() -> None:
        port = Port(4)
        made = [port.connect() for _ in range(4)]
        port.connections.begin(made[0][2])
        port.send(made[1][0], b"P")
        port.connect()
        assert [transport.end for _, transport, _ in made] == ["", "", "closed", ""]
        port.connections.end(made[0][2], leaving=False, unread=0)
        for _ in range(3):
            port.connect()
        assert [transport.end for _, transport, _ in made] == ["closed", "", "closed", "closed"]
        assert len(port.connections) == 4

    asyncio.run(run())


def test_where_none_is_idle_a_new_connection_is_told_to_come_again():
    """Its parser is not called."""

    async def run() -> None:
        port = Port(1)
        busy = port.connect()
        port.connections.begin(busy[2])
        protocol, transport, parser = port.connect()
        assert transport.written.startswith(b"HTTP/1.1 503 ")
        assert transport.end == "closed"
        port.send(protocol, b"POST /")
        protocol.eof_received()
        protocol.connection_lost(None)
        assert (parser.received, parser.lost, len(port.connections)) == (b"", False, 1)
        assert busy[1].end == ""

    asyncio.run(run())


def test_headers_without_end_are_cut_off():
    """A body is not cut off: it is read while the request is served."""

    async def run() -> None:
        port = Port(2)
        endless, cut, _ = port.connect()
        port.send(endless, bytes(HEADER_BYTES))
        assert cut.end == ""
        port.send(endless, b"x")
        assert cut.end == "aborted"
        uploading, transport, parser = port.connect()
        port.send(uploading, b"POST /")
        port.connections.begin(parser)
        port.send(uploading, bytes(HEADER_BYTES * 2))
        assert transport.end == ""

    asyncio.run(run())


def test_the_rest_of_a_refused_request_is_not_taken_for_headers():
    """This holds when the connection ends after it, and when the connection goes on."""

    async def run() -> None:
        port = Port(2)
        for leaving, unread in ((True, 0), (False, HEADER_BYTES)):
            protocol, transport, parser = port.connect()
            port.connections.begin(parser)
            port.connections.end(parser, leaving=leaving, unread=unread)
            port.send(protocol, bytes(HEADER_BYTES * 2))
            assert transport.end == ""

    asyncio.run(run())


def test_slow_headers_are_not_waited_for(monkeypatch: pytest.MonkeyPatch):
    """An idle connection is kept."""
    monkeypatch.setattr(http_connections, "SWEEP_SECONDS", 0.01)
    monkeypatch.setattr(http_connections, "HEADER_SECONDS", 0.1)

    async def run() -> None:
        port = Port(3)
        slow, idle = port.connect(), port.connect()
        port.send(slow[0], b"P")
        await asyncio.wait_for(slow[1].ended.wait(), 10)
        assert slow[1].end == "aborted"
        assert idle[1].end == ""
        port.connections.close()

    asyncio.run(run())


def test_quiet_is_when_no_request_is_served():
    """A request counts until it ends, also when its client has gone."""

    async def run() -> None:
        port = Port(3)
        protocol, _, parser = port.connect()
        await port.connections.wait_quiet(0)
        port.connections.begin(parser)
        waiting = asyncio.create_task(port.connections.wait_quiet(10))
        protocol.connection_lost(None)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        port.connections.end(parser, leaving=False, unread=0)
        await waiting

    asyncio.run(run())


def test_draining_ends_idle_connections():
    """Other connections go on."""

    async def run() -> None:
        port = Port(3)
        idle, busy = port.connect(), port.connect()
        port.connections.begin(busy[2])
        port.connections.end_idle()
        assert (idle[1].end, busy[1].end) == ("closed", "")

    asyncio.run(run())
