"""The keyed digest of Secrets in the pod template, whose change restarts the pods. Pure.

It serves ``credentialReload: Restart``. With a bare digest, a reader of pods could guess the password and compare. This
digest needs the operator's key as well, and differs between resources with equal Secrets.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

# The length of the digest: https://www.rfc-editor.org/rfc/rfc2104#section-3
KEY_BYTES = 32


class Source(NamedTuple):
    """One key of an object in the resource's own namespace; ``kind`` is Secret or ConfigMap."""

    kind: str
    name: str
    key: str


def digest(secret: bytes, namespace: str, name: str, values: Mapping[Source, bytes | None]) -> str:
    """HMAC-SHA256 of all values, in hexadecimal.

    ``secret`` is the operator's key, ``namespace`` and ``name`` are those of the resource, and a missing value is None.
    Each part carries its length, so that two different sets of values never become the same text.
    """
    parts: list[bytes | None] = [namespace.encode(), name.encode()]
    for source in sorted(values):
        parts += [*(text.encode() for text in source), values[source]]
    text = b"".join(b"\0" if part is None else b"\1" + len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(secret, text, hashlib.sha256).hexdigest()
