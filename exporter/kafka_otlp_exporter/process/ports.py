"""A port that several processes of one exporter share, and nobody else. Called by ``supervisor``.

The kernel lets sockets with SO_REUSEPORT listen on one port, and spreads connections over them. It asks no more than
that they belong to one user, so a second exporter would take a part of the connections in silence.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence

_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104  # the default of OTLP

Address = tuple[socket.AddressFamily, tuple[str, int]]


class Held:
    """A port that is bound for as long as this lives, without listening; ``endpoint`` is host:port, and never port 0."""

    def __init__(self, endpoint: str) -> None:
        """Bind ``endpoint``. Raises OSError when something else is bound there, or it is no address of this machine."""
        host, _, port = endpoint.rpartition(":")
        number = int(port)
        self._holders: list[socket.socket] = []
        failure: OSError | None = None
        for family, address in _addresses(host.strip("[]"), number):
            try:
                holder = _hold(family, (address[0], number))
            except OSError as error:
                failure = failure or error
                continue
            self._holders.append(holder)
            number = holder.getsockname()[1]
        if failure is not None and (not self._holders or _is_taken(failure)):
            self.release()
            raise failure
        self.endpoint = f"{host}:{number}"
        self.port = number

    def release(self) -> None:
        """Let go of the port."""
        for holder in self._holders:
            holder.close()
        self._holders.clear()


def _addresses(host: str, port: int) -> Sequence[Address]:
    if host in _WILDCARDS:
        # As gRPC does: each wildcard is both families, on one socket, where the machine has both.
        families = [socket.AF_INET6] if socket.has_dualstack_ipv6() else [socket.AF_INET]
        return [(family, ("::" if family is socket.AF_INET6 else "0.0.0.0", port)) for family in families]  # noqa: S104
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, (str(address[0]), port)) for family, _, _, _, address in found))


def _hold(family: socket.AddressFamily, address: tuple[str, int]) -> socket.socket:
    """A socket that only sockets with SO_REUSEPORT can be bound beside.

    First one without it listens for a moment, which fails where anybody else listens. The holder is bound before that one
    goes, and its SO_REUSEADDR is taken back, with which a bound socket that does not listen would keep nobody out. So
    there is no moment in which another exporter could come between; a connection of that moment is reset.
    """
    with _bound(family, address, reuse_port=False) as probe:
        probe.listen()
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        holder = _bound(family, (address[0], probe.getsockname()[1]), reuse_port=True)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return holder


def _bound(family: socket.AddressFamily, address: tuple[str, int], *, reuse_port: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of an exporter that has just ended linger for a minute.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family is socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address[0] != "::")
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _is_taken(failure: OSError) -> bool:
    # Of a name's several addresses one may not be this machine's; one that is taken is a mistake.
    return failure.errno == errno.EADDRINUSE
