"""What a client is told, in its own encoding, compared with the messages of Google and OpenTelemetry."""

import json

import pytest
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2, status_pb2

from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.outcomes import Delivered, Invalid, Reason, Rejection, TooLarge, Unauthenticated, Unavailable
from kafka_otlp_exporter.receivers import answers

FAILED: list[Invalid | Unavailable] = [
    Invalid("no."),
    TooLarge("too many bytes."),
    Unauthenticated("no token."),
    Unavailable(Reason.QUEUE_FULL, "later.", 5),
    Unavailable(Reason.QUEUE_FULL, "zu früh.", 0.25),
]


@pytest.mark.parametrize("signal", Signal)
def test_both_encodings_of_a_response_are_the_same_message(signal: Signal):
    """The JSON reads as the protobuf does."""
    row = SIGNALS[signal]
    for outcome in (Delivered(), Delivered(Rejection(2**40, "zu groß."))):
        message = row.response.FromString(answers.response(row, outcome, Format.PROTOBUF))
        text = answers.response(row, outcome, Format.JSON)
        assert json_format.Parse(text, row.response()) == message
        assert message.HasField("partial_success") is (outcome.rejected is not None)


@pytest.mark.parametrize("outcome", FAILED)
def test_both_encodings_of_a_status_are_the_same_message(outcome: Invalid | Unavailable):
    """Details included: the JSON mapping of Any and Duration is that of proto3."""
    message = status_pb2.Status.FromString(answers.status(outcome, Format.PROTOBUF))
    assert json_format.Parse(answers.status(outcome, Format.JSON), status_pb2.Status()) == message
    assert message.message == outcome.message


def test_each_failure_has_its_codes():
    """gRPC's and HTTP's; the status says the same code as gRPC."""
    told = {type(outcome): answers.codes(outcome) for outcome in FAILED}
    assert told == {
        Invalid: (code_pb2.INVALID_ARGUMENT, 400),
        TooLarge: (code_pb2.RESOURCE_EXHAUSTED, 413),
        Unauthenticated: (code_pb2.UNAUTHENTICATED, 401),
        Unavailable: (code_pb2.UNAVAILABLE, 503),
    }
    for outcome in FAILED:
        status = status_pb2.Status.FromString(answers.status(outcome, Format.PROTOBUF))
        assert status.code == answers.codes(outcome).grpc


def test_only_what_may_come_again_has_retry_info():
    """A client would send a request again after RESOURCE_EXHAUSTED with RetryInfo, and it would not be smaller."""
    details = {}
    for outcome in FAILED:
        status = status_pb2.Status.FromString(answers.status(outcome, Format.PROTOBUF))
        details[status.code] = [detail.TypeName() for detail in status.details]
    assert details == {
        code_pb2.INVALID_ARGUMENT: ["google.rpc.BadRequest"],
        code_pb2.RESOURCE_EXHAUSTED: [],
        code_pb2.UNAUTHENTICATED: [],
        code_pb2.UNAVAILABLE: ["google.rpc.RetryInfo"],
    }


def test_a_delay_is_kept_to_the_millisecond():
    """Clients wait at least so long."""
    status = status_pb2.Status.FromString(answers.status(Unavailable(Reason.TIMED_OUT, "x.", 1.2345), Format.PROTOBUF))
    information = error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(information)
    assert information.retry_delay.ToMilliseconds() == 1234


def test_a_refusal_has_its_code_and_its_sentence():
    """And no details."""
    assert json.loads(answers.refusal(code_pb2.UNAUTHENTICATED, "who?", Format.JSON)) == {
        "code": 16,
        "message": "who?",
        "details": [],
    }
