"""Several workers on the same ports, and one admin port for all of them.

The supervisor holds the ports, starts the workers, restarts a worker that has ended, and passes SIGTERM on to them. It
serves no OTLP and has no connection to Kafka: a crash of gRPC or librdkafka ends a worker and never the supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import signal
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from kafka_otlp_exporter.config.address import address
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.config.sizing import Size
from kafka_otlp_exporter.process.channel import Order, Refused
from kafka_otlp_exporter.process.child import Child
from kafka_otlp_exporter.process.ports import Held
from kafka_otlp_exporter.telemetry import exposition, reports
from kafka_otlp_exporter.telemetry.admin import DEAD_SECONDS, Admin, Views
from kafka_otlp_exporter.telemetry.logs import log

ENDPOINTS = ("otlp_grpc_endpoint", "otlp_http_endpoint")

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
# After so long a life, a worker's end has nothing to do with its start, and the pause is short again.
SETTLED_SECONDS = 60.0
# How long a worker may be silent and still count as ready.
SILENT_SECONDS = 5.0
# How often workers are asked without a request to the admin port, and in how many of these rounds once for metrics.
# These metrics are the last ones of a worker that is killed.
ROUND_SECONDS = 1.0
METRICS_ROUNDS = 5
# How long after the shutdown timeout a worker is killed; a healthy worker ends within the timeout by itself.
KILL_SECONDS = 1.0

_WRONG_OPTION = 2


def supervise(settings: Settings, size: Size, arguments: Sequence[str]) -> None:
    """Run until SIGTERM or SIGINT. ``arguments`` are those of the command line. Raises CannotListen, or Refused."""
    asyncio.run(_Supervisor(settings, size, arguments).run())


class _Supervisor:
    def __init__(self, settings: Settings, size: Size, arguments: Sequence[str]) -> None:
        self._settings = settings
        self._size = size
        self._arguments = list(arguments)
        self._children = [Child(number) for number in range(1, size.workers + 1)]
        self._started = datetime.now(UTC)
        self._stop = asyncio.Event()
        self._all_started = asyncio.Event()
        self._refused: str | None = None
        self._killed = False
        self._held: dict[str, Held] = {}
        self._own = exposition.SupervisorMetrics()
        self._ended: exposition.Values = {}

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        admin = Admin(Views(self._live, self._ready, self._status, self._metrics))
        try:
            ports = await self._hold(admin)
            keeping = [asyncio.create_task(self._keep(child)) for child in self._children]
            others = [asyncio.create_task(self._watch()), asyncio.create_task(self._announce(ports))]
            await self._stop.wait()
            for task in others:
                task.cancel()
            await self._drain(keeping)
        finally:
            await admin.stop()
            for held in self._held.values():
                held.release()
        if self._refused is not None:
            raise Refused(self._refused)
        log.info("stopped")
        if self._killed:
            raise SystemExit(1)

    async def _hold(self, admin: Admin) -> dict[str, int]:
        ports: dict[str, int] = {}
        if own := address(self._settings, "admin_endpoint"):
            ports["admin_port"] = await admin.start(own)
        for name in ENDPOINTS:
            if shared := address(self._settings, name):
                self._held[name] = Held(shared)
                ports[name.replace("endpoint", "port")] = self._held[name].address.port
        return ports

    def _order(self, child: Child) -> Order:
        settings: dict[str, str | int] = {name: str(held.address) for name, held in self._held.items()}
        settings |= {"admin_endpoint": "", "max_in_flight_bytes": self._size.in_flight_bytes, "workers": 1}
        return Order(child.number, self._arguments, settings)

    async def _keep(self, child: Child) -> None:
        """Keep one worker running until the supervisor stops."""
        pause = FIRST_PAUSE
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                end = await self._live_once(child)
            except Exception:
                log.exception("supervision_failed", worker=child.number)
                end = {}
            if self._stop.is_set():
                return
            if time.monotonic() - began > SETTLED_SECONDS:
                pause = FIRST_PAUSE
            log.error("worker_ended", worker=child.number, **end, again_in_seconds=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            if not self._stop.is_set():
                child.restarts += 1
                self._own.count_restart()

    async def _live_once(self, child: Child) -> Mapping[str, Any]:
        """Start a worker, wait for its end, and return fields for the log line about it."""
        await child.start(self._order(child))
        if self._stop.is_set():
            child.signal(signal.SIGTERM)
        pid = child.pid
        code = await child.ended()
        self._ended, child.metrics = exposition.totals(child.metrics, self._ended), ""
        if not self._stop.is_set():
            self._heed_refusal(child, code)
        return {"pid": pid, **_end(child, code)}

    def _heed_refusal(self, child: Child, code: int) -> None:
        """Stop everything when a worker's first start was refused.

        A worker that is restarted later may be refused for another reason, and is tried again.
        """
        if code == _WRONG_OPTION and not self._all_started.is_set() and not child.restarts:
            self._refused = child.refused or "a worker cannot start; what it wrote before says why."
            self._stop.set()

    async def _announce(self, ports: Mapping[str, int]) -> None:
        """Log once that all workers serve."""
        await asyncio.gather(*(child.serves.wait() for child in self._children))
        self._all_started.set()
        total = {"max_in_flight_bytes": self._size.in_flight_bytes * self._size.workers, "workers": self._size.workers}
        log.info("started", **{**self._children[0].started, **ports, **total})

    async def _watch(self) -> None:
        """Ask the workers in rounds, to know when each last answered and what it had counted."""
        for beat in itertools.count():
            try:
                await self._refresh()
                if beat % METRICS_ROUNDS == 0:
                    await asyncio.gather(*(child.ask_metrics() for child in self._children))
            except Exception:
                log.exception("supervision_failed")
            await asyncio.sleep(ROUND_SECONDS)

    async def _drain(self, keeping: Sequence[asyncio.Task[None]]) -> None:
        if self._refused is None:
            timeout = self._settings.shutdown_timeout.total_seconds()
            log.info("draining", seconds=timeout)
            self._signal(signal.SIGTERM)
            await asyncio.wait(keeping, timeout=timeout + KILL_SECONDS)
            for child in self._children:
                if child.pid is not None:
                    log.error("worker_killed", worker=child.number, pid=child.pid)
                    self._killed = True
        self._signal(signal.SIGKILL)
        await asyncio.gather(*keeping)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            child.signal(number)

    async def _refresh(self) -> None:
        await asyncio.gather(*(child.ask_report() for child in self._children))

    async def _live(self) -> str | None:
        await self._refresh()
        for child in self._children:
            silent = time.monotonic() - child.heard
            if silent > DEAD_SECONDS:
                return f"worker {child.number} has not answered for {silent:.0f} s"
            if child.report is not None and child.report["live"] is not None:
                return f"worker {child.number}: {child.report['live']}"
        return None

    async def _ready(self) -> str | None:
        if self._stop.is_set():
            return "draining"
        await self._refresh()
        for child in self._children:
            if child.report is None:
                return f"worker {child.number} is being started"
            if time.monotonic() - child.heard > SILENT_SECONDS:
                return f"worker {child.number} does not answer"
            if child.report["ready"] is not None:
                return str(child.report["ready"])
        return None

    async def _status(self) -> Mapping[str, Any]:
        await self._refresh()
        own = {
            "version": version("kafka-otlp"),
            "state": "draining" if self._stop.is_set() else "serving",
            "startTime": self._started.isoformat(timespec="milliseconds"),
            "workers": [_shown(child) for child in self._children],
        }
        return reports.status([child.report["status"] for child in self._children if child.report is not None], own)

    async def _metrics(self) -> bytes:
        await asyncio.gather(*(child.ask_metrics() for child in self._children))
        return exposition.merged([self._own.text(), *(child.metrics for child in self._children)], self._ended)


def _end(child: Child, code: int) -> Mapping[str, Any]:
    if code < 0:
        return {"signal": signal.Signals(-code).name}
    refused, child.refused = child.refused, None
    return {"exit_code": code} if refused is None else {"exit_code": code, "message": refused}


def _shown(child: Child) -> Mapping[str, Any]:
    status: Mapping[str, Any] = child.report["status"] if child.report is not None else {}
    return {
        "number": child.number,
        "pid": child.pid,
        "state": status.get("state", "starting"),
        "startTime": status.get("startTime"),
        "restarts": child.restarts,
        "inFlightBytes": status.get("inFlightBytes", 0),
        "openCalls": status.get("openCalls", 0),
    }
