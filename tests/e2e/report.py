"""What a person would look up when a test in a cluster has failed. Called by this folder's ``conftest``."""

from __future__ import annotations

from collections.abc import Sequence

from tests.beds.kubernetes import KubectlError
from tests.e2e.kubectl import RESOURCE, kubectl

_LINES = "--tail=60"
_COLUMNS = "TIME:.lastTimestamp,OBJECT:.involvedObject.name,REASON:.reason,MESSAGE:.message"


def sections(namespace: str) -> Sequence[tuple[str, str]]:
    """Title and text of each thing to look at, for a test that worked in ``namespace``."""
    inside = (f"--namespace={namespace}",)
    operator = ("--namespace=kafka-otlp", "logs", "--prefix", "--selector=app.kubernetes.io/name=kafka-otlp-operator")
    exporters = ("logs", "--selector=app.kubernetes.io/name=kafka-otlp-exporter", "--prefix", _LINES)
    looked_up = {
        "events": (*inside, "get", "events", "--sort-by=.lastTimestamp", f"--output=custom-columns={_COLUMNS}"),
        "resources": (
            *inside,
            "get",
            RESOURCE,
            "--output=jsonpath={range .items[*]}{.metadata.name}{': '}{.status}{'\\n'}{end}",
        ),
        "objects": (*inside, "get", "deployments,replicasets,pods,services,serviceaccounts", "--output=wide"),
        "exporter logs": (*inside, *exporters),
        "exporter logs before a restart": (*inside, *exporters, "--previous"),
        "operator log": (*operator, _LINES),
        "operator log before a restart": (*operator, _LINES, "--previous"),
        "Kafka log": ("--namespace=kafka", "logs", "kafka-0", "--tail=20"),
    }
    return [(f"{title} ({namespace})", text) for title, command in looked_up.items() if (text := _shown(command))]


def _shown(command: Sequence[str]) -> str:
    try:
        return kubectl(*command, seconds=20).strip()
    except KubectlError as error:
        # Most containers have no earlier life.
        return "" if "--previous" in command else f"kubectl {' '.join(command)}: {error}"
    except Exception as error:
        return f"kubectl {' '.join(command)}: {error!r}"
