"""The table of rows, and what each subject is told of a row."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.bench.generator import parse_report
from tests.bench.rows import ROWS, Load, named, scaled
from tests.bench.subjects import Target, collector_wiring, exporter_flags

TARGET = Target("127.0.0.1:9092", "topic")
LOADS = {row.name: row.load for row in ROWS if row.load}


def test_rows_are_found_by_name_in_the_tables_order():
    assert [row.name for row in named(["json", "small"])] == ["small", "json"]
    assert named([row.name for row in ROWS]) == ROWS


def test_a_name_that_no_row_has_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="there is no row tiny; the rows are small, batch"):
        named(["small", "tiny"])


def test_a_scaled_row_sends_one_request_at_least():
    small, idle = named(["small", "idle"])
    assert scaled(small, 0.01) == replace(small, load=replace(LOADS["small"], requests=200))
    assert scaled(small, 0) == replace(small, load=replace(LOADS["small"], requests=1))
    assert scaled(idle, 0.5) == replace(idle, rest_seconds=1)


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_the_open_calls_are_spread_evenly_over_the_connections(load: Load):
    assert load.open % load.connections == 0


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_both_subjects_answer_only_after_all_replicas_and_do_not_compress(load: Load):
    flags = exporter_flags(TARGET, load, 0)
    assert {"--kafka-exporter-acks=all", "--kafka-exporter-compression=none"} < set(flags)
    wiring, _ = collector_wiring(TARGET, load)
    (exporter,) = wiring.exporters.values()
    assert exporter["producer"] == {"required_acks": -1, "compression": "none"}
    assert exporter["sending_queue"] == {"enabled": False}


def test_both_subjects_write_the_same_format_with_the_same_keys():
    for name, encoding, keyed in (
        ("batch", "otlp_proto", False),
        ("json", "otlp_json", False),
        ("keyed", "otlp_proto", True),
    ):
        load = LOADS[name]
        flags = exporter_flags(TARGET, load, 0)
        (exporter,) = collector_wiring(TARGET, load)[0].exporters.values()
        assert exporter[load.signal] == {"topic": "topic", "encoding": encoding}
        assert exporter.get("partition_logs_by_resource_attributes", False) is keyed
        assert ("--kafka-exporter-partition-logs-by-resource-attributes" in flags) is keyed
        assert ("--kafka-exporter-format=json" in flags) is (encoding == "otlp_json")


def test_a_report_knows_which_requests_were_acknowledged():
    text = (
        '{"first":5,"sent":3,"failed":[6],"errors":{"Unavailable: x":1},"bytes":9,"seconds":0.5,"microseconds":[1,2,3]}'
    )
    report = parse_report(text)
    assert report.acknowledged == {5, 7}
    assert report.microseconds == (1, 2, 3)
