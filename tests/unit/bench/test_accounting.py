"""What was acknowledged, held against records."""

from __future__ import annotations

from collections import Counter

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from kafka_otlp_exporter.otlp.signals import Signal
from tests.bench.accounting import MARK, Account, NotAllThere, account, items_found, require_all


def trace_id(number: int) -> bytes:
    return MARK + number.to_bytes(8, "big")


def test_what_is_complete_is_neither_lost_nor_repeated():
    assert account([0, 1], 10, Counter({0: 10, 1: 10})) == Account(acknowledged=20)


def test_a_repeated_request_does_not_hide_one_that_is_lost():
    assert account([0, 1], 10, Counter({0: 20})) == Account(acknowledged=20, lost=10, repeated=10)


def test_a_request_that_was_not_acknowledged_may_be_there_or_not():
    assert account([1], 10, Counter({0: 4, 1: 10})) == Account(acknowledged=10)


def test_accounts_add_up():
    assert Account(1, 2, 3) + Account(10, 20, 30) == Account(11, 22, 33)


def test_a_lost_item_is_an_error_that_names_row_and_subject():
    require_all(Account(acknowledged=20, repeated=10), "small", "Collector")
    with pytest.raises(NotAllThere, match="small: 10 of 20 items that Collector acknowledged"):
        require_all(Account(acknowledged=20, lost=10, repeated=10), "small", "Collector")


def test_spans_are_counted_by_the_number_in_their_trace_id():
    message = ExportTraceServiceRequest()
    for numbers in ([7, 7], [8]):
        scope = message.resource_spans.add().scope_spans.add()
        for number in numbers:
            scope.spans.add(trace_id=trace_id(number))
    values = [message.SerializeToString(), message.SerializeToString(), b""]
    assert items_found(values, Signal.TRACES, "protobuf") == {7: 4, 8: 2}


def test_logs_are_counted_by_the_number_in_their_trace_id():
    message = ExportLogsServiceRequest()
    message.resource_logs.add().scope_logs.add().log_records.add(trace_id=trace_id(2**63))
    assert items_found([message.SerializeToString()], Signal.LOGS, "protobuf") == {2**63: 1}


def test_spans_in_json_are_counted_by_the_number_in_their_trace_id():
    value = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%s"},{"traceId":"%s"}]}]}]}'
    texts = trace_id(3).hex().encode(), trace_id(4).hex().upper().encode()
    assert items_found([value % texts], Signal.TRACES, "json") == {3: 1, 4: 1}


def test_items_of_others_do_not_count():
    message = ExportTraceServiceRequest()
    scope = message.resource_spans.add().scope_spans.add()
    scope.spans.add(trace_id=b"0123456789abcdef")
    scope.spans.add()
    assert items_found([message.SerializeToString()], Signal.TRACES, "protobuf") == {}
    assert items_found([b'{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}'], Signal.TRACES, "json") == {}
