"""The producer, against librdkafka's mock cluster."""

import json
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, KafkaException

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.properties import Credentials, producer_properties
from kafka_otlp_exporter.kafka import producer as producer_module
from kafka_otlp_exporter.kafka.faults import Fault
from kafka_otlp_exporter.kafka.producer import Connection, NotProduced, Producer, check
from kafka_otlp_exporter.records.making import Record
from tests.beds.mock_kafka import MockKafka
from tests.beds.process import free_port
from tests.unit.kafka_otlp_exporter import librdkafka

Reports = list[tuple[Any, Fault | None]]


def started(bootstrap: str, custom: dict[str, str] | None = None, **given: Any) -> Producer[Any]:
    """A producer for these options."""
    options = Options.model_validate({"brokers": bootstrap, "custom_config": custom or {}, "linger_ms": 0, **given})
    return Producer(producer_properties(options, Credentials()))


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    return f"topic-{uuid.uuid4()}"


@pytest.fixture
def faulty() -> Iterator[librdkafka.Cluster]:
    """A mock cluster that answers with errors on demand."""
    with librdkafka.cluster() as cluster:
        yield cluster


def reports(producer: Producer[Any], enough: Callable[[Reports], bool], seconds: float = 10) -> Reports:
    """All that ``poll`` returns until it is enough."""
    found: Reports = []
    deadline = time.monotonic() + seconds
    while not enough(found):
        assert time.monotonic() < deadline, f"only {found} after {seconds} s"
        found += producer.poll(0.1)
    return found


def settle(producer: Producer[Any], true: Callable[[], bool], seconds: float = 10) -> None:
    """Poll until a condition holds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        producer.poll(0.05)


def record(topic: str, value: bytes = b"v", key: bytes | None = None) -> Record:
    """A record with two headers."""
    return Record(topic, key, value, [("content-type", b"application/x-protobuf"), ("null", None)])


def test_a_record_arrives_byte_for_byte(mock_kafka: MockKafka, topic: str):
    """Value, key and headers arrive, also a null header. Its report has its token."""
    producer = started(mock_kafka.bootstrap)
    producer.produce(record(topic, b"\x00\xff", b"k"), "token")
    assert reports(producer, bool) == [("token", None)]
    (found,) = mock_kafka.read(topic, 1)
    assert (found.value(), found.key()) == (b"\x00\xff", b"k")
    assert found.headers() == [("content-type", b"application/x-protobuf"), ("null", None)]


def test_a_null_key_arrives_as_null(mock_kafka: MockKafka, topic: str):
    """Not as an empty one."""
    producer = started(mock_kafka.bootstrap)
    producer.produce(record(topic), 1)
    reports(producer, bool)
    assert mock_kafka.read(topic, 1)[0].key() is None


def test_each_record_is_reported_once(mock_kafka: MockKafka, topic: str):
    """Also when there are many, and also in bursts."""
    producer = started(mock_kafka.bootstrap)
    for token in range(2000):
        producer.produce(record(topic), token)
    found = reports(producer, lambda found: len(found) >= 2000)
    found += producer.poll(0.05)
    assert sorted(token for token, _ in found) == list(range(2000))
    assert {fault for _, fault in found} == {None}


def test_a_flush_does_not_linger(mock_kafka: MockKafka, topic: str):
    """Kafka has the records when it returns; their reports still come from poll."""
    producer = started(mock_kafka.bootstrap, linger_ms=20_000)
    producer.produce(record(topic), 1)
    producer.flush(10)
    assert producer.poll(0) == [(1, None)]


def test_a_wrong_configuration_is_librdkafkas_sentence():
    """It is raised as a ValueError."""
    with pytest.raises(ValueError, match=r'"no\.such"'):
        Producer({"no.such": "1"})
    with pytest.raises(ValueError, match="acks"):
        Producer({"enable.idempotence": "true", "acks": "1"})


def test_a_full_queue_is_told_at_once(topic: str):
    """The record was not taken, and no report of it will come."""
    producer = started(f"127.0.0.1:{free_port()}", {"queue.buffering.max.messages": "2"})
    producer.produce(record(topic), 1)
    producer.produce(record(topic), 2)
    with pytest.raises(NotProduced) as caught:
        producer.produce(record(topic), 3)
    assert caught.value.fault == Fault("_QUEUE_FULL")
    assert len(producer._attempt.client) >= 2, "librdkafka counts its own events too"


def test_a_record_over_the_limit_is_told_at_once(topic: str):
    """librdkafka does not take it."""
    producer = started(f"127.0.0.1:{free_port()}", max_message_bytes=1000)
    with pytest.raises(NotProduced) as caught:
        producer.produce(record(topic, b"v" * 1000), 1)
    assert caught.value.fault.name == "MSG_SIZE_TOO_LARGE"


def test_a_record_that_grows_too_old_is_reported(topic: str):
    """After message.timeout.ms."""
    producer = started(f"127.0.0.1:{free_port()}", message_timeout_ms=200)
    producer.produce(record(topic), 1)
    ((token, fault),) = reports(producer, bool)
    assert token == 1
    assert fault is not None
    assert fault.name == "_MSG_TIMED_OUT"


@pytest.mark.parametrize(
    ("code", "name"),
    [(29, "TOPIC_AUTHORIZATION_FAILED"), (10, "MSG_SIZE_TOO_LARGE"), (87, "INVALID_RECORD")],
)
def test_what_kafka_refuses_is_reported_by_the_name_of_its_error(
    faulty: librdkafka.Cluster, topic: str, code: int, name: str
):
    """The names are those of librdkafka's rdkafka.h."""
    producer = started(faulty.bootstrap)
    faulty.answer_produce_with(code)
    producer.produce(record(topic), 1)
    ((_, fault),) = reports(producer, bool)
    assert fault is not None
    assert fault.name == name


