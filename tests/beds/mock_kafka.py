"""librdkafka's mock cluster: a broker that starts within a second, without a disk and without security."""

from __future__ import annotations

from confluent_kafka import Message

from tests.beds import records
from tools import mock_kafka


class MockKafka(mock_kafka.MockKafka):
    """The mock cluster, with a way to read its topics."""

    def read(self, topic: str, count: int | None = None, timeout: float = 30) -> list[Message]:
        """The topic's records: ``count`` of them, or all that it holds now. Raises BedError when there are fewer."""
        return records.read({"bootstrap.servers": self.bootstrap}, topic, count, timeout)
