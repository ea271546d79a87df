"""Addresses to listen on, as the settings give them. Pure: nothing is resolved, bound or listened on here."""

from __future__ import annotations

from dataclasses import dataclass

from kafka_otlp_exporter.config.settings import ROWS, Settings


class CannotListen(OSError):
    """An address cannot be listened on; the message is a sentence that names the option, the address and the reason."""


@dataclass(frozen=True)
class Address:
    """Where a port is served: ``host`` is a name or an IP address without brackets, ``port`` 0 is any free port.

    ``flag`` is the option that gives the address, for messages.
    """

    flag: str
    host: str
    port: int

    def __str__(self) -> str:
        """``host:port`` as the option is written: an IPv6 address stands in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def cannot_listen(self, why: OSError | str) -> CannotListen:
        """The error to raise when the operating system refuses to listen here."""
        reason = why.strerror if isinstance(why, OSError) else why
        return CannotListen(f"{self.flag}: cannot listen on {self}: {reason}")


def address(settings: Settings, name: str) -> Address | None:
    """The address in the setting ``name``; None when the setting is empty, which switches the port off."""
    host, _, port = getattr(settings, name).rpartition(":")
    return Address(ROWS[name].flag, host.strip("[]"), int(port)) if port else None
