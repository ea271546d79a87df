"""Structured logs: one JSON object a line on stderr. No line holds a payload or a credential.

The table in ``events`` has a row for every event that may be logged.
"""

from __future__ import annotations

import logging
import re
import sys
import time
from collections.abc import Callable

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("kafka_otlp_exporter")

# Without a broker, thousands of requests a second fail: each cause is logged once in this time.
_QUIET_SECONDS = 30.0


def configure_logging(worker: int | None = None) -> None:
    """Log one JSON object a line to stderr: our own events, and those of librdkafka and the event loop.

    ``worker`` is the number of this worker, when there are several; it is then in every line.
    """

    def add_worker(
        _: structlog.typing.WrappedLogger, __: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return event if worker is None else {"worker": worker, **event}

    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_worker,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("librdkafka").addFilter(_Seldom())


class _Seldom(logging.Filter):
    """Lets each line of librdkafka pass once in 30 s: librdkafka repeats a failure with every attempt to connect."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        # Ports, durations and counters differ from one attempt to the next.
        kind = re.sub(r"[0-9]+", "", record.getMessage())[:200]
        now = time.monotonic()
        if now - self._said.get(kind, float("-inf")) < _QUIET_SECONDS:
            return False
        self._said[kind] = now
        return True


class Voice:
    """Logs each cause at most once in 30 s, with the number of times that it was left out (``unsaid``)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` returns seconds."""
        self._clock = clock
        self._said: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def warn(self, event: str, key: str, **fields: object) -> None:
        """Log ``event`` with ``fields``, unless something with the same ``key`` was logged in the last 30 s."""
        now = self._clock()
        if now - self._said.get(key, float("-inf")) < _QUIET_SECONDS:
            self._unsaid[key] = self._unsaid.get(key, 0) + 1
            return
        self._said[key] = now
        log.warning(event, **fields, unsaid=self._unsaid.pop(key, 0))
