"""A port that only the processes of one exporter share."""

import socket
from collections.abc import Iterator

import pytest

from kafka_otlp_exporter.config.address import Address, CannotListen
from kafka_otlp_exporter.process.ports import Held


def at(host: str, port: int = 0) -> Address:
    """An address as the option --otlp-grpc-endpoint gives it."""
    return Address("--otlp-grpc-endpoint", host, port)


@pytest.fixture
def held() -> Iterator[Held]:
    """A port of 127.0.0.1 that is held."""
    made = Held(at("127.0.0.1"))
    yield made
    made.release()


def listening(port: int, *, shared: bool, host: str = "127.0.0.1") -> socket.socket:
    """A server as gRPC and asyncio make it, with SO_REUSEPORT or without. Raises OSError."""
    server = socket.socket()
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, int(shared))
        server.bind((host, port))
        server.listen()
    except OSError:
        server.close()
        raise
    return server


def test_port_0_is_a_port_that_is_the_same_for_all(held: Held):
    """The port is chosen once, before there are workers."""
    assert held.address.port > 0
    assert held.address == at("127.0.0.1", held.address.port)


def test_sockets_of_this_exporter_listen_on_it(held: Held):
    """At the same time, and again after one has closed; the holder accepts no connection."""
    with listening(held.address.port, shared=True), listening(held.address.port, shared=True):
        pass
    with (
        listening(held.address.port, shared=True) as server,
        socket.create_connection(("127.0.0.1", held.address.port)) as client,
    ):
        accepted, _ = server.accept()
        with accepted:
            assert accepted.getpeername() == client.getsockname()


def test_without_workers_nobody_answers(held: Held):
    """A client is refused, not left waiting in a queue that nobody reads."""
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", held.address.port), 5):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_another_server_is_kept_out(held: Held, host: str):
    """Whether workers listen at the moment or not."""
    with pytest.raises(OSError, match="in use"):
        listening(held.address.port, shared=False, host=host)
    with listening(held.address.port, shared=True), pytest.raises(OSError, match="in use"):
        listening(held.address.port, shared=False, host=host)


@pytest.mark.parametrize("shared", [False, True])
def test_a_port_on_which_somebody_listens_cannot_be_held(shared: bool):
    """Also when the listener would share it, as another exporter's workers do."""
    with listening(0, shared=shared) as server, pytest.raises(CannotListen, match="in use"):
        Held(at("127.0.0.1", server.getsockname()[1]))


def test_two_cannot_hold_one_port(held: Held):
    """Two exporters start at the same time, and neither listens yet."""
    with pytest.raises(CannotListen, match="in use"):
        Held(held.address)
    with pytest.raises(CannotListen, match="in use"):
        Held(at("0.0.0.0", held.address.port))


def test_a_port_that_was_left_just_now_can_be_held():
    """Connections in TIME_WAIT, of a server that has ended, do not delay the next server."""
    with listening(0, shared=False) as server:
        port = server.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        accepted, _ = server.accept()
        accepted.close()  # the side that closes first enters TIME_WAIT
        client.close()
    Held(at("127.0.0.1", port)).release()


def test_a_port_that_was_let_go_is_free(held: Held):
    """Any process can listen there then."""
    held.release()
    listening(held.address.port, shared=False).close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_wildcard_is_every_address_of_both_families(host: str):
    """gRPC treats it in this way."""
    held = Held(at(host))
    try:
        assert held.address == at(host, held.address.port)
        with pytest.raises(OSError, match="in use"):
            listening(held.address.port, shared=False)
        listening(held.address.port, shared=True).close()
    finally:
        held.release()


def test_a_name_is_all_its_addresses():
    """All on one port."""
    held = Held(at("localhost"))
    try:
        assert held.address == at("localhost", held.address.port)
        with pytest.raises(OSError, match="in use"):
            listening(held.address.port, shared=False)
    finally:
        held.release()


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_that_this_machine_does_not_have_is_an_error_that_names_the_option(host: str):
    """It is raised before any worker is started."""
    with pytest.raises(CannotListen, match=f"^--otlp-grpc-endpoint: cannot listen on {host}:0: "):
        Held(at(host))
