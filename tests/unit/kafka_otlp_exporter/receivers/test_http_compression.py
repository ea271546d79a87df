"""Compressed bodies, fed in pieces of every size."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable, Mapping
from random import Random

import cramjam
import pytest
from backports import zstd

from kafka_otlp_exporter.outcomes import Invalid, TooLarge
from kafka_otlp_exporter.receivers import http_body
from kafka_otlp_exporter.receivers.http_compression import ACCEPTED, SNAPPY, STREAMED, coding

LIMIT = 300_000


def raw(content: bytes) -> bytes:
    """The block format of snappy, as Collectors send it."""
    return bytes(cramjam.snappy.compress_raw(content))


def framed(content: bytes) -> bytes:
    """The framing format of snappy, as older Collectors send it under the same name."""
    return bytes(cramjam.snappy.compress(content))


# Each way of packing, and what Content-Encoding calls it.
WAYS: Mapping[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "zstd": ("zstd", zstd.compress),
    "zstd of a stream": (
        "zstd",
        lambda content: zstd.ZstdCompressor().compress(content, zstd.ZstdCompressor.FLUSH_FRAME),
    ),
    "snappy blocks": ("snappy", raw),
    "snappy frames": ("snappy", framed),
    "snappy frames by name": ("x-snappy-framed", framed),
}


def read(packed: bytes, name: str, size: int = 10_000, limit: int = LIMIT) -> bytes | Invalid:
    """The result for a body that arrives in pieces of this size."""
    pieces = [packed[start : start + size] for start in range(0, len(packed), size)]

    async def next_bytes() -> bytes:
        return pieces.pop(0) if pieces else b""

    return asyncio.run(http_body.read_packed(next_bytes, limit, name))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("length", [0, 1, 70_000, LIMIT])
def test_what_was_packed_is_read(way: str, length: int):
    """In pieces of every size, up to the limit."""
    name, pack = WAYS[way]
    content = Random(1).randbytes(length // 2) + bytes(length - length // 2)
    for size in (1_000, 7_777, 10_000_000):
        assert read(pack(content), name, size) == content


@pytest.mark.parametrize("way", WAYS)
def test_one_byte_over_the_limit_is_too_large(way: str):
    """However little it is when it is packed, and however much when it cannot be packed."""
    name, pack = WAYS[way]
    for content in (bytes(LIMIT + 1), Random(1).randbytes(LIMIT + 1), bytes(20_000_000)):
        assert isinstance(read(pack(content), name), TooLarge)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_cut_off_or_damaged_is_invalid(way: str):
    """At any place; another format is damaged too."""
    name, pack = WAYS[way]
    packed = pack(b"some content that is packed, " * 50)
    cuts = [packed[:length] for length in (1, 2, len(packed) // 2, len(packed) - 1)]
    others = [
        other(b"some content")
        for key, (_, other) in WAYS.items()
        if key.split()[0] != way.split(maxsplit=1)[0].removeprefix("x-")
    ]
    foreign = [
        one
        for one in others
        if way.split(maxsplit=1)[0].removeprefix("x-") != "gzip" or not one.startswith(b"\x1f\x8b")
    ]
    for spoilt in [*cuts, *foreign]:
        assert isinstance(read(spoilt, name), Invalid), spoilt


def test_frames_of_zstd_are_one_body_and_bounded():
    """As zstd itself reads them."""
    assert read(zstd.compress(b"one ") + zstd.compress(b"two"), "zstd", 3) == b"one two"
    assert read(zstd.compress(b"") * 1024, "zstd") == b""
    assert isinstance(read(zstd.compress(b"") * 1025, "zstd"), Invalid)


def test_a_deflated_body_has_one_part():
    """HTTP knows no second one."""
    assert isinstance(read(zlib.compress(b"one ") + zlib.compress(b"two"), "deflate"), Invalid)


def test_a_window_that_the_memory_has_no_room_for_is_refused():
    """RFC 8878 asks decoders for 8 MB. A frame may ask for more, and is refused before it is read."""
    options: dict[int, int] = {zstd.CompressionParameter.window_log: 24}
    packed = zstd.ZstdCompressor(options=options)
    frame = packed.compress(bytes(100)) + packed.flush()
    assert isinstance(read(frame, "zstd"), Invalid)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", ""),
        ("identity", ""),
        (" Identity , ", ""),
        ("gzip", "gzip"),
        ("GZIP, identity", "gzip"),
        ("identity,zstd", "zstd"),
        ("x-snappy-framed", "x-snappy-framed"),
        ("br", None),
        ("gzip, gzip", None),
        ("gzip, zstd", None),
    ],
)
def test_a_header_names_one_compression_or_none(header: str, name: str | None):
    """Empty parts and identity mean nothing; two compressions at once are not served."""
    assert coding(header) == name


def test_what_is_told_to_clients_is_what_is_read():
    """A client may choose any of these."""
    assert set(ACCEPTED.split(", ")) == ({*STREAMED, *SNAPPY} - {"x-gzip", "x-snappy-framed"})
