"""G1 and G2: the services, their calls, compression and the size limit of OTLP/gRPC."""

from __future__ import annotations

import time

from conformance import telemetry
from conformance.frames import Ended, Frames, framed
from conformance.grpc_client import Reply, call, channel, reply
from conformance.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from conformance.table import Finding, Level, expect, line
from conformance.target import Need, Target

CALLS = 100
REQUEST = "OTLP/gRPC Request"
CODES = "gRPC: status codes"
COMPRESSION = "gRPC: compression"
# grpc-go closes the connection at the third ping that comes too soon.
PINGS, PING_SECONDS = 5, 10


def accepted(got: Reply | Ended, what: str = "") -> None:
    """Raises Finding unless the call was answered OK."""
    expect(got.ok, f"{what}: {_said(got)}" if what else _said(got))


def refused(got: Reply | Ended) -> str:
    """The code of the refusal. Raises Finding when the call was answered OK, or not at all."""
    expect(not got.ok, "OK")
    expect(not isinstance(got, Ended) or got.silent is None, got.code)
    return got.code


def _said(got: Reply | Ended) -> str:
    return str(got) if isinstance(got, Reply) else got.code


def _service(target: Target, signal: Signal) -> None:
    accepted(call(target.grpc, signal.method, telemetry.valid(signal)))


@line("G1.1", Level.MUST, "TraceService/Export takes a request.", "OTLP/gRPC", Need.GRPC)
def _(target: Target) -> None:
    _service(target, TRACES)


@line("G1.2", Level.MUST, "MetricsService/Export takes a request.", "OTLP/gRPC", Need.GRPC)
def _(target: Target) -> None:
    _service(target, METRICS)


@line("G1.3", Level.MUST, "LogsService/Export takes a request.", "OTLP/gRPC", Need.GRPC)
def _(target: Target) -> None:
    _service(target, LOGS)


@line(
    "G1.4",
    Level.SHOULD,
    f"{CALLS} calls side by side on one connection are all answered OK.",
    "OTLP/gRPC Concurrent Requests",
    Need.GRPC,
)
def _(target: Target) -> None:
    with channel(target.grpc) as opened:
        send = opened.unary_unary(TRACES.method)
        futures = [send.future(telemetry.valid(TRACES), timeout=30) for _ in range(CALLS)]
        others = [got for got in map(reply, futures) if not got.ok]
    expect(not others, f"{len(others)} of {CALLS} calls were not answered OK, the first with {[*map(str, others)][:1]}")


@line("G1.5", Level.SHOULD, "A method that there is not is answered UNIMPLEMENTED.", CODES, Need.GRPC)
def _(target: Target) -> None:
    got = call(target.grpc, TRACES.method.replace("/Export", "/Import"), telemetry.valid(TRACES))
    expect(got.code == "UNIMPLEMENTED", str(got))


@line("G1.6", Level.SHOULD, "A service that there is not is answered UNIMPLEMENTED.", CODES, Need.GRPC)
def _(target: Target) -> None:
    got = call(target.grpc, "/conformance.v1.NoService/Export", telemetry.valid(TRACES))
    expect(got.code == "UNIMPLEMENTED", str(got))


@line(
    "G1.7", Level.SHOULD, "Calls that their client cancels leave the others on the connection alone.", CODES, Need.GRPC
)
def _(target: Target) -> None:
    with Frames(target.grpc) as frames:
        for _ in range(20):
            frames.reset(frames.start(TRACES.method))
        stream = frames.start(TRACES.method)
        frames.send(stream, framed(telemetry.valid(TRACES)))
        accepted(frames.wait(stream))


@line("G1.8", Level.SHOULD, "A call whose deadline has passed is ended by the server.", "gRPC: deadlines", Need.GRPC)
def _(target: Target) -> str:
    with Frames(target.grpc) as frames:
        ended = frames.wait(frames.start(TRACES.method, {"grpc-timeout": "1S"}))
    expect(ended.reset is not None or ended.code in {"DEADLINE_EXCEEDED", "CANCELLED"}, ended.code)
    return ended.code


@line(
    "G1.9",
    Level.MAY,
    f"A client that pings every {PING_SECONDS} s during calls and between them keeps its connection.",
    "gRPC: keepalive",
    Need.GRPC,
    slow=True,
)
def _(target: Target) -> None:
    with Frames(target.grpc) as frames:
        for _ in range(PINGS):
            frames.ping()
            time.sleep(PING_SECONDS)
        stream = frames.start(TRACES.method)
        frames.send(stream, framed(telemetry.valid(TRACES)))
        accepted(frames.wait(stream))


