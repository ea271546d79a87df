"""The accounting of a run: what was acknowledged, held against what the topic has. It is pure.

Every item's trace id has the generator's mark in its first half and the number of its request in the second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp.signals import Signal

MARK = b"benchmrk"


class NotAllThere(Exception):
    """A topic lacks items of requests that were acknowledged."""


@dataclass(frozen=True)
class Account:
    """Items: those of acknowledged requests, those of them that the topic lacks, and those that it has once more."""

    acknowledged: int = 0
    lost: int = 0
    repeated: int = 0

    def __add__(self, other: Account) -> Account:
        """Both together."""
        return Account(self.acknowledged + other.acknowledged, self.lost + other.lost, self.repeated + other.repeated)


def account(acknowledged: Iterable[int], items: int, found: Counter[int]) -> Account:
    """Hold acknowledged requests of ``items`` items each against the items that were found for each number."""
    total = lost = repeated = 0
    for number in acknowledged:
        total += items
        lost += max(items - found[number], 0)
        repeated += max(found[number] - items, 0)
    return Account(total, lost, repeated)


def require_all(there: Account, row: str, subject: str) -> None:
    """Check that nothing was lost. Raises NotAllThere."""
    if there.lost:
        raise NotAllThere(
            f"{row}: {there.lost} of {there.acknowledged} items that {subject} acknowledged are not in Kafka"
        )


def items_found(values: Iterable[bytes], signal: Signal, encoding: Literal["protobuf", "json"]) -> Counter[int]:
    """How many items of each request the values of records hold. Items without the mark do not count."""
    trace_ids = _READERS[signal, encoding]
    return Counter(
        int.from_bytes(trace_id[len(MARK) :], "big")
        for value in values
        for trace_id in trace_ids(value)
        if trace_id.startswith(MARK)
    )


def _spans(value: bytes) -> Iterator[bytes]:
    message: Any = ExportTraceServiceRequest.FromString(value)
    return (span.trace_id for each in message.resource_spans for scope in each.scope_spans for span in scope.spans)


def _logs(value: bytes) -> Iterator[bytes]:
    message: Any = ExportLogsServiceRequest.FromString(value)
    return (log.trace_id for each in message.resource_logs for scope in each.scope_logs for log in scope.log_records)


def _json_spans(value: bytes) -> Iterator[bytes]:
    return (
        bytes.fromhex(span.get("traceId", ""))
        for each in orjson.loads(value)["resourceSpans"]
        for scope in each["scopeSpans"]
        for span in scope["spans"]
    )


_READERS = {
    (Signal.TRACES, "protobuf"): _spans,
    (Signal.TRACES, "json"): _json_spans,
    (Signal.LOGS, "protobuf"): _logs,
}
