"""Fixtures that the tests of the receivers share."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.receivers.guards import Edge
from tests.unit.kafka_otlp_exporter.served import TOTAL, Served


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread: gRPC binds itself to the first that it sees."""
    running = asyncio.new_event_loop()
    thread = threading.Thread(target=running.run_forever, name="loop")
    thread.start()
    yield running
    running.call_soon_threadsafe(running.stop)
    thread.join()
    running.close()


@pytest.fixture
def serve(loop: asyncio.AbstractEventLoop) -> Iterator[Callable[..., Served]]:
    """A function that serves with a budget of so many bytes, and with other settings of the process."""
    with contextlib.ExitStack() as ends:

        def start(total: int = TOTAL, **settings: Any) -> Served:
            served = Served(loop, total, Edge(Settings(**settings)))
            ends.callback(served.stop)
            return served

        yield start


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    """A receiver whose pipeline delivers everything."""
    return serve()
