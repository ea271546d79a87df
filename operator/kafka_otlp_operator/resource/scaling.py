"""The fields of the custom resource about the number of pods: how many there are, and how many may be missing. Pure."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field
from pydantic.config import JsonDict

from kafka_otlp_operator.resource.parts import INT_OR_STRING, SpecObject

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
    """What sets the number of pods."""

    FIXED = "Fixed"
    HPA = "HPA"
    EXTERNAL = "External"


class Scaling(SpecObject):
    """What sets the number of pods, and its limits."""

    mode: Annotated[
        ScalingMode,
        Field(
            description="Fixed: replicas sets the number; kubectl scale, or an autoscaler of your own, may change replicas. "
            "HPA: the operator makes a HorizontalPodAutoscaler, which sets the number by the use of CPU. External: you, or a "
            "tool of yours, scale the Deployment, and the operator never changes the number. On a change to HPA or External "
            "the number stays as it is until somebody else changes it. Default: Fixed."
        ),
    ] = ScalingMode.FIXED
    min_replicas: Annotated[
        int | None,
        Field(ge=1, le=_MOST_PODS, description="With mode HPA: the smallest number of pods. Default: 1."),
    ] = None
    max_replicas: Annotated[
        int | None,
        Field(ge=1, le=_MOST_PODS, description="With mode HPA: the largest number of pods. Mode HPA needs it."),
    ] = None
    target_cpu: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            alias="targetCPUUtilizationPercentage",
            description="With mode HPA: the average use of CPU to scale for, in percent of resources.requests.cpu. "
            "Default: 80.",
        ),
    ] = None


class PodDisruptionBudget(SpecObject):
    """How many pods a drain of nodes may evict at one time."""

    enabled: Annotated[
        bool,
        Field(
            description="Whether the operator makes a PodDisruptionBudget. Default: true, when podDisruptionBudget is set."
        ),
    ] = True
    min_available: Annotated[
        CountOrShare | None,
        Field(
            description="Pods that must stay available: a number, or a share such as 50%. Set either this or "
            "maxUnavailable.",
            json_schema_extra=_COUNT_OR_SHARE,
        ),
    ] = None
    max_unavailable: Annotated[
        CountOrShare | None,
        Field(
            description="Pods that may be missing: a number, or a share such as 50%. Set either this or minAvailable. "
            "Default: 1.",
            json_schema_extra=_COUNT_OR_SHARE,
        ),
    ] = None
