"""One exporter process from start to end, against librdkafka's mock cluster."""

import re
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.otlp import wire
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.exporter import ExporterProcess
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import free_port
from tests.unit.kafka_otlp_exporter import client, samples

METHOD = SIGNALS[Signal.TRACES].method


def topics() -> tuple[list[str], dict[Signal, str]]:
    """Flags with topics that no other test uses, and those topics."""
    names = {signal: f"{signal.value}-{uuid.uuid4()}" for signal in Signal}
    return [f"--kafka-exporter-{signal.value}-topic={name}" for signal, name in names.items()], names


def nowhere() -> str:
    """The flag with the address of a Kafka that does not exist."""
    return f"--kafka-exporter-brokers=127.0.0.1:{free_port()}"


def peak(process: ExporterProcess) -> int:
    """The peak of a process's memory, in bytes."""
    status = Path(f"/proc/{process.child.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


@pytest.fixture(scope="module")
def running(
    mock_kafka: MockKafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ExporterProcess, dict[Signal, str]]]:
    """An exporter that is connected, with a small budget, and its topics."""
    flags, names = topics()
    flags += [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", f"--max-in-flight-bytes={4 * MEBIBYTE}"]
    with ExporterProcess(tmp_path_factory.mktemp("exporter"), flags) as process:
        yield process.wait_ready(), names


@pytest.mark.parametrize("signal", Signal)
def test_what_is_answered_ok_is_in_kafka(
    running: tuple[ExporterProcess, dict[Signal, str]], mock_kafka: MockKafka, signal: Signal
):
    """Unchanged, byte for byte."""
    process, names = running
    payload = samples.OF_EACH[signal](5)
    with client.channel(process.otlp) as channel:
        assert channel.unary_unary(SIGNALS[signal].method)(payload, timeout=20) == b""
    assert payload in [message.value() for message in mock_kafka.read(names[signal])]


def test_status_says_what_it_is_and_does(running: tuple[ExporterProcess, dict[Signal, str]]):
    """People read it, and the operator."""
    process, names = running
    status = process.status()
    assert status["state"] == "serving"
    assert status["kafka"] == {"connected": True, "reason": "Connected", "message": "", "producerRebuilds": 0}
    assert status["topics"] == {signal.value: name for signal, name in names.items()}
    assert status["maxInFlightBytes"] == 4 * MEBIBYTE
    started = datetime.fromisoformat(status["startTime"])
    assert timedelta(0) <= datetime.now(UTC) - started < timedelta(minutes=5)
    assert status["producer"]["message.max.bytes"] == "1000000"


def test_the_probes_say_yes(running: tuple[ExporterProcess, dict[Signal, str]]):
    """Ready means that Kafka has answered."""
    process, _ = running
    for path in ("livez", "readyz"):
        with urllib.request.urlopen(f"http://{process.admin}/{path}", timeout=5) as answer:
            assert (answer.status, answer.read()) == (200, b"ok\n")


def test_metrics_count_what_was_delivered(running: tuple[ExporterProcess, dict[Signal, str]]):
    """And say that Kafka is connected."""
    process, _ = running
    with client.channel(process.otlp) as channel:
        channel.unary_unary(METHOD)(samples.traces(), timeout=20)
    text = process.metrics()
    delivered = re.search(r'kafka_otlp_exporter_requests_total\{outcome="delivered",signal="traces"\} (\S+)', text)
    assert delivered
    assert float(delivered[1]) >= 1
    assert "kafka_otlp_exporter_kafka_connected 1.0" in text
    assert "kafka_otlp_exporter_in_flight_bytes 0.0" in text


def test_malformed_bytes_are_refused_and_not_forwarded(
    running: tuple[ExporterProcess, dict[Signal, str]], mock_kafka: MockKafka
):
    """Garbage in a topic would break every consumer."""
    process, names = running
    with client.channel(process.otlp) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(METHOD)(b"\xffgarbage", timeout=20)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert b"\xffgarbage" not in [message.value() for message in mock_kafka.read(names[Signal.TRACES])]


def test_an_item_over_the_limit_is_a_partial_success(running: tuple[ExporterProcess, dict[Signal, str]]):
    """With the number of rejected spans: a client never gets a plain OK for spans that are not in Kafka."""
    process, _ = running
    with client.channel(process.otlp) as channel:
        answer = channel.unary_unary(METHOD)(samples.traces(1, "x" * 1_000_000), timeout=20)
    success = ExportTraceServiceResponse.FromString(answer).partial_success
    assert success.rejected_spans == 1
    assert "1000000" in success.error_message


def test_a_small_body_that_inflates_without_end_costs_no_memory(running: tuple[ExporterProcess, dict[Signal, str]]):
    """200 MB out of 200 kB, several times: the process grows by less than 40 MB."""
    process, _ = running
    before = peak(process)
    bomb = bytes(200_000_000)
    with client.channel(process.otlp, [("grpc.max_send_message_length", -1)]) as channel:
        for _ in range(2):
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(METHOD)(bomb, timeout=30, compression=grpc.Compression.Gzip)
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert peak(process) - before < 40_000_000


def test_empty_spans_cost_bounded_memory(mock_kafka: MockKafka, tmp_path: Path):
    """A request of 3 MB, of which protobuf would make objects of 250 MB, is read in pieces."""
    flags, names = topics()
    spans = b"\x12\x00" * 1_500_000
    inner = b"\x12" + _length(len(spans)) + spans
    payload = b"\x0a" + _length(len(inner)) + inner
    with ExporterProcess(tmp_path, [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", *flags]) as process:
        process.wait_ready()
        before = peak(process)
        with client.channel(process.otlp) as channel:
            answer = channel.unary_unary(METHOD)(payload, timeout=60, compression=grpc.Compression.Gzip)
        assert answer == b""
        assert peak(process) - before < 150_000_000
    found = [message.value() or b"" for message in mock_kafka.read(names[Signal.TRACES])]
    assert sum(wire.count_items(value, SIGNALS[Signal.TRACES].item_path) for value in found) == 1_500_000


def _length(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*encoded, number])


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExporterProcess]:
    """An exporter without Kafka, which waits for it only 0.3 s."""
    flags = [nowhere(), "--kafka-exporter-request-timeout=300ms"]
    with ExporterProcess(tmp_path_factory.mktemp("alone"), flags) as process:
        process.child.wait_until(lambda: '"started"' in process.log, 20, "started")
        yield process


def test_it_lives_but_is_not_ready_until_kafka_answers(alone: ExporterProcess):
    """A restart would not bring Kafka back."""
    alone.child.wait_until(lambda: alone.status()["kafka"]["reason"] == "KafkaUnreachable", 20, "reason")
    assert alone._get("/livez") == (200, "ok\n")
    code, sentence = alone._get("/readyz")
    assert code == 503
    assert re.fullmatch(r"Kafka at 127\.0\.0\.1:\d+ cannot be reached: check .*\.\n", sentence)
    assert not alone.status()["kafka"]["connected"]
    assert "kafka_otlp_exporter_kafka_connected 0.0" in alone.metrics()
    alone.child.wait_until(lambda: "kafka_not_connected" in alone.log, 5, "log line")


def test_a_request_without_kafka_is_told_to_retry(alone: ExporterProcess):
    """After requestTimeout, and why."""
    alone.child.wait_until(lambda: alone.status()["kafka"]["reason"] == "KafkaUnreachable", 20, "reason")
    with client.channel(alone.otlp) as channel, pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(METHOD)(samples.traces(), timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == "no Kafka broker can be reached."


def test_sigterm_answers_what_is_in_flight(mock_kafka: MockKafka, tmp_path: Path):
    """What lingers is sent and answered OK, new connections are refused, and the exit code is 0."""
    flags, names = topics()
    flags += [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", "--kafka-exporter-linger-ms=2500"]
    with ExporterProcess(tmp_path, flags) as process, client.channel(process.otlp) as channel:
        process.wait_ready()
        futures = [
            channel.unary_unary(METHOD).future(samples.traces(name=str(number)), timeout=20) for number in range(20)
        ]
        process.child.wait_until(
            lambda: not any(future.done() for future in futures) and _taken(process) == 20, 10, "20 requests in flight"
        )
        process.terminate()
        assert {future.result(15) for future in futures} == {b""}
        assert process.wait(10) == 0
    assert len(mock_kafka.read(names[Signal.TRACES])) == 20


def _taken(process: ExporterProcess) -> int:
    # Each of these requests is charged about a kilobyte.
    return int(process.status()["inFlightBytes"]) // 1024


def test_sigterm_without_kafka_answers_before_the_shutdown_timeout(tmp_path: Path):
    """With UNAVAILABLE, so that clients send the request to another exporter; the exit code is 0."""
    with (
        ExporterProcess(tmp_path, [nowhere(), "--shutdown-timeout=2s"]) as process,
        client.channel(process.otlp) as channel,
    ):
        process.child.wait_until(lambda: '"started"' in process.log, 20, "started")
        future = channel.unary_unary(METHOD).future(samples.traces(), timeout=20)
        process.child.wait_until(lambda: _taken(process) == 1, 10, "request in flight")
        began = time.monotonic()
        process.terminate()
        process.child.wait_until(lambda: process._get("/readyz") == (503, "draining\n"), 2, "draining")
        assert process.status()["state"] == "draining"
        with pytest.raises(grpc.RpcError) as caught:
            future.result(15)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "shutting down" in str(caught.value.details())
        assert process.wait(10) == 0
        assert time.monotonic() - began < 3.5


def test_no_output_holds_a_credential(tmp_path: Path):
    """Neither the status, nor metrics, log and answers, also with librdkafka's debug log. The credential's source is no matter."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "password").write_text("hunter2-file\n")
    flags = [
        nowhere(),
        "--kafka-exporter-security-protocol=SASL_PLAINTEXT",
        "--kafka-exporter-sasl-mechanism=PLAIN",
        "--kafka-exporter-sasl-username=hunter2-user",
        f"--credentials-dir={folder}",
        "--kafka-exporter-custom-config=sasl.oauthbearer.client.secret=hunter2-a,ssl.key.password=hunter2-b,"
        "ssl.keystore.password=hunter2-c,debug=conf",
        "--kafka-exporter-request-timeout=200ms",
    ]
    with ExporterProcess(tmp_path, flags) as process, client.channel(process.otlp) as channel:
        process.child.wait_until(lambda: "kafka_not_connected" in process.log, 20, "log line")
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(METHOD)(samples.traces(), timeout=20)
        status = process.status()
        said = [str(status), process.metrics(), str(process._get("/readyz")), str(caught.value), process.log]
        assert [text for text in said if "hunter2" in text] == []
        assert status["producer"]["sasl.password"] == "[redacted]"
        assert status["producer"]["ssl.key.password"] == "[redacted]"


def test_a_stalled_client_does_not_keep_others_out(running: tuple[ExporterProcess, dict[Signal, str]]):
    """Three stalled clients leave a quarter of the budget to others."""
    process, _ = running
    end = threading.Event()

    def stalling() -> Iterator[bytes]:
        end.wait(15)
        yield from ()

    with client.channel(process.otlp) as channel:
        stalled = [channel.stream_unary(METHOD).future(stalling(), timeout=20) for _ in range(3)]
        process.child.wait_until(lambda: process.status()["inFlightBytes"] == 3 * MEBIBYTE, 5, "three stalled calls")
        assert channel.unary_unary(METHOD)(samples.traces(), timeout=10) == b""
        for future in stalled:
            future.cancel()
        end.set()
        process.child.wait_until(lambda: process.status()["inFlightBytes"] == 0, 5, "free budget")


def test_a_body_that_arrives_while_draining_is_delivered(mock_kafka: MockKafka, tmp_path: Path):
    """A call that was open at SIGTERM ends normally, and the process ends right after it."""
    flags = [f"--kafka-exporter-brokers={mock_kafka.bootstrap}", "--shutdown-timeout=20s"]
    with ExporterProcess(tmp_path, flags) as process, grpc.insecure_channel(process.otlp) as channel:
        process.wait_ready()
        go = threading.Event()

        def late() -> Iterator[bytes]:
            go.wait(10)
            yield samples.traces()

        call: Any = channel.stream_unary(METHOD)
        future = call.future(late(), timeout=20)
        process.child.wait_until(lambda: process.status()["inFlightBytes"] > 0, 5, "open call")
        process.terminate()
        process.child.wait_until(lambda: process.status()["state"] == "draining", 5, "drain")
        assert process._get("/livez") == (200, "ok\n")
        assert process._get("/readyz") == (503, "draining\n")
        go.set()
        assert future.result(10) == b""
        assert process.wait(5) == 0
