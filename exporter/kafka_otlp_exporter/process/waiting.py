"""Waits for the files that have to be there, alive and not ready. Called by ``__main__`` before anything reads them.

Who misses a password is no use to anybody, but need not end: a Secret that is made later is then a file that appears.
Nothing is served meanwhile but the admin port, so nothing is ever less guarded than it was meant to be.
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

from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.process.channel import Refused
from kafka_otlp_exporter.process.credentials_dir import missing
from kafka_otlp_exporter.telemetry.admin import Admin, Views
from kafka_otlp_exporter.telemetry.logs import log

REASON = "FilesMissing"
_LOOK_SECONDS = 2.0


def wait_for_files(settings: Settings) -> bool:
    """Wait until every file of ``required_files`` is there. False when SIGTERM came first.

    Raises Refused when the admin port cannot be had.
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
        await _serve(admin, settings.admin_endpoint)
        log.warning("files_missing", message=sentence(missing(settings.required_files)))
        while missing(settings.required_files) and not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
    finally:
        await admin.stop()
    return not stop.is_set()


async def _serve(admin: Admin, endpoint: str) -> None:
    if not endpoint:
        return
    host, _, port = endpoint.rpartition(":")
    try:
        await admin.start(host.strip("[]"), int(port))
    except OSError as error:
        raise Refused(f"--admin-endpoint: cannot listen on {endpoint}: {error.strerror}") from None


def sentence(gone: Sequence[Path]) -> str:
    """What is waited for, for a person."""
    return f"waits for {', '.join(map(str, gone))}: nothing is served until all of them are there."


def _status(gone: Sequence[Path], started: str) -> Mapping[str, Any]:
    """The form of ``server``'s, as far as there is anything to say."""
    return {
        "version": version("kafka-otlp"),
        "state": "waiting",
        "startTime": started,
        "kafka": {"connected": False, "reason": REASON, "message": sentence(gone), "producerRebuilds": 0},
        "missingFiles": [str(file) for file in gone],
    }
