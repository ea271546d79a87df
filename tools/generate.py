"""Writes every generated file: the custom resource definition, the manuals, and the chart's files that come from tables.

``make generate`` runs it; ``--check`` writes nothing and fails when a file is stale.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import yaml

from kafka_otlp_exporter.config import librdkafka, options, settings
from kafka_otlp_exporter.config.rows import Row
from kafka_otlp_exporter.telemetry import metrics
from kafka_otlp_exporter.telemetry.events import EVENTS
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.resource import crd, permitted, refusals, spec
from kafka_otlp_operator.settings import Settings
from tools import chart, resource_manual
from tools.cluster import assets
from tools.kubernetes_types import TYPES, kubernetes_type

ROOT = Path(__file__).resolve().parent.parent

_NOTE = "Written by `make generate` from the option table; change it there."


class _Plain(yaml.SafeDumper):
    """YAML without anchors, which people read more easily."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        return True


def definition() -> str:
    """``crds/kafkaotlpexporters.yaml``."""
    content = crd.definition({name: kubernetes_type(name) for name in TYPES})
    return f"# {_NOTE}\n" + yaml.dump(content, Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)


def manual() -> str:
    """``docs/options.md``."""
    sections = [
        "# Options",
        f"<!-- {_NOTE} -->",
        "Every option of the exporter has three forms: a flag of `kafka-otlp-exporter start`, an environment variable, "
        "and a field of the `KafkaOtlpExporter` resource. A flag overrides a variable, a variable overrides the default. "
        "Flags and variables take values in upper and lower case alike. [All fields of the resource](resource.md), also "
        "those that are no options (`replicas`, `resources`, `podTemplate` and so on), have a page of their own.",
        *(_option(row, spec.spelling(row)) for row in options.ROWS.values()),
        "# customConfig in a resource",
        "A resource may set these librdkafka properties in `customConfig`: "
        + ", ".join(f"`{name}`" for name in sorted(librdkafka.PROPERTIES))
        + ".",
        f"The platform's administrator can allow others with the operator's `{permitted.SETTING}`: properties that a later "
        f"librdkafka than {librdkafka.DOCUMENTED_IN} adds, and these.",
        "| property | why it needs the administrator |\n|---|---|\n"
        + "\n".join(f"| `{name}` | {reason} |" for name, reason in permitted.OF_THE_PLATFORM.items()),
        "No setting allows these properties.",
        "| property | what to do instead |\n|---|---|\n"
        + "\n".join(
            f"| {', '.join(f'`{name}`' for name in refusal.names)} | {refusal.instead} |"
            for refusal in refusals.REFUSALS
        )
        + "\n"
        + "\n".join(f"| `{family.begins}*{family.ends}` | {family.instead} |" for family in refusals.FAMILIES),
        "# The exporter's process",
        "These flags and variables have no field in the resource. In a cluster the operator sets them.",
        *(_option(row, None) for row in settings.ROWS.values()),
        "# The operator",
        "Environment variables of `kafka-otlp-operator`.",
        "| variable | default | what it is |\n|---|---|---|\n"
        + "\n".join(
            f"| `KAFKA_OTLP_OPERATOR_{name.upper()}` | {_code(_default(name, info.default))} | {info.description} |"
            for name, info in Settings.model_fields.items()
        ),
    ]
    return "\n\n".join(sections) + "\n"


_ACROSS = {metrics.Across.SUM: "sum", metrics.Across.LEAST: "least", metrics.Across.MOST: "most"}


