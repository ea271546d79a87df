"""G5 and H5: what a server answers while its backend is down (BROKEN=host:port, BROKEN_HTTP=host:port)."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from conformance import telemetry
from conformance.grpc_client import RETRYABLE, Reply, call
from conformance.http_client import PROTOBUF, Answer, connection, post_on, status_message
from conformance.http_client import RETRYABLE as RETRYABLE_STATUSES
from conformance.signals import TRACES
from conformance.table import Finding, Level, NotProvoked, expect, line
from conformance.target import Need, Target

FAILURES = "Failures"
THROTTLING = "OTLP/HTTP Throttling"
SECONDS = 120.0


@line(
    "G5.1",
    Level.SHOULD,
    "A request that cannot be processed for the moment gets a retryable code.",
    FAILURES,
    Need.BROKEN,
)
def _(target: Target) -> str:
    got = _call(target)
    retryable = got.code in RETRYABLE or (got.code == "RESOURCE_EXHAUSTED" and got.retry_delay is not None)
    expect(retryable, str(got))
    return got.code


@line("G5.2", Level.SHOULD, "That code is UNAVAILABLE.", FAILURES, Need.BROKEN)
def _(target: Target) -> None:
    expect((got := _call(target)).code == "UNAVAILABLE", str(got))


@line("G5.3", Level.MAY, "It comes with a RetryInfo.", "OTLP/gRPC Throttling", Need.BROKEN)
def _(target: Target) -> str:
    delay = _call(target).retry_delay
    expect(delay, f"a RetryInfo of {delay} s" if delay is not None else "no RetryInfo")
    return f"{delay} s"


@line(
    "H5.1",
    Level.SHOULD,
    "A request that cannot be processed for the moment gets 429, 502, 503 or 504.",
    FAILURES,
    Need.BROKEN_HTTP,
)
def _(target: Target) -> str:
    got = _post(target)
    expect(got.status in RETRYABLE_STATUSES, str(got))
    return str(got.status)


@line(
    "H5.2", Level.MUST, "Its body is a google.rpc.Status with the request's Content-Type.", FAILURES, Need.BROKEN_HTTP
)
def _(target: Target) -> None:
    got = _post(target)
    expect(got.media_type == PROTOBUF, str(got))
    status_message(got, PROTOBUF)


@line("H5.3", Level.MAY, "It comes with Retry-After, in seconds or as a date.", THROTTLING, Need.BROKEN_HTTP)
def _(target: Target) -> str:
    given = _post(target).fields.get("retry-after", "")
    if not given.isdigit():
        try:
            parsedate_to_datetime(given)
        except ValueError:
            raise Finding(f"Retry-After: {given!r}") from None
    return given


def _call(target: Target) -> Reply:
    got = call(target.addresses[Need.BROKEN], TRACES.method, telemetry.valid(TRACES), seconds=SECONDS)
    if got.ok:
        raise NotProvoked("it is answered OK: the server keeps it for later")
    return got


def _post(target: Target) -> Answer:
    with connection(target.addresses[Need.BROKEN_HTTP], SECONDS) as opened:
        got = post_on(opened, TRACES.path, telemetry.valid(TRACES))
    if got.status == 200:
        raise NotProvoked("it is answered 200: the server keeps it for later")
    return got
