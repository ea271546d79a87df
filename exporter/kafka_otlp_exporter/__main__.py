"""``kafka-otlp-exporter start …``: read options, check them, serve; a wrong one is one sentence and exit code 2."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from google.protobuf.internal import api_implementation

from kafka_otlp_exporter import credentials, env
from kafka_otlp_exporter.edge import Edge
from kafka_otlp_exporter.pipeline import Pending
from kafka_otlp_exporter.producer import Producer
from kafka_otlp_exporter.properties import Contradiction, producer_properties
from kafka_otlp_exporter.server import serve
from kafka_otlp_exporter.telemetry import configure_logging, log


def main() -> None:
    """Run the command line. Exit codes: 0 after a drain, 2 when an option is wrong and nothing was started."""
    if api_implementation.Type() != "upb":
        _refuse(
            f"protobuf runs on its {api_implementation.Type()} implementation, which recurses without bounds; unset "
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION and install a protobuf wheel with upb."
        )
    try:
        configuration = env.parse(sys.argv[1:], os.environ)
        properties = producer_properties(
            configuration.options, credentials.read(configuration.settings.credentials_dir)
        )
        edge = Edge(configuration.settings)
    except (env.OptionError, Contradiction) as error:
        _refuse(str(error))
    configure_logging()
    for warning in (*configuration.warnings, *edge.warnings):
        log.warning("option", message=warning)
    try:
        producer: Producer[Pending] = Producer(properties)
    except ValueError as error:
        _refuse(f"librdkafka refuses the producer configuration: {error}")
    try:
        serve(configuration.options, configuration.settings, properties, producer, edge)
    except OSError as error:
        _refuse(str(error))


def _refuse(sentence: str) -> NoReturn:
    print(f"kafka-otlp-exporter: {sentence}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


if __name__ == "__main__":
    main()
