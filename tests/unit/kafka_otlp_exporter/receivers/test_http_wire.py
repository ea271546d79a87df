"""Bodies and connections of the HTTP port: limits, chunks, stalls, keep-alive, draining; raw on the wire."""

import asyncio
import gzip
import socket
import time
from collections.abc import Callable

import pytest

from kafka_otlp_exporter.config.sizing import RECORD_OVERHEAD_BYTES
from kafka_otlp_exporter.flow import intake
from kafka_otlp_exporter.outcomes import Delivered
from kafka_otlp_exporter.receivers import http_connections
from tests.beds.process import wait_until
from tests.unit.kafka_otlp_exporter import http1, samples
from tests.unit.kafka_otlp_exporter.served import BUDGET, LARGEST, Served


def closed(connection: socket.socket) -> bool:
    """Whether the server ends the connection; what it still sends is read."""
    try:
        while connection.recv(65536):
            pass
    except ConnectionError:
        pass
    except TimeoutError:
        return False
    return True


def test_the_largest_request_is_accepted_and_one_byte_more_is_not(served: Served):
    """With Content-Length, in chunks, and in gzip. The answer is 413 without RetryInfo: the request will not become smaller."""
    largest, more = bytes(LARGEST), bytes(LARGEST + 1)
    assert http1.post(served.http_port, largest).status == 200
    assert http1.post(served.http_port, gzip.compress(largest), content_encoding="gzip").status == 200
    answers = [
        http1.post(served.http_port, more),
        http1.post(served.http_port, gzip.compress(more), content_encoding="gzip"),
    ]
    for body, code in ((largest, 200), (more, 413)):
        with http1.connect(served.http_port) as connection:
            connection.sendall(http1.head(transfer_encoding="chunked") + http1.chunked(body, 100_000))
            answers.append(http1.read(connection))
            assert answers[-1].status == code
    assert [answer.status for answer in answers] == [413, 413, 200, 413]
    assert b"RetryInfo" not in answers[0].body
    served.wait_for_budget()


def test_a_limit_of_its_own(serve: Callable[..., Served]):
    """The port may be told to take less than the budget allows, before and after decompression."""
    served = serve(otlp_http_max_request_bytes=100_000)
    assert http1.post(served.http_port, bytes(100_000)).status == 200
    assert http1.post(served.http_port, bytes(100_001)).status == 413
    assert http1.post(served.http_port, gzip.compress(bytes(100_001)), content_encoding="gzip").status == 413
    served.call(bytes(100_001))
    served.wait_for_budget()


def test_a_declared_length_over_the_limit_is_refused_before_its_bytes(served: Served):
    """A client that goes on sending can still read the answer."""
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=50_000_000))
        assert http1.read(connection).status == 413
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=50_000_000) + bytes(50_000_000))
        answer = http1.read(connection)
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_a_small_body_that_becomes_too_large_is_refused(served: Served):
    """The limit holds for what it inflates to."""
    assert http1.post(served.http_port, gzip.compress(bytes(LARGEST * 64)), content_encoding="gzip").status == 413
    served.wait_for_budget()
    assert served.seen.empty()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: packed[:20],
        lambda packed: packed + b"garbage",
        lambda packed: packed[:-8] + bytes(8),
        lambda _: b"no gzip at all",
        lambda _: b"",
    ],
)
def test_a_damaged_gzip_body_is_a_bad_request(served: Served, spoil: Callable[[bytes], bytes]):
    """Nothing of it goes to Kafka, and the connection goes on."""
    body = spoil(gzip.compress(samples.traces(100)))
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_encoding="gzip", content_length=len(body)) + body)
        assert http1.read(connection).status == 400
        connection.sendall(http1.head(content_length=1) + b"x")
        assert http1.read(connection).status == 200
    assert served.next().payload == b"x"


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_body_may_come_in_chunks(served: Served, size: int):
    """Chunks may be of any size."""
    payload = samples.traces(100)
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(transfer_encoding="chunked") + http1.chunked(payload, size))
        assert http1.read(connection).status == 200
    assert served.next().payload == payload


def test_a_body_with_broken_chunks_is_a_bad_request(served: Served):
    """The connection ends, because the start of the next request is not known."""
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(transfer_encoding="chunked") + b"3\r\nabc\r\nzz\r\n")
        assert http1.read(connection).status == 400
        assert closed(connection)
    served.wait_for_budget()
    assert served.seen.empty()


@pytest.mark.parametrize(
    "junk",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n" * 9 + b"x y\r\n\r\n",
    ],
)
def test_what_is_no_http_1_ends_the_connection(served: Served, junk: bytes, caplog: pytest.LogCaptureFixture):
    """It may be TLS, gRPC or anything else. It is not repeated in the log."""
    with http1.connect(served.http_port) as connection:
        connection.sendall(junk)
        assert closed(connection)
    assert caplog.text == ""


def test_a_connection_serves_many_requests_even_when_they_come_at_once(served: Served):
    """Answers come in the order of the requests."""
    with http1.connect(served.http_port) as connection, connection.makefile("rb") as stream:
        connection.sendall(b"".join(http1.head(content_length=1) + bytes([number]) for number in range(50)))
        for _ in range(50):
            assert stream.readline() == b"HTTP/1.1 200 OK\r\n"
            while stream.readline() != b"\r\n":
                pass
    assert [served.next().payload for _ in range(50)] == [bytes([number]) for number in range(50)]


def test_who_expects_to_be_told_to_continue_is(served: Served):
    """The answer 100 is sent when there is room for the body, not before (RFC 9110, section 10.1.1)."""
    assert served.budget.take(BUDGET)
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=3, expect="100-continue"))
        wait_until(lambda: served.admission.waiting == 1, 5, lambda: "the request does not wait", 0.005)
        served.budget.give(BUDGET)
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert http1.read(connection).status == 200
    assert served.next().payload == b"abc"


