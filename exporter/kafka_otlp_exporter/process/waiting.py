"""Waits for the required files. Meanwhile the process is alive and not ready.

Without its password the exporter cannot serve, but it need not exit: when the Secret is created, the file appears and
startup goes on. Until then only the admin port is served: an OTLP port is never open without its certificates and tokens.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kafka_otlp_exporter.config.address import address
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.process.credentials_dir import missing
from kafka_otlp_exporter.telemetry.admin import Admin, Views
from kafka_otlp_exporter.telemetry.logs import log

REASON = "FilesMissing"
_LOOK_SECONDS = 2.0


def wait_for_files(settings: Settings) -> bool:
    """Wait until every file of ``required_files`` exists. False when SIGTERM or SIGINT came first.

    Raises CannotListen when the admin port cannot be opened.
    """
    if not missing(settings.required_files):
        return True
    return asyncio.run(_wait(settings))


async def _wait(settings: Settings) -> bool:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    started = datetime.now(UTC).isoformat(timespec="milliseconds")
    admin = Admin(
        Views.at_once(
            lambda: None,
            lambda: sentence(missing(settings.required_files)),
            lambda: _status(missing(settings.required_files), started),
            lambda: b"",
        )
    )
    try:
        if own := address(settings, "admin_endpoint"):
            await admin.start(own)
        log.warning("files_missing", message=sentence(missing(settings.required_files)))
        while missing(settings.required_files) and not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
    finally:
        await admin.stop()
    return not stop.is_set()


def sentence(gone: Sequence[Path]) -> str:
    """The missing files, in a sentence for a person."""
    return f"waits for {', '.join(map(str, gone))}: nothing is served until all of them are there."


def _status(gone: Sequence[Path], started: str) -> Mapping[str, Any]:
    """The fields of a serving process's status that have a meaning while the exporter waits."""
    return {
        "version": version("kafka-otlp"),
        "state": "waiting",
        "startTime": started,
        "kafka": {"connected": False, "reason": REASON, "message": sentence(gone), "producerRebuilds": 0},
        "missingFiles": [str(file) for file in gone],
    }
