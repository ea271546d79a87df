"""What librdkafka's statistics say of its queue and its requests, added up over the clients of one producer. Pure.

Source of the figures: librdkafka's STATISTICS.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Counters of each broker: requests sent, repeated, not sent, not answered in time.
_COUNTERS = {"requests": "tx", "retries": "txretries", "errors": "txerrs", "timeouts": "req_timeouts"}


class Traffic:
    """Gauges of the client in use, and counters that go on when another client takes its place."""

    def __init__(self) -> None:
        self.queue_records = 0
        self.queue_bytes = 0
        self.connections = 0
        self.totals = dict.fromkeys(_COUNTERS, 0)
        self._before = dict(self.totals)

    def restart(self) -> None:
        """Expect the statistics of another client, whose counters begin at 0."""
        self._before = dict.fromkeys(_COUNTERS, 0)

    def note(self, statistics: Mapping[str, Any]) -> None:
        """Note the statistics of the client in use, as librdkafka's JSON has them."""
        brokers = statistics.get("brokers", {}).values()
        self.queue_records = int(statistics.get("msg_cnt", 0))
        self.queue_bytes = int(statistics.get("msg_size", 0))
        self.connections = sum(broker.get("state") == "UP" for broker in brokers)
        for name, figure in _COUNTERS.items():
            value = sum(int(broker.get(figure, 0)) for broker in brokers)
            # The figures of a broker disappear when librdkafka removes it, so the sum can become smaller.
            self.totals[name] += max(0, value - self._before[name])
            self._before[name] = value
