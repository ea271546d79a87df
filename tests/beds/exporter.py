"""The exporter as a real process, on ports of its own."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.beds.process import Child, clean_environment, free_port, http_get


class ExporterProcess:
    """One exporter process, from start to end.

    ``otlp`` (gRPC), ``otlp_http`` and ``admin`` are its endpoints, ``host:port``. As a context manager it always ends the
    process, and prints its log when the test has failed.
    """

    def __init__(
        self,
        folder: Path,
        flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        *,
        program: Sequence[str] = (sys.executable, "-m", "kafka_otlp_exporter"),
    ) -> None:
        """Start it with ``flags`` after ``start --exporter kafka``; an endpoint among the flags is kept.

        It is one process, unless ``--workers`` is among the flags.
        """
        self._answers_itself = False
        self.otlp = self._endpoint("--otlp-grpc-endpoint", flags)
        self.otlp_http = self._endpoint("--otlp-http-endpoint", flags)
        self.admin = self._endpoint("--admin-endpoint", flags)
        self.child = Child(
            [
                *program,
                "start",
                "--exporter",
                "kafka",
                "--workers=1",
                *flags,
                f"--otlp-grpc-endpoint={self.otlp}",
                f"--otlp-http-endpoint={self.otlp_http}",
                f"--admin-endpoint={self.admin}",
            ],
            folder / "exporter.log",
            {**clean_environment(), **(environment or {})},
            folder,
        )

    def __enter__(self) -> Self:
        """Started already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ended."""
        self.child.end(30)
        if kind is not None:
            print(f"--- log of the exporter ---\n{self.child.log_tail(200)}")

    @property
    def log(self) -> str:
        """All that the process has written to stdout and stderr."""
        return self.child.log.read_text(errors="replace")

    def wait_ready(self, seconds: float = 30) -> Self:
        """Wait until GET /readyz answers 200. Raises BedError, with the log."""
        self.child.wait_until(lambda: self._get("/readyz")[0] == 200, seconds, "200 to GET /readyz")
        return self

    def status(self) -> Any:
        """The answer to GET /status."""
        return json.loads(self._get("/status")[1])

    def metrics(self) -> str:
        """The answer to GET /metrics, in Prometheus' text format."""
        return self._get("/metrics")[1]

    def ready(self) -> bool:
        """Whether GET /readyz answers 200 now."""
        return self._get("/readyz")[0] == 200

    def terminate(self) -> None:
        """SIGTERM, as Kubernetes sends it."""
        self.child.signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self.child.kill()

    def wait(self, seconds: float = 30) -> int:
        """The exit code. Raises BedError when it does not end in time."""
        return self.child.wait(seconds)

    def _get(self, path: str) -> tuple[int, str]:
        # Another process on this port would answer as well, while this one is still starting.
        host, _, port = self.admin.rpartition(":")
        self._answers_itself = self._answers_itself or self.child.listens_on(int(port), host)
        return http_get(f"http://{self.admin}{path}") if self._answers_itself else (0, "")

    @staticmethod
    def _endpoint(flag: str, flags: Sequence[str]) -> str:
        given = [text.partition("=")[2] for text in flags if text.startswith(f"{flag}=")]
        return given[-1] if given else f"127.0.0.1:{free_port()}"
