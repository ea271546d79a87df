"""Kubernetes quantities (``256Mi``, ``1e9``) to whole numbers. Pure.

The notation: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/. The Kubernetes client has
a function for it, ``kubernetes.utils.quantity.parse_quantity``. That one has no bound: it takes ``1e900000``, and making
a whole number of it blocks the process for a minute. It also takes ``1K``, ``inf`` and ``1_000``, which the API server
refuses.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

# Kubernetes' own notation, but of bounded length: computing 1e900000 would block the process for a minute.
PATTERN = r"^(\+|-)?(([0-9]{1,20}(\.[0-9]{0,20})?)|(\.[0-9]{1,20}))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]{1,2}))?$"

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_LONGEST_SHOWN = 40


def whole(text: str | int) -> int:
    """The value of a quantity, rounded down to a whole number. Raises ValueError for what is not a quantity."""
    return int(_exact(text))


def rounded_up(text: str | int) -> int:
    """The value rounded up to a whole number: half a CPU is one. Raises ValueError for what is not a quantity."""
    return math.ceil(_exact(text))


def _exact(text: str | int) -> Decimal:
    shown = str(text)[:_LONGEST_SHOWN]
    found = re.fullmatch(PATTERN, str(text))
    if not found:
        raise ValueError(f"{shown!r} is not a quantity; write it like 256Mi")
    number, suffix = Decimal((found[1] or "") + found[2]), found[6] or ""
    try:
        if suffix in _BINARY:
            return number * Decimal(1 << _BINARY[suffix])
        return number.scaleb(_DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:]))
    except ArithmeticError:
        raise ValueError(f"{shown!r} is a quantity that no machine has; write it like 256Mi") from None
