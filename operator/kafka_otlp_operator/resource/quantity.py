"""Kubernetes quantities (``256Mi``, ``1e9``) to whole numbers. Called by ``manifests`` and ``spec``. Pure.

The notation: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

# Kubernetes' own notation, but of bounded length: 1e900000 would be computed for a minute, with the process frozen.
PATTERN = r"^(\+|-)?(([0-9]{1,20}(\.[0-9]{0,20})?)|(\.[0-9]{1,20}))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]{1,2}))?$"

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_LONGEST_SHOWN = 40


def whole(text: str | int) -> int:
    """The number that a quantity stands for, cut to a whole one. Raises ValueError when it is none."""
    return int(_exact(text))


def rounded_up(text: str | int) -> int:
    """The next whole number that is not less: half a CPU is one. Raises ValueError when it is no quantity."""
    return math.ceil(_exact(text))


def _exact(text: str | int) -> Decimal:
    shown = str(text)[:_LONGEST_SHOWN]
    found = re.fullmatch(PATTERN, str(text))
    if not found:
        raise ValueError(f"{shown!r} is no quantity; write it like 256Mi")
    number, suffix = Decimal((found[1] or "") + found[2]), found[6] or ""
    try:
        if suffix in _BINARY:
            return number * Decimal(1 << _BINARY[suffix])
        return number.scaleb(_DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:]))
    except ArithmeticError:
        raise ValueError(f"{shown!r} is a quantity that no machine has; write it like 256Mi") from None
