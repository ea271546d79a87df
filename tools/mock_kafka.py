"""librdkafka's mock cluster in a process of its own: one broker, without Java and without a disk.

``python -m tools.mock_kafka`` prints ``host:port`` and runs until its stdin closes; ``MockKafka`` starts it that way. A
topic is created when a client first asks for it.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

from confluent_kafka import Producer

_ROOT = Path(__file__).parent.parent
_METADATA_SECONDS = 15


class MockKafka:
    """The mock cluster as a child process, from start to stop; ``bootstrap`` is its ``host:port``."""

    def __init__(self) -> None:
        """Start the cluster and wait for its address. Raises RuntimeError when it prints none."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tools.mock_kafka"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        if self._process.stdout is None:
            raise RuntimeError("the embedded Kafka has no stdout")
        self.bootstrap = self._process.stdout.readline().strip()
        if not self.bootstrap:
            self.stop()
            raise RuntimeError("the embedded Kafka did not start; try: python -m tools.mock_kafka")

    def __enter__(self) -> Self:
        """Started already."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stopped."""
        self.stop()

    def stop(self) -> None:
        """Close the process's stdin, and kill the process when it does not end within 5 s."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def main() -> None:
    """Run the cluster until stdin closes."""
    owner = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    broker = next(iter(owner.list_topics(timeout=_METADATA_SECONDS).brokers.values()))
    print(f"{broker.host}:{broker.port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
