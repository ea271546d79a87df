"""One exporter process from start to end: what starts in which order, what drains in which order.

Called by ``worker``. Start: producer, receivers, pipeline, admin port. End, on SIGTERM: readiness off, no new calls,
open calls answered, admin port off; always within the shutdown timeout.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import uvloop

from kafka_otlp_exporter.config.options import ROWS, Options
from kafka_otlp_exporter.config.properties import canonical, producer_properties, queue_limits
from kafka_otlp_exporter.config.settings import Settings, in_flight_bytes
from kafka_otlp_exporter.flow.admission import SHARES, Admission
from kafka_otlp_exporter.flow.intake import Intake
from kafka_otlp_exporter.flow.pipeline import Pipeline, Sent
from kafka_otlp_exporter.kafka import faults
from kafka_otlp_exporter.kafka.faults import Identity
from kafka_otlp_exporter.kafka.producer import LIBRDKAFKA_VERSION, Producer
from kafka_otlp_exporter.otlp.json_decode import most_values
from kafka_otlp_exporter.process import credentials_dir
from kafka_otlp_exporter.process.channel import Channel
from kafka_otlp_exporter.receivers.grpc import GrpcReceiver
from kafka_otlp_exporter.receivers.guards import Edge
from kafka_otlp_exporter.receivers.http import HttpReceiver
from kafka_otlp_exporter.records.making import Layout
from kafka_otlp_exporter.telemetry.admin import DEAD_SECONDS, Admin, Views
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.logs import log

# What is left of the shutdown timeout when the last calls are answered: for the answers to reach their clients.
ANSWER_SECONDS = 1.0
# How often the credentials folder and the files of the OTLP ports are looked at; the kubelet brings a changed Secret
# into them within a minute or two.
CREDENTIALS_SECONDS = 2.0

# Of custom config only what can be no secret is shown by its value: numbers and switches.
_PLAIN = re.compile(r"[0-9.-]+|true|false|all|none")


def serve(
    options: Options,
    settings: Settings,
    properties: Mapping[str, str],
    producer: Producer[Sent],
    edge: Edge,
    seen: bytes,
    channel: Channel | None = None,
) -> None:
    """Run until SIGTERM or SIGINT. Raises OSError when an address cannot be listened on.

    ``seen`` is the fingerprint of the credentials folder from before the properties were made of it. With a ``channel``
    to a supervisor it is one of several that share their ports.
    """

    async def run() -> None:
        await _Server(options, settings, properties, producer, edge, seen, channel).run()

    uvloop.run(run())


@dataclass(frozen=True)
class _Receivers:
    intake: Intake
    grpc: GrpcReceiver
    http: HttpReceiver

    async def stop(self, grace: float) -> None:
        self.intake.drain()
        await asyncio.gather(self.grpc.stop(grace), self.http.stop(grace))
        self.intake.close()


class _Server:
    def __init__(
        self,
        options: Options,
        settings: Settings,
        properties: Mapping[str, str],
        producer: Producer[Sent],
        edge: Edge,
        seen: bytes,
        channel: Channel | None,
    ) -> None:
        """Must be made on the event loop that it runs on."""
        self._options = options
        self._settings = settings
        self._properties = properties
        self._producer = producer
        self._edge = edge
        self._seen = seen
        self._channel = channel
        self._telemetry = Telemetry()
        self._stop = asyncio.Event()
        self._started = datetime.now(UTC)
        self._pipeline: Pipeline | None = None
        self._credentials_changed: datetime | None = None
        # A user name that came from a Secret is named in no sentence.
        self._identity = Identity(
            properties["metadata.broker.list"], options.sasl_username, properties.get("sasl.mechanisms")
        )
        self._in_flight_limit = settings.max_in_flight_bytes or in_flight_bytes(None)
        self._admission = Admission(self._in_flight_limit, asyncio.get_running_loop(), SHARES[options.format])
        self._budget = self._admission.budget

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        intake = Intake(self._admission, self._telemetry)
        shared = self._channel is not None
        receivers = _Receivers(
            intake,
            GrpcReceiver(intake, self._edge, shared_port=shared),
            HttpReceiver(intake, self._edge, shared_port=shared),
        )
        views = Views.at_once(self._trouble_living, self._trouble_serving, self._status, self._telemetry.exposition)
        admin = Admin(views)
        self._pipeline = Pipeline(
            intake,
            self._producer,
            self._layout(),
            self._budget,
            self._telemetry,
            self._options.request_timeout.total_seconds(),
        )
        self._telemetry.observe(self._kept(), version("kafka-otlp"), LIBRDKAFKA_VERSION)
        ports = await self._listen(receivers, admin)
        self._pipeline.start()
        started = {
            "version": version("kafka-otlp"),
            "max_in_flight_bytes": self._in_flight_limit,
            "largest_request_bytes": self._admission.largest_request,
            **ports,
        }
        self._say("started", **started)
        if self._channel is not None:
            await self._channel.open(started, views, self._stop.set)
        watches = [
            asyncio.create_task(watch())
            for watch in (self._watch_connection, self._watch_credentials, self._watch_edge)
        ]
        await self._stop.wait()
        for watch in watches:
            watch.cancel()
        await self._drain(receivers, self._pipeline)
        await admin.stop()
        self._say("stopped")

    def _say(self, event: str, **fields: object) -> None:
        log.info(event if self._channel is None else f"worker_{event}", **fields)

    def _kept(self) -> Mapping[str, Callable[[], float]]:
        """What is read at each scrape, by the names in ``metrics``."""
        admission, budget, producer = self._admission, self._budget, self._producer
        traffic = producer.traffic
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

    def _layout(self) -> Layout:
        """The records of one request may be half of the messages that there may be, and what librdkafka takes at once."""
        most_bytes, most_records = queue_limits(self._properties)
        return Layout.of(
            self._options,
            int(self._properties["message.max.bytes"]),
            min(self._budget.total // 2, most_bytes),
            most_records,
            most_values(self._budget.total),
        )

    async def _listen(self, receivers: _Receivers, admin: Admin) -> dict[str, int]:
        ports: dict[str, int] = {}
        if endpoint := self._settings.admin_endpoint:
            host, _, port = endpoint.rpartition(":")
            try:
                ports["admin_port"] = await admin.start(host.strip("[]"), int(port))
            except OSError as error:
                raise OSError(f"--admin-endpoint: cannot listen on {endpoint}: {error.strerror}") from error
        if endpoint := self._settings.otlp_http_endpoint:
            ports["otlp_http_port"] = await receivers.http.start(endpoint)
        # Last, for gRPC does not end in silence when another address cannot be listened on.
        if endpoint := self._settings.otlp_grpc_endpoint:
            ports["otlp_grpc_port"] = await receivers.grpc.start(endpoint)
        return ports

    async def _drain(self, receivers: _Receivers, pipeline: Pipeline) -> None:
        timeout = max(self._settings.shutdown_timeout.total_seconds() - ANSWER_SECONDS, 0.0)
        self._say("draining", seconds=timeout, in_flight_bytes=self._budget.taken)
        end = time.monotonic() + timeout
        closing = asyncio.create_task(receivers.stop(timeout + ANSWER_SECONDS))
        while not closing.done() and (left := end - time.monotonic()) > 0:
            # Again and again: a call that is still being read hands its records over later.
            await asyncio.to_thread(pipeline.flush, min(left, 0.2))
            await asyncio.wait([closing], timeout=min(left, 0.05))
        await asyncio.to_thread(pipeline.stop)
        await closing

    async def _watch_connection(self) -> None:
        """Say once when Kafka is reached, and once for each other reason why it is not."""
        said: str | None = "nothing yet"
        while True:
            trouble = self._trouble_reaching_kafka()
            reason = trouble and trouble[0]
            if reason != said and (reason is None or self._producer.connection.fault is not None):
                if trouble is None:
                    log.info("kafka_connected")
                else:
                    log.warning("kafka_not_connected", reason=trouble[0], message=trouble[1])
                said = reason
            await asyncio.sleep(0.5)

    async def _watch_credentials(self) -> None:
        """Take up what has changed in the credentials folder; what cannot be used is said, and the old stays in use."""
        folder = self._settings.credentials_dir
        seen = self._seen
        while folder is not None:
            await asyncio.sleep(CREDENTIALS_SECONDS)
            found = await asyncio.to_thread(credentials_dir.fingerprint, folder)
            if found == seen:
                continue
            seen = found
            try:
                properties = producer_properties(
                    self._options, credentials_dir.read(folder, self._settings.required_files)
                )
                await asyncio.to_thread(self._producer.reconfigure, properties)
            except ValueError as error:
                log.warning("credentials_not_usable", message=str(error))
                self._telemetry.count_reload("credentials", taken=False)
                continue
            self._properties = properties
            self._credentials_changed = datetime.now(UTC)
            self._telemetry.count_reload("credentials", taken=True)
            log.info("credentials_changed")

    async def _watch_edge(self) -> None:
        while True:
            await asyncio.sleep(CREDENTIALS_SECONDS)
            await asyncio.to_thread(self._edge.look, self._telemetry)

    def _trouble_reaching_kafka(self) -> tuple[str, str] | None:
        connection = self._producer.connection
        if connection.connected:
            return None
        if connection.fault is None:
            return "Connecting", "no broker has answered yet."
        reason, sentence = faults.of_connection(connection.fault, self._identity)
        return reason.value, sentence

    def _trouble_living(self) -> str | None:
        beat = self._pipeline.oldest_beat() if self._pipeline else 0.0
        return None if beat < DEAD_SECONDS else f"the pipeline has not come round for {beat:.0f} s"

    def _trouble_serving(self) -> str | None:
        if self._stop.is_set():
            return "draining"
        trouble = self._trouble_reaching_kafka()
        return trouble and trouble[1]

    def _status(self) -> Mapping[str, Any]:
        trouble = self._trouble_reaching_kafka()
        return {
            "version": version("kafka-otlp"),
            "state": "draining" if self._stop.is_set() else "serving",
            "startTime": self._started.isoformat(timespec="milliseconds"),
            "kafka": {
                "connected": trouble is None,
                "reason": trouble[0] if trouble else "Connected",
                "message": trouble[1] if trouble else "",
                "producerRebuilds": self._producer.rebuilds,
            },
            "credentialsChanged": self._credentials_changed
            and self._credentials_changed.isoformat(timespec="milliseconds"),
            "lastFailure": self._last_failure(),
            "inFlightBytes": self._budget.taken,
            "maxInFlightBytes": self._in_flight_limit,
            "openCalls": self._admission.open_calls,
            "waitingCalls": self._admission.waiting,
            "topics": {name: getattr(self._options, f"{name}_topic") for name in ("traces", "metrics", "logs")},
            "requestTimeoutSeconds": self._options.request_timeout.total_seconds(),
            "producer": {
                name: value if _showable(name, value) else "[redacted]"
                for name, value in sorted(self._properties.items())
            },
        }

    def _last_failure(self) -> Mapping[str, Any] | None:
        if self._telemetry.last_failure is None:
            return None
        when, failure = self._telemetry.last_failure
        return {
            "time": when.isoformat(timespec="milliseconds"),
            "reason": failure.reason.value,
            "message": failure.message,
        }


def _showable(name: str, value: str) -> bool:
    row = next((row for row in ROWS.values() if row.kafka and canonical(row.kafka.property) == name), None)
    return not row.secret if row else bool(_PLAIN.fullmatch(value))
