"""What a serving process says about itself: /livez, /readyz, /status, and the metrics that are read at each scrape.

It reads the parts of the process and never changes them. A credential is shown nowhere.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from kafka_otlp_exporter.config.librdkafka import canonical
from kafka_otlp_exporter.config.options import ROWS, Options
from kafka_otlp_exporter.flow.admission import Admission
from kafka_otlp_exporter.flow.pipeline import Pipeline, Sent
from kafka_otlp_exporter.kafka.faults import Identity, of_connection
from kafka_otlp_exporter.kafka.producer import Producer
from kafka_otlp_exporter.telemetry.admin import DEAD_SECONDS, Views
from kafka_otlp_exporter.telemetry.counters import Telemetry

# Of the custom configuration, only values that cannot be secrets are shown: numbers and switches.
_PLAIN = re.compile(r"[0-9.-]+|true|false|all|none")


def readings(admission: Admission, producer: Producer[Sent]) -> Mapping[str, Callable[[], float]]:
    """The metrics whose values other parts hold, by their names in the table; each is read at each scrape."""
    budget, traffic = admission.budget, producer.traffic
    return {
        "in_flight_bytes": lambda: budget.taken,
        "in_flight_limit_bytes": lambda: budget.total,
        "open_calls": lambda: admission.open_calls,
        "waiting_calls": lambda: admission.waiting,
        "producer_queue_records": lambda: traffic.queue_records,
        "producer_queue_bytes": lambda: traffic.queue_bytes,
        "producer_rebuilds": lambda: producer.rebuilds,
        "kafka_connected": lambda: producer.connection.connected,
        "kafka_connections": lambda: traffic.connections,
        "kafka_requests": lambda: traffic.totals["requests"],
        "kafka_request_retries": lambda: traffic.totals["retries"],
        "kafka_request_errors": lambda: traffic.totals["errors"],
        "kafka_request_timeouts": lambda: traffic.totals["timeouts"],
    }


class Health:
    """The state of one serving process, read from its parts; ``stop`` is set while it drains."""

    def __init__(
        self, options: Options, properties: Mapping[str, str], producer: Producer[Sent], stop: asyncio.Event
    ) -> None:
        """``properties`` are those that the producer was made of."""
        self._options = options
        self._properties = properties
        self._producer = producer
        self._stop = stop
        self._started = datetime.now(UTC)
        self._credentials_changed: datetime | None = None
        # A user name that came from a Secret appears in no sentence.
        self._identity = Identity(
            properties["metadata.broker.list"], options.sasl_username, properties.get("sasl.mechanisms")
        )

    def views(self, admission: Admission, in_flight_limit: int, pipeline: Pipeline, telemetry: Telemetry) -> Views:
        """What the admin port shows; ``in_flight_limit`` is --max-in-flight-bytes of this process."""
        return Views.at_once(
            lambda: _stuck(pipeline),
            self._unready,
            lambda: self._status(telemetry, _load(admission, in_flight_limit)),
            telemetry.exposition,
        )

    def reconfigured(self, properties: Mapping[str, str]) -> None:
        """The producer uses other properties from now on, because the credentials have changed."""
        self._properties = properties
        self._credentials_changed = datetime.now(UTC)

    def trouble_reaching_kafka(self) -> tuple[str, str] | None:
        """Why no broker is connected: the reason and a sentence. None while one is."""
        connection = self._producer.connection
        if connection.connected:
            return None
        if connection.fault is None:
            return "Connecting", "no broker has answered yet."
        reason, sentence = of_connection(connection.fault, self._identity)
        return reason.value, sentence

    def _unready(self) -> str | None:
        if self._stop.is_set():
            return "draining"
        trouble = self.trouble_reaching_kafka()
        return trouble and trouble[1]

    def _status(self, telemetry: Telemetry, load: Mapping[str, int]) -> Mapping[str, Any]:
        trouble = self.trouble_reaching_kafka()
        changed = self._credentials_changed
        return {
            "version": version("kafka-otlp"),
            "state": "draining" if self._stop.is_set() else "serving",
            "startTime": _text(self._started),
            "kafka": {
                "connected": trouble is None,
                "reason": trouble[0] if trouble else "Connected",
                "message": trouble[1] if trouble else "",
                "producerRebuilds": self._producer.rebuilds,
            },
            "credentialsChanged": changed and _text(changed),
            "lastFailure": _last_failure(telemetry),
            **load,
            "topics": {name: getattr(self._options, f"{name}_topic") for name in ("traces", "metrics", "logs")},
            "requestTimeoutSeconds": self._options.request_timeout.total_seconds(),
            "producer": {
                name: value if _showable(name, value) else "[redacted]"
                for name, value in sorted(self._properties.items())
            },
        }


def _load(admission: Admission, in_flight_limit: int) -> Mapping[str, int]:
    return {
        "inFlightBytes": admission.budget.taken,
        "maxInFlightBytes": in_flight_limit,
        "openCalls": admission.open_calls,
        "waitingCalls": admission.waiting,
    }


def _stuck(pipeline: Pipeline) -> str | None:
    beat = pipeline.oldest_beat()
    return None if beat < DEAD_SECONDS else f"the pipeline has not come round for {beat:.0f} s"


def _last_failure(telemetry: Telemetry) -> Mapping[str, Any] | None:
    if telemetry.last_failure is None:
        return None
    when, failure = telemetry.last_failure
    return {"time": _text(when), "reason": failure.reason.value, "message": failure.message}


def _text(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds")


def _showable(name: str, value: str) -> bool:
    row = next((row for row in ROWS.values() if row.kafka and canonical(row.kafka.property) == name), None)
    return not row.secret if row else bool(_PLAIN.fullmatch(value))