def test_what_kafka_refuses_for_a_moment_is_sent_again(faulty: librdkafka.Cluster, topic: str):
    """Not enough replicas, no leader, a timeout: the report says that Kafka has it in the end."""
    producer = started(faulty.bootstrap, retry_backoff_ms=10)
    faulty.answer_produce_with(19, 6, 7)
    producer.produce(record(topic), 1)
    assert reports(producer, bool) == [(1, None)]


def test_an_unknown_topic_is_reported(faulty: librdkafka.Cluster, topic: str):
    """After the time that a new topic may take to be known."""
    producer = started(faulty.bootstrap, {"topic.metadata.propagation.max.ms": "300"})
    faulty.set_topic_error(topic, 3)
    producer.produce(record(topic), 1)
    ((_, fault),) = reports(producer, bool)
    assert fault is not None
    assert fault.name in {"_UNKNOWN_TOPIC", "UNKNOWN_TOPIC_OR_PART"}


def test_the_connection_is_known_to_be_up_and_down_and_up_again(faulty: librdkafka.Cluster):
    """It is known within about a second, without a record being sent, and with the cause."""
    producer = started(faulty.bootstrap, {"reconnect.backoff.ms": "10", "reconnect.backoff.max.ms": "20"})
    assert (producer.connection.connected, producer.connection.fault) == (False, None)
    settle(producer, lambda: producer.connection.connected)
    assert producer.connection.fault is None
    faulty.set_down()
    settle(producer, lambda: not producer.connection.connected and producer.connection.fault is not None)
    assert producer.connection.fault is not None
    assert producer.connection.fault.name in {"_TRANSPORT", "_ALL_BROKERS_DOWN"}
    faulty.set_up()
    settle(producer, lambda: producer.connection.connected)
    assert producer.connection.fault is None


def test_the_cause_is_kept_when_all_brokers_are_down():
    """ "All brokers are down" follows each cause and says less."""
    port = free_port()
    producer = started(f"127.0.0.1:{port}")
    settle(producer, lambda: producer.connection.fault is not None)
    producer._keep_most_telling(Fault("_ALL_BROKERS_DOWN"))
    assert producer.connection.fault is not None
    assert producer.connection.fault.name == "_TRANSPORT"
    assert f"127.0.0.1:{port}/" in producer.connection.fault.text


