"""Reads the body of an HTTP request, inflates it, and never holds more of it than a request may have."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from kafka_otlp_exporter.outcomes import Invalid, TooLarge
from kafka_otlp_exporter.receivers.http_compression import (
    SNAPPY,
    STREAMED,
    Compression,
    Damaged,
    TooLong,
    inflate_snappy,
)

# How much is inflated before other tasks get the event loop.
_STEP_BYTES = 256 * 1024
# Incompressible content is a little longer in snappy: its own bound is a sixth and 32 bytes more.
_SNAPPY_SHARE, _SNAPPY_BYTES = 6, 32
# A gzip file may have several members, one after the other (RFC 1952, section 2.2), and zstd several frames. Empty ones cost
# time but no bytes, so the byte limit does not bound them.
_MOST_MEMBERS = 1024

# Returns the next bytes of the body, as many as there are; empty at its end.
NextBytes = Callable[[], Awaitable[bytes]]


def too_large(limit: int) -> TooLarge:
    """The outcome of a request that has more than ``limit`` bytes."""
    return TooLarge(f"the request is larger than {limit} bytes, uncompressed: send fewer items at a time.")


async def read(next_bytes: NextBytes, limit: int) -> bytes | TooLarge:
    """The body of a request that is not compressed."""
    first = await next_bytes()
    second = await next_bytes() if first else b""
    if not second:
        return first if len(first) <= limit else too_large(limit)
    body = bytearray(first)
    while second:
        body += second
        if len(body) > limit:
            return too_large(limit)
        second = await next_bytes()
    return bytes(body)


async def read_packed(next_bytes: NextBytes, limit: int, coding: str) -> bytes | Invalid:
    """The content of a body in a compression that ``http_compression.coding`` has named, to the last byte."""
    if coding in SNAPPY:
        return await _read_snappy(next_bytes, limit)
    return await _read_streamed(next_bytes, limit, STREAMED[coding])


async def _read_snappy(next_bytes: NextBytes, limit: int) -> bytes | Invalid:
    packed = await read(next_bytes, limit + limit // _SNAPPY_SHARE + _SNAPPY_BYTES)
    if isinstance(packed, TooLarge):
        return too_large(limit)
    try:
        return inflate_snappy(packed, limit)
    except TooLong:
        return too_large(limit)
    except Damaged:
        return _damaged("snappy")


async def _read_streamed(next_bytes: NextBytes, limit: int, compression: Compression) -> bytes | Invalid:
    body = bytearray()
    member, members = compression.member(), 1
    packed = await next_bytes()
    while packed or not (member.needs_input or member.eof):
        try:
            body += member.decompress(packed, min(_STEP_BYTES, limit + 1 - len(body)))
        except Damaged:
            return _damaged(compression.name)
        if len(body) > limit:
            return too_large(limit)
        packed = b""
        if member.eof:
            packed = member.unused_data or await next_bytes()
            if packed:
                member, members = compression.member(), members + 1
                if members > (_MOST_MEMBERS if compression.several else 1):
                    return _too_many_members(compression)
        elif member.needs_input:
            packed = await next_bytes()
        else:
            await asyncio.sleep(0)
    if not member.eof:
        return Invalid(f"the body is {compression.name} that was cut off.")
    return bytes(body)


def _too_many_members(compression: Compression) -> Invalid:
    if not compression.several:
        return _damaged(compression.name)
    return Invalid(f"the body is {compression.name} of more than {_MOST_MEMBERS} members.")


def _damaged(name: str) -> Invalid:
    return Invalid(f"the body is no {name}, although content-encoding says so, or it is damaged.")
