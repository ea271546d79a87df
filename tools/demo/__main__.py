"""``make demo``: shows the main job. The exit code is 0 only when everything that was sent was read back."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from kafka_otlp_operator.errors import SpecInvalid
from tools.demo import container, telemetry, topics
from tools.demo.container import Container, ContainerError, LocalProcess
from tools.demo.items import SIGNALS, Item
from tools.mock_kafka import MockKafka

EXAMPLE = Path("examples/minimal.yaml")

_NOUNS = {"traces": "spans", "metrics": "points", "logs": "log records"}
_READ_SECONDS = 15


class DemoFailed(Exception):
    """The demo ended early, or items are missing from what was read back; the message is a sentence."""


def main() -> int:
    """Run the demo and return the exit code of the process."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument(
        "--brokers", help="host:port of a real Kafka, at a listener without TLS and SASL; an embedded Kafka by default"
    )
    brokers = parser.parse_args().brokers
    _only_our_own_settings()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the processes of the demo would outlive it
    try:
        _tell(brokers)
    except (DemoFailed, ContainerError, SpecInvalid, RuntimeError, topics.Unreachable) as sentence:
        print(f"\nThe demo failed: {sentence}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nThe demo was interrupted.", file=sys.stderr)
        return 130
    else:
        return 0
    return 1


def _only_our_own_settings() -> None:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        del os.environ[name]
    os.environ["no_grpc_proxy"] = "127.0.0.1"  # noqa: SIM112


def _tell(brokers: str | None) -> None:
    started = time.monotonic()
    print("OTLP into Kafka, from a resource to its records\n")
    described = container.describe(EXAMPLE)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kafka-otlp-demo-")))
        bootstrap = brokers or stack.enter_context(MockKafka()).bootstrap
        options = described.resource.options
        names = dict(zip(SIGNALS, (options.traces_topic, options.metrics_topic, options.logs_topic), strict=True))
        _show_resource(described, bootstrap, embedded=brokers is None)
        if brokers is not None:
            print(f"     the demo writes records to {', '.join(names.values())} there, and deletes nothing")
        kafka = stack.enter_context(closing(topics.Topics({"bootstrap.servers": bootstrap}, names)))
        process = stack.enter_context(LocalProcess(described, folder, {"KAFKA_EXPORTER_BROKERS": bootstrap}))
        try:
            _show_records(process, kafka, described)
        except (DemoFailed, ContainerError) as sentence:
            raise DemoFailed(f"{sentence}\n\nThe end of the exporter's log:\n{process.log_tail()}") from None
        if brokers is not None:
            _show_remains(names.values(), kafka.existed)
    print(f"\nEverything that went in came out, value for value. ({time.monotonic() - started:.1f} s)")


def _show_resource(described: Container, bootstrap: str, *, embedded: bool) -> None:
    resource = described.resource
    _step(1, f"The resource: {EXAMPLE}, KafkaOtlpExporter {resource.name!r}")
    print(f"     the operator makes of it: {', '.join(described.kinds)}")
    where = "an embedded Kafka" if embedded else "your Kafka"
    print(
        f"     {', '.join(resource.options.brokers)} exists only in a cluster: {where} at {bootstrap} takes its place"
    )


def _show_records(process: LocalProcess, kafka: topics.Topics, described: Container) -> None:
    started = time.monotonic()
    process.wait_ready()
    waited = time.monotonic() - started
    _step(2, "The Deployment's container, as a local process")
    print(f"     kafka-otlp-exporter {' '.join(described.arguments)}")
    print(f"     takes OTLP/gRPC at {process.otlp} (a free port, not 4317), ready after {waited:.1f} s")

    run = str(uuid.uuid4())
    sent = telemetry.send(process.otlp, run)
    _step(3, "In: the OpenTelemetry SDK sends three signals of a service called shop")
    for name in SIGNALS:
        inside = [item for item in sent.items.elements() if item.signal == name]
        print(f"     {name:<8} {_summary(name, inside)}")
    if sent.refused:
        raise DemoFailed(
            f"the exporter did not answer OK for {' and '.join(sorted(sent.refused))}. {process.trouble()}"
        )

    records = kafka.read(run, sent.items.elements(), _READ_SECONDS)
    _step(4, "Out: the records, read back from Kafka")
    _table(records)
    came = Counter(item for record in records for item in record.items)
    if missing := sent.items - came:
        names = ", ".join(f"{item.signal} {item.name!r}" for item in missing)
        raise DemoFailed(
            f"{missing.total()} of {sent.items.total()} items were not read back as they were sent: {names}."
        )


def _show_remains(used: Iterable[str], existed: Collection[str]) -> None:
    print("\n     Your Kafka keeps these records.", end="")
    if created := [topic for topic in used if topic not in existed]:
        print(f" It also keeps the topics that the brokers created for them: {', '.join(created)}.", end="")
    print()


def _step(number: int, title: str) -> None:
    print(f"{'' if number == 1 else chr(10)}  {number}. {title}")


def _summary(name: str, found: Sequence[Item]) -> str:
    called = list(dict.fromkeys(item.name for item in found))
    return f"{len(found)} {_NOUNS[name]}: {', '.join(called)}"


def _table(records: Sequence[topics.Record]) -> None:
    rows = [("topic", "partition", "offset", "bytes", "content")]
    for record in records:
        content = _summary(record.items[0].signal, record.items)
        rows.append((record.topic, str(record.partition), str(record.offset), str(record.size), content))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(row[1:4], widths[1:], strict=True)),
        ]
        print(f"     {'  '.join(cells)}  {row[4]}")
    for record in records:
        print(f"     headers of {record.topic}: {', '.join(f'{name}: {text}' for name, text in record.headers)}")


if __name__ == "__main__":
    sys.exit(main())