def test_a_name_that_does_not_resolve_is_told():
    """The domain .invalid never resolves."""
    producer = started("kafka.invalid:9092")
    settle(producer, lambda: producer.connection.fault is not None)
    assert producer.connection.fault is not None
    assert producer.connection.fault.name == "_RESOLVE"


def test_a_fatal_error_replaces_the_producer(mock_kafka: MockKafka, topic: str, monkeypatch: pytest.MonkeyPatch):
    """What it held is reported as failed, each record once; the next one arrives."""
    monkeypatch.setattr(producer_module, "STATISTICS_INTERVAL_MS", 0)  # only those of this test
    producer = started(
        mock_kafka.bootstrap, {"enable.idempotence": "true", "linger.ms": "20000", "message.timeout.ms": "120000"}
    )
    for token in range(3):
        producer.produce(record(topic), token)
    producer._read_statistics(producer._attempt.fatal, statistics(requests=5))
    librdkafka.fail_fatally(producer._attempt.client)
    found = reports(producer, lambda found: len(found) >= 3)
    assert sorted(token for token, _ in found) == [0, 1, 2]
    assert all(fault is not None and fault.name in {"_PURGE_QUEUE", "_FATAL", "_PURGE_INFLIGHT"} for _, fault in found)
    assert producer.rebuilds == 1
    producer._read_statistics(producer._attempt.fatal, statistics(requests=2))
    assert producer.traffic.totals["requests"] == 5 + 2, "the new client's counters begin at 0"
    producer.produce(record(topic, b"next"), 3)
    producer.flush(10)
    assert producer.poll(0) == [(3, None)]
    assert [message.value() for message in mock_kafka.read(topic, 1)] == [b"next"]


def test_a_producer_that_failed_fatally_takes_no_record(topic: str):
    """This is between the failure and the replacement."""
    producer = started(f"127.0.0.1:{free_port()}", {"enable.idempotence": "true"})
    librdkafka.fail_fatally(producer._attempt.client)
    with pytest.raises(NotProduced) as caught:
        producer.produce(record(topic), 1)
    assert caught.value.fault.name == "_FATAL"
    settle(producer, lambda: producer.rebuilds == 1)
    producer.produce(record(topic), 2)


@pytest.mark.parametrize("fatal_at", [None, 1000], ids=["in-peace", "through-a-fatal-error"])
def test_one_thread_may_produce_while_another_polls(mock_kafka: MockKafka, topic: str, fatal_at: int | None):
    """As the pipeline does: every token that was taken is reported once, and one failure replaces the producer once."""
    producer = started(mock_kafka.bootstrap, {"enable.idempotence": "true"})
    taken: list[int] = []

    def produce() -> None:
        for token in range(3000):
            try:
                producer.produce(record(topic), token)
            except NotProduced:
                continue
            taken.append(token)
            if token == fatal_at:
                librdkafka.fail_fatally(producer._attempt.client)

    thread = threading.Thread(target=produce)
    thread.start()
    found = reports(producer, lambda found: not thread.is_alive() and len(found) >= len(taken))
    thread.join()
    found += producer.poll(0.1)
    assert sorted(token for token, _ in found) == taken
    assert producer.rebuilds == (0 if fatal_at is None else 1)