def test_a_request_is_charged_for_its_bytes_until_it_is_answered(served: Served):
    """What was reserved beyond its size is free as soon as it is read."""
    served.answer = None
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=1000) + bytes(1000))
        request = served.next()
        served.wait_for_budget(1000 + RECORD_OVERHEAD_BYTES)
        served.complete([(request, Delivered())])
        assert http1.read(connection).status == 200
    assert served.budget.taken == 0


def test_a_full_budget_is_unavailable_and_nothing_is_read(served: Served):
    """As with gRPC. The connection goes on when the body is small."""
    assert served.budget.take(BUDGET)
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=1) + b"x")
        answer = http1.read(connection)
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert b"--max-in-flight-bytes" in answer.body
        served.budget.give(BUDGET)
        connection.sendall(http1.head(content_length=1) + b"y")
        assert http1.read(connection).status == 200
    assert served.next().payload == b"y"


def test_a_body_that_does_not_come_is_ended(served: Served, monkeypatch: pytest.MonkeyPatch):
    """The answer is 503, and the connection ends."""
    monkeypatch.setattr(intake, "BODY_SECONDS", 0.3)
    began = time.monotonic()
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=10) + b"x")
        answer = http1.read(connection)
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert b"too long to arrive" in answer.body
        assert closed(connection)
    assert time.monotonic() - began < 4
    served.wait_for_budget()


def test_headers_that_do_not_come_end_the_connection(served: Served, monkeypatch: pytest.MonkeyPatch):
    """A byte now and then does not extend the time."""
    monkeypatch.setattr(http_connections, "HEADER_SECONDS", 0.5)
    with http1.connect(served.http_port) as connection:
        connection.sendall(b"POST /v1/traces HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            while True:
                connection.sendall(b"X")
                time.sleep(0.1)
    wait_until(lambda: len(served.http._connections) == 0, 5, lambda: "it is still there")


@pytest.mark.parametrize("lines", [1, 1000])
def test_headers_without_end_end_the_connection(served: Served, lines: int):
    """They may be one long line or many short ones. An answer may come first."""
    with http1.connect(served.http_port) as connection:
        line = b"X: " + b"y" * (200_000 // lines)
        try:
            connection.sendall(b"POST /v1/traces HTTP/1.1\r\nHost: a\r\n" + b"\r\n".join([line] * lines))
        except ConnectionError:
            return
        assert closed(connection)


def test_a_client_that_goes_leaves_nothing_behind(served: Served):
    """Before its body, in the middle of it, while it waits for the budget, and while it waits for Kafka."""
    served.answer = None
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=10))
        served.wait_for_budget(LARGEST)
    served.wait_for_budget()
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=10) + b"x")
        served.wait_for_budget(LARGEST)
    served.wait_for_budget()
    assert served.budget.take(BUDGET)
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=1) + b"x")
        wait_until(lambda: served.admission.waiting == 1, 5, lambda: "the request does not wait", 0.005)
    wait_until(lambda: not served.admission.waiting, 5, lambda: "it still waits", 0.005)
    served.budget.give(BUDGET)
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=1) + b"x")
        request = served.next()
    wait_until(lambda: served.admission.open_calls == 0, 5, lambda: "the call is still open", 0.01)
    served.complete([(request, Delivered())])
    served.wait_for_budget()
    assert served.admission.open_calls == 0


def test_draining_answers_what_is_open_and_takes_nothing_new(served: Served):
    """It is answered also when its body is late. Idle connections end, and new requests are told to send again."""
    served.answer = None
    with (
        http1.connect(served.http_port) as taken,
        http1.connect(served.http_port) as late,
        http1.connect(served.http_port) as idle,
    ):
        taken.sendall(http1.head(content_length=1) + b"x")
        request = served.next()
        late.sendall(http1.head(content_length=1))
        served.wait_for_budget(LARGEST + 1 + RECORD_OVERHEAD_BYTES)
        stopping = asyncio.run_coroutine_threadsafe(served.drain(10), served._loop)
        wait_until(lambda: served.intake.draining, 5, lambda: "it does not drain", 0.005)
        answer = http1.post(served.http_port, b"y")
        assert (answer.status, answer.headers["connection"], answer.headers["retry-after"]) == (503, "close", "1")
        assert closed(idle)
        assert not stopping.done()
        late.sendall(b"z")
        served.complete([(request, Delivered()), (served.next(), Delivered())])
        assert http1.read(taken).status == http1.read(late).status == 200
        stopping.result(10)


def test_beyond_the_limit_of_connections_the_oldest_idle_one_makes_room(served: Served):
    """When none is idle, the new one is told to send again."""
    open_ones: list[socket.socket] = []
    served.answer = None
    try:
        most = served.admission.most_connections
        open_ones.extend(socket.create_connection(("127.0.0.1", served.http_port), 15) for _ in range(most))
        wait_until(lambda: len(served.http._connections) == most, 5, lambda: "they are not all there", 0.01)
        with http1.connect(served.http_port) as new:
            assert closed(open_ones[0])
            new.sendall(http1.head(content_length=1))
            for connection in open_ones[1:]:
                connection.sendall(b"POST /v1/traces HTTP/1.1\r\n")
            wait_until(lambda: not served.http._connections._idle, 5, lambda: "some are idle", 0.01)
            with http1.connect(served.http_port) as refused:
                answer = http1.read(refused)
                assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    finally:
        for connection in open_ones:
            connection.close()
