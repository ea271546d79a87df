"""One serving process from start to end: the order of the start, and the order of the drain.

Start: receivers, pipeline, admin port. End, on SIGTERM or SIGINT: readiness off, no new calls, open calls answered, admin
port off; always within the shutdown timeout.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass
from importlib.metadata import version

from kafka_otlp_exporter.config.address import address
from kafka_otlp_exporter.config.properties import queue_limits
from kafka_otlp_exporter.config.settings import in_flight_bytes
from kafka_otlp_exporter.flow.admission import SHARES, Admission
from kafka_otlp_exporter.flow.intake import Intake
from kafka_otlp_exporter.flow.pipeline import Pipeline, Sent
from kafka_otlp_exporter.kafka.producer import LIBRDKAFKA_VERSION, Producer
from kafka_otlp_exporter.otlp.json_text import most_values
from kafka_otlp_exporter.process.channel import Channel
from kafka_otlp_exporter.process.startup import Startup
from kafka_otlp_exporter.process.views import Health, readings
from kafka_otlp_exporter.receivers.grpc import GrpcReceiver
from kafka_otlp_exporter.receivers.http import HttpReceiver
from kafka_otlp_exporter.records.making import Layout
from kafka_otlp_exporter.telemetry.admin import Admin
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.logs import log

# The part of the shutdown timeout that is kept for the last answers to reach their clients.
ANSWER_SECONDS = 1.0
# How often the credentials folder and the files of the OTLP ports are read. The kubelet takes a minute or two to bring a
# changed Secret there.
LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class _Receivers:
    intake: Intake
    grpc: GrpcReceiver
    http: HttpReceiver

    async def stop(self, grace: float) -> None:
        self.intake.drain()
        await asyncio.gather(self.grpc.stop(grace), self.http.stop(grace))
        self.intake.close()


class Server:
    """Serves until SIGTERM or SIGINT; with a ``channel`` it is one of several workers that share their ports."""

    def __init__(self, startup: Startup, producer: Producer[Sent], channel: Channel | None = None) -> None:
        """Must be made on the event loop that it runs on."""
        self._startup = startup
        self._producer = producer
        self._channel = channel
        self._telemetry = Telemetry()
        self._stop = asyncio.Event()
        self._health = Health(startup.options, startup.properties.value, producer, self._stop)
        self._in_flight_limit = startup.settings.max_in_flight_bytes or in_flight_bytes(None)
        self._admission = Admission(self._in_flight_limit, asyncio.get_running_loop(), SHARES[startup.options.format])

    async def run(self) -> None:
        """Start, serve, drain. Raises CannotListen."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        receivers = self._receivers()
        pipeline = self._pipeline(receivers.intake)
        views = self._health.views(self._admission, self._in_flight_limit, pipeline, self._telemetry)
        admin = Admin(views)
        self._telemetry.observe(readings(self._admission, self._producer), version("kafka-otlp"), LIBRDKAFKA_VERSION)
        ports = await self._listen(receivers, admin)
        pipeline.start()
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
        await self._drain(receivers, pipeline)
        await admin.stop()
        self._say("stopped")

    def _receivers(self) -> _Receivers:
        intake = Intake(self._admission, self._telemetry)
        edge, shared = self._startup.edge, self._channel is not None
        return _Receivers(
            intake,
            GrpcReceiver(intake, edge, shared_port=shared),
            HttpReceiver(intake, edge, shared_port=shared),
        )

    def _pipeline(self, intake: Intake) -> Pipeline:
        options, properties, budget = self._startup.options, self._startup.properties.value, self._admission.budget
        # The records of one request may hold half of the bytes for messages, and no more than librdkafka's queue takes.
        most_bytes, most_records = queue_limits(properties)
        layout = Layout.of(
            options,
            int(properties["message.max.bytes"]),
            min(budget.total // 2, most_bytes),
            most_records,
            most_values(budget.total),
        )
        seconds = options.request_timeout.total_seconds()
        return Pipeline(intake, self._producer, layout, budget, self._telemetry, seconds)

    def _say(self, event: str, **fields: object) -> None:
        log.info(event if self._channel is None else f"worker_{event}", **fields)

    async def _listen(self, receivers: _Receivers, admin: Admin) -> dict[str, int]:
        settings = self._startup.settings
        ports: dict[str, int] = {}
        if own := address(settings, "admin_endpoint"):
            ports["admin_port"] = await admin.start(own)
        if http := address(settings, "otlp_http_endpoint"):
            ports["otlp_http_port"] = await receivers.http.start(http)
        # gRPC is the last: once it has started, it writes to stderr when the process ends for another address.
        if grpc := address(settings, "otlp_grpc_endpoint"):
            ports["otlp_grpc_port"] = await receivers.grpc.start(grpc)
        return ports

    async def _drain(self, receivers: _Receivers, pipeline: Pipeline) -> None:
        timeout = max(self._startup.settings.shutdown_timeout.total_seconds() - ANSWER_SECONDS, 0.0)
        self._say("draining", seconds=timeout, in_flight_bytes=self._admission.budget.taken)
        end = time.monotonic() + timeout
        closing = asyncio.create_task(receivers.stop(timeout + ANSWER_SECONDS))
        while not closing.done() and (left := end - time.monotonic()) > 0:
            # Flushed repeatedly: a call that is still being read produces its records later.
            await asyncio.to_thread(pipeline.flush, min(left, 0.2))
            await asyncio.wait([closing], timeout=min(left, 0.05))
        await asyncio.to_thread(pipeline.stop)
        await closing

    async def _watch_connection(self) -> None:
        """Log once when Kafka is reached, and once for each new reason why it is not."""
        said: str | None = "nothing yet"
        while True:
            trouble = self._health.trouble_reaching_kafka()
            reason = trouble and trouble[0]
            if reason != said and (reason is None or self._producer.connection.fault is not None):
                if trouble is None:
                    log.info("kafka_connected")
                else:
                    log.warning("kafka_not_connected", reason=trouble[0], message=trouble[1])
                said = reason
            await asyncio.sleep(0.5)

    async def _watch_credentials(self) -> None:
        """Use changed credentials for new records; what cannot be used is logged, and the old ones stay in use."""
        watched = self._startup.properties
        while self._startup.settings.credentials_dir is not None:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if not await asyncio.to_thread(watched.look):
                    continue
                await asyncio.to_thread(self._producer.reconfigure, watched.value)
            except ValueError as error:
                log.warning("credentials_not_usable", message=str(error))
                self._telemetry.count_reload(watched.name, taken=False)
                continue
            self._health.reconfigured(watched.value)
            self._telemetry.count_reload(watched.name, taken=True)
            log.info("credentials_changed")

    async def _watch_edge(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self._startup.edge.look, self._telemetry)
