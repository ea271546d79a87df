"""Reads the body of an HTTP request, inflates gzip, and never holds more of it than a request may have."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable

from kafka_otlp_exporter.outcomes import Invalid, TooLarge

# How much is inflated before other tasks get the event loop.
_STEP_BYTES = 256 * 1024
# zlib.decompressobj: a gzip header, and the largest window.
_GZIP = 31
# A gzip file may have several members, one after the other (RFC 1952, section 2.2). Empty members cost time but no bytes,
# so the byte limit does not bound them.
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


async def read_gzip(next_bytes: NextBytes, limit: int) -> bytes | Invalid:
    """The content of a body that is a gzip file: all of its members, to the last byte."""
    body = bytearray()
    member, members = zlib.decompressobj(_GZIP), 1
    packed = await next_bytes()
    while packed:
        try:
            body += member.decompress(packed, min(_STEP_BYTES, limit + 1 - len(body)))
        except zlib.error:
            return Invalid("the body is no gzip, although content-encoding says so, or it is damaged.")
        if len(body) > limit:
            return too_large(limit)
        packed = member.unconsumed_tail
        if member.eof:
            packed = member.unused_data or await next_bytes()
            if packed:
                member, members = zlib.decompressobj(_GZIP), members + 1
                if members > _MOST_MEMBERS:
                    return Invalid(f"the body is a gzip file of more than {_MOST_MEMBERS} members.")
        elif packed:
            await asyncio.sleep(0)
        else:
            packed = await next_bytes()
    if not member.eof:
        return Invalid("the body is a gzip file that was cut off.")
    return bytes(body)
