"""Connections that say nothing, the wrong thing, or everything too slowly; and more of them than there are files."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hyperframe.frame import SettingsFrame

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.http2 import PREFACE, frame, message
from tests.beds.process import wait_until
from tests.hostile.target import LARGEST, TRACES, Target
from tests.unit.kafka_otlp_exporter import samples

SPANS = samples.traces(3)
# As many as a limit of files leaves to the tests themselves.
IDLE = min(10_000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 1000)


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    """As many open files as the machine allows, for the tests; the exporter has started with those of before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(target: Target) -> socket.socket:
    """A TCP connection that says nothing."""
    host, _, port = target.otlp.rpartition(":")
    return socket.create_connection((host, int(port)), 10)


def until_closed(connection: socket.socket, seconds: float) -> bytes:
    """What the server says until it closes. Raises TimeoutError when it does not."""
    connection.settimeout(seconds)
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := connection.recv(1 << 16):
            said += part
    return said


def files(target: Target) -> int:
    """How many files the exporter has open."""
    return sum(1 for _ in Path(f"/proc/{target.pid}/fd").iterdir())


HELLO = PREFACE + SettingsFrame(0).serialize()
DICE = random.Random(7)
NO_GRPC = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "HTTP/1.1 POST": b"POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 100_000,
    "an upgrade to h2c": b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + DICE.randbytes(500),
    "random bytes": DICE.randbytes(100_000),
    "zeros": bytes(1_000_000),
    "half a preface": PREFACE[:12] + b"XX" + bytes(100),
    "a frame of 16 MB": PREFACE + frame(0, 0, 1, b"x" * 1000, length=0xFFFFFF),
    "settings of 16 MB": PREFACE + frame(4, 0, 0, b"x" * 1000, length=0xFFFFFF),
    "settings of seven bytes": PREFACE + frame(4, 0, 0, b"1234567"),
    "a window of four gigabytes": PREFACE + SettingsFrame(0, {4: 0xFFFFFFFF}).serialize(),
    "headers first": PREFACE + frame(1, 5, 1, b"\x82"),
    "data on stream zero": PREFACE + SettingsFrame(0).serialize() + frame(0, 0, 0, b"x"),
    "an even stream": PREFACE + SettingsFrame(0).serialize() + frame(1, 5, 2, b"\x82"),
    "a header block of garbage": PREFACE + SettingsFrame(0).serialize() + frame(1, 5, 1, b"\xff" * 100),
    "an index beyond the table": PREFACE + SettingsFrame(0).serialize() + frame(1, 5, 1, b"\xff\xff\x7f"),
}


@pytest.mark.parametrize("kind", NO_GRPC)
def test_what_is_no_grpc_is_not_answered_with_success(target: Target, kind: str):
    """Most of it is closed at once; none of it is a line in the log for each."""
    lines = len(target.exporter.log.splitlines())
    with target.row(4):
        for _ in range(20):
            with connect(target) as connection, contextlib.suppress(OSError):
                connection.sendall(NO_GRPC[kind])
                connection.shutdown(socket.SHUT_WR)
                assert not until_closed(connection, 10).startswith(b"HTTP/")
    assert len(target.exporter.log.splitlines()) <= lines + 1


def test_abrupt_resets_in_the_middle_leave_nothing_behind(target: Target):
    """Three hundred calls whose connection ends with their bodies half sent."""
    before = files(target)
    body = message(samples.traces(500))
    with target.row(24, beside=True):
        for number in range(300):
            peer = target.peer()
            stream = peer.open(TRACES)
            peer.send(frame(0, 0, stream, body[: 1 + number * 30]))
            peer.close(abruptly=True)
    wait_until(lambda: files(target) <= before + 2, 10, lambda: f"{files(target)} files are open, {before} were")


