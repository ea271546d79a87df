"""Requests that hypothesis makes, damages and invents, through the real sockets and into Kafka.

For every input: not OK, or OK and what is in Kafka is what was sent.
"""

from __future__ import annotations

import gzip
import struct
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from kafka_otlp_exporter.otlp.json_check import check_json
from kafka_otlp_exporter.otlp.json_encode import encode
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.otlp.wire import Malformed
from tests.beds.http2 import PREFACE, frame, message
from tests.hostile.target import FULL, Target
from tests.hostile.test_payloads import expected
from tests.laws.messages import mutated, requests
from tests.unit.kafka_otlp_exporter import http1

EXAMPLES = settings(max_examples=2000 if FULL else 100, deadline=None)
SIGNAL = st.sampled_from(list(Signal))
INVENTED = st.tuples(SIGNAL, st.binary(max_size=2000))


def test_a_request_is_delivered_mended_or_refused(target: Target):
    """Valid, damaged or invented: OK and in Kafka byte for byte but for its faults, or INVALID_ARGUMENT."""
    with target.row(24) as row, target.peer() as peer:

        @EXAMPLES
        @given(requests() | mutated() | INVENTED, st.sampled_from([1, 7, 1000, 16_384]))
        def run(request: tuple[Signal, bytes], piece: int) -> None:
            signal, payload = request
            answer = peer.call(SIGNALS[signal].method, message(payload), piece=piece)
            checked = expected(payload, signal)
            row.heard(answer, checked.payload if checked else None)
            if checked and checked.rejected and checked.items:
                row.perhaps(checked.payload)
            assert answer.code == ("OK" if checked else "INVALID_ARGUMENT")

        run()


def test_a_compressed_request_is_delivered_exactly_when_it_can_be_read(target: Target):
    """With its compressed bytes whole, cut off, or damaged."""
    with target.row(24) as row, target.peer() as peer:

        @EXAMPLES
        @given(requests(), st.sampled_from(["gzip", "deflate"]), st.integers(0, 400), st.binary(max_size=3))
        def run(request: tuple[Signal, bytes], encoding: str, at: int, put: bytes) -> None:
            signal, payload = request
            packed = gzip.compress(payload) if encoding == "gzip" else zlib.compress(payload)
            damaged = packed[:at] + put + packed[at + len(put) :] if put else packed
            answer = peer.call(SIGNALS[signal].method, message(damaged, flag=1), {"grpc-encoding": encoding})
            if answer.code == "OK":
                # gRPC does not look at what a checksum says, so what was damaged may inflate to something else.
                inflated = zlib.decompressobj(31 if encoding == "gzip" else 15)
                row.heard(answer, payload if damaged == packed else inflated.decompress(damaged))
            else:
                assert damaged != packed
                assert answer.code in {"INTERNAL", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}

        run()


@st.composite
def bodies(draw: st.DrawFn) -> tuple[Signal, bytes]:
    """What stands in the DATA frames of a call: messages whose length and flag are right or not, and bytes behind."""
    signal, payload = draw(requests())
    length = draw(st.just(len(payload)) | st.integers(0, 2 * len(payload) + 10) | st.integers(0, 2**32 - 1))
    flag = draw(st.just(0) | st.sampled_from([0, 1]))
    return signal, message(payload, flag, length) + draw(st.just(b"") | st.binary(max_size=10))


def test_a_call_is_delivered_exactly_when_its_first_message_is_whole_and_valid(target: Target):
    """What is cut off, too long or followed by a second message is refused."""
    with target.row(24) as row, target.peer() as peer:

        @EXAMPLES
        @given(bodies())
        def run(request: tuple[Signal, bytes]) -> None:
            signal, body = request
            answer = peer.call(SIGNALS[signal].method, body)
            flag, length = struct.unpack(">BI", body[:5])
            payload, behind = body[5 : 5 + length], body[5 + length :]
            if answer.code == "OK":
                assert flag == 0 or not payload
                assert len(payload) == length
                # Less than a message behind the first looks to gRPC like the end.
                assert len(behind) < 5 or len(behind) < 5 + struct.unpack(">I", behind[1:5])[0] or behind[0] > 1
            row.heard(answer, payload)

        run()


