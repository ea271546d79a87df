"""Bodies, fed in pieces of every size."""

import asyncio
import gzip
import zlib
from collections.abc import Sequence

import pytest

from kafka_otlp_exporter.outcomes import Invalid, TooLarge
from kafka_otlp_exporter.receivers import http_body

LIMIT = 10_000


def fed(pieces: Sequence[bytes], *, packed: bool, limit: int = LIMIT) -> bytes | Invalid:
    """The result for a body that arrives in these pieces."""
    rest = list(pieces)

    async def next_bytes() -> bytes:
        return rest.pop(0) if rest else b""

    async def run() -> bytes | Invalid:
        return await (http_body.read_packed(next_bytes, limit, "gzip") if packed else http_body.read(next_bytes, limit))

    return asyncio.run(run())


def cut(content: bytes, size: int) -> list[bytes]:
    """A body in pieces of so many bytes."""
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1, 3, 999, 20_000])
@pytest.mark.parametrize("length", [0, 1, 5000, LIMIT])
def test_a_body_is_all_of_its_pieces(size: int, length: int):
    """This holds up to the limit, with and without gzip."""
    content = bytes(number % 251 for number in range(length))
    assert fed(cut(content, size), packed=False) == content
    assert fed(cut(gzip.compress(content), size), packed=True) == content


@pytest.mark.parametrize("size", [1, 999, LIMIT + 1])
def test_one_byte_over_the_limit_is_too_large(size: int):
    """This holds with and without gzip."""
    content = bytes(LIMIT + 1)
    assert isinstance(fed(cut(content, size), packed=False), TooLarge)
    assert isinstance(fed(cut(gzip.compress(content), size), packed=True), TooLarge)


def test_no_more_is_inflated_than_the_limit(monkeypatch: pytest.MonkeyPatch):
    """A megabyte that would inflate to a gigabyte is refused after the first few bytes."""
    made = 0
    real = zlib.decompressobj

    class Counting:
        def __init__(self) -> None:
            self._real = real(31)

        def decompress(self, packed: bytes, most: int) -> bytes:
            nonlocal made
            inflated = self._real.decompress(packed, most)
            made += len(inflated)
            return inflated

        def __getattr__(self, name: str) -> object:
            return getattr(self._real, name)

    packed = gzip.compress(bytes(50_000_000))
    monkeypatch.setattr(zlib, "decompressobj", lambda _: Counting())
    assert isinstance(fed([packed], packed=True), TooLarge)
    assert made == LIMIT + 1


@pytest.mark.parametrize("size", [1, 10, 100_000])
def test_members_of_a_gzip_file_are_one_body(size: int):
    """As gzip itself reads them; an empty one adds nothing."""
    packed = gzip.compress(b"one ") + gzip.compress(b"") + gzip.compress(b"two")
    assert fed(cut(packed, size), packed=True) == b"one two"


def test_too_many_members_are_refused():
    """Empty members cost time but no bytes."""
    one = gzip.compress(b"")
    assert fed([one * 1024], packed=True) == b""
    assert isinstance(fed([one * 1025], packed=True), Invalid)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_what_is_not_whole_is_invalid(size: int):
    """It was cut anywhere, damaged, or is followed by other bytes."""
    packed = gzip.compress(b"some content that is packed")
    spoilt = [packed[:length] for length in range(len(packed))]
    spoilt += [packed + b"x", packed + packed[:5], packed[:-1] + b"\xff", b"plain", zlib.compress(b"other header")]
    for content in spoilt:
        assert isinstance(fed(cut(content, size), packed=True), Invalid), content


def test_others_have_their_turn_while_much_is_inflated():
    """It is inflated in steps of a few hundred kilobytes."""
    packed = gzip.compress(bytes(4_000_000))

    async def run() -> int:
        pieces = [packed]
        turns = 0
        done = False

        async def other() -> None:
            nonlocal turns
            while not done:
                turns += 1
                await asyncio.sleep(0)

        async def next_bytes() -> bytes:
            return pieces.pop() if pieces else b""

        task = asyncio.create_task(other())
        assert await http_body.read_packed(next_bytes, 4_000_000, "gzip") == bytes(4_000_000)
        done = True
        await task
        return turns

    assert asyncio.run(run()) > 10
