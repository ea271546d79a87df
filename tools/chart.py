"""The values of the Helm chart, as one table: schema, ``values.yaml`` and the chart's README come from it.

Values that are settings of the operator have their bounds and their descriptions from the operator.
"""

from __future__ import annotations

import json
import subprocess
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import yaml
from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.alias_generators import to_camel

from kafka_otlp_operator import names
from kafka_otlp_operator.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
CHART = ROOT / "charts" / names.OPERATOR
NAMESPACE = "kafka-otlp"

_LINE = 120
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names
_Namespaces = Annotated[
    list[Annotated[str, Field(pattern="^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]],
    Field(json_schema_extra={"uniqueItems": True}),
]
_Port = Annotated[int, Field(ge=1, le=65_535)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class _Image(_Part):
    repository: str = Field(min_length=1, description="Registry and name.")
    tag: str = Field("", description="Empty: the version of the chart.")
    digest: str = Field("", pattern="^(sha256:[0-9a-f]{64})?$", description="Overrides the tag.")


class _PulledImage(_Image):
    pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field("IfNotPresent", description="When a node pulls it.")


class _Definition(_Part):
    enabled: bool = Field(
        default=True, description="Install and upgrade the definition of KafkaOtlpExporter with the release."
    )
    keep: bool = Field(
        default=True,
        description="Keep it, and every resource with it, when the release is uninstalled or no longer contains it.",
    )


class _Namespace(_Part):
    create: bool = Field(
        default=False,
        description="Create the release's namespace, with Pod Security `restricted` enforced. This is for manifests that are "
        "applied without Helm; with Helm, use --create-namespace.",
    )


class _Election(_Part):
    enabled: bool = Field(
        default=True, description="Elect the leader among the pods, by a Lease. Without it, run one pod at most."
    )


class _Key(_Part):
    name: str = Field(f"{names.OPERATOR}-restart-key", min_length=1, description="Name of the Secret.")
    key: str = Field("key", pattern=r"^[-._a-zA-Z0-9]+$", description="Its data key, with at least 32 random bytes.")


class _SecretAccess(_Part):
    enabled: bool = Field(
        default=False, description="Offer `credentialReload: Restart`: the operator may then read Secrets."
    )
    namespaces: _Namespaces = Field(
        [], description="The namespaces of those Secrets. Empty: all that the operator watches."
    )
    key_secret: _Key = Field(
        _Key(),
        description="A Secret that you create in the release's namespace. Its value is the key of the digest by which the "
        "operator sees a change.",
    )


class _ServiceAccount(_Part):
    create: bool = Field(default=True, description="Create it.")
    name: str = Field("", description="Empty: the name of everything else (`fullnameOverride`).")
    annotations: dict[str, str] = Field({}, description="Its annotations.")


class _Budget(_Part):
    enabled: bool = Field(default=True, description="Create a PodDisruptionBudget.")
    max_unavailable: int = Field(1, ge=1, description="How many pods may be evicted at one time.")


class _Monitor(_Part):
    enabled: bool = Field(
        default=False, description="Create a PodMonitor. The Prometheus operator's definition of that kind must exist."
    )
    interval: str = Field(
        "", pattern="^([0-9]+(ms|s|m|h))*$", description="How often. Empty: the interval of Prometheus."
    )
    labels: dict[str, str] = Field({}, description="Labels by which a Prometheus selects it.")


class _Policy(_Part):
    enabled: bool = Field(
        default=False,
        description="Allow the operator to reach DNS, the API server and its exporters, and nothing else.",
    )
    api_server_ports: list[_Port] = Field([443, 6443], min_length=1, description="Ports of the API server.")
    metrics_from: list[dict[str, Any]] = Field(
        [], description="NetworkPolicyPeers that may read /metrics. Empty: all. Probes are always allowed."
    )


_SETTINGS = ("workers", "resync_seconds", "request_timeout_seconds", "check_timeout_seconds")
_Options = create_model(  # type: ignore[call-overload]
    "_Options",
    __base__=_Part,
    **{name: (Settings.model_fields[name].annotation, Settings.model_fields[name]) for name in _SETTINGS},
)


class Values(_Part):
    """All values, each with its default."""

    image: _PulledImage = Field(_PulledImage(repository=names.OPERATOR), description="Image of the operator.")
    exporter_image: _Image = Field(
        _Image(repository=names.EXPORTER), description="Image of the exporter, for resources that name none."
    )
    image_pull_secrets: list[dict[str, str]] = Field([], description="For the operator's image: `- name: ...`.")
    fullname_override: str = Field(
        "",
        max_length=52,
        pattern="^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$",
        description="Name of all objects of the chart. Empty: the name of the release, followed by the chart's name unless "
        "it contains it.",
    )
    replicas: int = Field(
        2, ge=0, description="Pods of the operator. One is the leader; when it fails, another one takes over."
    )
    leader_election: _Election = Field(_Election(), description="How the pods choose the leader.")
    watch_namespaces: _Namespaces = Field(
        [],
        description="Namespaces to work in; the operator then has a role in each of them. Empty: all, with a cluster role.",
    )
    allowed_properties: list[str] = Field(
        [],
        description="librdkafka properties that `customConfig` may set in addition to those that every resource may set.",
    )
    options: _Options = Field(_Options(), description="Settings of the operator.")
    secret_access: _SecretAccess = Field(
        _SecretAccess(), description="Access to Secrets. Without it the operator never reads one."
    )
    crds: _Definition = Field(_Definition(), description="The definition of KafkaOtlpExporter.")
    namespace: _Namespace = Field(_Namespace(), description="The release's namespace.")
    aggregate_roles: bool = Field(
        default=True,
        description="Extend the cluster roles view, edit and admin to KafkaOtlpExporters.",
    )
    service_account: _ServiceAccount = Field(_ServiceAccount(), description="The ServiceAccount of the operator.")
    pod_disruption_budget: _Budget = Field(_Budget(), description="How many pods a drain of nodes may evict.")
    pod_monitor: _Monitor = Field(_Monitor(), description="For the Prometheus operator.")
    network_policy: _Policy = Field(
        _Policy(), description="The traffic that the network allows from and to the operator."
    )
    resources: dict[str, Any] = Field(
        {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "384Mi"}},
        description="Resources of the operator's container.",
    )
    pod_labels: dict[str, str] = Field({}, description="Further labels of its pods.")
    pod_annotations: dict[str, str] = Field({}, description="Annotations of its pods.")
    node_selector: dict[str, str] = Field({}, description="Nodes of its pods.")
    tolerations: list[dict[str, Any]] = Field([], description="Taints that its pods tolerate.")
    affinity: dict[str, Any] = Field({}, description="Affinity of its pods.")
    topology_spread_constraints: list[dict[str, Any]] = Field(
        [], description="How the scheduler spreads its pods. Empty: over nodes, where there are several."
    )
    priority_class_name: str = Field("", description="Priority of its pods.")


def schema() -> str:
    """``values.schema.json``: Helm checks a user's values with it."""
    content = Values.model_json_schema(by_alias=True)
    # A chart that depends on this one passes it these two values as well.
    content["properties"] |= {"global": {"type": "object"}, "enabled": {"type": "boolean"}}
    # A key without a value removes the default, and the templates read inside of these parts.
    for part in (content, *content["$defs"].values()):
        inner = [name for name, about in part["properties"].items() if "$ref" in about]
        part["required"] = sorted({*part.get("required", ()), *inner})
    content = {"$schema": "https://json-schema.org/draft/2020-12/schema", **content}
    return json.dumps(_without_titles(content), indent=2) + "\n"


def _without_titles(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_titles(item) for item in part]
    if not isinstance(part, Mapping):
        return part
    return {key: _without_titles(item) for key, item in part.items() if not (key == "title" and isinstance(item, str))}


class _Row(NamedTuple):
    path: tuple[str, ...]
    description: str
    default: Any


def _rows(model: BaseModel, above: tuple[str, ...] = ()) -> Iterator[_Row]:
    """Every value; a part comes before its values and has Ellipsis as its default."""
    for name, info in type(model).model_fields.items():
        path, value = (*above, to_camel(name)), getattr(model, name)
        part = isinstance(value, BaseModel)
        yield _Row(path, str(info.description), ... if part else value)
        if isinstance(value, BaseModel):
            yield from _rows(value, path)


def values(note: str) -> str:
    """``values.yaml``: every value with its default, below its description."""
    lines = [f"# {note}"]
    for path, description, default in _rows(Values()):
        indent = "  " * (len(path) - 1)
        comment = textwrap.wrap(description, _LINE - len(indent) - 2)
        lines += (
            ["", *(f"{indent}# {line}" for line in comment)]
            if not indent
            else [f"{indent}# {line}" for line in comment]
        )
        lines.append(f"{indent}{path[-1]}:" + ("" if default is ... else f" {_yaml(default)}"))
    return "\n".join(lines) + "\n"


def readme(note: str) -> str:
    """``README.md`` of the chart: the prose that stands there, and the table of values."""
    prose, heading, _ = (CHART / "README.md").read_text().partition("## Values\n")
    table = [
        f"| `{'.'.join(path)}` | `{_yaml(default)}` | {description} |"
        for path, description, default in _rows(Values())
        if default is not ...
    ]
    return "\n".join(
        [f"{prose}{heading}", f"<!-- {note} -->\n", "| value | default | what it is |", "|---|---|---|", *table, ""]
    )


def _yaml(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def manifests(helm: Path, note: str) -> str:
    """``deploy/install.yaml``: the chart with its defaults and a namespace, for an installation without Helm."""
    command = [
        str(helm),
        "template",
        names.OPERATOR,
        str(CHART),
        "--namespace",
        NAMESPACE,
        "--set",
        "namespace.create=true",
    ]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    lines = [line for line in found.splitlines() if not line.startswith("# Source: ")]
    text = "\n".join(lines).replace("  annotations:\n    helm.sh/resource-policy: keep\n", "")
    return f"# {note}\n# The operator, for every namespace of a cluster: kubectl apply -f deploy/install.yaml\n{text}\n"
