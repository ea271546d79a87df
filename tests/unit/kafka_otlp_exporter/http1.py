"""A small HTTP/1.1 client that sends what no client library would."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PROTOBUF = "application/x-protobuf"
JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """One answer: its status, its headers by their names in lower case, and its body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextlib.contextmanager
def connect(port: int, seconds: float = 15) -> Iterator[socket.socket]:
    """A connection to this machine's port."""
    with socket.create_connection(("127.0.0.1", port), seconds) as connection:
        yield connection


def read(connection: socket.socket) -> Answer:
    """The next answer on a connection; informational ones are passed over, as RFC 9110 has it."""
    response = http.client.HTTPResponse(connection, method="POST")
    response.begin()
    content = response.read()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)


def head(path: str = "/v1/traces", content_type: str = PROTOBUF, method: str = "POST", **headers: object) -> bytes:
    """Request line and headers, up to the empty line."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost"]
    lines += [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def post(port: int, body: bytes, path: str = "/v1/traces", content_type: str = PROTOBUF, **headers: object) -> Answer:
    """What a POST on a connection of its own is answered."""
    with connect(port) as connection:
        connection.sendall(head(path, content_type, "POST", content_length=len(body), **headers) + body)
        return read(connection)


def chunked(body: bytes, size: int) -> bytes:
    """A body in chunks of so many bytes (RFC 9112, section 7.1)."""
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
