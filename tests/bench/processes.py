"""CPU time and memory of a process and its descendants, from Linux' /proc (proc(5)). It changes no process.

``parse_stat``, ``parse_status`` and ``descendants`` are pure.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_KIBIBYTE = 1024


@dataclass(frozen=True)
class Stat:
    """The fields of /proc/PID/stat that count here.

    ``ticks`` is utime + stime + cutime + cstime: the process' own CPU time and that of the children that it has
    reaped, in clock ticks.
    """

    pid: int
    parent: int
    ticks: int


def parse_stat(text: str) -> Stat:
    """Read one /proc/PID/stat. The name of the program stands in parentheses and may hold spaces and parentheses."""
    pid = int(text.partition(" ")[0])
    fields = text.rpartition(")")[2].split()
    # After the name: state, ppid, ...; utime to cstime are fields 14 to 17 of the whole line.
    return Stat(pid, int(fields[1]), sum(int(field) for field in fields[11:15]))


def parse_status(text: str, field: str) -> int:
    """The bytes that a line such as ``VmHWM:  1234 kB`` of /proc/PID/status names; 0 where there is no such line."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * _KIBIBYTE
    return 0


def descendants(root: int, stats: Iterable[Stat]) -> list[Stat]:
    """The process with the pid ``root`` and everything below it."""
    children: dict[int, list[Stat]] = {}
    found = []
    for stat in stats:
        children.setdefault(stat.parent, []).append(stat)
        if stat.pid == root:
            found.append(stat)
    for stat in found:  # grows while it is walked
        found += children.get(stat.pid, [])
    return found


class ProcessTree:
    """A process and its descendants, as they are at each call."""

    def __init__(self, root: int) -> None:
        """``root`` is the pid of a running process."""
        self._root = root

    def cpu_seconds(self) -> float:
        """CPU seconds that all of them have used, with children that have ended and been reaped."""
        return sum(stat.ticks for stat in self._members()) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self) -> int:
        """The sum of each process' largest resident memory (VmHWM); shared pages count once for each process."""
        return self._memory("VmHWM")

    def resident_bytes(self) -> int:
        """The sum of each process' resident memory now (VmRSS); shared pages count once for each process."""
        return self._memory("VmRSS")

    def size(self) -> int:
        """How many processes they are."""
        return len(self._members())

    def _members(self) -> list[Stat]:
        texts = (_read(folder / "stat") for folder in _PROC.iterdir() if folder.name.isdecimal())
        return descendants(self._root, [parse_stat(text) for text in texts if text])

    def _memory(self, field: str) -> int:
        return sum(parse_status(_read(_PROC / str(stat.pid) / "status"), field) for stat in self._members())


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it has just ended
