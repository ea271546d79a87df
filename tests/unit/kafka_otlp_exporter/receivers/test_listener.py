"""Accepting connections, on real sockets of this machine."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self

import pytest

from kafka_otlp_exporter.receivers import listener
from kafka_otlp_exporter.receivers.listener import Listener
from tests.beds.certificates import Certificates


class Greeting(asyncio.Protocol):
    """Says hello and hangs up."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(b"hello")
        transport.close()


class Port:
    """A listener, and the functions that it calls."""

    def __init__(self, most_handshakes: int = 8) -> None:
        self.context: ssl.SSLContext | None = None
        self.is_full = False
        self.listener = Listener(Greeting, lambda: self.context, lambda: self.is_full, most_handshakes)

    async def __aenter__(self) -> Self:
        self.number = await self.listener.start("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.listener.close()

    async def hello(self, ca: Path | None = None) -> bytes:
        """What a client receives."""
        context = ssl.create_default_context(cafile=ca) if ca else None
        reader, writer = await asyncio.open_connection("127.0.0.1", self.number, ssl=context)
        try:
            return await asyncio.wait_for(reader.read(), 10)
        finally:
            writer.close()


def on_port(test: Callable[[Port], Coroutine[Any, Any, None]], most_handshakes: int = 8) -> None:
    """Run a test on a loop of its own."""

    async def run() -> None:
        async with Port(most_handshakes) as port:
            await test(port)

    asyncio.run(run())


def context_of(authority: Certificates, name: str) -> ssl.SSLContext:
    """A server's context."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.server(name))
    return context


def test_each_handshake_uses_the_context_of_its_moment(tmp_path: Path):
    """Plain, then one certificate, then another."""
    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    one, two = (Certificates(folder, []) for folder in folders)

    async def test(port: Port) -> None:
        assert await port.hello() == b"hello"
        port.context = context_of(one, "one")
        assert await port.hello(one.ca) == b"hello"
        port.context = context_of(two, "two")
        assert await port.hello(two.ca) == b"hello"
        with pytest.raises(ssl.SSLCertVerificationError):
            await port.hello(one.ca)

    on_port(test)


def test_no_handshake_is_begun_for_a_connection_that_would_be_refused(tmp_path: Path):
    """Without TLS it is accepted, and the protocol refuses it with an answer."""
    authority = Certificates(tmp_path, [])

    async def test(port: Port) -> None:
        port.is_full = True
        assert await port.hello() == b"hello"
        port.context = context_of(authority, "a")
        with pytest.raises(OSError):
            await port.hello(authority.ca)
        port.is_full = False
        assert await port.hello(authority.ca) == b"hello"

    on_port(test)


def test_who_comes_while_handshakes_stall_waits_for_their_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Two handshakes may be open, and two clients send nothing. The third client is served when their time is over."""
    monkeypatch.setattr(listener, "HANDSHAKE_SECONDS", 0.5)
    authority = Certificates(tmp_path, [])

    async def test(port: Port) -> None:
        port.context = context_of(authority, "a")
        with contextlib.ExitStack() as ends:
            for _ in range(2):
                ends.enter_context(socket.create_connection(("127.0.0.1", port.number)))
            assert await port.hello(authority.ca) == b"hello"

    on_port(test, most_handshakes=2)


def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open():
    """The event loop's own server behaves like this."""

    async def test(port: Port) -> None:
        other = Listener(Greeting, lambda: None, lambda: False, 1)
        with pytest.raises(OSError):
            await other.start("127.0.0.1", port.number)

    on_port(test)


def test_nothing_is_accepted_after_the_end():
    """Another process can use the port."""

    async def run() -> None:
        async with Port() as port:
            pass
        with pytest.raises(ConnectionRefusedError):
            await port.hello()
        again = Listener(Greeting, lambda: None, lambda: False, 1)
        await again.start("127.0.0.1", port.number)
        again.close()

    asyncio.run(run())
