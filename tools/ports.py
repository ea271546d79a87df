"""Ports for servers of the demo and of the tests: a free one, and whether the right process listens on it."""

from __future__ import annotations

import random
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

_LISTEN = "0A"  # TCP_LISTEN in linux/tcp_states.h


class PortTaken(Exception):
    """Another process listens where a server was started; the message is a sentence that names it."""


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens. Raises OSError when a thousand attempts find none.

    The port is below the kernel's range for outgoing connections. In that range, an outgoing connection could take the
    port while a killed server is away, and a client that keeps connecting to it would in the end connect to itself.
    """
    for _ in range(1000):
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            # Servers bind with SO_REUSEADDR, too: connections of another server may still be in TIME_WAIT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port between 20000 and 32000 on 127.0.0.1")


def listens(pid: int, port: int, host: str = "127.0.0.1") -> bool:
    """Whether a process listens on a port of an IPv4 address. False while nobody does.

    Raises PortTaken when only other processes do: whoever connects would talk to one of them. A connection alone cannot
    tell. The answer comes from /proc (proc_pid_net(5)), so it needs Linux.
    """
    found = set(_listening(pid, port, host))
    if not found:
        return False
    if found & _sockets(Path(f"/proc/{pid}")):
        return True
    raise PortTaken(f"port {port} of {host} belongs to {_owner(found)}, not to process {pid}: end that process first.")


def _listening(pid: int, port: int, host: str) -> Iterator[str]:
    """The inodes of the sockets that listen there, as process ``pid`` sees the network."""
    wanted = {f"{address}:{port:04X}" for address in _as_the_kernel_writes(host)}
    for name in ("tcp", "tcp6"):
        for line in _text(Path(f"/proc/{pid}/net/{name}")).splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTEN and local in wanted:
                yield inode


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""  # the process has ended


def _as_the_kernel_writes(host: str) -> Iterator[str]:
    """The address, also mapped to IPv6, and both wildcards."""
    for address in (host, "0.0.0.0"):
        yield _words(socket.inet_aton(address))
    for address in (f"::ffff:{host}", "::"):
        yield _words(socket.inet_pton(socket.AF_INET6, address))


def _words(packed: bytes) -> str:
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(packed) // 4}I", packed))


def _sockets(process: Path) -> set[str]:
    """The inodes of a process's sockets; none when it has ended or belongs to another user."""
    try:
        links = list((process / "fd").iterdir())
    except OSError:
        return set()
    named = (_target(link).partition(":") for link in links)
    return {inode.strip("[]") for kind, _, inode in named if kind == "socket"}


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""  # the process has closed this file since; its other files still count


def _owner(inodes: set[str]) -> str:
    for process in Path("/proc").glob("[0-9]*"):
        if inodes & _sockets(process):
            command = " ".join(_text(process / "cmdline").replace("\0", " ").split())
            return f"process {process.name} ({command[:80]})"
    return "another process"
