"""Reads how much memory and how many CPUs this process may use: the limits of its control groups.

Both versions of control groups are read, as https://docs.kernel.org/admin-guide/cgroup-v1/index.html and
https://docs.kernel.org/admin-guide/cgroup-v2.html describe them. A parent group may have a lower limit than the process's
own group, so the limits of all parents count. A file that is missing or unreadable means no limit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kafka_otlp_exporter.config.sizing import Limits


@dataclass(frozen=True)
class _Mount:
    """A mounted hierarchy: its mount point, the group at that point, and its controllers; version 2 has none."""

    point: Path
    top: PurePosixPath
    controllers: frozenset[str]


def limits(root: Path = Path("/")) -> Limits:
    """The limits of this process: bytes, and whole CPUs, at least 1. ``root`` is the folder that holds proc and sys."""
    machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    memory = min(_memory_limits(root), default=None)
    quota = min(_cpu_quotas(root), default=None)
    mine = len(os.sched_getaffinity(0))
    return Limits(
        # Without a limit, version 1 shows the largest number that it can.
        memory=memory if memory is not None and memory < machine else None,
        machine=machine,
        cpus=mine if quota is None else max(1, min(mine, quota)),
    )


def _memory_limits(root: Path) -> Iterator[int]:
    for name, controller in (("memory.max", None), ("memory.limit_in_bytes", "memory")):
        for group in _groups(root, controller):
            if (text := _text(group / name)).isdigit():
                yield int(text)


def _cpu_quotas(root: Path) -> Iterator[int]:
    """Quotas in whole CPUs, rounded up."""
    for group in _groups(root, None):
        quota, _, period = _text(group / "cpu.max").partition(" ")
        yield from _cpus(quota, period)
    for group in _groups(root, "cpu"):
        yield from _cpus(_text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us"))


def _cpus(quota: str, period: str) -> Iterator[int]:
    # "max" and -1 are no quota.
    if quota.isdigit() and period.isdigit() and int(period):
        yield -(-int(quota) // int(period))


def _groups(root: Path, controller: str | None) -> Iterator[Path]:
    """The folders of this process's group and its parents, as far as they are mounted. No controller means version 2."""
    path = _path(root, controller)
    if path is None:
        return
    for mount in _mounts(root):
        if controller not in mount.controllers and (controller or mount.controllers):
            continue
        # A container without its own cgroup namespace sees the host's path, but only its own group is mounted.
        inside = path.relative_to(mount.top) if path.is_relative_to(mount.top) else PurePosixPath()
        if ".." in inside.parts:
            inside = PurePosixPath()
        yield from (mount.point / part for part in (inside, *inside.parents))


def _path(root: Path, controller: str | None) -> PurePosixPath | None:
    """The path of this process's group. A line is ``number:controllers:path``; version 2 has number 0."""
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if (number == "0" and not controllers) if controller is None else controller in controllers.split(","):
            return PurePosixPath(path)
    return None


def _mounts(root: Path) -> Iterator[_Mount]:
    """The mounted hierarchies, from the file that proc_pid_mountinfo(5) describes."""
    for line in _text(root / "proc/self/mountinfo").splitlines():
        left, _, right = line.partition(" - ")
        fields, (kind, *_, options) = left.split(), right.split() or ("", "")
        if len(fields) < 5 or kind not in {"cgroup", "cgroup2"}:
            continue
        controllers = frozenset(options.split(",")) if kind == "cgroup" else frozenset[str]()
        yield _Mount(root / fields[4].lstrip("/"), PurePosixPath(fields[3]), controllers)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