def test_check_reaches_for_no_broker():
    """It does not connect, even when brokers are configured."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.5)
        assert check({"metadata.broker.list": f"127.0.0.1:{listener.getsockname()[1]}"}) is None
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_wrong_value_is_not_repeated():
    """It may be a secret in the wrong place."""
    assert "hunter2" not in str(check({"compression.codec": "hunter2"}))


def test_a_producer_that_cannot_be_replaced_reports_what_it_held_and_is_replaced_later(
    mock_kafka: MockKafka, topic: str, monkeypatch: pytest.MonkeyPatch
):
    """For example when the file of a certificate is missing for a while."""
    producer = started(f"127.0.0.1:{free_port()}", {"enable.idempotence": "true"})
    producer.produce(record(topic), 1)
    connect = producer._connect

    def fail() -> None:
        raise KafkaException(KafkaError(KafkaError._INVALID_ARG, "ssl.ca.location failed"))

    monkeypatch.setattr(producer, "_connect", fail)
    librdkafka.fail_fatally(producer._attempt.client)
    found = reports(producer, lambda found: len(found) == 1)
    assert found[0][1] is not None
    assert not producer.connection.connected
    monkeypatch.setattr(producer, "_connect", connect)
    settle(producer, lambda: producer.rebuilds == 1)


def test_what_is_wrong_with_a_configuration_is_said_in_one_sentence():
    """The sentence names the property. For a misspelt one it has the property that was meant."""
    wrong = [{"lingr.ms": "1"}, {"no.such": "1"}, {"linger.ms": "hunter2"}, {"error_cb": "hunter2"}]
    assert [check(properties) for properties in wrong] == [
        'No such configuration property: "lingr.ms"; did you mean linger.ms?',
        'No such configuration property: "no.such"',
        'Invalid value for configuration property "queue.buffering.max.ms"',
        "TypeError: expected error_cb property as a callable function",
    ]


def test_a_record_that_was_not_taken_says_why():
    """Its error is the name of librdkafka's."""
    assert str(NotProduced(Fault("_QUEUE_FULL"))) == "_QUEUE_FULL"


@pytest.mark.parametrize("name", ["_AUTHENTICATION", "_RESOLVE", "_SSL", "_TRANSPORT", "_ALL_BROKERS_DOWN"])
def test_an_error_of_a_connection_is_kept_until_one_is_up(name: str):
    """A connection that is up stays up until the statistics say that it is down."""
    producer = started(f"127.0.0.1:{free_port()}")
    producer._connection = Connection(connected=True, fault=None)
    error = KafkaError(getattr(KafkaError, name))
    producer._note(producer._attempt.fatal, error)
    assert producer.connection == Connection(connected=True, fault=Fault(name, error.str()))
    producer._read_statistics(producer._attempt.fatal, statistics(state="DOWN"))
    assert producer.connection == Connection(connected=False, fault=Fault(name, error.str()))
    producer._read_statistics(producer._attempt.fatal, statistics())
    assert producer.connection == Connection(connected=True, fault=None)


def test_an_error_that_is_not_of_a_connection_is_not_kept():
    """A record that is too old says nothing about the brokers."""
    producer = started(f"127.0.0.1:{free_port()}")
    producer._connection = Connection(connected=True, fault=None)
    producer._note(producer._attempt.fatal, KafkaError(KafkaError._MSG_TIMED_OUT))
    assert producer.connection == Connection(connected=True, fault=None)
    assert not producer._attempt.fatal.is_set()


def test_each_replacement_is_counted(topic: str):
    """Two fatal errors are two."""
    producer = started(f"127.0.0.1:{free_port()}", {"enable.idempotence": "true"})
    for number in (1, 2):
        producer.produce(record(topic), number)
        librdkafka.fail_fatally(producer._attempt.client)
        settle(producer, lambda wanted=number: producer.rebuilds == wanted)  # type: ignore[misc]


def statistics(records: int = 0, requests: int = 0, state: str = "UP") -> str:
    """What librdkafka's statistics say of one broker."""
    return json.dumps({"msg_cnt": records, "brokers": {"a": {"state": state, "tx": requests}}})


def test_statistics_and_errors_of_a_retired_client_are_ignored():
    """They would say that the old broker is connected. The requests that it had sent before stay counted."""
    producer = started(f"127.0.0.1:{free_port()}")
    old = producer._attempt
    producer._read_statistics(old.fatal, statistics(records=3, requests=5))
    assert producer.traffic.queue_records == 3
    producer.reconfigure(producer_properties(Options(brokers=(f"127.0.0.1:{free_port()}",)), Credentials()))
    producer._connection = Connection(connected=False, fault=None)
    producer._read_statistics(old.fatal, statistics(records=77, requests=50))
    producer._note(old.fatal, KafkaError(KafkaError._AUTHENTICATION))
    assert producer.traffic.queue_records == 3
    assert producer.connection == Connection(connected=False, fault=None)
    producer._read_statistics(producer._attempt.fatal, statistics(records=1, requests=3))
    assert producer.traffic.queue_records == 1
    assert producer.traffic.totals["requests"] == 5 + 3, "the new client's counters begin at 0"
    assert producer.connection.connected
    producer._note(producer._attempt.fatal, KafkaError(KafkaError._AUTHENTICATION))
    assert producer.connection.fault is not None
    assert producer.connection.fault.name == "_AUTHENTICATION"


