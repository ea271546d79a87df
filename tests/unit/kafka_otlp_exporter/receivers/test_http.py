"""OTLP over HTTP on a real port: what a client is told, with a pipeline that a test controls."""

import gzip
import json

import pytest
from google.rpc import code_pb2, error_details_pb2, status_pb2

from kafka_otlp_exporter.config.address import Address, CannotListen
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Reason, Rejection, Unavailable
from kafka_otlp_exporter.receivers.http import HttpReceiver
from tests.unit.kafka_otlp_exporter import http1, samples
from tests.unit.kafka_otlp_exporter.http1 import JSON, PROTOBUF, Answer
from tests.unit.kafka_otlp_exporter.served import Served


def status_of(answer: Answer) -> status_pb2.Status:
    """The google.rpc.Status of an answer in protobuf."""
    assert answer.headers["content-type"] == PROTOBUF
    return status_pb2.Status.FromString(answer.body)


@pytest.mark.parametrize("signal", Signal)
def test_a_delivered_request_is_answered_with_an_empty_response(served: Served, signal: Signal):
    """200, in protobuf, and the pipeline gets the bytes that were sent."""
    payload = samples.OF_EACH[signal]()
    answer = http1.post(served.http_port, payload, f"/v1/{signal.value}")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, PROTOBUF, b"")
    request = served.next()
    assert (request.signal, request.payload, request.encoding) == (signal, payload, Format.PROTOBUF)


def test_json_is_answered_in_json(served: Served):
    """The pipeline gets the JSON as it came."""
    answer = http1.post(served.http_port, b'{"resourceSpans":[]}', content_type=JSON)
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, JSON, b"{}")
    request = served.next()
    assert (request.payload, request.encoding) == (b'{"resourceSpans":[]}', Format.JSON)


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("application/json; charset=utf-8", Format.JSON),
        ("Application/JSON", Format.JSON),
        ("application/x-protobuf;v=1", Format.PROTOBUF),
    ],
)
def test_a_content_type_may_have_parameters_and_capitals(served: Served, content_type: str, encoding: Format):
    """RFC 9110, section 8.3.1."""
    assert http1.post(served.http_port, b"x", content_type=content_type).status == 200
    assert served.next().encoding is encoding


@pytest.mark.parametrize("signal", Signal)
def test_rejected_items_are_a_partial_success(served: Served, signal: Signal):
    """200 in both encodings; in JSON a 64-bit number is a string."""
    served.answer = lambda _: Delivered(Rejection(3, "zu groß."))
    row = SIGNALS[signal]
    answer = http1.post(served.http_port, b"x", f"/v1/{signal.value}")
    assert answer.status == 200
    assert answer.body == row.partial_success(3, "zu groß.")
    answer = http1.post(served.http_port, b"{}", f"/v1/{signal.value}", JSON)
    name = {"traces": "rejectedSpans", "metrics": "rejectedDataPoints", "logs": "rejectedLogRecords"}[signal.value]
    assert json.loads(answer.body) == {"partialSuccess": {name: "3", "errorMessage": "zu groß."}}


def test_a_malformed_payload_is_a_bad_request(served: Served):
    """400, with a Status in the request's encoding, BadRequest in its details and no RetryInfo."""
    served.answer = lambda _: Invalid("the payload is garbage.")
    answer = http1.post(served.http_port, b"x")
    assert answer.status == 400
    status = status_of(answer)
    assert (status.code, status.message) == (code_pb2.INVALID_ARGUMENT, "the payload is garbage.")
    assert [detail.TypeName() for detail in status.details] == ["google.rpc.BadRequest"]
    answer = http1.post(served.http_port, b"x", content_type=JSON)
    assert (answer.status, answer.headers["content-type"]) == (400, JSON)
    said = json.loads(answer.body)
    assert (said["code"], said["message"]) == (3, "the payload is garbage.")
    assert said["details"][0]["@type"] == "type.googleapis.com/google.rpc.BadRequest"


@pytest.mark.parametrize(("seconds", "header"), [(1.0, "1"), (5.0, "5"), (0.25, "1"), (1.5, "2")])
def test_unavailable_says_when_to_come_again(served: Served, seconds: float, header: str):
    """Retry-After in whole seconds, RetryInfo to the millisecond."""
    served.answer = lambda _: Unavailable(Reason.QUEUE_FULL, "the queue is full.", seconds)
    answer = http1.post(served.http_port, b"x")
    assert (answer.status, answer.headers["retry-after"]) == (503, header)
    status = status_of(answer)
    information = error_details_pb2.RetryInfo()
    assert status.code == code_pb2.UNAVAILABLE
    assert status.details[0].Unpack(information)
    assert information.retry_delay.ToMilliseconds() == seconds * 1000
    answer = http1.post(served.http_port, b"x", content_type=JSON)
    assert (answer.status, answer.headers["retry-after"]) == (503, header)
    assert json.loads(answer.body) == {
        "code": 14,
        "message": "the queue is full.",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds:g}s"}],
    }


