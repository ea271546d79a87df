"""Podman in a Debian system and in namespaces of its own: the machine keeps its network, its mounts and its processes.

The engine is one process. Killing it ends every container, mount and network in it, because the kernel ends a process
namespace with its first process. Only control groups remain, and ``down`` removes them. An engine either lasts and has
its own network, or it runs a single command on the machine's network.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.beds.process import dying_with_parent, wait_until
from tools.cluster import assets, debian
from tools.cluster.making import CannotBuild

_START_SECONDS = 20
_CGROUP_SECONDS = 5
_CGROUPS = Path("/sys/fs/cgroup")
CGROUP_PARENT = "libpod_parent"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"

# Arguments: the system's folder, the folder of the containers, the folders that are visible inside at the same path,
# a "--", and the command to become.
_ENTER = r"""
set -eu
root=$1 containers=$2
shift 2
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
for folder in dev/shm run tmp; do mount -t tmpfs tmpfs "$root/$folder"; done
mkdir -p "$root/lib/modules" "$root/var/lib/containers"
while [ "$1" != -- ]; do
  mkdir -p "$root$1"
  mount --bind "$1" "$root$1"
  shift
done
shift
mount --bind "$containers" "$root/var/lib/containers"
for file in etc/hosts etc/resolv.conf; do
  touch "$root/$file"
  mount --bind "/$file" "$root/$file"
done
cd "$root"
mkdir run/before
pivot_root . run/before
exec chroot . /bin/sh -euc 'umount -l /run/before; exec "$@"' sh "$@"
"""
# The kernel limits ICMP answers to one a second. Without this, a client that connects before kube-proxy has set up its
# rules would wait for half a minute instead of being refused at once.
_FIRST = "ip link set lo up; echo 0 >/proc/sys/net/ipv4/icmp_ratelimit; touch /run/engine-ready; exec catatonit -P"

_CONTAINERS_CONF = """\
[containers]
pids_limit = 0
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
network_config_dir = "/var/lib/containers/networks"
"""


@dataclass(frozen=True)
class Engine:
    """An engine with its containers and images in ``folder``, whether it runs or not."""

    folder: Path

    def up(self, *, lasting: bool) -> None:
        """Start the engine, unless it runs. Without ``lasting`` it ends with this process. Raises CannotBuild."""
        if self._pid() is not None:
            return
        self._remove_cgroups()
        prefix = [] if lasting else dying_with_parent()
        log = self.folder / "engine.log"
        unshared = ["unshare", "--net", *_entering(self.folder / "containers", ["/bin/sh", "-euc", _FIRST])]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*prefix, *unshared], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
        self._record.write_text(json.dumps({"pid": process.pid, "started": _start_time(process.pid)}))

        def ready() -> bool:
            if process.poll() is not None:
                raise CannotBuild(f"the container engine ended at once: {log.read_text().strip()}")
            first = _first_process(process.pid)
            return first is not None and Path("/proc", str(first), "root", "run", "engine-ready").exists()

        wait_until(ready, _START_SECONDS, lambda: f"the container engine did not start: {log.read_text().strip()}")

    @property
    def running(self) -> bool:
        """Whether the engine runs."""
        return self._pid() is not None

    def inside(self) -> tuple[str, ...]:
        """The words before a command that must run inside the engine, where podman is on PATH."""
        return ("nsenter", f"--target={self._first()}", "--net", "--mount", "--pid", "--root", "--wdns=/", "--")

    def beside(self) -> tuple[str, ...]:
        """The words before a command that needs the engine's network and this machine's files."""
        return ("nsenter", f"--target={self._first()}", "--net", "--")

    def down(self) -> None:
        """Kill the engine with everything in it, and remove what it leaves behind."""
        self.kill()
        self._record.unlink(missing_ok=True)
        self._remove_cgroups()

    def kill(self) -> None:
        """End the engine as a crash would, without cleaning up."""
        if (pid := self._pid()) is not None:
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not _alive(pid), 30, lambda: f"the container engine {pid} does not end")

    @property
    def _record(self) -> Path:
        return self.folder / "engine.json"

    def _first(self) -> int:
        pid = self._pid()
        first = None if pid is None else _first_process(pid)
        if first is None:
            raise CannotBuild("the cluster's container engine does not run; run: make cluster")
        return first

    def _pid(self) -> int | None:
        try:
            record = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return None
        pid: int = record["pid"]
        # Another process may have this process id by now.
        return pid if _alive(pid) and _start_time(pid) == record["started"] else None

    def _remove_cgroups(self) -> None:
        """Remove the empty control groups of killed containers; nobody else removes them."""
        try:
            containers = json.loads((self.folder / "containers/storage/overlay-containers/containers.json").read_text())
        except (OSError, ValueError):
            containers = []
        names = ["conmon"]
        names += [f"{kind}-{container['id']}" for kind in ("libpod", "libpod-conmon") for container in containers]
        for hierarchy in (_CGROUPS, *_CGROUPS.glob("*/")):
            for name in names:
                _remove_tree(hierarchy / CGROUP_PARENT / name)
            with contextlib.suppress(OSError):  # it is not there, or another engine's containers are in it
                (hierarchy / CGROUP_PARENT).rmdir()


def _remove_tree(tree: Path) -> None:
    deadline = time.monotonic() + _CGROUP_SECONDS
    for folder, _, _ in os.walk(tree, topdown=False):
        while True:
            try:
                Path(folder).rmdir()
            except OSError:  # the kernel is still ending its processes
                if time.monotonic() > deadline:
                    return
                time.sleep(0.05)
            else:
                break


def one_command(containers: Path, visible: Sequence[Path], command: Sequence[str]) -> list[str]:
    """The command line that runs a command in a new engine on the machine's network; it ends with its caller.

    ``containers`` holds what the engine keeps, ``visible`` are folders that the command sees.
    """
    return [*dying_with_parent(), "unshare", *_entering(containers, command, visible)]


def _entering(containers: Path, command: Sequence[str], visible: Sequence[Path] = ()) -> list[str]:
    root = debian.system("engine", debian.ENGINE)
    (root / "etc/containers/containers.conf").write_text(_CONTAINERS_CONF)
    containers.mkdir(parents=True, exist_ok=True)
    folders = [str(folder) for folder in (assets.cache_folder(), *visible)]
    flags = ["--mount", "--pid", "--fork", "--kill-child"]
    return [*flags, "sh", "-c", _ENTER, "sh", str(root), str(containers), *folders, "--", *command]


def _first_process(pid: int) -> int | None:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    return int(children[0]) if children else None


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _start_time(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def missing() -> str | None:
    """Why this machine cannot start an engine, and what to do; None when it can."""
    absent = [name for name in ("unshare", "nsenter", "mount", "pivot_root") if shutil.which(name) is None]
    if absent:
        return f"there is no {absent[0]} on PATH; install util-linux, or start a Docker daemon"
    return debian.missing()
