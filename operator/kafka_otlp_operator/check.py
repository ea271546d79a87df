"""Has librdkafka itself say what is wrong with a producer configuration, before it is rolled out.

``Checker`` is called by ``reconcile``. librdkafka runs in a child process (``python -m kafka_otlp_operator.check``),
so that whatever a configuration does to it, it does not do to the operator; one child serves one question after the
other. No credential, path or broker is ever among what is asked.
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

from kafka_otlp_exporter.config.properties import Contradiction, Credentials, producer_properties, without_files
from kafka_otlp_operator.errors import NotYet
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.spec import Resource, spelling

_START_SECONDS = 60.0  # a cold start beside other work; the answers themselves take milliseconds
_REMEMBERED = 1024


def producer_configuration(resource: Resource) -> dict[str, str]:
    """The configuration that the resource's pods will give to librdkafka, with nothing secret and no file in it.

    Raises Contradiction, in the resource's own words, when it cannot hold together.
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
    """Answers ``check`` from memory or from its child process; usable from several threads, to be closed at the end.

    ``timeout`` is how long one answer may take, in seconds; a child that takes longer is killed and replaced.
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

        Raises NotYet when librdkafka gave no answer in time, or ended its process for the first time over it.
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
        """What to say of a question that the child died of; at the first time it may have been somebody else's doing.

        It is no answer to remember: should it have been somebody else's doing twice, the next resync finds out.
        """
        deaths = self._deaths[question] = self._deaths.get(question, 0) + 1
        if len(self._deaths) > _REMEMBERED:
            self._deaths.popitem(last=False)
        if deaths == 1:
            raise NotYet(
                "the process that checks this configuration ended before it answered; it is tried once more, and "
                "nothing is rolled out until then."
            )
        return (
            "librdkafka does not survive the check of this configuration, so it would not survive it in the pods; "
            "take back what was changed last."
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
                f"librdkafka did not finish the check of this configuration within {self._timeout:g} s; it is tried "
                "again, and nothing is rolled out until then."
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
            raise NotYet("the process that checks configurations did not start; it is tried again.")
        return child

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in _pipes(child):
            with contextlib.suppress(BrokenPipeError):  # a question that the child did not live to read
                pipe.close()


def _pipes(child: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    if child.stdin is None or child.stdout is None:
        raise AssertionError("the child was started with both pipes")
    return child.stdin, child.stdout


def _line(pipe: IO[str], timeout: float) -> str | None:
    """One line, ``""`` when the child is dead, None when there was none in time.

    A child never writes more than one without being asked.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        return pipe.readline() if selector.select(timeout) else None


def serve(questions: IO[str], answers: IO[str]) -> None:
    """The child: one configuration a line, one answer a line, until the operator is gone."""
    from kafka_otlp_exporter.kafka import producer  # noqa: PLC0415 - librdkafka belongs into the child alone

    print(json.dumps("ready"), file=answers, flush=True)
    for question in questions:
        properties: Mapping[str, str] = json.loads(question)
        print(json.dumps(producer.check(properties)), file=answers, flush=True)


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
