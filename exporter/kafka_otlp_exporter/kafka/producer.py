"""The only module that imports confluent_kafka: produce records, learn what became of them, check a configuration.

One thread may produce while another polls. A client of librdkafka that has failed fatally is replaced. The records that it
held are reported as failed, so every record is reported exactly once.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from confluent_kafka import KafkaError, KafkaException, libversion
from confluent_kafka import Producer as Client

from kafka_otlp_exporter.config.librdkafka import canonical, nearest
from kafka_otlp_exporter.kafka.faults import Fault
from kafka_otlp_exporter.kafka.traffic import Traffic

if TYPE_CHECKING:  # the operator only checks configurations; it is installed without the libraries that make records
    from kafka_otlp_exporter.records.making import Record

Token = TypeVar("Token")

LIBRDKAFKA_VERSION = str(libversion()[0])

# The state of the connection is at most so old.
STATISTICS_INTERVAL_MS = 500

# How long a client that was replaced may go on sending the records that it holds.
RETIRED_SECONDS = 10.0

# How long no broker may be connected before Kafka counts as not reached. Brokers close idle connections, and librdkafka
# opens new ones: that is no failure.
LOST_SECONDS = 3.0

_log = logging.getLogger("librdkafka")


@dataclass(frozen=True, slots=True)
class Connection:
    """Whether any broker is connected, and if none is, the last error that says why."""

    connected: bool
    fault: Fault | None


class NotProduced(Exception):  # a state of the queue, not a mistake of the caller
    """The record was not taken into the producer's queue."""

    def __init__(self, fault: Fault) -> None:
        """``fault`` is librdkafka's error."""
        super().__init__(fault.name)
        self.fault = fault


