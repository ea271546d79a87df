"""Lets librdkafka itself check a producer configuration, before the operator rolls it out.

librdkafka runs in a child process (``python -m kafka_otlp_operator.check``), so that a configuration that crashes
librdkafka does not crash the operator. One child answers one question after the other. A question never holds a
credential, a path or a broker.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import PurePath
from types import TracebackType
from typing import IO, Self

from kafka_otlp_exporter.config.properties import Credentials, producer_properties, without_files
from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_operator.errors import NotYet
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.spec import Resource, spelling

_START_SECONDS = 60.0  # a cold start beside other work; the answers themselves take milliseconds
_REMEMBERED = 1024


def producer_configuration(resource: Resource) -> dict[str, str]:
    """The configuration that the resource's pods will give to librdkafka, without secrets and files.

    Raises Contradiction, in the words of the resource, when options contradict each other.
    """
    properties = producer_properties(resource.options, _placeholders(resource.workload), spelling)
    return without_files(properties)


def _placeholders(workload: Workload) -> Credentials:
    sasl, tls = workload.sasl, workload.tls
    client_certificate = tls.client_cert_secret_ref if tls else None
    return Credentials(
        username="placeholder" if sasl and sasl.username_secret_ref else None,
        password="placeholder" if sasl else None,
        ca=PurePath("ca.crt") if tls and (tls.ca_secret_ref or tls.ca_config_map_ref) else None,
        certificate=PurePath("tls.crt") if client_certificate else None,
        key=PurePath("tls.key") if client_certificate else None,
    )


class _Died(Exception):
    """The child ended instead of answering."""


class Checker:
    """Checks configurations in a child process and remembers the answers; usable from several threads.

    ``timeout`` is how long one answer may take, in seconds; a child that takes longer is killed and replaced. Call
    ``close`` at the end.
    """

    def __init__(self, timeout: float = 2.0) -> None:
        self._timeout = timeout
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._answers: OrderedDict[str, str | None] = OrderedDict()
        self._deaths: OrderedDict[str, int] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self, resource: Resource) -> str | None:
        """What is wrong with the resource's configuration, as a sentence; None when nothing is.

        Raises NotYet when librdkafka did not answer in time, or when its process ended for the first time over this
        configuration.
        """
        try:
            properties = producer_configuration(resource)
        except Contradiction as contradiction:
            return str(contradiction)
        question = json.dumps(properties, sort_keys=True)
        where = "spec.customConfig" if resource.options.custom_config else "spec"
        with self._lock:
            try:
                answer = self._answer(question)
            except _Died:
                return f"{where}: {self._count_death(question)}"
        if answer is None:
            return None
        return f"{where}: librdkafka refuses the configuration: {answer.strip().rstrip('.')}."

    def close(self) -> None:
        """End the child process."""
        with self._lock:
            self._end()

    def _answer(self, question: str) -> str | None:
        if question not in self._answers:
            self._answers[question] = self._ask(question)
            self._deaths.pop(question, None)
            if len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return self._answers[question]

    def _count_death(self, question: str) -> str:
        """The sentence about a configuration over which the child ended twice. Raises NotYet after the first time.

        The first end may have another cause, such as the OOM killer. The answer is not remembered: if both ends had
        another cause, the next resync asks again.
        """
        deaths = self._deaths[question] = self._deaths.get(question, 0) + 1
        if len(self._deaths) > _REMEMBERED:
            self._deaths.popitem(last=False)
        if deaths == 1:
            raise NotYet(
                "the process that checks this configuration ended before it answered; the operator tries once more, and "
                "rolls out nothing until then."
            )
        return (
            "librdkafka crashes when it checks this configuration, so it would crash in the pods, too; "
            "undo the last change."
        )

    def _ask(self, question: str) -> str | None:
        child = self._child if self._child and self._child.poll() is None else self._start()
        stdin, stdout = _pipes(child)
        try:
            stdin.write(question + "\n")
            stdin.flush()
            line = _line(stdout, self._timeout)
        except OSError:
            line = ""
        if not line:
            self._end()
        if line is None:
            raise NotYet(
                f"librdkafka did not finish the check of this configuration within {self._timeout:g} s; the operator "
                "tries again, and rolls out nothing until then."
            )
        if not line:
            raise _Died
        answer: str | None = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[str]:
        self._end()
        child = subprocess.Popen(
            [sys.executable, "-m", "kafka_otlp_operator.check"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            bufsize=1,
        )
        self._child = child
        if not _line(_pipes(child)[1], _START_SECONDS):
            self._end()
            raise NotYet("the process that checks configurations did not start; the operator tries again.")
        return child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in _pipes(child):
            with contextlib.suppress(BrokenPipeError):  # the child ended before it read the question
                pipe.close()


def _pipes(child: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if child.stdin is None or child.stdout is None:
        raise AssertionError("the child was started with both pipes")
    return child.stdin, child.stdout


def _line(pipe: IO[str], timeout: float) -> str | None:
    """One line; ``""`` when the child has ended, None when no line came in time.

    A child writes at most one line for each question, so nothing is left in the buffer.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return pipe.readline() if selector.select(timeout) else None


def serve(questions: IO[str], answers: IO[str]) -> None:
    """The child's loop: it reads one configuration a line and writes one answer a line, until ``questions`` ends.

    An answer is JSON: the sentence of librdkafka, or null. The first line says that the child is ready.
    """
    from kafka_otlp_exporter.kafka import producer  # noqa: PLC0415 - only the child loads librdkafka

    print(json.dumps("ready"), file=answers, flush=True)
    for question in questions:
        properties: Mapping[str, str] = json.loads(question)
        print(json.dumps(producer.check(properties)), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
