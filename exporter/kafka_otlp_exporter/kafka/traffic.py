"""What librdkafka's statistics say of its queue and its requests, added up over the clients of one producer. Pure.

Used by ``producer``; the figures are those of librdkafka's STATISTICS.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Counters of each broker: requests sent, repeated, not sent, not answered in time.
_COUNTERS = {"requests": "tx", "retries": "txretries", "errors": "txerrs", "timeouts": "req_timeouts"}


class Traffic:
    """Gauges of the client in use, and counters that do not start anew with another client."""

    def __init__(self) -> None:
        self.queue_records = 0
        self.queue_bytes = 0
        self.connections = 0
        self.totals = dict.fromkeys(_COUNTERS, 0)
        self._before = dict(self.totals)

    def restart(self) -> None:
        """Another client is in use; its counters begin at nothing."""
        self._before = dict.fromkeys(_COUNTERS, 0)

    def note(self, statistics: Mapping[str, Any]) -> None:
        """Take down what the client in use says."""
        brokers = statistics.get("brokers", {}).values()
        self.queue_records = int(statistics.get("msg_cnt", 0))
        self.queue_bytes = int(statistics.get("msg_size", 0))
        self.connections = sum(broker.get("state") == "UP" for broker in brokers)
        for name, figure in _COUNTERS.items():
            value = sum(int(broker.get(figure, 0)) for broker in brokers)
            # A broker that librdkafka has forgotten takes its figures along.
            self.totals[name] += max(0, value - self._before[name])
            self._before[name] = value
