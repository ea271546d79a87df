"""HTTP/2 frame by frame, to send what no gRPC client would.

A ``Peer`` keeps to flow control and answers SETTINGS and PING like any client, unless a test sends for itself.
"""

from __future__ import annotations

import contextlib
import dataclasses
import selectors
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Self

import grpc
from hpack import Decoder, Encoder
from hyperframe.frame import (
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LARGEST_FRAME = 16_384
_FIRST_WINDOW = 65_535
NO_FIELDS: Mapping[str, str] = MappingProxyType({})
_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def message(payload: bytes, flag: int = 0, length: int | None = None) -> bytes:
    """One gRPC message: flag, length (of ``payload`` unless given), ``payload``."""
    return struct.pack(">BI", flag, len(payload) if length is None else length) + payload


def frame(kind: int, flags: int, stream: int, payload: bytes = b"", length: int | None = None) -> bytes:
    """One frame (RFC 9113, section 4.1), valid or not. ``length`` is a false length for its header."""
    claimed = len(payload) if length is None else length
    return struct.pack(">I", claimed)[1:] + struct.pack(">BBI", kind, flags, stream) + payload


@dataclasses.dataclass
class Answer:
    """What a server has sent on one stream; ``connection`` is why the connection ended, if it did."""

    fields: dict[str, str] = dataclasses.field(default_factory=dict)
    body: bytes = b""
    reset: int | None = None
    connection: str | None = None
    ended: bool = False

    @property
    def code(self) -> str:
        """gRPC's name of the status, or how the call ended without one."""
        if (status := self.fields.get("grpc-status")) is not None:
            return _NAMES[int(status)]
        if self.reset is not None:
            return f"RST_STREAM {self.reset}"
        return self.connection or "no answer"

    @property
    def sentence(self) -> str:
        """The trailer grpc-message."""
        return self.fields.get("grpc-message", "")


class Peer:
    """One connection of a client."""

    def __init__(
        self,
        endpoint: str,
        settings: Mapping[int, int] | None = None,
        *,
        preface: bool = True,
        acknowledging: bool = True,
    ) -> None:
        """Connect to ``host:port`` and send the preface, unless the test sends something else first."""
        self._acknowledging = acknowledging
        host, _, port = endpoint.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), 20)
        # With Nagle's algorithm, a small piece would wait for the acknowledgement of the piece before.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answers: dict[int, Answer] = {}
        self.ended: str | None = None
        self.goaway: str | None = None
        self._encoder = Encoder()
        self._decoder = Decoder()
        self._unread = b""
        self._first_window = _FIRST_WINDOW
        self._windows = {0: _FIRST_WINDOW}
        self._next_stream = 1
        if preface:
            self.send(PREFACE + SettingsFrame(0, dict(settings or {})).serialize())

    def __enter__(self) -> Self:
        """Connected already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnected."""
        self.close()

    def close(self, *, abruptly: bool = False) -> None:
        """End the connection; ``abruptly`` with a TCP reset."""
        if abruptly:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it, while the server may send, too. It stops when the server has closed the connection."""
        try:
            self.socket.sendall(data)
        except OSError as error:
            self.ended = self.ended or self.goaway or type(error).__name__

    def stream(self) -> int:
        """The number of a new stream."""
        number, self._next_stream = self._next_stream, self._next_stream + 2
        return number

    def headers(self, stream: int, fields: Iterable[tuple[str, str]], *, end: bool = False) -> bytes:
        """Send the frames that open a stream; fields that are too long for one frame continue in CONTINUATION."""
        block = self._encoder.encode(list(fields), huffman=False)
        pieces = [block[at : at + LARGEST_FRAME] for at in range(0, len(block), LARGEST_FRAME)]
        last = len(pieces) - 1
        return b"".join(
            frame(9 if number else 1, (4 if number == last else 0) | (1 if end and not number else 0), stream, piece)
            for number, piece in enumerate(pieces)
        )

    def expect(self) -> int:
        """A new stream, which the test opens with its own frames."""
        number = self.stream()
        self.answers[number] = Answer()
        self._windows[number] = self._first_window
        return number

    def open(self, path: str, others: Mapping[str, str] = NO_FIELDS, *, end: bool = False) -> int:
        """Open a call, with ``others`` among its header fields, without its message. Returns the stream's number."""
        number = self.expect()
        self.send(self.headers(number, fields(path, others), end=end))
        return number

    def call(
        self,
        path: str,
        body: bytes,
        others: Mapping[str, str] = NO_FIELDS,
        *,
        seconds: float = 30,
        piece: int = LARGEST_FRAME,
    ) -> Answer:
        """One call with the messages ``body``, cut into DATA frames of ``piece`` bytes. Returns the answer."""
        number = self.open(path, others)
        return self.finish(number, body, seconds, piece)

    def finish(self, stream: int, body: bytes, seconds: float = 30, piece: int = LARGEST_FRAME) -> Answer:
        """Send the rest of a call, and wait until the call or the connection ends, or for ``seconds``."""
        deadline = time.monotonic() + seconds
        answer, sent = self.answers[stream], 0
        while not answer.ended and sent < len(body):
            room = min(self._windows[0], self._windows[stream])
            if room <= 0:
                if not self.receive(deadline - time.monotonic()):
                    break
                continue
            part = body[sent : sent + min(room, 64 * LARGEST_FRAME if piece > 100 else room)]
            pieces = [part[at : at + piece] for at in range(0, len(part), piece)]
            self.send(b"".join(frame(0, 0, stream, one) for one in pieces))
            sent += len(part)
            for number in (0, stream):
                self._windows[number] -= len(part)
            self.receive(0)
        if not answer.ended:
            self.send(frame(0, 1, stream))
        return self.wait(stream, max(0.1, deadline - time.monotonic()))

    def wait(self, stream: int, seconds: float = 30) -> Answer:
        """The part of the answer on a stream that comes within ``seconds``."""
        deadline = time.monotonic() + seconds
        answer = self.answers[stream]
        while not answer.ended and self.receive(deadline - time.monotonic()):
            pass
        if not answer.ended:
            answer.connection = self.ended
        return answer

    def wait_for_goaway(self, seconds: float = 30) -> str | None:
        """What the server sent before it ended the connection; None when it sent nothing."""
        deadline = time.monotonic() + seconds
        while self.goaway is None and self.receive(deadline - time.monotonic()):
            pass
        return self.goaway

    def receive(self, seconds: float) -> bool:
        """Read what the server has sent, and wait ``seconds`` for the first byte. False when nothing came."""
        if self.ended is not None or seconds < 0:
            return False
        self.socket.settimeout(max(seconds, 0.0001))
        try:
            data = self.socket.recv(1 << 20)
        except TimeoutError:
            return seconds == 0
        except OSError as error:
            self.ended = self.goaway or type(error).__name__
            return False
        finally:
            self.socket.settimeout(20)
        if not data:
            self.ended = self.goaway or "closed"
            return False
        self._take(data)
        return True

    def flood(self, data: bytes, seconds: float = 10, *, reading: bool = True) -> int:
        """Send ``data`` without respect for windows. Returns how much the server took until it ended or stalled.

        A server that reads no more for a second has stalled.
        """
        sent, moved = 0, time.monotonic()
        deadline = moved + seconds
        view = memoryview(data)
        self.socket.setblocking(False)
        with selectors.DefaultSelector() as selector, contextlib.suppress(ConnectionError):
            selector.register(self.socket, selectors.EVENT_WRITE | (selectors.EVENT_READ if reading else 0))
            while sent < len(data) and time.monotonic() < min(deadline, moved + 1):
                for _, event in selector.select(0.1):
                    if event & selectors.EVENT_READ:
                        received = self.socket.recv(1 << 20)
                        if not received:
                            self.ended = self.goaway or "closed"
                            return sent
                        self._take(received)
                    if event & selectors.EVENT_WRITE:
                        sent += self.socket.send(view[sent : sent + (1 << 20)])
                        moved = time.monotonic()
            self.socket.settimeout(20)
            return sent
        self.ended = self.goaway or "reset"
        return sent

    def _take(self, data: bytes) -> None:
        self._unread += data
        position = 0
        while len(self._unread) - position >= 9:
            found, length = Frame.parse_frame_header(memoryview(self._unread)[position : position + 9])
            if len(self._unread) - position - 9 < length:
                break
            found.parse_body(memoryview(self._unread)[position + 9 : position + 9 + length])
            position += 9 + length
            self._hear(found)
        self._unread = self._unread[position:]

    def _hear(self, found: Frame) -> None:
        answer = self.answers.setdefault(found.stream_id, Answer())
        match found:
            case SettingsFrame() if "ACK" not in found.flags:
                widened = found.settings.get(SettingsFrame.INITIAL_WINDOW_SIZE, self._first_window)
                for stream in self._windows.keys() - {0}:
                    self._windows[stream] += widened - self._first_window
                self._first_window = widened
                if self._acknowledging:
                    self._reply(SettingsFrame(0, flags=["ACK"]))
            case PingFrame() if "ACK" not in found.flags:
                self._reply(PingFrame(0, found.opaque_data, flags=["ACK"]))
            case WindowUpdateFrame():
                stream = found.stream_id
                self._windows[stream] = self._windows.get(stream, self._first_window) + found.window_increment
            case HeadersFrame():
                answer.fields |= {str(name): str(value) for name, value in self._decoder.decode(found.data)}
            case DataFrame():
                answer.body += found.data
            case RstStreamFrame():
                answer.reset, answer.ended = found.error_code, True
            case GoAwayFrame():
                self.goaway = f"GOAWAY {found.error_code} {found.additional_data.decode(errors='replace')}".strip()
        if "END_STREAM" in found.flags:
            answer.ended = True

    def _reply(self, reply: Frame) -> None:
        with contextlib.suppress(OSError):
            self.socket.send(reply.serialize())


def fields(path: str, others: Mapping[str, str] = NO_FIELDS) -> list[tuple[str, str]]:
    """The header fields of a gRPC call, with ``others`` added or in their place."""
    usual = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "localhost",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    return list({**usual, **others}.items())
