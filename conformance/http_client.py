"""A client of OTLP/HTTP that sends any bytes and header fields, valid or not."""

from __future__ import annotations

import gzip
import http.client
import json
import select
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from google.protobuf import unknown_fields
from google.protobuf.message import DecodeError
from google.rpc import status_pb2

from conformance.grpc_client import shortened
from conformance.table import Finding
from conformance.target import parted

SECONDS = 30.0
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
RETRYABLE = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, header fields by their lower-case names, and body as it was sent."""

    status: int
    fields: Mapping[str, str]
    body: bytes

    @property
    def media_type(self) -> str:
        """The media type of the body, without parameters."""
        return self.fields.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def content(self) -> bytes:
        """The body without its content coding. Raises Finding."""
        coding = self.fields.get("content-encoding", "identity").lower()
        if coding == "identity":
            return self.body
        try:
            if coding == "gzip":
                return gzip.decompress(self.body)
        except (OSError, EOFError, zlib.error):
            pass
        raise Finding(f"a body in the coding {coding!r} that cannot be read")

    def __str__(self) -> str:
        """The status, the media type, and the first words: of the google.rpc.Status in protobuf, or else of the body."""
        said = self.body[:300]
        if self.status >= 400 and self.media_type == PROTOBUF:
            with suppress(DecodeError):
                said = status_pb2.Status.FromString(self.body).message.encode() or said
        text = shortened(said.decode(errors="replace"), 80)
        return f"{self.status}, {self.media_type or 'no Content-Type'}, {text!r}"


@contextmanager
def connection(endpoint: str, seconds: float = SECONDS) -> Iterator[http.client.HTTPConnection]:
    """One connection, closed at the end."""
    opened = http.client.HTTPConnection(*parted(endpoint), timeout=seconds)
    try:
        yield opened
    finally:
        opened.close()


def post(
    endpoint: str,
    path: str,
    body: bytes,
    media_type: str | None = PROTOBUF,
    fields: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    """One request on its own connection."""
    with connection(endpoint) as opened:
        return post_on(opened, path, body, media_type, fields, method)


def post_on(
    opened: http.client.HTTPConnection,
    path: str,
    body: bytes,
    media_type: str | None = PROTOBUF,
    fields: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Answer:
    """One request. An answer that comes before the server has read everything is read, too."""
    opened.putrequest(method, path, skip_accept_encoding=True)
    if media_type is not None:
        opened.putheader("Content-Type", media_type)
    for name, value in {"Content-Length": str(len(body)), **(fields or {})}.items():
        opened.putheader(name, value)
    opened.endheaders()
    _send(opened, [body])
    return answer(opened)


def post_chunks(endpoint: str, path: str, chunks: Iterable[bytes], media_type: str = PROTOBUF) -> Answer:
    """One request with Transfer-Encoding: chunked."""
    with connection(endpoint) as opened:
        opened.putrequest("POST", path, skip_accept_encoding=True)
        opened.putheader("Content-Type", media_type)
        opened.putheader("Transfer-Encoding", "chunked")
        opened.endheaders()
        _send(opened, (b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""]))
        return answer(opened)


def post_pieces(endpoint: str, path: str, pieces: Iterable[bytes], length: int) -> Answer:
    """One request with a Content-Length, of whose body the pieces are sent until the server answers.

    Raises Finding when it has taken all of them and asks for more.
    """
    with connection(endpoint) as opened:
        opened.putrequest("POST", path, skip_accept_encoding=True)
        opened.putheader("Content-Type", PROTOBUF)
        opened.putheader("Content-Length", str(length))
        opened.endheaders()
        sent = 0
        for piece in pieces:
            if select.select([opened.sock], [], [], 0)[0]:
                break
            if not _send(opened, [piece]):
                break
            sent += len(piece)
        try:
            return answer(opened)
        except TimeoutError:
            raise Finding(f"{sent} bytes were taken, and no answer within {SECONDS:.0f} s") from None


def answer(opened: http.client.HTTPConnection) -> Answer:
    """Read the server's answer. Raises Finding when it is not HTTP, OSError when nothing comes."""
    try:
        got = opened.getresponse()
        fields = {name.lower(): value for name, value in got.getheaders()}
        return Answer(got.status, fields, got.read())
    except http.client.RemoteDisconnected:
        raise  # an OSError: the server left without a word
    except http.client.HTTPException as error:
        raise Finding(f"no HTTP answer: {error!r}") from None


def _send(opened: http.client.HTTPConnection, pieces: Iterable[bytes]) -> bool:
    """Send, and return whether the server let us; if not, it has answered already."""
    try:
        for piece in pieces:
            if piece:
                opened.send(piece)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def gzipped(body: bytes) -> tuple[bytes, dict[str, str]]:
    """The body in gzip, and the header field that says so."""
    return gzip.compress(body), {"Content-Encoding": "gzip"}


def json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object. Raises Finding."""
    try:
        found = json.loads(body)
    except ValueError:
        raise Finding(f"a body that is no JSON: {shortened(body[:300].decode(errors='replace'), 80)!r}") from None
    if not isinstance(found, dict):
        raise Finding(f"JSON that is no object: {shortened(str(found), 80)}")
    return found


def status_message(got: Answer, media_type: str) -> tuple[str, list[str]]:
    """The message of an error's google.rpc.Status, and the types of its details. Raises Finding without such a status."""
    if media_type == JSON:
        return _json_status(json_object(got.content))
    try:
        status = status_pb2.Status.FromString(got.content)
    except DecodeError:
        raise Finding(f"a body that is no google.rpc.Status: {got}") from None
    if len(unknown_fields.UnknownFieldSet(status)):
        raise Finding(f"a body with fields that google.rpc.Status does not have: {got}")
    return status.message, [detail.type_url.rpartition("/")[2] for detail in status.details]


def _json_status(found: Mapping[str, Any]) -> tuple[str, list[str]]:
    strange = found.keys() - {"code", "message", "details"}
    message, code, details = found.get("message") or "", found.get("code") or 0, found.get("details") or []
    typed = isinstance(message, str) and isinstance(code, int) and isinstance(details, list)
    if strange or not typed or not all(isinstance(detail, dict) for detail in details):
        raise Finding(f"JSON that is no google.rpc.Status: {shortened(json.dumps(found), 80)}")
    return message, [str(detail.get("@type", "")).rpartition("/")[2] for detail in details]
