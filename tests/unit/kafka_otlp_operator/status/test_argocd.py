"""The health that Argo CD shows for a resource's status, by the shipped check, in Lua 5.1 as in Argo CD."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import lua51

from kafka_otlp_operator.errors import ApiError
from kafka_otlp_operator.resource.reading import read
from kafka_otlp_operator.status import conditions
from kafka_otlp_operator.status.conditions import Finding, Findings
from kafka_otlp_operator.status.events import PASSING
from tests.unit.kafka_otlp_operator.resources import raw

ROOT = Path(__file__).parents[4]
PATCH = yaml.safe_load((ROOT / "deploy" / "argocd-health.yaml").read_text())
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def health(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Argo CD's status and message."""
    runtime = lua51.LuaRuntime()
    (check,) = PATCH["data"].values()
    found = runtime.eval(f"function(obj) {check} end")(runtime.table_from(resource, recursive=True))
    return found["status"], found["message"]


def told(findings: Findings, spec: dict[str, Any] | None = None) -> dict[str, Any]:
    """A resource with the status that the operator writes for these findings."""
    resource = raw(spec, generation=3)
    return {**resource, "status": conditions.summarize(read(resource), {}, findings, NOW)}


def deployment(available: int) -> dict[str, Any]:
    """A Deployment of one pod; ``available`` is 1 or 0."""
    condition = {"type": "Available", "status": "True" if available else "False"}
    counts = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": available, "availableReplicas": available}
    return {
        "metadata": {"generation": 1},
        "spec": {"replicas": 1},
        "status": {"observedGeneration": 1, **counts, "conditions": [condition]},
    }


def pod(reason: str) -> dict[str, Any]:
    """A pod whose container waits for this reason."""
    container = {"name": "exporter", "image": "exporter:1", "state": {"waiting": {"reason": reason}}}
    return {"metadata": {"name": "edge-1"}, "spec": {}, "status": {"containerStatuses": [container]}}


STARTING, PULLING = pod("ContainerCreating"), pod("ErrImagePull")
INVALID = Finding("False", "InvalidKafkaConfig", "spec.acks: no.")
FORBIDDEN = Finding("False", "ApplyForbidden", "not allowed.")


@pytest.mark.parametrize(
    ("findings", "spec", "expected"),
    [
        (Findings(conditions.VALID, conditions.APPLIED, deployment(1)), {}, "Healthy"),
        (Findings(conditions.VALID, conditions.APPLIED, deployment(0)), {}, "Progressing"),
        (Findings(conditions.VALID, conditions.APPLIED, None), {}, "Progressing"),
        (Findings(conditions.VALID, conditions.APPLIED, deployment(0), pods=(STARTING,)), {}, "Progressing"),
        (Findings(conditions.VALID, conditions.APPLIED, deployment(0), pods=(PULLING,)), {}, "Degraded"),
        (Findings(INVALID, None, deployment(1)), {}, "Degraded"),
        (Findings(conditions.VALID, FORBIDDEN, None), {}, "Degraded"),
        (Findings(conditions.VALID, None, deployment(1)), {"paused": True}, "Suspended"),
    ],
)
def test_health(findings: Findings, spec: dict[str, Any], expected: str):
    """Argo CD shows the health that fits the status, with the status's own sentence."""
    resource = told(findings, spec)
    found, message = health(resource)
    assert found == expected
    assert message in {one["message"] for one in resource["status"]["conditions"]}


def test_an_earlier_version_is_not_taken_for_this_one():
    """A changed resource is progressing until the operator has reconciled it, and so is one without a status."""
    resource = told(Findings(conditions.VALID, conditions.APPLIED, deployment(1)))
    resource["metadata"]["generation"] = 4
    assert health(resource)[0] == "Progressing"
    assert health({"metadata": {"generation": 1}})[0] == "Progressing"


def test_it_knows_the_operators_own_words():
    """Reasons without a warning, and reasons that the operator tries again by itself, are not degraded."""
    (check,) = PATCH["data"].values()
    retried = {"NotChecked", ApiError.reason}
    assert set(re.findall(r"(\w+) = true", check)) == (PASSING - {"ScaledToZero"}) | retried


def test_it_is_for_this_kind():
    """The key has Argo CD's form: group and kind."""
    assert list(PATCH["data"]) == ["resource.customizations.health.kafka-otlp.dev_KafkaOtlpExporter"]
