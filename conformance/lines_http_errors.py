"""H3 and H4: compression and the size limit of OTLP/HTTP, and what its errors look like."""

from __future__ import annotations

from contextlib import suppress

from conformance import telemetry, telemetry_json
from conformance.http_client import (
    JSON,
    PROTOBUF,
    Answer,
    connection,
    gzipped,
    post,
    post_on,
    post_pieces,
    status_message,
)
from conformance.lines_http import accepted, refused
from conformance.signals import LOGS, SIGNALS, TRACES
from conformance.table import Finding, Level, NotProvoked, expect, line
from conformance.target import Need, Target

REQUEST = "OTLP/HTTP Request"
FAILURES = "OTLP/HTTP Response: Failures"
BAD_DATA = "Bad Data"
CODINGS = "RFC 9110, section 8.4"


@line("H3.1", Level.MUST, "A body in gzip is taken, protobuf and JSON.", "Protocol Details", Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        for payload, media_type in ((telemetry.valid(signal), PROTOBUF), (telemetry_json.valid(signal), JSON)):
            body, fields = gzipped(payload)
            accepted(post(target.http, signal.path, body, media_type, fields), f"{signal.name}, {media_type}")


@line("H3.2", Level.MUST, "The size is limited after decompression too.", REQUEST, Need.HTTP, heavy=True)
def _(target: Target) -> str:
    size, got = _inflated(target)
    return f"{size // telemetry.MIB} MiB: {_said(got)}"


@line("H3.3", Level.MUST, "The size is limited without compression.", REQUEST, Need.HTTP, heavy=True)
def _(target: Target) -> str:
    return _said(_endless(target))


@line("H3.4", Level.SHOULD, "A body over the limit is answered 413.", REQUEST, Need.HTTP, heavy=True)
def _(target: Target) -> None:
    for got in (_inflated(target)[1], _endless(target)):
        expect(got is not None and got.status == 413, _said(got))


@line(
    "H3.5",
    Level.SHOULD,
    "A body of 63 MiB is taken: the recommended limit is 64 MiB, unless it has been set.",
    REQUEST,
    Need.HTTP,
    heavy=True,
)
def _(target: Target) -> None:
    body, fields = gzipped(telemetry.many_logs(63 * telemetry.MIB))
    accepted(post(target.http, LOGS.path, body, fields=fields))


@line("H3.6", Level.MUST, "A body that is declared as gzip and is not gzip is answered 400.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    body, fields = gzipped(telemetry.valid(TRACES))
    refused(post(target.http, TRACES.path, telemetry.valid(TRACES), fields=fields), 400)
    refused(post(target.http, TRACES.path, body[:-9], fields=fields), 400)


@line("H3.7", Level.SHOULD, "A compression that the server does not know is refused with a 4xx.", CODINGS, Need.HTTP)
def _(target: Target) -> str:
    return refused(_unknown_coding(target))


@line("H3.8", Level.MAY, "That answer is 415.", CODINGS, Need.HTTP)
def _(target: Target) -> None:
    refused(_unknown_coding(target), 415)


@line("H4.1", Level.MUST, "What is no protobuf, or is cut off, is answered 400.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        refused(post(target.http, signal.path, telemetry.NO_PROTOBUF), 400)
    refused(post(target.http, TRACES.path, telemetry.cut_off()), 400)


@line("H4.2", Level.MUST, "What is no JSON, or is cut off, is answered 400.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        refused(post(target.http, signal.path, b"{resource", JSON), 400)
    refused(post(target.http, TRACES.path, telemetry_json.valid(TRACES)[:-1], JSON), 400)


@line("H4.3", Level.MUST, "The body of a 400 to protobuf is a google.rpc.Status.", FAILURES, Need.HTTP)
def _(target: Target) -> None:
    status_message(_bad(target, PROTOBUF), PROTOBUF)


@line("H4.4", Level.MUST, "The body of a 400 to JSON is a google.rpc.Status in JSON.", FAILURES, Need.HTTP)
def _(target: Target) -> None:
    status_message(_bad(target, JSON), JSON)


@line("H4.5", Level.MUST, "A 400 has the request's Content-Type.", "OTLP/HTTP Response", Need.HTTP)
def _(target: Target) -> None:
    for media_type in (PROTOBUF, JSON):
        got = _bad(target, media_type)
        expect(got.media_type == media_type, f"to {media_type}: {got}")


@line("H4.6", Level.SHOULD, "Status.message says what was wrong.", FAILURES, Need.HTTP)
def _(target: Target) -> None:
    for media_type in (PROTOBUF, JSON):
        expect(status_message(_bad(target, media_type), media_type)[0], f"to {media_type}: an empty message")


@line("H4.7", Level.SHOULD, "Status.details of a 400 holds a BadRequest.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    for media_type in (PROTOBUF, JSON):
        details = status_message(_bad(target, media_type), media_type)[1]
        expect("google.rpc.BadRequest" in details, f"to {media_type}: details {details}")


@line(
    "H4.8",
    Level.MUST,
    "The body of a 413 is a google.rpc.Status, with the request's Content-Type.",
    FAILURES,
    Need.HTTP,
    heavy=True,
)
def _(target: Target) -> None:
    got = _inflated(target)[1]
    if got is None:
        raise NotProvoked("the connection was closed without an answer")
    expect(got.media_type == PROTOBUF, str(got))
    status_message(got, PROTOBUF)


@line("H4.9", Level.MAY, "404, 405 and 415 have a google.rpc.Status too, read literally.", FAILURES, Need.HTTP)
def _(target: Target) -> None:
    for path, media_type, method in (
        ("/v1/nothing", PROTOBUF, "POST"),
        (TRACES.path, PROTOBUF, "GET"),
        (TRACES.path, "text/plain", "POST"),
    ):
        got = post(target.http, path, b"", media_type, method=method)
        status_message(got, got.media_type)


@line("H4.10", Level.SHOULD, "JSON that is not UTF-8 is answered 400.", BAD_DATA, Need.HTTP)
def _(target: Target) -> None:
    body = telemetry_json.traces(name="HERE").replace(b"HERE", b"\xff\xfe")
    refused(post(target.http, TRACES.path, body, JSON), 400)


@line("H4.11", Level.SHOULD, "Arrays nested 10,000 deep are answered below 500.", FAILURES, Need.HTTP)
def _(target: Target) -> str:
    got = post(target.http, TRACES.path, telemetry.nested(10_000))
    expect(got.status < 500, str(got))
    accepted(post(target.http, TRACES.path, telemetry.valid(TRACES)), "the request after it")
    return str(got.status)


@line("H4.12", Level.MUST, "Fields that nobody knows yet do no harm, at any depth.", "Future Versions", Need.HTTP)
def _(target: Target) -> None:
    accepted(post(target.http, TRACES.path, telemetry.with_unknown_fields()))


def _bad(target: Target, media_type: str) -> Answer:
    got = post(target.http, TRACES.path, telemetry.NO_PROTOBUF if media_type == PROTOBUF else b"{resource", media_type)
    refused(got)
    return got


def _unknown_coding(target: Target) -> Answer:
    return post(target.http, TRACES.path, telemetry.valid(TRACES), fields={"Content-Encoding": "conformance"})


def _said(got: Answer | None) -> str:
    return "the connection was closed without an answer" if got is None else str(got)


def _inflated(target: Target) -> tuple[int, Answer | None]:
    """The first refused size, and how it was refused; no answer is a refusal, too."""
    for size in telemetry.OVER_LIMIT:
        got = _packed(target, telemetry.compressed_zeros(size))
        if got is None or got.status != 200:
            return size, got
    raise Finding(f"a body of {telemetry.OVER_LIMIT[-1] // telemetry.MIB} MiB, packed with gzip, was answered 200")


def _packed(target: Target, body: bytes) -> Answer | None:
    with suppress(ConnectionError), connection(target.http, 120) as opened:
        return post_on(opened, LOGS.path, body, fields={"Content-Encoding": "gzip"})
    return None


def _endless(target: Target) -> Answer | None:
    """The answer to a body that claims 1 GiB and of which at most 257 MiB come."""
    limit = telemetry.OVER_LIMIT[-1]
    pieces = (b"\0" * telemetry.MIB for _ in range(limit // telemetry.MIB))
    with suppress(ConnectionError):
        got = post_pieces(target.http, LOGS.path, pieces, 1 << 30)
        expect(got.status != 200, "200")
        return got
    return None
