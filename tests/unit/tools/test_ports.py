"""Ports of the demo and of the tests: who listens on one."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tools.ports import PortTaken, free_port, listens

SERVER = """
import socket, sys
with socket.create_server((sys.argv[1], 0)) as server:
    print(server.getsockname()[1], flush=True)
    sys.stdin.read()
"""


# It has more and more files open while it serves, and closes them again.
BUSY = """
import os, socket, sys, threading
with socket.create_server((sys.argv[1], 0)) as server:
    def work():
        while True:
            for file in [os.open("/dev/null", os.O_RDONLY) for _ in range(50)]:
                os.close(file)
    threading.Thread(target=work, daemon=True).start()
    with socket.create_server((sys.argv[1], 0)) as first:
        os.dup2(first.fileno(), 200)
    last = socket.socket(fileno=200)
    print(last.getsockname()[1], flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other() -> Iterator[tuple[int, int]]:
    """Another process that listens on a port of 127.0.0.1: its pid and the port."""
    with serving(SERVER) as served:
        yield served


@contextmanager
def serving(program: str) -> Iterator[tuple[int, int]]:
    """A process that runs this program: its pid, and the port that it prints."""
    command = [sys.executable, "-c", program, "127.0.0.1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()


def test_nobody_listens_on_a_free_port():
    """It can be bound."""
    port = free_port()
    assert not listens(os.getpid(), port)
    socket.create_server(("127.0.0.1", port)).close()


def test_a_process_that_listens_is_known(other: tuple[int, int]):
    """Seen from outside of it."""
    assert listens(*other)


def test_a_process_that_closes_files_meanwhile_is_known():
    """A file that is gone when it is looked at hides no other file of the process."""
    with serving(BUSY) as (pid, port):
        assert all(listens(pid, port) for _ in range(50))


@pytest.mark.parametrize(
    ("family", "bound", "asked"),
    [
        (socket.AF_INET, "127.0.0.1", "127.0.0.1"),
        (socket.AF_INET, "127.0.0.2", "127.0.0.2"),
        (socket.AF_INET, "0.0.0.0", "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0", "0.0.0.0"),
        (socket.AF_INET6, "::ffff:127.0.0.1", "127.0.0.1"),
        (socket.AF_INET6, "::", "127.0.0.1"),
    ],
)
def test_every_way_to_listen_on_an_address_counts(family: socket.AddressFamily, bound: str, asked: str):
    """Java listens on IPv4 addresses through IPv6 sockets; a wildcard takes every address."""
    with socket.socket(family) as server:
        if family is socket.AF_INET6:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        server.bind((bound, 0))
        server.listen()
        assert listens(os.getpid(), server.getsockname()[1], asked)


def test_another_address_with_the_same_port_does_not_count():
    """Two brokers may have one port number on two addresses."""
    with socket.create_server(("127.0.0.2", 0)) as server:
        assert not listens(os.getpid(), server.getsockname()[1])


def test_a_port_of_another_process_is_an_error_that_names_it(other: tuple[int, int]):
    """Its process id, and the command with which it was started."""
    pid, port = other
    with pytest.raises(
        PortTaken, match=rf"port {port} of 127\.0\.0\.1 belongs to process {pid} \(.*python.*\), not to"
    ):
        listens(os.getpid(), port)


def test_a_process_that_has_ended_listens_nowhere():
    """It takes its sockets with it."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not listens(ended.pid, free_port())
