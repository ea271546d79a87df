"""Messages of gRPC that are cut, doubled, compressed by nobody knows what, or lie about their length."""

from __future__ import annotations

import struct
import zlib

import pytest

from kafka_otlp_exporter.config.settings import MEBIBYTE
from tests.beds.http2 import message
from tests.hostile.target import LARGEST, TRACES, Target
from tests.unit.kafka_otlp_exporter import samples

SPANS = samples.traces(3)


@pytest.mark.parametrize("length", [LARGEST + 1, 1 << 30, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_declared_length_over_the_limit_is_refused_at_its_header(target: Target, length: int):
    """RESOURCE_EXHAUSTED after five bytes, and no buffer of that length."""
    with target.row(2) as row:
        assert row.export(message(SPANS, length=length)).code == "RESOURCE_EXHAUSTED"


def test_a_whole_message_over_the_same_frames_is_delivered(target: Target):
    """So what the other rows have wrong is what is refused in them."""
    with target.row(2) as row:
        assert row.export(message(SPANS), SPANS).code == "OK"


@pytest.mark.parametrize("missing", [1, 3, len(SPANS), len(SPANS) + 1, len(SPANS) + 4, len(SPANS) + 5])
def test_a_message_that_is_cut_off_is_an_invalid_argument(target: Target, missing: int):
    """gRPC shows it as the end of the stream, which must not be taken for success; the last is no message at all."""
    with target.row(2) as row:
        answer = row.export(message(SPANS)[:-missing])
        assert answer.code == "INVALID_ARGUMENT"
        assert "no message" in answer.sentence


def test_headers_that_end_the_stream_are_an_invalid_argument(target: Target):
    """A call without a DATA frame is answered, and not with success."""
    with target.row(2) as row, target.peer() as peer:
        row.heard(peer.wait(peer.open(TRACES, end=True)))
        assert row.codes == {"INVALID_ARGUMENT": 1}


@pytest.mark.parametrize("second", [message(SPANS), message(b"")], ids=["whole", "empty"])
def test_two_messages_are_an_invalid_argument(target: Target, second: bytes):
    """Nothing of either goes to Kafka."""
    with target.row(2) as row:
        answer = row.export(message(SPANS) + second)
        assert answer.code == "INVALID_ARGUMENT"
        assert "more than one message" in answer.sentence


def test_what_is_no_message_behind_a_message_is_passed_over(target: Target):
    """gRPC shows a second that is cut off as the end of the call, so OK is said of the first alone."""
    with target.row(2) as row:
        assert row.export(message(SPANS) + message(SPANS)[:-1], SPANS).code == "OK"


def test_two_hundred_thousand_messages_in_one_call_are_an_invalid_argument(target: Target):
    """The second is enough to know, so the others are not kept."""
    with target.row(8, beside=True) as row:
        answer = row.export(message(b"") * 200_000)
        assert answer.code == "INVALID_ARGUMENT"


def test_the_compressed_flag_without_an_encoding_is_refused(target: Target):
    """gRPC's own answer is INTERNAL."""
    with target.row(2) as row:
        assert row.export(message(SPANS, flag=1)).code == "INTERNAL"


@pytest.mark.parametrize("flag", [2, 7, 0xFF])
def test_a_flag_byte_that_does_not_exist_delivers_nothing(target: Target, flag: int):
    """gRPC drops the message and shows none, or an empty one (a race of its own), which is told OK as any empty request."""
    with target.row(2) as row:
        for _ in range(10):
            row.export(message(SPANS, flag=flag), b"")
        assert row.codes.keys() <= {"INVALID_ARGUMENT", "OK"}


@pytest.mark.parametrize("encoding", ["zstd", "snappy", "br", "gzip, gzip", "x" * 5000])
def test_an_encoding_that_nobody_knows_is_refused(target: Target, encoding: str):
    """By gRPC itself, and never taken for a plain message."""
    with target.row(2) as row:
        row.export(message(SPANS, flag=1), others={"grpc-encoding": encoding})
        assert row.codes.keys() <= {"UNIMPLEMENTED", "INTERNAL"}


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("body", [b"no stream", bytes(1000)], ids=["garbage", "zeros"])
def test_what_is_compressed_by_name_only_is_refused(target: Target, encoding: str, body: bytes):
    """INTERNAL, as gRPC's specification of compression says."""
    with target.row(2) as row:
        assert row.export(message(body, flag=1), others={"grpc-encoding": encoding}).code == "INTERNAL"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_no_bytes_that_claim_to_be_compressed_are_an_empty_request(target: Target, encoding: str):
    """gRPC does not inflate them; there is nothing to lose."""
    with target.row(2) as row:
        assert row.export(message(b"", flag=1), b"", {"grpc-encoding": encoding}).code == "OK"


def test_a_compressed_message_without_its_end_is_refused(target: Target):
    """What came of it is not a request."""
    with target.row(2) as row:
        row.export(message(compressed(samples.traces(500), 31)[:-20], flag=1), others={"grpc-encoding": "gzip"})
        assert row.codes.keys() <= {"INTERNAL"}


@pytest.mark.parametrize(("encoding", "bits"), [("gzip", 31), ("deflate", 15)])
@pytest.mark.parametrize("gibibytes", [1, 3.5])
def test_a_bomb_is_refused_when_it_passes_the_limit(target: Target, encoding: str, bits: int, gibibytes: float):
    """A thousand times its bytes: RESOURCE_EXHAUSTED, and no more memory than the largest request may have."""
    with target.row(10 + LARGEST / MEBIBYTE, beside=True) as row:
        body = bomb(int(gibibytes * 1024), bits)
        assert len(body) <= 4 * MEBIBYTE
        assert row.export(message(body, flag=1), others={"grpc-encoding": encoding}).code == "RESOURCE_EXHAUSTED"


def test_a_bomb_inside_a_bomb_is_inflated_once(target: Target):
    """What it holds is no request."""
    with target.row(10) as row:
        body = compressed(compressed(bytes(4 * MEBIBYTE), 31), 31)
        assert row.export(message(body, flag=1), others={"grpc-encoding": "gzip"}).code == "INVALID_ARGUMENT"


@pytest.mark.parametrize(
    "path",
    [
        TRACES[1:],
        f"/{TRACES}",
        f"{TRACES}/",
        f"{TRACES}?",
        f"{TRACES}/../Export",
        f"/.{TRACES}",
        f"/x/..{TRACES}",
        TRACES.replace("Export", "%45xport"),
        TRACES.replace("Export", "export"),
        TRACES + "\x00",
        "/",
        "*",
        "/" + "x" * 10_000,
        f"http://localhost{TRACES}",
    ],
    ids=lambda path: path[:60] if path.isprintable() else "with a NUL",
)
def test_a_path_that_is_not_exactly_one_of_the_three_reaches_nothing(target: Target, path: str):
    """UNIMPLEMENTED, or not taken for HTTP/2 at all (CVE-2026-33186: a path without its slash went past the rules)."""
    with target.row(2) as row:
        row.export(message(SPANS), path=path)
        assert row.codes.keys() <= {"UNIMPLEMENTED", "RST_STREAM 1"}


@pytest.mark.parametrize("method", ["GET", "PUT", "CONNECT", "PRI"])
def test_a_method_that_is_not_post_reaches_nothing(target: Target, method: str):
    """gRPC is POST and nothing else."""
    with target.row(2) as row:
        row.export(message(SPANS), others={":method": method})
        assert row.codes.keys() <= {"INTERNAL", "RST_STREAM 2"}


def compressed(data: bytes, bits: int) -> bytes:
    """gzip for 31, zlib for 15 (zlib.compressobj)."""
    packer = zlib.compressobj(9, wbits=bits)
    return packer.compress(data) + packer.flush()


def bomb(mebibytes: int, bits: int) -> bytes:
    """So many MiB of zeros: one MiB that was packed once, again and again, with the checksum of all."""
    zeros = bytes(MEBIBYTE)
    packer = zlib.compressobj(9, wbits=-15)
    block = packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush()
    if bits == 15:
        # Adler-32 of zeros: the first sum stays 1, the second counts (RFC 1950, section 8).
        return b"\x78\xda" + block * mebibytes + end + struct.pack(">HH", mebibytes * MEBIBYTE % 65_521, 1)
    checksum = 0
    for _ in range(mebibytes):
        checksum = zlib.crc32(zeros, checksum)
    head = compressed(b"", 31)[:10]
    return head + block * mebibytes + end + struct.pack("<II", checksum, mebibytes * MEBIBYTE & 0xFFFFFFFF)