def telemetry() -> str:
    """``docs/metrics.md``."""
    rows = [*metrics.METRICS.values(), metrics.BUILD]
    return (
        "\n\n".join(
            [
                "# Metrics",
                f"<!-- {_NOTE.replace('option table', 'tables of metrics and events')} -->",
                "The exporter serves these metrics at `/metrics` of its admin port, in Prometheus' text format. A label has "
                "only the values of this table, and every series exists from the start. Several workers have one exposition "
                "together: it adds up counters and histograms, also those of workers that were replaced. The last column says "
                "how it combines gauges.",
                "| metric | type | unit | labels | meaning | workers |\n|---|---|---|---|---|---|\n"
                + "\n".join(_metric(row) for row in rows),
                "The exporter also has the process metrics of every Prometheus client.",
                "| metric | meaning | workers |\n|---|---|---|\n"
                + "\n".join(
                    f"| `{name}` | {text} | {_ACROSS[across]} |" for name, (across, text) in metrics.PROCESS.items()
                ),
                "# The operator's metrics",
                "The operator serves these metrics at `/metrics` of its port.",
                "| metric | type | meaning |\n|---|---|---|\n"
                + "\n".join(
                    f"| `{metric.name}{'_total' * (metric.type == 'counter')}` | {metric.type} | {metric.documentation} |"
                    for metric in Metrics().registry.collect()
                ),
                "# Events",
                "The exporter logs one JSON object a line on stderr; its field `event` has one of the words below. With several "
                "workers a line has the worker's number (`worker`). Lines of librdkafka have librdkafka's words (`logger` is "
                "`librdkafka`). An event that may happen with every request is logged once in 30 seconds for each cause, with "
                "the number of times that it was not logged (`unsaid`); these are marked seldom.",
                "| event | meaning |\n|---|---|\n"
                + "\n".join(f"| `{name}` | {text} |" for name, text in EVENTS.items()),
            ]
        )
        + "\n"
    )


def _metric(row: metrics.Metric) -> str:
    labels = "; ".join(
        f"`{name}`: {', '.join(f'`{value}`' for value in values) or 'a version'}" for name, values in row.labels.items()
    )
    across = _ACROSS[row.across] if row.kind is metrics.Kind.GAUGE else "sum"
    return f"| `{row.shown}` | {row.kind} | {row.unit} | {labels} | {row.help} | {across} |"


def _default(name: str, default: object) -> object:
    return "kafka-otlp-exporter:<version>" if name == "image" else default


def _option(row: Row, field: str | None) -> str:
    lines = [
        f"## {row.name.replace('_', ' ')}",
        "",
        row.description,
        "",
        "| | |",
        "|---|---|",
        f"| flag | `{row.flag}` |",
        f"| environment | `{row.variable}` |",
    ]
    if field is not None:
        lines.append(f"| resource | `{field}` |")
    lines.append(f"| allowed | {row.allowed.replace('|', chr(92) + '|')} |")
    lines.append(f"| default | {row.computed or _code(row.default_text)} |")
    if row.kafka is not None:
        lines.append(f"| librdkafka | `{row.kafka.property}` |")
    return "\n".join(lines)


def _code(default: object) -> str:
    return "none" if default in (None, "") else f"`{default}`"


_CHART_NOTE = "Written by `make generate` from tools/chart.py; change it there."
_MANIFESTS_NOTE = "Written by `make generate` from charts/kafka-otlp-operator; change it there."

# The files that need no other program to write. A file that reads another one comes after it.
_FILES: Mapping[str, Callable[[], str]] = {
    "crds/kafkaotlpexporters.yaml": definition,
    "docs/options.md": manual,
    "docs/resource.md": lambda: resource_manual.manual(_NOTE),
    "docs/metrics.md": telemetry,
    "charts/kafka-otlp-operator/files/kafkaotlpexporters.yaml": definition,
    "charts/kafka-otlp-operator/values.schema.json": chart.schema,
    "charts/kafka-otlp-operator/values.yaml": lambda: chart.values(_CHART_NOTE),
    "charts/kafka-otlp-operator/README.md": lambda: chart.readme(_CHART_NOTE),
}


def main() -> int:
    """Write the files, or with ``--check`` name the first that is stale; the exit code is 1 then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a file is stale")
    check = parser.parse_args().check
    files = dict(_FILES)
    if (helm := assets.helm_program()) is not None:
        files["deploy/install.yaml"] = lambda: chart.manifests(helm, _MANIFESTS_NOTE)
    else:
        print(f"deploy/install.yaml is left as it is: {assets.missing_for_helm()}.", file=sys.stderr)
    for name, write in files.items():
        path, content = ROOT / name, write()
        if path.exists() and path.read_text(encoding="utf-8") == content:
            continue
        if check:
            print(f"{name} is stale: run make generate.", file=sys.stderr)
            return 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        print(f"wrote {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
