"""A stored resource as one of two values: ``read`` returns a Resource, or an Unreadable with the reason. Pure.

Nothing outside of this room asks the stored mapping for its spec again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import ValidationError

from kafka_otlp_operator.errors import SpecInvalid
from kafka_otlp_operator.resource.fields import Workload
from kafka_otlp_operator.resource.metadata import Metadata, metadata
from kafka_otlp_operator.resource.spec import Resource, parse


@dataclass(frozen=True)
class Unreadable(Metadata):
    """A stored resource whose spec is invalid. ``invalid`` is what ``parse`` raised.

    ``workload`` holds each field of spec that is valid by itself, and the default of every other field. It serves the
    status alone: no object is made from it.
    """

    invalid: SpecInvalid
    workload: Workload


Reading = Resource | Unreadable


def read(stored: Mapping[str, Any], allowed_properties: Collection[str] = ()) -> Reading:
    """Read a resource as the API server returns it.

    ``allowed_properties`` are the librdkafka properties that ``customConfig`` may set beyond those of ``permitted``.
    """
    try:
        return parse(stored, allowed_properties)
    except SpecInvalid as invalid:
        spec = stored.get("spec")
        workload = _legible(spec if isinstance(spec, Mapping) else {})
        return Unreadable(**asdict(metadata(stored["metadata"])), invalid=invalid, workload=workload)


def _legible(spec: Mapping[str, Any]) -> Workload:
    legible = {field: value for field, value in spec.items() if _is_legible(field, value)}
    return Workload.model_validate_json(json.dumps(legible))


def _is_legible(field: str, value: Any) -> bool:
    try:
        Workload.model_validate_json(json.dumps({field: value}))
    except ValidationError:
        return False
    return True
