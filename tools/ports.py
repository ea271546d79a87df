"""Ports for servers of the demo and of the tests."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """A port of 127.0.0.1 on which nothing listens. Raises OSError when there seems to be none.

    From below the kernel's range for outgoing connections: one of those could take the port while a killed server is
    away, and a client that keeps connecting to a port of that range will in the end be connected to itself.
    """
    for _ in range(1000):
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            # As servers bind, past connections of another server that linger in TIME_WAIT.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port between 20000 and 32000 on 127.0.0.1")
