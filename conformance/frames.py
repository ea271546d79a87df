"""A gRPC call as HTTP/2 frames, to send what no gRPC library would."""

from __future__ import annotations

import base64
import binascii
import contextlib
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from conformance.grpc_client import NAMES, SECONDS, Reply
from conformance.target import parted


@dataclass(slots=True)
class Ended:
    """How a stream of raw frames ended: its header fields and data, or why it did not end."""

    fields: dict[str, str] = field(default_factory=dict)
    data: bytes = b""
    reset: int | None = None
    silent: str | None = None

    @property
    def code(self) -> str:
        """The name of the gRPC status, or how the stream ended without one."""
        if (number := self.fields.get("grpc-status", "")).isdigit():
            return NAMES.get(int(number), number)
        if self.reset is not None:
            return f"RST_STREAM {self.reset}"
        return self.silent or f"HTTP {self.fields.get(':status', '?')} without grpc-status"

    @property
    def ok(self) -> bool:
        """Whether the server accepted the call."""
        return self.code == "OK"

    @property
    def reply(self) -> Reply:
        """The same answer in the form of a gRPC library."""
        packed = self.fields.get("grpc-status-details-bin", "")
        try:
            status = base64.b64decode(packed + "=" * (-len(packed) % 4))
        except binascii.Error:
            status = b"\xff"
        return Reply(self.code, self.fields.get("grpc-message", ""), self.data[5:], status)


class Frames:
    """One HTTP/2 connection, frame by frame; a context manager."""

    def __init__(self, endpoint: str) -> None:
        """Connect. Raises OSError."""
        self._socket = socket.create_connection(parted(endpoint), SECONDS)
        self._state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
        self._state.initiate_connection()
        self._flush()
        self._ended: dict[int, Ended] = {}
        self._over: set[int] = set()

    def __enter__(self) -> Self:
        """Connected already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closed."""
        self._socket.close()

    def start(self, method: str, fields: Mapping[str, str] | None = None) -> int:
        """Begin a call, and return its stream."""
        stream = self._state.get_next_available_stream_id()
        head = {":method": "POST", ":scheme": "http", ":path": method, ":authority": "localhost", "te": "trailers"}
        self._state.send_headers(stream, [*{**head, "content-type": "application/grpc", **(fields or {})}.items()])
        self._flush()
        self._ended[stream] = Ended()
        return stream

    def send(self, stream: int, data: bytes, *, end: bool = True) -> None:
        """Send data as fast as the server's windows allow, until the server has ended the call; ``end`` ends our side."""
        until = time.monotonic() + SECONDS
        while data and not self._ended_already(stream) and time.monotonic() < until:
            room = min(len(data), self._state.local_flow_control_window(stream), self._state.max_outbound_frame_size)
            if room > 0:
                self._state.send_data(stream, data[:room])
                self._flush()
                data = data[room:]
            else:
                self._receive(self._ended[stream], until)
        if end and not data and not self._ended_already(stream):
            self._state.end_stream(stream)
            self._flush()

    def reset(self, stream: int) -> None:
        """Cancel the call, as a client does."""
        self._state.reset_stream(stream, 8)
        self._flush()

    def ping(self) -> None:
        """Send a PING frame."""
        self._state.ping(b"conforms")
        self._flush()

    def wait(self, stream: int, seconds: float = SECONDS) -> Ended:
        """The server's answer on the stream, until its end or for so many seconds."""
        ended, until = self._ended[stream], time.monotonic() + seconds
        while not self._ended_already(stream):
            self._receive(ended, until)
            if time.monotonic() > until and not self._ended_already(stream):
                ended.silent = f"no end within {seconds:.0f} s"
        return ended

    def _ended_already(self, stream: int) -> bool:
        return stream in self._over or self._ended[stream].silent is not None

    def _receive(self, ended: Ended, until: float) -> None:
        self._socket.settimeout(max(0.01, until - time.monotonic()))
        try:
            received = self._socket.recv(65536)
            if received:
                self._take(received)
            else:
                ended.silent = "the connection was closed"
        except TimeoutError:
            pass  # the caller looks at its clock
        except (OSError, h2.exceptions.ProtocolError) as error:
            ended.silent = f"the connection broke: {error}"

    def _take(self, received: bytes) -> None:
        for event in self._state.receive_data(received):
            ended = self._ended.get(getattr(event, "stream_id", None) or 0, Ended())
            if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                ended.fields.update((str(name), str(value)) for name, value in event.headers)
            elif isinstance(event, h2.events.DataReceived):
                ended.data += event.data
                self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamReset):
                ended.reset = int(event.error_code or 0)
                self._over.add(event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self._over.add(event.stream_id)
            elif isinstance(event, h2.events.ConnectionTerminated):
                for other in self._ended.values():
                    other.silent = f"GOAWAY {int(event.error_code or 0)} {(event.additional_data or b'').decode()}"
        self._flush()

    def _flush(self) -> None:
        # The server's last bytes before it closed the connection are still unread.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(self._state.data_to_send())


def framed(payload: bytes, *, compressed: bool = False) -> bytes:
    """A message with the five bytes that gRPC puts before it."""
    return bytes([compressed]) + len(payload).to_bytes(4, "big") + payload