def test_more_connections_than_files_are_served_when_others_have_gone(target: Target):
    """CVE-2023-4785: with 256 files and 1,000 connections it does not end or spin, and accepts again."""
    limits = resource.prlimit(target.pid, resource.RLIMIT_NOFILE, (256, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    before = files(target)
    try:
        with target.row(16):
            connections = [connect(target) for _ in range(1000)]
            wait_until(lambda: files(target) >= 256, 10, lambda: f"only {files(target)} files are open")
            spent = cpu_seconds(target)
            time.sleep(1)
            print(f"{cpu_seconds(target) - spent:.2f} s of CPU in a second without a file to spare")
            assert target.exporter.child.running
            for connection in connections:
                connection.close()
    finally:
        resource.prlimit(target.pid, resource.RLIMIT_NOFILE, limits)
    wait_until(lambda: files(target) <= before + 2, 30, lambda: f"{files(target)} files are open, {before} were")


def cpu_seconds(target: Target) -> float:
    """What the exporter has used, user and system (proc(5), /proc/PID/stat)."""
    user, system = Path(f"/proc/{target.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def test_bodies_of_one_byte_a_second_do_not_lock_out_a_good_client(target: Target):
    """Twelve of them, on connections of their own, take turns for the budget and are ended.

    The good client is served, or told to come again with RetryInfo and then served.
    """
    body = message(samples.traces(100))
    with target.row(16, beside=True, may_wait=True) as row:
        peers = [target.peer() for _ in range(12)]
        streams = [peer.open(TRACES) for peer in peers]
        for second in range(4):
            for peer, stream in zip(peers, streams, strict=True):
                peer.send(frame(0, 0, stream, body[second : second + 1]))
            time.sleep(1)
        for peer, stream in zip(peers, streams, strict=True):
            row.heard(peer.wait(stream, 20))
            peer.close()
        assert row.codes.keys() <= {"UNAVAILABLE"}


def test_a_client_that_never_reads_does_not_hold_what_others_need(target: Target):
    """A window of nothing, for the connection's and each stream's answers: two hundred requests are delivered, and kept
    is only what fits into the calls that may be open.
    """
    payloads = [samples.traces(1, f"unread {number}") for number in range(200)]
    with target.row(16, beside=True) as row:
        peers = [target.peer({SettingsFrame.INITIAL_WINDOW_SIZE: 0}) for _ in range(2)]
        for number, payload in enumerate(payloads):
            peer = peers[number % 2]
            peer.send(b"".join([frame(0, 1, peer.open(TRACES), message(payload))]))
            row.perhaps(payload)
        time.sleep(1)
        for peer in peers:
            peer.close()


def test_a_client_that_stops_in_the_middle_of_large_bodies_costs_what_it_may_send(target: Target):
    """Fifty calls on each of ten connections, each with as much as flow control lets it send, and no more."""
    head = message(b"", length=LARGEST - 1)
    with target.row(96) as row:
        peers = [target.peer() for _ in range(10)]
        for peer in peers:
            for _ in range(50):
                stream = peer.open(SIGNALS[Signal.LOGS].method)
                peer.flood(frame(0, 0, stream, head + bytes(1000)))
                peer.receive(0)
            with contextlib.suppress(OSError):
                peer.flood(frame(0, 0, 1, bytes(16_384)) * 600, 1)
        for peer in peers:
            peer.close(abruptly=True)
        assert not row.codes


def test_ten_thousand_idle_connections_cost_no_more_than_are_allowed(target: Target):
    """Half of them say hello; those beyond the limit are ended at once, and who is connected already is served.

    A client that comes new has to come again until some of them have gone, or were idle for too long.
    """
    before = files(target)
    connections: list[socket.socket] = []
    try:
        with target.row(24, beside=True, may_wait=True):
            for number in range(IDLE):
                connections.append(connect(target))
                if number % 2:
                    with contextlib.suppress(ConnectionError):
                        connections[-1].sendall(HELLO)
            wait_until(lambda: files(target) > before + 400, 30, lambda: f"only {files(target)} files are open")
            assert files(target) <= before + 600
            for connection in connections:
                connection.close()
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: files(target) <= before + 2, 30, lambda: f"{files(target)} files are open, {before} were")
