"""What is true of a body in whatever pieces it arrives."""

import asyncio
import gzip
import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from kafka_otlp_exporter.outcomes import Invalid, TooLarge
from kafka_otlp_exporter.receivers import http_body


def read(content: bytes, cuts: Sequence[int], limit: int, *, packed: bool) -> bytes | Invalid:
    """A body that arrives in these pieces."""
    places = sorted({min(cut, len(content)) for cut in cuts} | {0, len(content)})
    pieces = [content[start:end] for start, end in itertools.pairwise(places) if end > start]

    async def next_bytes() -> bytes:
        return pieces.pop(0) if pieces else b""

    return asyncio.run(
        http_body.read_packed(next_bytes, limit, "gzip") if packed else http_body.read(next_bytes, limit)
    )


CUTS = st.lists(st.integers(0, 600), max_size=8)


@given(content=st.binary(max_size=500), cuts=CUTS, limit=st.integers(0, 600))
def test_a_body_is_itself_or_too_large(content: bytes, cuts: list[int], limit: int):
    """It is never cut."""
    found = read(content, cuts, limit, packed=False)
    assert found == content if len(content) <= limit else isinstance(found, TooLarge)


@given(parts=st.lists(st.binary(max_size=200), min_size=1, max_size=4), cuts=CUTS, limit=st.integers(0, 800))
def test_a_packed_body_is_its_members_or_too_large(parts: list[bytes], cuts: list[int], limit: int):
    """Its members are joined in order."""
    content = b"".join(parts)
    found = read(b"".join(gzip.compress(part) for part in parts), cuts, limit, packed=True)
    assert found == content if len(content) <= limit else isinstance(found, TooLarge)


@given(content=st.binary(max_size=200), cuts=CUTS, place=st.integers(0, 300), bit=st.integers(0, 7))
def test_a_bit_that_fell_over_is_seen_or_means_nothing(content: bytes, cuts: list[int], place: int, bit: int):
    """gzip's checksum covers the content; its header holds a time and a system, which mean nothing here."""
    spoilt = bytearray(gzip.compress(content))
    spoilt[place % len(spoilt)] ^= 1 << bit
    found = read(bytes(spoilt), cuts, 10_000, packed=True)
    assert found == content or isinstance(found, Invalid)
