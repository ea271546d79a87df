"""A network and a mount namespace for a test: there any port is free, and its hosts file names any host.

A command line with fixed hosts and ports can run there unchanged. The namespaces end with the last process in them.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from tests.beds.process import BedError, dying_with_parent

_HOSTS = Path("/etc/hosts")
# Mounts the first argument over the hosts file, then becomes the rest.
_MOUNT = f'mount --bind "$1" {_HOSTS} && shift && exec "$@"'


@cache
def missing_for_namespaces() -> str | None:
    """Why this machine cannot make namespaces, and what to do; None when it can."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return "only Linux has them, through unshare (util-linux)"
    probe = subprocess.run([*_entered(_HOSTS), "true"], capture_output=True, text=True, check=False)
    if probe.returncode:
        return (
            f"this user may not make them ({probe.stderr.strip()}); run as root, or allow unprivileged user namespaces"
        )
    return None


def run(command: Sequence[str], hosts: Mapping[str, str], folder: Path, seconds: float) -> str:
    """Run a command with its own network and its own /etc/hosts, and return its stdout. Raises BedError when it fails.

    ``hosts`` is name to address; it is the whole hosts file.
    """
    file = folder / "hosts"
    file.write_text("".join(f"{address} {name}\n" for name, address in hosts.items()))
    answer = subprocess.run(
        [*dying_with_parent(), *_entered(file), *dying_with_parent(), *command],
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    if answer.returncode:
        raise BedError(f"{' '.join(command)} ended with code {answer.returncode}:\n{answer.stdout}{answer.stderr}")
    return answer.stdout


def raise_loopback() -> None:
    """Switch on the loopback device of this process's network namespace; in a new namespace it is off."""
    request = struct.pack("16sH14x", b"lo", 0)
    read_flags, write_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        flags = struct.unpack("16sH14x", fcntl.ioctl(device, read_flags, request))[1]
        fcntl.ioctl(device, write_flags, struct.pack("16sH14x", b"lo", flags | up))


def _entered(hosts: Path) -> list[str]:
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return ["unshare", *as_user, "--net", "--mount", "sh", "-c", _MOUNT, "sh", str(hosts)]
