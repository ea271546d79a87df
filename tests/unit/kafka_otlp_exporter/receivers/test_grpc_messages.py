"""The one message of a gRPC call: none, doubled, compressed, too large, sent to a path that does not exist.

What no client library sends is in ``tests/hostile``.
"""

from collections.abc import Callable

import grpc
import pytest

from tests.unit.kafka_otlp_exporter import http1, samples
from tests.unit.kafka_otlp_exporter.served import LARGEST, Served, failing, retry_delay


def test_an_empty_payload_is_a_request(served: Served):
    """A message of no bytes is not the same as no message."""
    served.call(b"")
    assert served.next().payload == b""


def test_a_call_without_a_message_is_an_invalid_argument(served: Served):
    """It must not look like success."""
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        served.stream([])
    assert "no message" in caught.value.details()
    served.wait_for_budget()
    assert served.seen.empty()


def test_a_call_with_two_messages_is_an_invalid_argument(served: Served):
    """Nothing of it goes to Kafka."""
    with failing(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        served.stream([b"one", b"two"])
    assert "more than one message" in caught.value.details()
    served.wait_for_budget()
    assert served.seen.empty()


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_compressed_requests_are_accepted(served: Served, compression: grpc.Compression):
    """The pipeline gets them uncompressed."""
    payload = samples.traces(500)
    served.call(payload, compression=compression)
    assert served.next().payload == payload


def test_the_largest_request_is_accepted_and_one_byte_more_is_not(served: Served):
    """The limit is a quarter of the budget. There is no RetryInfo, because the request will not become smaller."""
    served.call(bytes(LARGEST))
    with failing(grpc.StatusCode.RESOURCE_EXHAUSTED) as caught:
        served.call(bytes(LARGEST + 1))
    assert retry_delay(caught.value) is None
    served.wait_for_budget()


def test_a_limit_of_its_own(serve: Callable[..., Served]):
    """The port may be told to take less than the budget allows, before and after decompression."""
    served = serve(otlp_grpc_max_request_bytes=100_000)
    served.call(bytes(100_000))
    for compression in (grpc.Compression.NoCompression, grpc.Compression.Gzip):
        with failing(grpc.StatusCode.RESOURCE_EXHAUSTED):
            served.call(bytes(100_001), compression=compression)
    assert http1.post(served.http_port, bytes(100_001)).status == 200
    served.wait_for_budget()


@pytest.mark.parametrize(
    "path",
    [
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export",
        "/TraceService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/../Export",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    ],
)
def test_what_is_none_of_the_three_methods_is_unimplemented(served: Served, path: str):
    """A client that sends profiles learns that they are not supported."""
    with failing(grpc.StatusCode.UNIMPLEMENTED):
        served.channel.unary_unary(path)(b"x", timeout=10)
