"""The channel between a supervisor and one worker: one JSON object a line, on a socket that is the worker's stdin.

The supervisor first sends an Order, then questions with a number each. The worker once sends ``started`` or ``refused``,
and then answers. Orders may hold credentials: nothing of them is on the network, on a disk, or in an argument list.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kafka_otlp_exporter.telemetry.admin import Views

# Metrics have about 40 KB; a status can be longer, because it holds the custom configuration.
LONGEST_LINE = 16 * 1024 * 1024

REPORT, METRICS = "report", "metrics"

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Refused(Exception):
    """Nothing was started; the message is the sentence that says why."""


@dataclass(frozen=True)
class Order:
    """The first message to a worker: its number, the arguments of the command line, and settings that replace those."""

    number: int
    arguments: list[str]
    settings: Mapping[str, str | int]


def line(message: Mapping[str, Any]) -> bytes:
    """A message as one line of JSON."""
    return json.dumps(message).encode() + b"\n"


def order_line(order: Order) -> bytes:
    """The order as the first line to a worker."""
    return line(asdict(order))


class Channel:
    """The worker's end of the channel."""

    def __init__(self, own: socket.socket) -> None:
        self._socket = own
        self._tasks: set[asyncio.Task[None]] = set()

    @staticmethod
    def inherited() -> Channel:
        """The channel on stdin. From here on the kernel kills this process when its supervisor ends."""
        own = socket.socket(fileno=os.dup(sys.stdin.fileno()))
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, sys.stdin.fileno())
        os.close(nothing)
        if sys.platform == "linux":
            # The kernel kills the process even while it hangs. If the supervisor ended before this call, the next read
            # from the channel finds out.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        return Channel(own)

    def order(self) -> Order:
        """Wait for the order. Raises EOFError when the supervisor has ended."""
        text = bytearray()
        while not text.endswith(b"\n"):
            if not (more := self._socket.recv(LONGEST_LINE)):
                raise EOFError("the supervisor has ended")
            text += more
        return Order(**json.loads(text))

    def refuse(self, sentence: str) -> None:
        """Tell the supervisor why nothing was started; ``sentence`` is for its user."""
        with contextlib.suppress(OSError):
            self._socket.sendall(line({"refused": sentence}))

    async def open(self, started: Mapping[str, Any], views: Views, lost: Callable[[], None]) -> None:
        """Tell the supervisor that the worker serves, and answer its questions from here on.

        ``started`` are fields for its log, ``views`` give the answers, ``lost`` is called when the supervisor has ended.
        """
        reader, writer = await asyncio.open_unix_connection(sock=self._socket, limit=LONGEST_LINE)
        writer.write(line({"started": started}))
        task = asyncio.create_task(self._answer(reader, writer, views, lost))
        self._tasks.add(task)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, views: Views, lost: Callable[[], None]
    ) -> None:
        with contextlib.suppress(OSError):
            while question := await reader.readline():
                asked = json.loads(question)
                answer = (await views.metrics()).decode() if asked["ask"] == METRICS else await _report(views)
                writer.write(line({"id": asked["id"], "answer": answer}))
                await writer.drain()
        writer.close()
        lost()


async def _report(views: Views) -> Mapping[str, Any]:
    return {"live": await views.live(), "ready": await views.ready(), "status": await views.status()}