@pytest.mark.parametrize(
    "path", ["/", "/v1/trace", "/v1/traces/", "/v1development/profiles", "/V1/traces", "//v1/traces"]
)
def test_another_path_is_not_found(served: Served, path: str):
    """A client that sends profiles learns that they are not supported."""
    assert http1.post(served.http_port, b"x", path).status == 404
    assert served.seen.empty()


def test_a_query_changes_nothing(served: Served):
    """Some gateways add one."""
    assert http1.post(served.http_port, b"x", "/v1/traces?tenant=a").status == 200


def test_the_absolute_form_of_a_path_is_understood(served: Served):
    """A server must accept it (RFC 9112, section 3.2.2)."""
    assert http1.post(served.http_port, b"x", "http://localhost/v1/logs").status == 200
    assert served.next().signal is Signal.LOGS


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_another_method_is_not_allowed(served: Served, method: str):
    """The answer 405 names the method that is."""
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(method=method, content_length=0))
        answer = http1.read(connection)
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/protobuf", "application/grpc", "json"])
def test_another_content_type_is_not_supported(served: Served, content_type: str):
    """The answer is 415 in plain text, because there is no encoding to answer in."""
    answer = http1.post(served.http_port, b"x", content_type=content_type)
    assert answer.status == 415
    assert b"application/x-protobuf or application/json" in answer.body
    assert served.seen.empty()


def test_an_unknown_content_encoding_is_not_supported(served: Served):
    """The answer 415 names what is supported (RFC 9110, section 15.5.16)."""
    answer = http1.post(served.http_port, b"x", content_encoding="br")
    assert (answer.status, answer.headers["accept-encoding"]) == (415, "gzip, zstd, snappy, deflate")
    assert status_of(answer).code == code_pb2.UNIMPLEMENTED
    assert served.seen.empty()


@pytest.mark.parametrize("name", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_inflated(served: Served, name: str):
    """The pipeline gets it inflated."""
    payload = samples.traces(500)
    assert http1.post(served.http_port, gzip.compress(payload), content_encoding=name).status == 200
    assert served.next().payload == payload


def test_identity_is_no_encoding(served: Served):
    """The body is used as it is."""
    assert http1.post(served.http_port, b"abc", content_encoding="identity").status == 200
    assert served.next().payload == b"abc"


def test_an_empty_body_is_a_request(served: Served):
    """It has no bytes, as with gRPC, with and without a Content-Length."""
    assert http1.post(served.http_port, b"").status == 200
    assert served.next().payload == b""
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head())
        assert http1.read(connection).status == 200
    assert served.next().payload == b""


def test_a_bug_of_ours_is_unavailable(served: Served, monkeypatch: pytest.MonkeyPatch):
    """The answer is never 500, which makes clients drop their data. The text of the bug is only in the log."""

    def bug(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("kafka_otlp_exporter.flow.intake.Request", bug)
    answer = http1.post(served.http_port, b"x")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert b"a bug" not in answer.body
    monkeypatch.setattr("kafka_otlp_exporter.receivers.http._response", bug)
    answer = http1.post(served.http_port, b"x")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert b"a bug" not in answer.body
    assert served.admission.open_calls == 0
    served.wait_for_budget()


def test_what_is_refused_is_counted(served: Served):
    """It is counted by signal and outcome, as with gRPC."""
    http1.post(served.http_port, b"x", content_type="text/plain")
    http1.post(served.http_port, b"x", content_encoding="zstd")
    value = served.telemetry.registry.get_sample_value
    assert value("kafka_otlp_exporter_requests_total", {"signal": "traces", "outcome": "invalid"}) == 2


def test_no_answer_names_our_libraries(served: Served):
    """Their versions help nobody but attackers."""
    for answer in (http1.post(served.http_port, b"x"), http1.post(served.http_port, b"x", "/")):
        assert answer.headers["server"] == "kafka-otlp-exporter"


def test_a_taken_port_is_an_error_that_names_the_option(served: Served):
    """The sentence is like that of the other ports."""

    async def second() -> None:
        other = HttpReceiver(served.intake, served.edge)
        taken = Address("--otlp-http-endpoint", "127.0.0.1", served.http_port)
        with pytest.raises(CannotListen, match=f"--otlp-http-endpoint: cannot listen on {taken}: "):
            await other.start(taken)
        await other.stop(0)

    served.on_loop(second())