def check(properties: Mapping[str, str]) -> str | None:
    """Let librdkafka check a producer configuration, without connecting to a broker.

    Returns None when librdkafka accepts it, else its sentence, which names the wrong property and not its value.
    """
    alone = {name: value for name, value in properties.items() if canonical(name) != "metadata.broker.list"}
    try:
        Client({**alone, "log_level": 0}, logger=_log)
    except KafkaException as error:
        return _sentence(error)
    except Exception as error:
        # confluent_kafka expects a function or a table for some properties, and fails in many ways on a text.
        return f"{type(error).__name__}: {error}"
    return None


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One client of librdkafka, and whether it has failed fatally.

    ``retired`` is until when it may send the records that it holds (monotonic clock), if another has taken its place.
    """

    client: Client
    fatal: threading.Event
    retired: float = float("inf")


class Producer(Generic[Token]):
    """A producer that survives librdkafka's fatal errors. ``Token`` is the caller's own name for a record."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        """Create the producer; it connects in the background. Raises ValueError with librdkafka's sentence."""
        self.rebuilds = 0
        self.traffic = Traffic()
        self._properties = dict(properties)
        self._reports: deque[tuple[Token, KafkaError | None]] = deque()
        # Held while a record is handed over, so that no record reaches a client that is being replaced.
        self._replacing = threading.Lock()
        self._connection = Connection(connected=False, fault=None)
        self._last_up = float("-inf")
        self._retired: list[_Attempt] = []
        try:
            self._attempt = self._connect()
        except KafkaException as error:
            raise ValueError(_sentence(error)) from None

    @property
    def connection(self) -> Connection:
        """The state of the connection, at most half a second old."""
        return self._connection

    def produce(self, record: Record, token: Token) -> None:
        """Hand a record to librdkafka, which copies it; ``poll`` reports ``token`` once.

        Raises NotProduced when librdkafka does not take it; then there is no report.
        """
        reports = self._reports

        def report(error: KafkaError | None, _: object) -> None:
            # librdkafka calls this inside poll(), where it is not safe to do more.
            reports.append((token, error))

        with self._replacing:
            attempt = self._attempt
            try:
                attempt.client.produce(
                    record.topic, value=record.value, key=record.key, headers=record.headers, on_delivery=report
                )
            except BufferError:
                raise NotProduced(Fault("_QUEUE_FULL")) from None
            except KafkaException as error:
                self._note(attempt.fatal, error.args[0])
                raise NotProduced(_fault(error.args[0])) from None

    def poll(self, timeout: float) -> list[tuple[Token, Fault | None]]:
        """Wait up to ``timeout`` seconds for reports, and return all that there are; each record is reported once."""
        attempt = self._attempt
        with self._noting(attempt):
            attempt.client.poll(timeout)
        if attempt.fatal.is_set():
            self._replace(attempt)
        for retired in self._retired:
            self._finish(retired)
        reports = self._reports
        burst = [reports.popleft() for _ in range(len(reports))]
        return [(token, None if error is None else _fault(error)) for token, error in burst]

    def flush(self, timeout: float) -> None:
        """Send what lingers, and wait up to ``timeout`` seconds for Kafka to answer; ``poll`` has the reports."""
        attempt = self._attempt
        with self._noting(attempt):
            attempt.client.flush(timeout)

    def reconfigure(self, properties: Mapping[str, str]) -> None:
        """Use other properties for records that come from now on.

        The old client may send what it holds for RETIRED_SECONDS; after that its records are reported as failed. Raises
        ValueError with librdkafka's sentence; then nothing has changed.
        """
        before, self._properties = self._properties, dict(properties)
        try:
            new = self._connect()
        except KafkaException as error:
            self._properties = before
            raise ValueError(_sentence(error)) from None
        with self._replacing:
            old, self._attempt = self._attempt, new
            self.traffic.restart()
            self._retired = [*self._retired, replace(old, retired=time.monotonic() + RETIRED_SECONDS)]

    def _finish(self, retired: _Attempt) -> None:
        with self._noting(retired):
            if time.monotonic() > retired.retired:
                retired.client.purge()
            retired.client.flush(0)
        if len(retired.client) == 0:
            with self._replacing:
                self._retired = [other for other in self._retired if other is not retired]

    def _connect(self) -> _Attempt:
        fatal = threading.Event()
        client = Client(
            {
                **self._properties,
                "error_cb": partial(self._note, fatal),
                "stats_cb": partial(self._read_statistics, fatal),
                "statistics.interval.ms": STATISTICS_INTERVAL_MS,
            },
            logger=_log,
        )
        return _Attempt(client, fatal)

    @contextlib.contextmanager
    def _noting(self, attempt: _Attempt) -> Iterator[None]:
        """Let a client run its callbacks. After a fatal error it raises, but the reports were noted before."""
        try:
            yield
        except KafkaException as error:
            self._note(attempt.fatal, error.args[0])
        except SystemError:
            # confluent_kafka raises this when a fatal error is raised while the callback of a report returns.
            attempt.fatal.set()

    def _note(self, fatal: threading.Event, error: KafkaError) -> None:
        if error.fatal() or error.name() == "_FATAL":
            fatal.set()
        elif fatal is self._attempt.fatal and error.name() in {
            "_AUTHENTICATION",
            "_RESOLVE",
            "_SSL",
            "_TRANSPORT",
            "_ALL_BROKERS_DOWN",
        }:
            self._keep_most_telling(_fault(error))

    def _keep_most_telling(self, fault: Fault) -> None:
        """Remember a fault, but not "all brokers are down" after its cause: it follows each cause and says less."""
        known = self._connection.fault
        if fault.name == "_ALL_BROKERS_DOWN" and known is not None:
            return
        self._connection = Connection(self._connection.connected, fault)

    def _read_statistics(self, fatal: threading.Event, text: str) -> None:
        if fatal is not self._attempt.fatal:
            return  # of a client that was replaced
        statistics: Mapping[str, Any] = json.loads(text)
        self.traffic.note(statistics)
        now = time.monotonic()
        if self.traffic.connections:
            self._last_up = now
        connected = now - self._last_up < LOST_SECONDS
        self._connection = Connection(connected, None if connected else self._connection.fault)

    def _replace(self, failed: _Attempt) -> None:
        """Let the failed client report what it holds, and put a new one in its place; ``poll`` retries."""
        with self._replacing:
            if self._attempt is not failed:
                # It was replaced for other properties while it failed. It cannot send any more.
                self._retired = [
                    replace(one, retired=float("-inf")) if one.fatal is failed.fatal else one for one in self._retired
                ]
                return
            failed.client.purge()
            for _ in range(50):
                if len(failed.client) == 0:
                    break
                with self._noting(failed):
                    failed.client.flush(0.1)
            else:
                _log.error("the failed producer still holds %d records", len(failed.client))
            try:
                self._attempt = self._connect()
            except KafkaException as error:
                self._connection = Connection(connected=False, fault=_fault(error.args[0]))
                _log.error("the producer failed fatally and cannot be replaced: %s", _sentence(error))
        if self._attempt is failed:
            time.sleep(1)
            return
        self.rebuilds += 1
        self.traffic.restart()
        _log.error("the producer failed fatally and was replaced")


def _sentence(error: KafkaException) -> str:
    """Librdkafka's sentence without the wrong value, which may be a secret in the wrong place.

    To the sentence about a property that librdkafka does not know it adds the name that is most like it.
    """
    text = re.sub(r' value "[^"]*"', " value", str(error.args[0].str()).strip())
    unknown = re.fullmatch(r'No such configuration property: "(.*)"', text)
    if unknown is not None and (near := nearest(unknown[1])):
        return f"{text}; did you mean {near}?"
    return text


def _fault(error: KafkaError) -> Fault:
    return Fault(str(error.name()), str(error.str() or ""))
