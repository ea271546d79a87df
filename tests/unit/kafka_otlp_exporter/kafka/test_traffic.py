"""librdkafka's statistics, added up."""

from typing import Any

from kafka_otlp_exporter.kafka.traffic import Traffic


def broker(state: str = "UP", **figures: int) -> dict[str, Any]:
    """One broker in the statistics."""
    return {"state": state, **figures}


def test_brokers_are_added_up():
    """The queue is the client's."""
    traffic = Traffic()
    brokers = {"1": broker(tx=3, txretries=1), "2": broker(tx=4, req_timeouts=2), "3": broker("DOWN", txerrs=5)}
    traffic.note({"msg_cnt": 7, "msg_size": 700, "brokers": brokers})
    assert (traffic.queue_records, traffic.queue_bytes, traffic.connections) == (7, 700, 2)
    assert traffic.totals == {"requests": 7, "retries": 1, "errors": 5, "timeouts": 2}


def test_counters_go_on_with_another_client():
    """Its own begin at nothing."""
    traffic = Traffic()
    traffic.note({"brokers": {"1": broker(tx=10)}})
    traffic.restart()
    traffic.note({"brokers": {"1": broker(tx=2)}})
    traffic.note({"brokers": {"1": broker(tx=5)}})
    assert traffic.totals["requests"] == 15


def test_counters_never_go_backwards():
    """Though librdkafka forgets a broker that has left the cluster."""
    traffic = Traffic()
    traffic.note({"brokers": {"1": broker(tx=10), "2": broker(tx=10)}})
    traffic.note({"brokers": {"1": broker(tx=11)}})
    traffic.note({"brokers": {"1": broker(tx=13)}})
    assert traffic.totals["requests"] == 22


def test_statistics_without_brokers_are_none():
    """As a client's first are."""
    traffic = Traffic()
    traffic.note({})
    assert (traffic.queue_records, traffic.connections, traffic.totals["requests"]) == (0, 0, 0)