@line(
    "G2.1", Level.MUST, "A request without compression is taken, also when it says so.", "Protocol Details", Need.GRPC
)
def _(target: Target) -> None:
    with Frames(target.grpc) as frames:
        stream = frames.start(TRACES.method, {"grpc-encoding": "identity"})
        frames.send(stream, framed(telemetry.valid(TRACES)))
        accepted(frames.wait(stream))


@line("G2.2", Level.MUST, "A request in gzip is taken.", "Protocol Details", Need.GRPC)
def _(target: Target) -> None:
    for signal in SIGNALS:
        # gRPC does not compress small messages.
        payload = telemetry.valid(signal, "conformance" * 200)
        accepted(call(target.grpc, signal.method, payload, compressed=True), signal.name)


@line("G2.3", Level.MUST, "A message of 1 GiB is refused when its length is read.", REQUEST, Need.GRPC)
def _(target: Target) -> str:
    return refused(_announced(target))


@line("G2.4", Level.MUST, "The size is limited after decompression too.", REQUEST, Need.GRPC, heavy=True)
def _(target: Target) -> str:
    size, got = _inflated(target)
    return f"{size // telemetry.MIB} MiB: {got.code}"


@line("G2.5", Level.SHOULD, "A request over the limit is answered RESOURCE_EXHAUSTED.", REQUEST, Need.GRPC, heavy=True)
def _(target: Target) -> None:
    for got in (_announced(target), _inflated(target)[1]):
        expect(got.code == "RESOURCE_EXHAUSTED", _said(got))


@line(
    "G2.6",
    Level.SHOULD,
    "That answer has no RetryInfo: sent again, the request is as large.",
    "Failures",
    Need.GRPC,
    heavy=True,
)
def _(target: Target) -> None:
    _, got = _inflated(target)
    expect(got.retry_delay is None, f"{got.code} with a RetryInfo of {got.retry_delay} s")


@line("G2.7", Level.SHOULD, "A request of 3.9 MiB is taken.", REQUEST, Need.GRPC)
def _(target: Target) -> None:
    accepted(call(target.grpc, LOGS.method, telemetry.many_logs(39 * telemetry.MIB // 10)))


@line(
    "G2.8",
    Level.SHOULD,
    "A request of 63 MiB is taken: the recommended limit is 64 MiB, unless it has been set.",
    REQUEST,
    Need.GRPC,
    heavy=True,
)
def _(target: Target) -> None:
    accepted(call(target.grpc, LOGS.method, telemetry.many_logs(63 * telemetry.MIB), compressed=True, seconds=120))


@line("G2.9", Level.MAY, "A compression that the server does not know is UNIMPLEMENTED.", COMPRESSION, Need.GRPC)
def _(target: Target) -> None:
    expect((got := _unknown_compression(target)).code == "UNIMPLEMENTED", got.code)


@line("G2.10", Level.MAY, "That answer says in grpc-accept-encoding what it knows.", COMPRESSION, Need.GRPC)
def _(target: Target) -> None:
    fields = _unknown_compression(target).fields
    expect(
        "gzip" in fields.get("grpc-accept-encoding", ""), f"grpc-accept-encoding: {fields.get('grpc-accept-encoding')}"
    )


@line("G2.11", Level.MUST, "A body that is declared as gzip and is not gzip is refused.", COMPRESSION, Need.GRPC)
def _(target: Target) -> str:
    with Frames(target.grpc) as frames:
        stream = frames.start(TRACES.method, {"grpc-encoding": "gzip"})
        frames.send(stream, framed(telemetry.valid(TRACES), compressed=True))
        return refused(frames.wait(stream))


def _announced(target: Target) -> Ended:
    with Frames(target.grpc) as frames:
        stream = frames.start(LOGS.method)
        frames.send(stream, b"\0" + (1 << 30).to_bytes(4, "big") + b"\n", end=False)
        return frames.wait(stream)


def _inflated(target: Target) -> tuple[int, Reply]:
    """The first refused size, and how it was refused."""
    for size in telemetry.OVER_LIMIT:
        got = _send_packed(target, telemetry.compressed_zeros(size))
        if not got.ok:
            return size, got
    raise Finding(f"a request of {telemetry.OVER_LIMIT[-1] // telemetry.MIB} MiB, packed with gzip, was answered OK")


def _send_packed(target: Target, packed: bytes) -> Reply:
    with Frames(target.grpc) as frames:
        stream = frames.start(LOGS.method, {"grpc-encoding": "gzip"})
        frames.send(stream, framed(packed, compressed=True))
        return frames.wait(stream, 120).reply


def _unknown_compression(target: Target) -> Ended:
    with Frames(target.grpc) as frames:
        stream = frames.start(TRACES.method, {"grpc-encoding": "conformance"})
        frames.send(stream, framed(telemetry.valid(TRACES), compressed=True))
        return frames.wait(stream)
