"""librdkafka's mock cluster, for tests that need a broker in a second and neither its disk nor its security.

Called by the fixture ``mock_kafka``.
"""

from __future__ import annotations

from confluent_kafka import Message

from tests.beds import records
from tools import mock_kafka


class MockKafka(mock_kafka.MockKafka):
    """The mock cluster, with what it holds read back."""

    def read(self, topic: str, count: int | None = None, timeout: float = 30) -> list[Message]:
        """The topic's records: ``count`` of them, or all that it has now. Raises BedError when there are fewer."""
        return records.read({"bootstrap.servers": self.bootstrap}, topic, count, timeout)
