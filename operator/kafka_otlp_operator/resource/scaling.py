"""The fields of the custom resource that say how many pods there are, and how many may be missing. Pure.

``fields`` puts them into ``spec``; ``policies`` makes objects of them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from kafka_otlp_operator.resource.parts import INT_OR_STRING, Fields

_MOST_PODS = 1000

_COUNT_OR_SHARE: JsonDict = {
    INT_OR_STRING: True,
    "pattern": r"^(100|[0-9]{1,2})%$",
    "minimum": 0,
    "maximum": _MOST_PODS,
}
CountOrShare = (
    Annotated[int, Field(ge=0, le=_MOST_PODS)] | Annotated[str, Field(pattern=r"^(100|[0-9]{1,2})%$", max_length=4)]
)


class ScalingMode(StrEnum):
    """Who says how many pods there are."""

    FIXED = "Fixed"
    HPA = "HPA"
    EXTERNAL = "External"


class Scaling(Fields):
    """Who says how many pods there are, and within which limits."""

    mode: Annotated[
        ScalingMode,
        Field(
            description="Fixed: replicas says it; kubectl scale, or an autoscaler of your own, may set it on this "
            "resource. HPA: a HorizontalPodAutoscaler, which the operator makes, by the use of CPU. External: whoever "
            "scales the Deployment; the operator never touches the number again. With HPA and External the number "
            "stays as it is until somebody else changes it. Default: Fixed."
        ),
    ] = ScalingMode.FIXED
    min_replicas: Annotated[
        int | None,
        Field(ge=1, le=_MOST_PODS, description="With mode HPA: the smallest number of pods. Default: 1."),
    ] = None
    max_replicas: Annotated[
        int | None,
        Field(ge=1, le=_MOST_PODS, description="With mode HPA: the largest number of pods. Needed with HPA."),
    ] = None
    target_cpu: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            alias="targetCPUUtilizationPercentage",
            description="With mode HPA: the use of CPU that the number of pods is chosen for, in percent of "
            "resources.requests.cpu. Default: 80.",
        ),
    ] = None


class PodDisruptionBudget(Fields):
    """How many pods a drain of nodes may take at one time."""

    enabled: Annotated[
        bool, Field(description="Whether there is a PodDisruptionBudget. Default: true, where this object is there.")
    ] = True
    min_available: Annotated[
        CountOrShare | None,
        Field(
            description="Pods that must stay: a number, or a share such as 50%. Either this or maxUnavailable.",
            json_schema_extra=_COUNT_OR_SHARE,
        ),
    ] = None
    max_unavailable: Annotated[
        CountOrShare | None,
        Field(
            description="Pods that may be missing: a number, or a share such as 50%. Either this or minAvailable. "
            "Default: 1.",
            json_schema_extra=_COUNT_OR_SHARE,
        ),
    ] = None
