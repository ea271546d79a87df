"""Memory and CPUs from control groups, in trees like the kernel's."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from kafka_otlp_exporter.process import cgroup

MEBIBYTE = 1024 * 1024
UNLIMITED = str(2**63 - 4096)  # what version 1 says without a limit
V2 = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 {top} /sys/fs/cgroup/cpu,cpuacct rw shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {top} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
)


def tree(root: Path, mounts: str, groups: str, files: Mapping[str, str]) -> Path:
    """A root with ``proc`` and ``sys``; ``files`` are below /sys/fs/cgroup."""
    proc = {"proc/self/mountinfo": mounts, "proc/self/cgroup": groups}
    for name, text in (proc | {f"sys/fs/cgroup/{name}": text for name, text in files.items()}).items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return root


@pytest.fixture(autouse=True)
def _eight_cpus(monkeypatch: pytest.MonkeyPatch):
    """A machine of which this process may use eight CPUs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def memory(root: Path) -> int | None:
    """The memory limit in the tree."""
    return cgroup.limits(root).memory


def test_a_container_sees_its_own_limits_at_the_top_of_version_2(tmp_path: Path):
    """As in a pod: the cgroup namespace makes the own group the root."""
    files = {"memory.max": f"{256 * MEBIBYTE}\n", "cpu.max": "150000 100000\n"}
    found = cgroup.limits(tree(tmp_path, V2, "0::/\n", files))
    assert (found.memory, found.cpus) == (256 * MEBIBYTE, 2)


def test_the_tightest_of_the_chain_counts(tmp_path: Path):
    """A group may have a higher limit than its parent; the lower one counts."""
    files = {
        "a.slice/memory.max": f"{100 * MEBIBYTE}\n",
        "a.slice/b.service/memory.max": f"{200 * MEBIBYTE}\n",
        "a.slice/b.service/cpu.max": "max 100000\n",
        "a.slice/cpu.max": "300000 100000\n",
        "other/memory.max": "1\n",
    }
    found = cgroup.limits(tree(tmp_path, V2, "0::/a.slice/b.service\n", files))
    assert (found.memory, found.cpus) == (100 * MEBIBYTE, 3)


@pytest.mark.parametrize("top", ["/", "/kubepods/pod1"])
def test_version_1_has_a_hierarchy_for_each_controller(tmp_path: Path, top: str):
    """The whole hierarchy is mounted, or only the container's own group, under the host's path."""
    inside = "kubepods/pod1/" if top == "/" else ""
    files = {
        f"memory/{inside}memory.limit_in_bytes": f"{64 * MEBIBYTE}\n",
        f"cpu,cpuacct/{inside}cpu.cfs_quota_us": "50000\n",
        f"cpu,cpuacct/{inside}cpu.cfs_period_us": "100000\n",
    }
    groups = "4:memory:/kubepods/pod1\n2:cpu,cpuacct:/kubepods/pod1\n1:name=systemd:/\n0::/elsewhere\n"
    found = cgroup.limits(tree(tmp_path, V1.format(top=top), groups, files))
    assert (found.memory, found.cpus) == (64 * MEBIBYTE, 1)


def test_a_group_that_is_not_below_the_mount_is_the_mounts_own(tmp_path: Path):
    """A container without a cgroup namespace sees such a path when another part is mounted."""
    files = {"memory/memory.limit_in_bytes": f"{64 * MEBIBYTE}\n"}
    assert memory(tree(tmp_path, V1.format(top="/docker/1"), "4:memory:/docker/1/../2\n", files)) == 64 * MEBIBYTE


@pytest.mark.parametrize("text", ["max\n", "", "-1\n", "rubbish\n", f"{UNLIMITED}\n"])
def test_no_limit_is_none(tmp_path: Path, text: str):
    """In each notation."""
    files = {"memory.max": text, "cpu.max": text, "memory/memory.limit_in_bytes": text}
    mounts = V2 + V1.format(top="/")
    found = cgroup.limits(tree(tmp_path, mounts, "4:memory:/\n0::/\n", files))
    assert (found.memory, found.cpus) == (None, 8)


def test_no_quota_in_version_1_is_minus_one(tmp_path: Path):
    """Then every CPU that the process may run on counts."""
    files = {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}
    assert cgroup.limits(tree(tmp_path, V1.format(top="/"), "2:cpu,cpuacct:/\n", files)).cpus == 8


def test_a_quota_beyond_the_cpus_gives_no_more(tmp_path: Path):
    """A process cannot run on CPUs that it does not have."""
    assert cgroup.limits(tree(tmp_path, V2, "0::/\n", {"cpu.max": "6400000 100000"})).cpus == 8


def test_without_control_groups_there_is_the_machine(tmp_path: Path):
    """No file at all, as on other systems."""
    found = cgroup.limits(tmp_path)
    assert (found.memory, found.cpus) == (None, 8)
    assert found.machine > MEBIBYTE


def test_this_machine_can_be_asked():
    """Its limit counts."""
    found = cgroup.limits()
    assert found.cpus >= 1
    assert found.memory is None or 0 <= found.memory < found.machine
