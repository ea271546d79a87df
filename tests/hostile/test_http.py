"""OTLP over HTTP: bombs in gzip and JSON, requests within requests, floods of headers, and connections that stall."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import time
import zlib
from collections.abc import Callable, Iterator

import cramjam
import pytest
from backports import zstd

from kafka_otlp_exporter.config.settings import MEBIBYTE
from tests.beds.process import wait_until
from tests.hostile.target import FULL, LARGEST, Target
from tests.hostile.test_connections import IDLE, files, until_closed
from tests.hostile.test_messages import bomb, compressed
from tests.hostile.test_payloads import COPIES, EMPTY, MOST
from tests.unit.kafka_otlp_exporter import http1, samples
from tests.unit.kafka_otlp_exporter.otlp.test_wire import nested

SPANS = samples.traces(3)
SMUGGLED = samples.traces(1, "smuggled")
# A request that is right, hidden behind another.
HIDDEN = http1.head(content_length=len(SMUGGLED)) + SMUGGLED


@contextlib.contextmanager
def connected(target: Target) -> Iterator[socket.socket]:
    """A connection whose end is no error."""
    with http1.connect(target.http) as connection, contextlib.suppress(ConnectionError):
        yield connection


def sent(connection: socket.socket, data: bytes, seconds: float = 0.5) -> list[int]:
    """The statuses of all answers to it, until the server closes or has said nothing for so long.

    The way there stays open: a client that closes it gives its requests up.
    """
    said = b""
    connection.settimeout(15)
    with contextlib.suppress(OSError):
        connection.sendall(data)
        connection.settimeout(seconds)
        while part := connection.recv(1 << 16):
            said += part
    return statuses(said)


def statuses(said: bytes) -> list[int]:
    """Those of all answers in what a server has said."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3})", said)]


@pytest.mark.parametrize("gibibytes", [1, 3.5])
def test_a_gzip_bomb_is_refused_when_it_passes_the_limit(target: Target, gibibytes: float):
    """413, and no more memory than the largest request may have."""
    with target.row(16 + LARGEST / MEBIBYTE, beside=True) as row:
        answer = row.post(bomb(int(gibibytes * 1024), 31), content_encoding="gzip")
        assert answer.status == 413


@pytest.mark.parametrize("name", ["zstd", "deflate", "snappy", "x-snappy-framed"])
def test_a_body_that_inflates_to_more_than_a_request_may_have_is_refused(target: Target, name: str):
    """256 MiB of nothing, in as few bytes as each format needs: 413, in the memory of one request and zstd's window."""
    content = bytes(256 * MEBIBYTE)
    ways: dict[str, Callable[[bytes], bytes]] = {
        "zstd": zstd.compress,
        "deflate": zlib.compress,
        "snappy": lambda plain: bytes(cramjam.snappy.compress_raw(plain)),
        "x-snappy-framed": lambda plain: bytes(cramjam.snappy.compress(plain)),
    }
    packed = ways[name](content)
    del content
    with target.row(24 + 2 * LARGEST / MEBIBYTE, beside=True) as row:
        assert row.post(packed, content_encoding=name).status == 413


@pytest.mark.parametrize("kind", EMPTY)
def test_more_empty_elements_than_are_checked_are_a_bad_request(target: Target, kind: str):
    """8 MiB of them in a few kB, as over gRPC."""
    with target.row(COPIES, beside=True) as row:
        assert row.post(compressed(EMPTY[kind](MOST), 31), content_encoding="gzip").status == 400


def _nested(depth: int) -> bytes:
    value = b'{"arrayValue":{"values":[' * depth + b'{"stringValue":"x"}' + b"]}}" * depth
    return b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + value + b"}]}]}]}"


