"""A child process of a test: it has a log file, is ended by its own pid, and dies when the tests do."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools import ports
from tools.ports import free_port

__all__ = ["BedError", "Child", "clean_environment", "dying_with_parent", "free_port", "http_get", "wait_until"]


class BedError(Exception):
    """A real system did not start, or did not do what the test asked. The message ends with the log, if there is one."""


def wait_until(true: Callable[[], bool], seconds: float, sentence: Callable[[], str], every: float = 0.05) -> None:
    """Wait for a condition. Raises BedError with ``sentence`` when it does not hold in time."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise BedError(sentence())
        time.sleep(every)


class Child:
    """One process, from start to end, with stdout and stderr in ``log``."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        """Start ``command``. When ``environment`` is given, it replaces the environment of the tests."""
        self.name = Path(command[0]).name
        self.log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*dying_with_parent(), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=None if environment is None else dict(environment),
                cwd=folder,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, None while it runs, negative for a signal."""
        return self._process.poll()

    @property
    def running(self) -> bool:
        """Whether the process has not ended."""
        return self.returncode is None

    def listens_on(self, port: int, host: str = "127.0.0.1") -> bool:
        """Whether this very process listens there. Raises BedError when another process does instead."""
        try:
            return ports.listens(self.pid, port, host)
        except ports.PortTaken as taken:
            raise BedError(f"{self.name}: {taken}") from None

    def log_tail(self, lines: int = 40) -> str:
        """The last lines that the process wrote."""
        written = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(written[-lines:])

    def wait_until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        """Wait until ``true`` returns True; ``what`` names that. Raises BedError, with the log, after ``seconds``.

        It also raises BedError when the process ends first.
        """

        def reached() -> bool:
            if not self.running:
                raise BedError(f"{self.name} ended with code {self.returncode} before {what}:\n{self.log_tail()}")
            return true()

        wait_until(reached, seconds, lambda: f"{self.name}: no {what} within {seconds:.0f} s:\n{self.log_tail()}")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, if the process still runs."""
        if self.running:
            self._process.send_signal(number)

    def wait(self, seconds: float = 30) -> int:
        """The exit code. Raises BedError when the process does not end in time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise BedError(f"{self.name} still runs after {seconds:.0f} s:\n{self.log_tail()}") from None

    def end(self, seconds: float = 10) -> None:
        """Ask the process to end, and kill it when it does not in time."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)  # a stopped process handles SIGTERM only when it continues
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.signal(signal.SIGKILL)
        self._process.wait()


def dying_with_parent() -> list[str]:
    """The words before a command that make the kernel kill it when the tests are killed."""
    # A function between fork and exec would do it too, but it is not safe beside gRPC's threads.
    if sys.platform == "linux" and (setpriv := shutil.which("setpriv")) is not None:
        return [setpriv, "--pdeathsig", "KILL", "--"]
    return []


def clean_environment() -> dict[str, str]:
    """The environment of the tests without what would configure the exporter."""
    return {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_EXPORTER_")}


def http_get(url: str, seconds: float = 5) -> tuple[int, str]:
    """Status and text of an answer, asked for without a proxy; status 0 means no answer."""
    try:
        with _opener.open(url, timeout=seconds) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode()
    except OSError:
        return 0, ""


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
