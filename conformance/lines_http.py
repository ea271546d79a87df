"""H1 and H2: paths, connections, media types and answers of OTLP/HTTP."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from conformance import telemetry, telemetry_json
from conformance.grpc_client import shortened
from conformance.http_client import JSON, PROTOBUF, Answer, connection, json_object, post, post_chunks, post_on
from conformance.lines_grpc_answers import LARGE_ITEM, UNSET
from conformance.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from conformance.table import Level, NotProvoked, expect, line
from conformance.target import Need, Target, parted

REQUEST = "OTLP/HTTP Request"
RESPONSE = "OTLP/HTTP Response"
CONNECTION = "OTLP/HTTP Connection"
CONCURRENT = "OTLP/HTTP Concurrent Requests"
OTHER = "All Other Responses; RFC 9110"
FULL = "OTLP/HTTP Response: Full Success"
CONNECTIONS = 50
WAIT_SECONDS = 15.0


def accepted(got: Answer, what: str = "") -> Answer:
    """The answer. Raises Finding unless it is 200."""
    expect(got.status == 200, f"{what}: {got}" if what else str(got))
    return got


def refused(got: Answer, *statuses: int) -> str:
    """The status. Raises Finding unless it is one of ``statuses``, or any 4xx when there are none."""
    expect(got.status in statuses if statuses else 400 <= got.status < 500, str(got))
    return str(got.status)


def _path(target: Target, signal: Signal) -> None:
    accepted(post(target.http, signal.path, telemetry.valid(signal)))


@line("H1.1", Level.MUST, "POST /v1/traces takes a request in protobuf.", REQUEST, Need.HTTP)
def _(target: Target) -> None:
    _path(target, TRACES)


@line("H1.2", Level.MUST, "POST /v1/metrics takes a request in protobuf.", REQUEST, Need.HTTP)
def _(target: Target) -> None:
    _path(target, METRICS)


@line("H1.3", Level.MUST, "POST /v1/logs takes a request in protobuf.", REQUEST, Need.HTTP)
def _(target: Target) -> None:
    _path(target, LOGS)


@line("H1.4", Level.SHOULD, "The same port takes JSON, told apart by Content-Type.", CONNECTION, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        accepted(post(target.http, signal.path, telemetry_json.valid(signal), JSON), signal.name)


@line("H1.5", Level.SHOULD, "Other methods on these paths are answered 405.", OTHER, Need.HTTP)
def _(target: Target) -> None:
    for method in ("GET", "PUT", "DELETE"):
        got = post(target.http, TRACES.path, b"", None, method=method)
        expect(got.status == 405, f"{method}: {got}")


@line("H1.6", Level.SHOULD, "A 405 says in Allow what is allowed.", OTHER, Need.HTTP)
def _(target: Target) -> None:
    got = post(target.http, TRACES.path, b"", None, method="GET")
    expect("POST" in got.fields.get("allow", ""), f"{got.status} with Allow: {got.fields.get('allow')}")


@line("H1.7", Level.SHOULD, "Other paths are answered 404.", OTHER, Need.HTTP)
def _(target: Target) -> None:
    for path in ("/v1/nothing", "/v1/traces/more"):
        got = post(target.http, path, telemetry.valid(TRACES))
        expect(got.status == 404, f"{path}: {got}")


@line("H1.8", Level.SHOULD, "A connection serves several requests, after a refused one too.", CONNECTION, Need.HTTP)
def _(target: Target) -> None:
    with connection(target.http) as opened:
        opened.connect()
        held = opened.sock
        for payload in (telemetry.valid(TRACES), telemetry.NO_PROTOBUF, telemetry.valid(TRACES)):
            got = post_on(opened, TRACES.path, payload)
            expect(opened.sock is held, f"the connection was closed after {got.status}")
        accepted(got, "the last of three")


@line("H1.9", Level.SHOULD, f"{CONNECTIONS} connections side by side are all served.", CONCURRENT, Need.HTTP)
def _(target: Target) -> None:
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answers = list(pool.map(lambda _: post(target.http, LOGS.path, telemetry.valid(LOGS)), range(CONNECTIONS)))
    others = [got for got in answers if got.status != 200]
    expect(not others, f"{len(others)} of {CONNECTIONS} were not answered 200, one with {[*map(str, others)][:1]}")


@line("H1.10", Level.MUST, "A body in chunks, without Content-Length, is taken.", "RFC 9112, section 7.1", Need.HTTP)
def _(target: Target) -> None:
    payload = telemetry.valid(TRACES)
    accepted(post_chunks(target.http, TRACES.path, [payload[:7], payload[7:]]))


@line(
    "H1.11",
    Level.MUST,
    "A client that says Expect: 100-continue and waits is answered.",
    "RFC 9110, section 10.1.1",
    Need.HTTP,
)
def _(target: Target) -> str:
    payload = telemetry.valid(TRACES)
    head = [f"Content-Type: {PROTOBUF}", f"Content-Length: {len(payload)}", "Expect: 100-continue"]
    first, connected = _raw(target, head)
    with connected:
        expect(first[:1] in {"1", "2", "4"}, first or f"nothing within {WAIT_SECONDS:.0f} s")
        if first == "100":
            connected.sendall(payload)
            last = _status(connected)
            expect(last == "200", f"100, and after the body {last or 'nothing'}")
    return first


@line("H1.12", Level.MUST, "Names of header fields are taken in any case.", "RFC 9110, section 5.1", Need.HTTP)
def _(target: Target) -> None:
    payload = telemetry.valid(TRACES)
    for cased in (str.upper, str.lower):
        head = [f"{cased('Content-Type')}: {PROTOBUF}", f"{cased('Content-Length')}: {len(payload)}"]
        status, connected = _raw(target, head, payload)
        connected.close()
        expect(status == "200", f"{cased('Content-Type')}: {status or 'no answer'}")


@line("H2.1", Level.MUST, "The answer to protobuf has the same Content-Type.", RESPONSE, Need.HTTP)
def _(target: Target) -> None:
    _same_type(PROTOBUF, [post(target.http, signal.path, telemetry.valid(signal)) for signal in SIGNALS])


@line("H2.2", Level.MUST, "The answer to JSON has the same Content-Type.", RESPONSE, Need.HTTP)
def _(target: Target) -> None:
    _same_type(JSON, [post(target.http, signal.path, telemetry_json.valid(signal), JSON) for signal in SIGNALS])


@line("H2.3", Level.MUST, "The answer to protobuf is the signal's Export…ServiceResponse.", FULL, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        signal.answer(accepted(post(target.http, signal.path, telemetry.valid(signal)), signal.name).content)


@line("H2.4", Level.MUST, "The answer to JSON is the signal's Export…ServiceResponse in JSON.", FULL, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        got = accepted(post(target.http, signal.path, telemetry_json.valid(signal), JSON), signal.name)
        found = json_object(got.content)
        partial = found.get("partialSuccess") or {}
        expect("partial_success" not in found and isinstance(partial, dict), f"{signal.name}: {got}")


@line("H2.5", Level.MUST, "partial_success says nothing when all of a request in protobuf was taken.", FULL, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        partial = signal.answer(post(target.http, signal.path, telemetry.valid(signal)).content).partial_success
        expect(not partial.ByteSize(), f"{signal.name}: partial_success {{{shortened(str(partial))}}}")


@line("H2.6", Level.MUST, "partialSuccess says nothing when all of a request in JSON was taken.", FULL, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        got = post(target.http, signal.path, telemetry_json.valid(signal), JSON)
        expect(not json_object(got.content).get("partialSuccess"), f"{signal.name}: {got}")


@line("H2.7", Level.SHOULD, "An empty body in protobuf is answered 200.", FULL, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        accepted(post(target.http, signal.path, b""), signal.name)


@line("H2.8", Level.SHOULD, "The body {} in JSON is answered 200.", FULL, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        accepted(post(target.http, signal.path, b"{}", JSON), signal.name)


@line("H2.9", Level.SHOULD, "Content-Type may have parameters.", "RFC 9110, section 8.3.1", Need.HTTP)
def _(target: Target) -> None:
    accepted(post(target.http, TRACES.path, telemetry_json.valid(TRACES), f"{JSON}; charset=utf-8"), "JSON")
    accepted(post(target.http, TRACES.path, telemetry.valid(TRACES), f"{PROTOBUF};messageType=a"), "protobuf")


@line("H2.10", Level.SHOULD, "Content-Type may be in any case.", "RFC 9110, section 8.3.1", Need.HTTP)
def _(target: Target) -> None:
    accepted(post(target.http, TRACES.path, telemetry_json.valid(TRACES), "Application/JSON"), "JSON")
    accepted(post(target.http, TRACES.path, telemetry.valid(TRACES), "application/X-Protobuf"), "protobuf")


@line("H2.11", Level.SHOULD, "Another Content-Type is answered 415.", OTHER, Need.HTTP)
def _(target: Target) -> None:
    for media_type in ("text/plain", "application/xml"):
        refused(post(target.http, TRACES.path, telemetry.valid(TRACES), media_type), 415)


@line("H2.12", Level.SHOULD, "A request without Content-Type is refused with a 4xx.", OTHER, Need.HTTP)
def _(target: Target) -> str:
    return refused(post(target.http, TRACES.path, telemetry.valid(TRACES), None))


@line("H2.13", Level.MUST, "An answer is packed only when the client has said that it may be.", RESPONSE, Need.HTTP)
def _(target: Target) -> str:
    plain = accepted(post(target.http, TRACES.path, telemetry.valid(TRACES)))
    expect("content-encoding" not in plain.fields, f"unasked: Content-Encoding: {plain.fields.get('content-encoding')}")
    packed = post(target.http, TRACES.path, telemetry.valid(TRACES), fields={"Accept-Encoding": "gzip"})
    coding = accepted(packed).fields.get("content-encoding", "identity")
    expect(coding in {"gzip", "identity"}, f"asked for gzip: Content-Encoding: {coding}")
    TRACES.answer(packed.content)
    return f"asked for gzip: {coding}"


@line("H2.14", Level.MUST, "Partial success is 200, and counts 1 rejected item of two.", "Partial Success", Need.HTTP)
def _(target: Target) -> None:
    got = post(target.http, LOGS.path, telemetry.one_large_log(LARGE_ITEM))
    if got.status >= 400:
        raise NotProvoked(f"a request with one item of {LARGE_ITEM // telemetry.MIB} MiB is refused whole: {got}")
    rejected = LOGS.answer(got.content).partial_success.rejected_log_records
    if not rejected:
        raise NotProvoked(f"an item of {LARGE_ITEM // telemetry.MIB} MiB is taken")
    expect(got.status == 200, str(got))
    expect(rejected == 1, f"rejected_log_records: {rejected}")


@line("H2.15", Level.SHOULD, "partial_success is not there at all then, not even empty.", UNSET, Need.HTTP)
def _(target: Target) -> None:
    for signal in SIGNALS:
        got = post(target.http, signal.path, telemetry.valid(signal))
        expect(not signal.answer(got.content).HasField("partial_success"), f"{signal.name}, protobuf: an empty one")
        got = post(target.http, signal.path, telemetry_json.valid(signal), JSON)
        expect(json_object(got.content).get("partialSuccess") is None, f"{signal.name}: {got}")


def _same_type(media_type: str, answers: Iterable[Answer]) -> None:
    for got in answers:
        expect(accepted(got).media_type == media_type, str(got))


def _raw(target: Target, head: Iterable[str], body: bytes = b"") -> tuple[str, socket.socket]:
    """The first status that answers a hand-written request, and the connection."""
    connected = socket.create_connection(parted(target.http), WAIT_SECONDS)
    lines = [f"POST {TRACES.path} HTTP/1.1", f"Host: {target.http}", *head, "", ""]
    connected.sendall("\r\n".join(lines).encode() + body)
    return _status(connected), connected


def _status(connected: socket.socket) -> str:
    """The status of the next answer, empty when none comes. It also reads the header and the body, at most 64 KiB."""
    try:
        said = connected.recv(65536).decode("latin-1").split(" ")
    except OSError:
        return ""
    return said[1] if len(said) > 1 else ""
