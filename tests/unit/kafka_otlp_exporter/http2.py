"""The few frames of HTTP/2 that a test needs to say what no gRPC client would. Called by the tests of the gRPC receiver."""

from __future__ import annotations

import socket
import struct

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame (RFC 9113, section 4.1)."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _literal(name: str, value: str) -> bytes:
    """A header field without indexing and without Huffman code (RFC 7541, section 6.2.2)."""
    encoded = b"\x00"
    for text in (name, value):
        assert len(text) < 127
        encoded += bytes([len(text)]) + text.encode()
    return encoded


def call(endpoint: str, path: str, body: bytes, seconds: float = 10, **headers: str) -> bytes:
    """What a server sends on stream 1 until it ends, for one POST with ``body`` in one DATA frame."""
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    block = b"".join(_literal(name, value) for name, value in fields.items())
    host, _, port = endpoint.rpartition(":")
    with socket.create_connection((host, int(port)), seconds) as connection:
        connection.sendall(_PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS, 1, block))
        connection.sendall(frame(DATA, END_STREAM, 1, body))
        answer = b""
        with connection.makefile("rb") as stream:
            while True:
                head = stream.read(9)
                if len(head) < 9:
                    return answer
                length = int.from_bytes(head[:3], "big")
                kind, flags, number = struct.unpack(">BBI", head[3:])
                payload = stream.read(length)
                if kind == SETTINGS and not flags & ACK:
                    connection.sendall(frame(SETTINGS, ACK, 0))
                if number == 1:
                    answer += payload
                    if kind == RST_STREAM or (kind in {DATA, HEADERS} and flags & END_STREAM):
                        return answer


def grpc_status(answer: bytes) -> int | None:
    """The status code in an answer's trailers; gRPC writes them without Huffman code."""
    _, found, rest = answer.partition(b"grpc-status")
    return int(rest[1 : 1 + rest[0]]) if found else None
