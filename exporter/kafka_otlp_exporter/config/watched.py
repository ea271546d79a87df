"""A value that is read from files, and read again when the files have changed.

Pure itself: its owner brings the functions that read, and decides when to look.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Watched(Generic[Value]):
    """The ``value`` that was read last without an error; ``name`` is for logs and metrics."""

    def __init__(self, name: str, read: Callable[[], Value], fingerprint: Callable[[], bytes]) -> None:
        """Read the value for the first time. Raises what ``read`` raises.

        ``fingerprint`` returns bytes that differ when the files do. It is called before ``read``, so that a change in
        between is found by the next look.
        """
        self.name = name
        self._read = read
        self._fingerprint = fingerprint
        self._seen = self._digest()
        self.value = read()

    def look(self) -> bool:
        """Whether there is a new value. Raises what ``read`` raises, once for each change; the old value then stays."""
        found = self._digest()
        if found == self._seen:
            return False
        self._seen = found
        self.value = self._read()
        return True

    def _digest(self) -> bytes:
        return hashlib.sha256(self._fingerprint()).digest()
