"""The exporter that the hostile rows are aimed at, its memory seen from outside, and what Kafka has of it.

Called by every module here, through the fixture ``target``.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec

from kafka_otlp_exporter.config.settings import MEBIBYTE
from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from tests.beds.exporter import ExporterProcess
from tests.beds.http2 import NO_FIELDS, Answer, Peer, message
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import wait_until
from tests.beds.records import SILENT
from tests.unit.kafka_otlp_exporter import http1, samples
from tests.unit.kafka_otlp_exporter.client import channel

IN_FLIGHT = 32 * MEBIBYTE
LARGEST = IN_FLIGHT // 4
# The memory limit of the operator's examples.
MOST_MEBIBYTES = 256
TRACES = SIGNALS[Signal.TRACES].method
# Rows that take long in the numbers of the list are run in full when this is asked for.
FULL = os.environ.get("KAFKA_OTLP_HOSTILE_FULL") == "1"


class Target:
    """One exporter with a budget of 32 MiB, and the topics of its own that it writes to."""

    _EARLIEST: Any = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
    _LATEST: Any = OffsetSpec.latest()  # type: ignore[no-untyped-call]

    def __init__(self, folder: Path, kafka: MockKafka, *flags: str) -> None:
        """Start it, with ``flags`` beside those that it always has, and wait until it is ready."""
        name = uuid.uuid4().hex
        self.topics = {f"{name}-{signal.value}": signal for signal in Signal}
        self.exporter = ExporterProcess(
            folder,
            [
                f"--kafka-exporter-brokers={kafka.bootstrap}",
                *(f"--kafka-exporter-{signal.value}-topic={topic}" for topic, signal in self.topics.items()),
                f"--max-in-flight-bytes={IN_FLIGHT}",
                *flags,
            ],
        )
        self.otlp = self.exporter.otlp
        self.http = int(self.exporter.otlp_http.rpartition(":")[2])
        self.exporter.wait_ready(60)
        # The first calls make the topics, and pay for what is loaded late.
        warm = Row(self)
        for signal in [*Signal] * 3:
            assert warm.send(samples.OF_EACH[signal](), signal).code == "OK"
        self._good_call(warm)
        client: dict[str, str | int | float | bool] = {"bootstrap.servers": kafka.bootstrap}
        # The mock cluster answers a fetch when its time is over, whatever has come meanwhile.
        reading: dict[str, str | int | float | bool] = {
            "group.id": name,
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 5,
        }
        self._consumer = Consumer(client | reading, logger=SILENT)
        found = [self._consumer.list_topics(topic, timeout=30).topics[topic] for topic in self.topics]
        self._partitions = [
            TopicPartition(topic.topic, number, OFFSET_BEGINNING) for topic in found for number in topic.partitions
        ]
        self._consumer.assign(self._partitions)
        # On a connection of its own: behind the consumer's, each question would wait for a fetch to end.
        self._admin = AdminClient(client, logger=SILENT)
        self._read = {(partition.topic, partition.partition): 0 for partition in self._partitions}
        warm.check(self.records())

    def stop(self) -> None:
        """End it."""
        self._consumer.close()
        self.exporter.terminate()
        assert self.exporter.wait() == 0, self.exporter.log[-4000:]

    @property
    def pid(self) -> int:
        """Of the exporter."""
        return self.exporter.child.pid

    def memory(self, line: str = "VmHWM") -> float:
        """A line of /proc/PID/status in MiB; the peak since ``forget_peak`` unless another is named."""
        found = re.search(rf"^{line}:\s+(\d+) kB", Path(f"/proc/{self.pid}/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024

    def forget_peak(self) -> None:
        """Begin the peak at what is held now (proc(5), /proc/PID/clear_refs)."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def peer(self, settings: dict[int, int] | None = None, **how: bool) -> Peer:
        """A connection to say what no client would."""
        return Peer(self.otlp, settings, **how)

    @contextlib.contextmanager
    def row(self, mebibytes: float, *, beside: bool = False, may_wait: bool = False) -> Iterator[Row]:
        """One row of the list: what is done in it may raise the peak by so much.

        With ``beside`` a good client calls all the while and is answered OK each time. When the row is over a good client on
        a new connection is answered OK, nothing is held for anybody, and Kafka has what was answered OK and nothing else.
        Where they ``may_wait`` both may be told to come again before.
        """
        self.forget_peak()
        before = self.memory()
        row = Row(self)
        try:
            with self._calling(row, may_wait) if beside else contextlib.nullcontext():
                yield row
        except BaseException:
            self.records()  # they are not the next row's
            raise
        self._good_call(row, 300 if may_wait else 1)
        self._wait_for_quiet()
        after = self.memory()
        said = ", ".join(f"{number} {code}" if number > 1 else code for code, number in row.codes.items())
        print(f"|row| {said} | {before:.0f} -> {after:.0f} MiB |")
        assert self.exporter.child.running
        row.check(self.records())
        assert after - before <= mebibytes
        assert after <= MOST_MEBIBYTES

    def _good_call(self, row: Row, times: int = 1) -> None:
        """A call on a new connection that is answered OK, after having been told to come again so many times."""
        with channel(self.otlp, [("grpc.use_local_subchannel_pool", 1)]) as good:
            told = [_call(good, row, "good")]
            while told[-1] == "come again" and len(told) < times:
                time.sleep(0.1)
                told.append(_call(good, row, "good"))
        assert told[-1] == "OK", told

    @contextlib.contextmanager
    def _calling(self, row: Row, may_wait: bool) -> Iterator[None]:
        begun, over = threading.Event(), threading.Event()
        told: Counter[str] = Counter()

        def call() -> None:
            with channel(self.otlp, [("grpc.use_local_subchannel_pool", 1)]) as good:
                while not (begun.is_set() and over.wait(0.05)):
                    told[_call(good, row, "beside")] += 1
                    begun.set()

        thread = threading.Thread(target=call)
        thread.start()
        begun.wait(30)
        try:
            yield
        finally:
            over.set()
            thread.join()
        assert told["OK"], told
        assert told.keys() <= {"OK", "come again"} if may_wait else told.keys() == {"OK"}, told

    def _wait_for_quiet(self) -> None:
        held: dict[str, Any] = {}

        def quiet() -> bool:
            held.update(self.exporter.status())
            return bool(held["inFlightBytes"] == 0 and held["openCalls"] == 0)

        wait_until(quiet, 40, lambda: f"{held['inFlightBytes']} bytes and {held['openCalls']} calls are still held")

    def records(self) -> list[tuple[Signal, Message]]:
        """What has come into the topics since the last time."""
        found = []
        begins, ends = self._offsets(self._EARLIEST), self._offsets(self._LATEST)
        kept = all(begins[place] <= self._read[place] for place in begins)
        assert kept, "the mock cluster has thrown away what was not read yet"

        def all_read() -> bool:
            for one in self._consumer.consume(num_messages=1000, timeout=0.02):
                assert one.error() is None, one.error()
                self._read[str(one.topic()), int(one.partition() or 0)] = int(one.offset() or 0) + 1
                found.append((self.topics[str(one.topic())], one))
            return all(self._read[place] >= end for place, end in ends.items())

        wait_until(all_read, 30, lambda: f"read {self._read} of {ends}", every=0)
        return found

    def _offsets(self, which: Any) -> dict[tuple[str, int], int]:
        asked = self._admin.list_offsets(dict.fromkeys(self._partitions, which))
        return {(place.topic, place.partition): answer.result(30).offset for place, answer in asked.items()}


