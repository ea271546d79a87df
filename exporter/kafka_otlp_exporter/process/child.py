"""A worker as its supervisor sees it: it is started, asked, and ends. A Child outlives the processes that it starts.

It never serves OTLP, and it never writes anything about a worker: what to do about an end is the supervisor's decision.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping
from typing import Any

from kafka_otlp_exporter.process.channel import LONGEST_LINE, METRICS, REPORT, Order, line, order_line

# How long to wait for one answer. A busy worker answers later; until then its last answer is used.
ANSWER_SECONDS = 1.0
# The most unanswered questions that a worker may have; a worker that hangs gets no more.
_MOST_QUESTIONS = 8


class Child:
    """One worker. ``report`` and ``metrics`` are its last answers; ``heard`` is the monotonic time of its last message.

    ``started`` holds the fields that it sent when it began to serve, ``refused`` the sentence that says why it did not.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.restarts = 0
        self.started: Mapping[str, Any] = {}
        self.serves = asyncio.Event()
        self.refused: str | None = None
        self.report: Mapping[str, Any] | None = None
        self.metrics = ""
        self.heard = time.monotonic()
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._ids = itertools.count(1)

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process."""
        return self._process.pid if self._process else None

    async def start(self, order: Order) -> None:
        """Start a process and send it its order. Raises OSError when the process cannot be started."""
        ours, theirs = socket.socketpair()
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                "-m",
                "kafka_otlp_exporter.process.worker",
                stdin=theirs.fileno(),
                # A terminal signals its whole process group; a worker gets signals only from its supervisor.
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_unix_connection(sock=ours, limit=LONGEST_LINE)
        self._writer.write(order_line(order))
        self._listening = asyncio.create_task(self._listen(reader))

    async def ended(self) -> int:
        """Wait for the end of the process and return its exit code, negative for a signal. ``metrics`` stays.

        Raises RuntimeError when there is no process.
        """
        if self._process is None or self._writer is None or self._listening is None:
            raise RuntimeError("there is no process")
        code = await self._process.wait()
        # Its last messages may still be unread.
        await self._listening
        self._writer.close()
        self._process = self._writer = None
        self.report = None
        self.serves.clear()
        for answer in self._answers.values():
            answer.cancel()
        self._answers.clear()
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, if there is one."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # send_signal would reap a process that has just ended, and its exit code would be lost:
                # https://github.com/python/cpython/issues/87744
                os.kill(self._process.pid, number)

    async def ask_report(self) -> None:
        """Ask for a new ``report``; without an answer within a second the old one stays."""
        answer = await self._ask(REPORT)
        if answer is not None:
            self.report = answer

    async def ask_metrics(self) -> None:
        """Ask for new ``metrics``; without an answer within a second the old ones stay."""
        answer = await self._ask(METRICS)
        if answer is not None:
            self.metrics = answer

    async def _ask(self, what: str) -> Any:
        if self._writer is None or not self.serves.is_set() or len(self._answers) >= _MOST_QUESTIONS:
            return None
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._writer.write(line({"id": number, "ask": what}))
        await asyncio.wait([answer], timeout=ANSWER_SECONDS)
        return answer.result() if answer.done() and not answer.cancelled() else None

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        # A killed process may leave an incomplete line, or reset the connection.
        with contextlib.suppress(OSError, ValueError):
            while text := await reader.readline():
                message = json.loads(text)
                self.heard = time.monotonic()
                if "started" in message:
                    self.started = message["started"]
                    self.serves.set()
                self.refused = message.get("refused", self.refused)
                answer = self._answers.pop(message.get("id"), None)
                if answer is not None and not answer.done():
                    answer.set_result(message["answer"])
