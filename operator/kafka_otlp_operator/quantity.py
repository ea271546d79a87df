"""Kubernetes quantities (``256Mi``, ``1e9``) to whole numbers. Called by ``manifests``. Pure.

The notation: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from decimal import Decimal

PATTERN = r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?[0-9]+))?$"

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}


def whole(text: str | int) -> int:
    """The number that a quantity stands for, cut to a whole one. Raises ValueError when it is none."""
    found = re.fullmatch(r"([+-]?[0-9.]+)([KMGTPE]i|[eE][+-]?[0-9]+|[numkMGTPE]?)", str(text))
    if not found or not re.fullmatch(PATTERN, str(text)):
        raise ValueError(f"{str(text)!r} is no quantity; write it like 256Mi")
    number, suffix = Decimal(found[1]), found[2]
    if suffix in _BINARY:
        return int(number * 2 ** _BINARY[suffix])
    if suffix in _DECIMAL:
        return int(number.scaleb(_DECIMAL[suffix]))
    return int(number.scaleb(int(suffix[1:])))