class Row:
    """What was sent in one row, and what was said to it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.codes: Counter[str] = Counter()
        self._accepted: Counter[bytes] = Counter()
        self._perhaps: Counter[bytes] = Counter()
        self._items: int | None = None

    def accepted(self, payload: bytes) -> None:
        """A client was told OK: Kafka has it, as it was sent."""
        if payload:
            self._accepted[payload] += 1

    def perhaps(self, payload: bytes) -> None:
        """A client was told nothing, or to come again: Kafka may have it."""
        self._perhaps[payload] += 1

    def accepted_in_parts(self, items: int) -> None:
        """A client was told OK for more than one record holds: together the records have so many items."""
        self._items = items

    def export(
        self, body: bytes, payload: bytes | None = None, others: Mapping[str, str] = NO_FIELDS, path: str = TRACES
    ) -> Answer:
        """A call on a connection of its own with ``body`` in its DATA frames; ``payload`` is what it says, if anything."""
        with self._target.peer() as peer:
            answer = peer.call(path, body, others)
        self.heard(answer, payload)
        return answer

    def send(self, payload: bytes, signal: Signal = Signal.TRACES) -> Answer:
        """A call that is right in all but its payload."""
        return self.export(message(payload), payload, path=SIGNALS[signal].method)

    def post(
        self,
        body: bytes,
        payload: bytes | None = None,
        path: str = "/v1/traces",
        content_type: str = http1.PROTOBUF,
        **headers: object,
    ) -> http1.Answer:
        """A POST on a connection of its own; ``payload`` is the protobuf that it says, if anything."""
        answer = http1.post(self._target.http, body, path, content_type, **headers)
        self.answered(answer, payload)
        return answer

    def answered(self, answer: http1.Answer, payload: bytes | None = None) -> None:
        """Note an answer over HTTP, and that what it accepted was ``payload``, in protobuf."""
        self.codes[str(answer.status)] += 1
        if answer.status == 200:
            assert payload is not None, "200 for what is no request"
            if answer.body in {b"", b"{}"}:
                self.accepted(payload)

    def heard(self, answer: Answer, payload: bytes | None = None) -> None:
        """Note an answer, and that what it accepted was ``payload``."""
        self.codes[answer.code] += 1
        if answer.code == "OK":
            assert payload is not None, "OK for what is no request"
            if answer.body == message(b""):
                self.accepted(payload)

    def check(self, records: list[tuple[Signal, Message]]) -> None:
        """Kafka has each payload that was accepted, byte for byte, and nothing that was refused."""
        found: Counter[bytes] = Counter()
        for signal, record in records:
            assert record.key() is None
            assert record.headers() == [
                ("content-type", b"application/x-protobuf"),
                ("otlp.signal", signal.value.encode()),
            ]
            found[record.value() or b""] += 1
        missing = self._accepted - found
        assert not missing, f"{missing.total()} accepted requests are not in Kafka"
        surplus = found - self._accepted - self._perhaps
        items = sum(_items(value) * number for value, number in surplus.items())
        assert items == (self._items or 0), f"{surplus.total()} records that nobody was told OK for"


def _call(good: Any, row: Row, name: str) -> str:
    """What a good client is told: OK, to come again, or what it should not be."""
    payload = samples.traces(1, f"{name} {uuid.uuid4()}")
    try:
        good.unary_unary(TRACES)(payload, timeout=30, wait_for_ready=True)
    except grpc.RpcError as error:
        failed: Any = error  # the stubs do not know that the error of a call is also the call
        row.perhaps(payload)
        # OTLP: a client sends again what was CANCELLED, too.
        again = failed.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        return "come again" if again else f"{failed.code().name}: {failed.details()}"
    row.accepted(payload)
    return "OK"


def _items(value: bytes) -> int:
    request: Any = SIGNALS[Signal.TRACES].request.FromString(value)
    return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