def test_an_idle_connection_that_was_closed_is_no_failure_for_a_while():
    """Brokers close idle connections. After three seconds without any, Kafka is not reached."""
    producer = started(f"127.0.0.1:{free_port()}")
    producer._read_statistics(producer._attempt.fatal, statistics())
    producer._read_statistics(producer._attempt.fatal, statistics(state="DOWN"))
    assert producer.connection.connected
    producer._last_up -= 3.0
    producer._read_statistics(producer._attempt.fatal, statistics(state="DOWN"))
    assert not producer.connection.connected


def test_a_retired_client_sends_what_it_holds(mock_kafka: MockKafka, topic: str):
    """Other properties do not cost a record."""
    producer = started(mock_kafka.bootstrap, linger_ms=300)
    producer.produce(record(topic), 1)
    producer.reconfigure(producer_properties(Options(brokers=(mock_kafka.bootstrap,)), Credentials()))
    assert reports(producer, bool) == [(1, None)]
    settle(producer, lambda: producer._retired == [])


def test_properties_that_librdkafka_refuses_change_nothing(mock_kafka: MockKafka, topic: str):
    """Also not for the client that takes the place of one that fails fatally later."""
    producer = started(mock_kafka.bootstrap, {"enable.idempotence": "true"})
    before = producer._properties
    with pytest.raises(ValueError, match="no"):
        producer.reconfigure({"no.such": "1"})
    assert producer._properties is before
    librdkafka.fail_fatally(producer._attempt.client)
    settle(producer, lambda: producer.rebuilds == 1)
    producer.produce(record(topic), 1)
    assert reports(producer, bool) == [(1, None)]


def test_other_properties_are_used_from_then_on_and_what_was_held_is_reported(
    mock_kafka: MockKafka, topic: str, monkeypatch: pytest.MonkeyPatch
):
    """A record that the old client cannot send fails soon; the new one delivers."""
    monkeypatch.setattr(producer_module, "RETIRED_SECONDS", 0.2)
    producer = started(f"127.0.0.1:{free_port()}")
    producer.produce(record(topic), 1)
    options = Options(brokers=(mock_kafka.bootstrap,))
    producer.reconfigure(producer_properties(options, Credentials()))
    producer.produce(record(topic), 2)
    found = dict(reports(producer, lambda found: len(found) == 2, 20))
    assert found[2] is None
    assert found[1] == Fault("_PURGE_QUEUE", found[1].text if found[1] else "")
    with pytest.raises(ValueError, match="no"):
        producer.reconfigure({"no.such": "1"})
    producer.produce(record(topic), 3)
    assert reports(producer, lambda found: len(found) == 1) == [(3, None)]


def test_a_client_that_fails_while_it_is_being_retired_takes_nothing_with_it(mock_kafka: MockKafka, topic: str):
    """The other properties came while it was polled: what was handed to the new client is reported."""
    producer = started(mock_kafka.bootstrap)
    properties = producer_properties(Options(brokers=(mock_kafka.bootstrap,)), Credentials())
    old = producer._attempt

    class Meanwhile:
        """The old client, in whose poll the other properties arrive and which then fails."""

        def __getattr__(self, name: str) -> Any:
            return getattr(old.client, name)

        def __len__(self) -> int:
            return len(old.client)

        def poll(self, timeout: float) -> int:
            producer.reconfigure(properties)
            for number in range(10):
                producer.produce(record(topic), number)
            old.fatal.set()
            return int(old.client.poll(timeout))

    producer._attempt = replace(old, client=cast("Any", Meanwhile()))
    found = reports(producer, lambda found: len(found) == 10)
    assert sorted(found) == [(number, None) for number in range(10)]
    assert producer.rebuilds == 0
    assert producer._retired == []