FRAMES = st.lists(
    st.builds(
        frame,
        st.integers(0, 10) | st.integers(0, 255),
        st.integers(0, 255),
        st.integers(0, 9),
        st.binary(max_size=60),
        st.none() | st.integers(0, 100) | st.integers(0, 2**24 - 1),
    ),
    max_size=30,
).map(b"".join)


def test_frames_without_sense_end_their_own_connection_at_most(target: Target):
    """Of every type, flag, stream and length, behind a preface or none."""
    with target.row(8, beside=True):

        @EXAMPLES
        @given(st.sampled_from([PREFACE + frame(4, 0, 0), PREFACE, b""]), FRAMES)
        def run(start: bytes, frames: bytes) -> None:
            with target.peer(preface=False) as peer:
                peer.flood(start + frames, 1)

        run()


def test_a_post_is_delivered_mended_or_refused(target: Target):
    """Valid, damaged or invented, in one piece, in gzip or in chunks: 200 and in Kafka but for its faults, or 400."""
    with target.row(24) as row, http1.connect(target.http) as connection:

        @EXAMPLES
        @given(requests() | mutated() | INVENTED, st.sampled_from(["length", "chunks", "gzip"]))
        def run(request: tuple[Signal, bytes], how: str) -> None:
            signal, payload = request
            packed = gzip.compress(payload) if how == "gzip" else payload
            fields = {"transfer_encoding": "chunked"} if how == "chunks" else {"content_length": str(len(packed))}
            if how == "gzip":
                fields["content_encoding"] = "gzip"
            body = http1.chunked(packed, 100) if how == "chunks" else packed
            connection.sendall(http1.head(f"/v1/{signal.value}", **fields) + body)
            answer = http1.read(connection)
            checked = expected(payload, signal)
            row.answered(answer, checked.payload if checked else None)
            if checked and checked.rejected and checked.items:
                row.perhaps(checked.payload)
            assert answer.status == (200 if checked else 400)

        run()


@st.composite
def texts(draw: st.DrawFn) -> tuple[Signal, bytes]:
    """OTLP/JSON of a request, some of its bytes changed or left out, or text from nowhere."""
    signal, payload = draw(requests())
    text = bytearray(encode(payload, SIGNALS[signal].request))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        text[at : at + draw(st.integers(0, 3))] = draw(
            st.sampled_from([b"", b"{", b"]", b'"', b",", b"\\", b"9", b"\xff"])
        )
    return signal, draw(st.just(bytes(text)) | st.binary(max_size=50))


def test_a_json_post_is_delivered_exactly_when_it_can_be_read(target: Target):
    """200 and in Kafka as the bytes that ``check_json`` makes of it (``tests/laws`` holds those to protobuf), or 400."""
    with target.row(24) as row, http1.connect(target.http) as connection:

        @EXAMPLES
        @given(texts())
        def run(request: tuple[Signal, bytes]) -> None:
            signal, text = request
            try:
                made = check_json(text, signal)
            except Malformed:
                made = None
            connection.sendall(http1.head(f"/v1/{signal.value}", http1.JSON, content_length=len(text)) + text)
            answer = http1.read(connection)
            assert answer.status == (400 if made is None else 200)
            row.answered(answer, made.payload if made else None)
            if made and made.rejected and made.items:
                row.perhaps(made.payload)

        run()


def test_bytes_without_sense_end_their_own_connection_at_most(target: Target):
    """Request lines, headers and bodies put together by chance."""
    pieces = [
        b"POST /v1/traces HTTP/1.1\r\n",
        b"Content-Length: 5\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"\r\n",
        b"\n",
    ]
    pieces += [
        b"Content-Type: application/json\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Expect: 100-continue\r\n",
        b"5\r\n{}   ",
    ]
    pieces += [b"0\r\n\r\n", b"GET", b" ", b"\x00", b"\xff", b"x" * 9000, b"Upgrade: h2c\r\nConnection: Upgrade\r\n"]
    with target.row(8, beside=True) as row:

        @EXAMPLES
        @given(st.lists(st.sampled_from(pieces) | st.binary(max_size=20), max_size=20).map(b"".join))
        def run(sent: bytes) -> None:
            with http1.connect(target.http) as connection:
                connection.sendall(sent)

        run()
        assert not row.codes
