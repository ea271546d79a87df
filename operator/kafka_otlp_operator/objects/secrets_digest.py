"""What of Secrets is put into the pod template where their change is to restart the pods: a keyed digest. Pure.

Called by ``reconcile`` for resources with ``credentialReload: Restart``. A bare digest of a password could be guessed by
whoever may read pods; this one needs the operator's key as well, and is another one for every resource.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple

# As long as the digest: https://www.rfc-editor.org/rfc/rfc2104#section-3
KEY_BYTES = 32


class Source(NamedTuple):
    """One key of a Secret or a ConfigMap, ``kind``, in the resource's own namespace."""

    kind: str
    name: str
    key: str


def digest(secret: bytes, namespace: str, name: str, values: Mapping[Source, bytes | None]) -> str:
    """HMAC-SHA256 of all values, under the operator's ``secret``, in hexadecimal; None is a value that is not there.

    Every part is told apart by its length, so that no two sets of values are the same text.
    """
    parts: list[bytes | None] = [namespace.encode(), name.encode()]
    for source in sorted(values):
        parts += [*(text.encode() for text in source), values[source]]
    text = b"".join(b"\0" if part is None else b"\1" + len(part).to_bytes(8, "big") + part for part in parts)
    return hmac.new(secret, text, hashlib.sha256).hexdigest()
