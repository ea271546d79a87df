"""Finds what a cluster has left on the machine. After ``make cluster-down`` there must be nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tools.cluster import assets
from tools.cluster.engine import CGROUP_PARENT

_PROC = Path("/proc")
_LINKS = ("podman", "veth")


def find() -> list[str]:
    """A sentence for each process, mount, namespace, control group and network that still exists."""
    return [*_processes(), *_mounts(), *_control_groups(), *_networks()]


def _processes() -> Iterator[str]:
    """Processes that see the containers' folder; namespaces and mounts end with the last of them."""
    for process in _PROC.glob("[0-9]*"):
        try:
            inside = any(_is_ours(line) for line in (process / "mountinfo").read_text().splitlines())
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # it has ended meanwhile
        if inside and command:
            yield f"process {process.name} in a namespace of the cluster's engine: {command[:80]}"


def _mounts() -> Iterator[str]:
    for line in (_PROC / "self" / "mountinfo").read_text().splitlines():
        if _is_ours(line):
            yield f"mount of this machine: {line.split()[4]}"


def _control_groups() -> Iterator[str]:
    for folder in Path("/sys/fs/cgroup").glob(f"*/{CGROUP_PARENT}"):
        yield f"control group {folder}"


def _networks() -> Iterator[str]:
    for link in Path("/sys/class/net").iterdir():
        if link.name.startswith(_LINKS):
            yield f"network device {link.name}"
    for name in Path("/run/netns").glob("netns-*"):
        yield f"network namespace {name.name}"


def _is_ours(line: str) -> bool:
    # The fourth column is the mounted folder of the disk, not the mount point.
    return str(assets.cache_folder()) in line.split()[3]
