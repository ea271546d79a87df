"""The load generator, a Go program (folder ``load``) that runs as a process of its own: its build, its run, its report."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.beds.process import BedError, dying_with_parent
from tests.bench.rows import Load
from tools.cluster.assets import cache_folder, digest
from tools.cluster.making import appearing_whole, go_build

_MODULE = Path(__file__).parent / "load"
_CALL_SECONDS = 30
_LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Report:
    """What the generator has seen of its requests, whose numbers are ``first`` to ``first + sent - 1``.

    ``failed`` are the numbers that were not acknowledged, ``errors`` counts the sentences. ``bytes`` is the size of
    one request; ``microseconds`` has the latency of each.
    """

    first: int
    sent: int
    failed: frozenset[int]
    errors: dict[str, int]
    bytes: int
    seconds: float
    microseconds: tuple[int, ...]

    @property
    def acknowledged(self) -> frozenset[int]:
        """The numbers of the requests that were acknowledged."""
        return frozenset(range(self.first, self.first + self.sent)) - self.failed


def parse_report(text: str) -> Report:
    """Read what the generator has printed."""
    fields = json.loads(text)
    return Report(**{**fields, "failed": frozenset(fields["failed"]), "microseconds": tuple(fields["microseconds"])})


def build() -> Path:
    """The generator, built into the cache when it is not there. Raises CannotBuild."""
    made_from = [path.read_bytes() for path in sorted(_MODULE.iterdir())]
    folder = cache_folder() / f"load-{digest(*made_from)}"
    program = folder / "load"
    if not os.access(program, os.X_OK):
        with appearing_whole(folder) as unfinished:
            go_build(_MODULE, ".", unfinished / program.name, "the load generator (half a minute the first time)")
    return program


def run(program: Path, address: str, load: Load, first: int) -> Report:
    """Send the requests of a load, numbered from ``first`` on. Raises BedError when one fails or is not sent in time."""
    answer = subprocess.run(
        [
            *dying_with_parent(),
            str(program),
            f"-address={address}",
            f"-signal={load.signal}",
            f"-items={load.items}",
            f"-resources={load.resources}",
            f"-first={first}",
            f"-requests={load.requests}",
            f"-open={load.open}",
            f"-connections={load.connections}",
            f"-timeout={_CALL_SECONDS}s",
            f"-limit={_LIMIT_SECONDS}s",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=_LIMIT_SECONDS + 2 * _CALL_SECONDS,
    )
    if answer.returncode:
        raise BedError(f"the load generator ended with code {answer.returncode}: {answer.stderr}")
    report = parse_report(answer.stdout)
    if report.failed:
        raise BedError(f"{len(report.failed)} of {report.sent} requests were not acknowledged: {report.errors}")
    if report.sent < load.requests:
        raise BedError(f"{report.sent} of {load.requests} requests were sent in {_LIMIT_SECONDS} s")
    return report
