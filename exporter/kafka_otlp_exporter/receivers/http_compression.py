"""The compressions of HTTP bodies: their names, and how each is inflated without ever holding more than was asked for.

Sources: RFC 9110, section 8.4.1 (gzip, deflate), RFC 8878 (zstd), and the two formats of snappy, which has no RFC: Collectors
send the block format as ``snappy`` and the framing format as ``x-snappy-framed``; older ones send the latter as ``snappy``.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import cramjam

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdError

# RFC 8878, section 3.1.1.1.2: decoders should support windows of 8 MB, and senders should not use larger ones.
_ZSTD_WINDOW_LOG = 23
_GZIP, _ZLIB = 31, 15
# The framing format's stream identifier, chunk types and the most bytes of one chunk, uncompressed.
_FRAMED = b"\xff\x06\x00\x00sNaPpY"
_COMPRESSED_CHUNK, _PLAIN_CHUNK, _UNSKIPPABLE = 0, 1, 0x7F
_CHUNK_BYTES = 65_536
_CHECKSUM_BYTES = 4


class Damaged(ValueError):
    """The bytes are not in the format that they claim to be in, or are damaged."""


class TooLong(ValueError):
    """There is more content than was asked for."""


class Member(Protocol):
    """One part of a compressed body, in the manner of ``bz2.BZ2Decompressor``."""

    @property
    def eof(self) -> bool:
        """Whether it has ended."""

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""

    @property
    def needs_input(self) -> bool:
        """Whether there is nothing more to inflate without more input."""

    def decompress(self, packed: bytes, most: int) -> bytes:
        """Take input, and return at most so many bytes of content. Raises Damaged."""


@dataclass(frozen=True)
class Compression:
    """A compression that is inflated step by step; ``several``: a body may have several members, one after the other."""

    name: str
    member: Callable[[], Member]
    several: bool


class _Zlib:
    """A gzip member, or zlib's format, which HTTP calls deflate."""

    def __init__(self, bits: int) -> None:
        self._inside = zlib.decompressobj(bits)

    @property
    def eof(self) -> bool:
        return self._inside.eof

    @property
    def unused_data(self) -> bytes:
        return self._inside.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inside.eof and not self._inside.unconsumed_tail

    def decompress(self, packed: bytes, most: int) -> bytes:
        left = self._inside.unconsumed_tail
        try:
            return self._inside.decompress(left + packed if left else packed, most)
        except zlib.error:
            raise Damaged from None


class _Zstd:
    """A zstd frame."""

    def __init__(self) -> None:
        self._inside: Any = ZstdDecompressor(options={DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG})

    @property
    def eof(self) -> bool:
        return bool(self._inside.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inside.unused_data)

    @property
    def needs_input(self) -> bool:
        return bool(self._inside.needs_input)

    def decompress(self, packed: bytes, most: int) -> bytes:
        try:
            return bytes(self._inside.decompress(packed, most))
        except ZstdError:
            raise Damaged from None


_GZIP_FILE = Compression("gzip", lambda: _Zlib(_GZIP), several=True)
STREAMED: Mapping[str, Compression] = {
    "gzip": _GZIP_FILE,
    "x-gzip": _GZIP_FILE,
    "deflate": Compression("deflate", lambda: _Zlib(_ZLIB), several=False),
    "zstd": Compression("zstd", _Zstd, several=True),
}
SNAPPY = ("snappy", "x-snappy-framed")
# For the header Accept-Encoding.
ACCEPTED = "gzip, zstd, snappy, deflate"


def coding(header: str) -> str | None:
    """The one compression that a Content-Encoding names; empty for none, None when it is not known or there are several."""
    codings = [name for part in header.split(",") if (name := part.strip().lower()) not in ("", "identity")]
    if not codings:
        return ""
    return codings[0] if len(codings) == 1 and (codings[0] in STREAMED or codings[0] in SNAPPY) else None


def inflate_snappy(packed: bytes, limit: int) -> bytes:
    """The content of a whole body in either format of snappy. Raises Damaged, and TooLong for more than ``limit`` bytes.

    The length of the content is read before anything is inflated. Nothing is the framing format of no content.
    """
    if not packed:
        return b""
    try:
        if packed.startswith(_FRAMED):
            if _framed_length(packed) > limit:
                raise TooLong
            return bytes(cramjam.snappy.decompress(packed))
        if cramjam.snappy.decompress_raw_len(packed) > limit:
            raise TooLong
        return bytes(cramjam.snappy.decompress_raw(packed))
    except cramjam.DecompressionError:
        raise Damaged from None


def _framed_length(packed: bytes) -> int:
    """How many bytes the chunks of the framing format have uncompressed. Raises Damaged."""
    length = position = 0
    while position < len(packed):
        head = packed[position : position + 4]
        end = position + 4 + int.from_bytes(head[1:], "little")
        if len(head) < 4 or end > len(packed) or 1 < head[0] <= _UNSKIPPABLE:
            raise Damaged
        body = packed[position + 4 + _CHECKSUM_BYTES : end]
        if head[0] == _COMPRESSED_CHUNK:
            chunk = cramjam.snappy.decompress_raw_len(body)
            if chunk > _CHUNK_BYTES:
                raise Damaged
            length += chunk
        elif head[0] == _PLAIN_CHUNK:
            length += len(body)
        position = end
    return length