def _filled(start: bytes, element: bytes, end: bytes) -> bytes:
    return start + element * ((LARGEST - len(start) - len(end)) // len(element)) + end


JSON_BOMBS = {
    "lists": _filled(b'{"resourceLogs":', b"[", b""),
    "lists that end": b'{"resourceLogs":' + b"[" * (LARGEST // 2 - 20) + b"]" * (LARGEST // 2 - 20) + b"}",
    "objects": _filled(b"", b'{"a":', b""),
    "empty objects": _filled(b'{"resourceLogs":[{}', b",{}", b"]}"),
    "empty objects in an unknown field": _filled(b'{"x":[{}', b",{}", b"]}"),
    "zeros": _filled(b'{"x":[0', b",0", b"]}"),
    "strings": _filled(b'{"x":[""', b',""', b"]}"),
    "a number of eight million digits": _filled(b'{"x":', b"9", b"}"),
    "a fraction of eight million digits": _filled(b'{"x":0.', b"1", b"}"),
    "an exponent of eight million digits": _filled(b'{"x":1e', b"9", b"}"),
    "a time of eight million digits": _filled(
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"', b"9", b'"}]}]}]}'
    ),
    "a key a million times": _filled(b'{"resourceLogs":[]', b',"resourceLogs":[]', b"}"),
    "a million keys": b"{" + b",".join(b'"%x":0' % number for number in range(700_000)) + b"}",
    "escapes": _filled(b'{"x":"', b"\\u0000", b'"}'),
    "half of a pair": _filled(b'{"x":"', b"\\ud800", b'"}'),
    "spaces": _filled(b"{}", b" ", b""),
    "text of four bytes a letter": _filled(b'{"x":"\xf0\x9f\x98\x80', b"x", b'"}'),
    "a long key": _filled(b'{"', b"k", b'":0}'),
    "ids": _filled(b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"', b"ab", b'"}]}]}]}'),
    "no text": _filled(b'{"x":"', b"\xff", b'"}'),
    "nested a thousand deep": _nested(1000),
    "nested a hundred thousand deep": _nested(100_000),
}


@pytest.mark.parametrize("kind", JSON_BOMBS)
def test_a_json_bomb_is_answered_in_bounded_memory(target: Target, kind: str):
    """8 MiB of the smallest things that JSON has: refused, or an empty request; none is telemetry, so no record is made.

    Telling them apart costs Python's objects for a moment, of which 800,000 are the most: 131 MiB for as many keys.
    """
    path = "/v1/logs" if b"Logs" in JSON_BOMBS[kind][:20] else "/v1/traces"
    with target.row(150, beside=True) as row:
        answer = row.post(JSON_BOMBS[kind], b"", path, http1.JSON)
        assert answer.status in {200, 400}


@pytest.mark.parametrize("depth", [48, 49, 20_000])
def test_json_values_nest_as_deep_as_protobuf_lets_them(target: Target, depth: int):
    """As over gRPC: a deeper record would break a consumer, and is rejected alone. The JSON parser itself has a limit too."""
    with target.row(16) as row:
        answer = row.post(_nested(depth), nested(depth) if depth <= 48 else b"", "/v1/logs", http1.JSON)
        assert answer.status == (400 if depth == 20_000 else 200)
        assert (b"nested more than 100 deep" in answer.body) is (depth == 49)


