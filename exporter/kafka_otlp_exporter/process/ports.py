"""A port that only the processes of one exporter share.

The kernel lets several sockets with SO_REUSEPORT listen on one port, and spreads connections over them. It only demands
that one user owns them all. Without a holder, a second exporter could listen there too and silently get a part of the
connections.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import replace

from kafka_otlp_exporter.config.address import Address

_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104  # the default of OTLP


class Held:
    """A port that is bound, without listening, until ``release``. The port in ``address`` is never 0."""

    def __init__(self, address: Address) -> None:
        """Bind ``address``. Raises CannotListen when it is in use, or when this machine has no such address."""
        self.address = address
        self._holders: list[socket.socket] = []
        try:
            self._bind_all()
        except OSError as error:
            self.release()
            raise address.cannot_listen(error) from error

    def _bind_all(self) -> None:
        failure: OSError | None = None
        for family, host in _hosts(self.address):
            try:
                holder = _hold(family, host, self.address.port)
            except OSError as error:
                failure = failure or error
                continue
            self._holders.append(holder)
            self.address = replace(self.address, port=holder.getsockname()[1])
        # A name may have addresses that this machine does not have; an address that is in use is a mistake.
        if failure is not None and (not self._holders or failure.errno == errno.EADDRINUSE):
            raise failure

    def release(self) -> None:
        """Make the port free again."""
        for holder in self._holders:
            holder.close()
        self._holders.clear()


def _hosts(address: Address) -> Sequence[tuple[socket.AddressFamily, str]]:
    if address.host in _WILDCARDS:
        # gRPC treats both wildcards as both families, on one socket, where the machine has IPv6.
        return [(socket.AF_INET6, "::") if socket.has_dualstack_ipv6() else (socket.AF_INET, "0.0.0.0")]  # noqa: S104
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, str(resolved[0])) for family, _, _, _, resolved in found))


def _hold(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    """A bound socket; beside it only sockets with SO_REUSEPORT can be bound.

    First a probe without SO_REUSEPORT listens for a moment, which fails when any other process listens there. The holder
    is bound before the probe closes, so no other exporter can come in between; a connection that arrives at the probe is
    reset. Then the holder's SO_REUSEADDR is cleared: with it, a socket that is bound and does not listen would keep
    nobody out.
    """
    with _bound(family, host, port, reuse_port=False) as probe:
        probe.listen()
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder = _bound(family, host, probe.getsockname()[1], reuse_port=True)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return holder


def _bound(family: socket.AddressFamily, host: str, port: int, *, reuse_port: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of an exporter that has just ended stay in TIME_WAIT for a minute.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family is socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
