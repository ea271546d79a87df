"""A process that serves: run by ``__main__`` when there is one, else ``python -m kafka_otlp_exporter.process.worker`` as a child.

All that gRPC and librdkafka need is loaded from here on, and not in a supervisor.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from google.protobuf.internal import api_implementation

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.config.env import Configuration
from kafka_otlp_exporter.config.properties import Contradiction, producer_properties
from kafka_otlp_exporter.flow.pipeline import Sent
from kafka_otlp_exporter.kafka.producer import Producer
from kafka_otlp_exporter.process import credentials_dir
from kafka_otlp_exporter.process.channel import Channel, Refused
from kafka_otlp_exporter.process.server import serve
from kafka_otlp_exporter.receivers.guards import Edge
from kafka_otlp_exporter.telemetry.logs import configure_logging


def run(
    configuration: Configuration, properties: Mapping[str, str], seen: bytes, channel: Channel | None = None
) -> None:
    """Serve until SIGTERM; ``channel`` leads to the supervisor when there is one. Raises Refused.

    ``seen`` is the fingerprint of the credentials folder from before the properties were made of it.
    """
    if api_implementation.Type() != "upb":
        raise Refused(
            f"protobuf runs on its {api_implementation.Type()} implementation, which recurses without bounds; unset "
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION and install a protobuf wheel with upb."
        )
    try:
        edge = Edge(configuration.settings)
    except Contradiction as error:
        raise Refused(str(error)) from None
    try:
        producer: Producer[Sent] = Producer(properties)
    except ValueError as error:
        raise Refused(f"librdkafka refuses the producer configuration: {error}") from None
    try:
        serve(configuration.options, configuration.settings, properties, producer, edge, seen, channel)
    except OSError as error:
        raise Refused(str(error)) from None


def main() -> None:
    """Serve as one of several. Exit codes: 0 after a drain, 2 when nothing was started, and the supervisor was told why."""
    channel = Channel.inherited()
    try:
        order = channel.order()
    except EOFError:
        raise SystemExit(1) from None
    configure_logging(order.number)
    try:
        configuration = env.parse(order.arguments, os.environ)
        settings = configuration.settings.model_copy(update=dict(order.settings))
        seen = credentials_dir.fingerprint(settings.credentials_dir)
        found = credentials_dir.read(settings.credentials_dir, settings.required_files)
        properties = producer_properties(configuration.options, found)
        run(Configuration(configuration.options, settings, configuration.warnings), properties, seen, channel)
    except (env.OptionError, Contradiction, Refused) as error:
        channel.refuse(str(error))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
