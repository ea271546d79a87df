"""All lines, in the order of the checklist."""

from __future__ import annotations

from conformance import (
    lines_broken,
    lines_grpc,
    lines_grpc_answers,
    lines_http,
    lines_http_errors,
    lines_json,
    lines_kafka,
)
from conformance.table import LINES, Line

__all__ = ["ALL", "groups"]

# These imports have filled the table.
_MODULES = (lines_broken, lines_grpc, lines_grpc_answers, lines_http, lines_http_errors, lines_json, lines_kafka)


def _place(found: Line) -> tuple[str, int, int]:
    group, _, number = found.id.partition(".")
    return group[0], int(group[1:]), int(number)


ALL: tuple[Line, ...] = tuple(sorted(LINES, key=_place))


def groups(*identifiers: str) -> tuple[Line, ...]:
    """The lines whose group (G2) or id (G2.3) is among these; all of them when there are none."""
    return tuple(found for found in ALL if not identifiers or {found.id, found.group, found.group[0]} & {*identifiers})