def request(*lines: str, body: bytes = b"") -> bytes:
    """A POST with these header lines, however wrong, and a body."""
    head = ["POST /v1/traces HTTP/1.1", "Host: x", "Content-Type: application/x-protobuf", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


LONG = str(10**18)
TWO_MEANINGS = {
    "a length and chunks": request("Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "chunks and a length": request("Transfer-Encoding: chunked", f"Content-Length: {LONG}", body=b"0\r\n\r\n" + HIDDEN),
    "two lengths": request("Content-Length: 0", f"Content-Length: {len(HIDDEN)}", body=HIDDEN),
    "two lengths in one": request(f"Content-Length: 0, {len(HIDDEN)}", body=HIDDEN),
    "a negative length": request("Content-Length: -1", body=HIDDEN),
    "a signed length": request("Content-Length: +0", body=HIDDEN),
    "a hexadecimal length": request("Content-Length: 0x0", body=HIDDEN),
    "a length with an underscore": request("Content-Length: 0_0", body=HIDDEN),
    "a length of other digits": request("Content-Length: \xb2", body=HIDDEN),
    "no length": request("Content-Length: ", body=HIDDEN),
    "a length with a space": request("Content-Length: 0 0", body=HIDDEN),
    "a space before the colon": request("Content-Length : 0", body=HIDDEN),
    "a name with a NUL": request("Content\x00-Length: 0", body=HIDDEN),
    "a line that goes on": request("Content-Length: 0", " 5", body=HIDDEN),
    "a bare carriage return": request("Content-Length: 0\rX: y", body=HIDDEN),
    "an unknown transfer": request("Transfer-Encoding: xchunked", body=b"0\r\n\r\n" + HIDDEN),
    "two transfers": request("Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n" + HIDDEN),
    "chunks twice": request("Transfer-Encoding: chunked", "Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "a transfer with a tab": request("Transfer-Encoding:\x0bchunked", body=b"0\r\n\r\n" + HIDDEN),
    "a signed chunk": request("Transfer-Encoding: chunked", body=b"+0\r\n\r\n" + HIDDEN),
    "a negative chunk": request("Transfer-Encoding: chunked", body=b"-1\r\n\r\n" + HIDDEN),
    "a chunk with 0x": request("Transfer-Encoding: chunked", body=b"0x0\r\n\r\n" + HIDDEN),
    "a chunk with a space": request("Transfer-Encoding: chunked", body=b"0 0\r\n\r\n" + HIDDEN),
    "a chunk of a quintillion": request("Transfer-Encoding: chunked", body=b"f" * 16 + b"\r\n" + HIDDEN),
    "a chunk size of a megabyte": request("Transfer-Encoding: chunked", body=b"0" * 1_000_000 + b"\r\n\r\n" + HIDDEN),
    "a chunk longer than it says": request("Transfer-Encoding: chunked", body=b"1\r\nxx\r\n0\r\n\r\n" + HIDDEN),
    "a chunk that ends with LF": request("Transfer-Encoding: chunked", body=b"0\n\n" + HIDDEN),
    "a chunk extension without end": request("Transfer-Encoding: chunked", body=b"0;" + b"x" * 200_000),
    "trailers without end": request("Transfer-Encoding: chunked", body=b"0\r\n" + b"X: y\r\n" * 50_000),
}


@pytest.mark.parametrize("kind", TWO_MEANINGS)
def test_a_request_that_has_two_meanings_hides_no_other(target: Target, kind: str):
    """What a proxy before us may read otherwise: refused or ended, and what stands behind it is never delivered alone.

    Where the length is plain to everybody the second request is one, is answered for itself, and may be delivered.
    """
    with target.row(4) as row, connected(target) as connection:
        told = sent(connection, TWO_MEANINGS[kind])
        row.codes.update(map(str, told))
        assert 200 not in told


@pytest.mark.parametrize(
    "head",
    [
        request(f"Content-Length: {LONG}"),
        request(f"Content-Length: {LONG}0{LONG}"),
        request(f"Content-Length: {LARGEST + 1}"),
        request("Content-Length: " + "0" * 5000 + "5"),
    ],
    ids=["a quintillion", "forty digits", "one too many", "five thousand digits"],
)
def test_a_length_over_the_limit_is_refused_before_its_bytes(target: Target, head: bytes):
    """413 or 400, while the body is still to come."""
    with target.row(2) as row, connected(target) as connection:
        connection.sendall(head)
        answer = http1.read(connection)
        row.answered(answer)
        assert answer.status in {413, 400}


HEADERS = {
    "ten thousand": [f"X-{number}: y" for number in range(10_000)],
    "one of a megabyte": ["X: " + "y" * 1_000_000],
    "one of 9 kB": ["X: " + "y" * 9000],
    "a name of a megabyte": ["x" * 1_000_000 + ": y"],
    "a hundred thousand of the same": ["X: y"] * 100_000,
}


@pytest.mark.parametrize("kind", HEADERS)
def test_a_flood_of_headers_is_cut_off(target: Target, kind: str):
    """400, 431 or the end of the connection, before the body is looked at."""
    with target.row(8, beside=True) as row, connected(target) as connection:
        told = sent(connection, request(*HEADERS[kind], f"Content-Length: {len(SPANS)}", body=SPANS))
        row.codes.update(map(str, told))
        assert told in ([], [400], [431])


def test_a_request_line_without_end_is_cut_off(target: Target):
    """Eight megabytes of path."""
    with target.row(4) as row, connected(target) as connection:
        told = sent(connection, b"POST /" + b"x" * 8_000_000 + b" HTTP/1.1\r\n\r\n")
        row.codes.update(map(str, told))
        assert told in ([], [400], [414])


def test_pipelined_requests_whose_answers_nobody_reads_are_held_up(target: Target):
    """Five thousand on each of four connections: as many are served as answers fit the way back, and no more are kept."""
    one = request(f"Content-Length: {len(SPANS)}", body=SPANS)
    with target.row(24, beside=True) as row:
        connections = [socket.create_connection(("127.0.0.1", target.http), 10) for _ in range(4)]
        for connection in connections:
            connection.settimeout(2)
            with contextlib.suppress(TimeoutError):
                connection.sendall(one * 5000)
        time.sleep(1)
        for connection in connections:
            connection.close()
        for _ in range(20_000):
            row.perhaps(SPANS)


def test_slow_headers_and_bodies_hold_up_nobody(target: Target):
    """A byte a second: of the headers on a hundred connections, of bodies on twelve. In full: until they are ended."""
    with target.row(16, beside=True, may_wait=True), contextlib.ExitStack() as ends:
        heads = [ends.enter_context(connected(target)) for _ in range(100)]
        bodies = [ends.enter_context(connected(target)) for _ in range(12)]
        for connection in bodies:
            connection.sendall(request("Content-Length: 100000"))
        for second in range(14 if FULL else 3):
            for connection in heads:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(request("X: " + "y" * 50)[second : second + 1])
            for connection in bodies:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(b"x")
            time.sleep(1)
        if FULL:
            assert all(until_closed(connection, 1) == b"" for connection in heads)


@pytest.mark.parametrize("kind", ["a length", "chunks"])
def test_abrupt_resets_in_the_middle_leave_nothing_behind(target: Target, kind: str):
    """Three hundred requests whose connection ends with their bodies half sent."""
    before = files(target)
    start = (
        request("Transfer-Encoding: chunked", body=b"5000\r\n")
        if kind == "chunks"
        else request("Content-Length: 20480")
    )
    with target.row(16, beside=True):
        for number in range(300):
            connection = socket.create_connection(("127.0.0.1", target.http), 10)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            connection.sendall(start + bytes(number * 60))
            connection.close()
    wait_until(lambda: files(target) <= before + 2, 20, lambda: f"{files(target)} files are open, {before} were")


def test_chunks_without_end_are_refused_at_the_limit(target: Target):
    """16 MiB in chunks of 4 kB: 413, as far as the answer is read before the connection ends, or 503 where they take long."""
    with target.row(COPIES) as row, connected(target) as connection:
        told = sent(
            connection, request("Transfer-Encoding: chunked") + (b"1000\r\n" + bytes(4096) + b"\r\n") * 4096, 12
        )
        row.codes.update(map(str, told))
        assert told in ([413], [503], [])


def test_chunks_of_one_byte_cost_bounded_memory(target: Target):
    """Six bytes for each: 400 kB of body in a million pieces of nothing much."""
    payload = samples.logs(1, "x" * 400_000)
    with target.row(24, beside=True) as row, connected(target) as connection:
        connection.sendall(
            request("Transfer-Encoding: chunked").replace(b"/traces", b"/logs") + http1.chunked(payload, 1)
        )
        answer = http1.read(connection)
        row.codes[str(answer.status)] += 1
        assert answer.status == 200
        row.accepted(payload)


def test_ten_thousand_idle_connections_cost_no_more_than_are_allowed(target: Target):
    """The oldest idle one makes room for a new one, so a good client is served beside them."""
    before = files(target)
    connections: list[socket.socket] = []
    with target.row(24, beside=True) as row:
        try:
            for number in range(IDLE):
                connections.append(socket.create_connection(("127.0.0.1", target.http), 10))
                if number % 1000 == 999:
                    assert row.post(SPANS, SPANS).status == 200
            assert files(target) <= before + 600
        finally:
            for connection in connections:
                connection.close()
    wait_until(lambda: files(target) <= before + 2, 30, lambda: f"{files(target)} files are open, {before} were")


def test_a_damaged_request_says_nothing_of_itself_in_the_log(target: Target):
    """Headers may hold credentials; the log has none of them, nor of any path or body."""
    with target.row(4):
        for damaged in (
            request("Authorization: Bearer s3cr3t\x00"),
            b"GET /s3cr3t\x01 HTTP/1.1\r\n\r\n",
            request("Content-Length: s3cr3t"),
            b"s3cr3t\r\n" * 1000,
            json.dumps({"s3cr3t": 1}).encode(),
        ):
            with connected(target) as connection:
                assert 200 not in sent(connection, damaged)
    assert "s3cr3t" not in target.exporter.log
    assert "request_failed" not in target.exporter.log
