"""What a check leaves of an Export request: bad items are left out, and strings that can be repaired are repaired. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Checked:
    """An Export request in protobuf that every consumer can read.

    ``payload`` is the request byte for byte, unless an item was left out or a string was repaired. ``items`` is the number of
    items in it, ``rejected`` the number of items that were left out; ``flaw`` is a sentence about the first of those: where it
    is and what is wrong. ``repaired`` is the number of strings that were no UTF-8, and ``repaired_at`` names the first one's
    field and service. The items sent are always ``items`` plus ``rejected``; of metrics, ``items`` counts metrics and ``rejected``
    data points.
    """

    payload: bytes
    items: int
    rejected: int = 0
    flaw: str = ""
    repaired: int = 0
    repaired_at: str = ""
