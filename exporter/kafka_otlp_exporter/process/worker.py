"""A process that serves. ``python -m kafka_otlp_exporter.process.worker`` serves as one of several workers.

gRPC and librdkafka are imported from here on, and never in a supervisor.
"""

from __future__ import annotations

import os

import uvloop
from google.protobuf.internal import api_implementation

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.config.address import CannotListen
from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_exporter.flow.pipeline import Sent
from kafka_otlp_exporter.kafka.producer import Producer
from kafka_otlp_exporter.process.channel import Channel, Refused
from kafka_otlp_exporter.process.server import Server
from kafka_otlp_exporter.process.startup import Startup, prepare
from kafka_otlp_exporter.telemetry.logs import configure_logging


def run(startup: Startup, channel: Channel | None = None) -> None:
    """Serve until SIGTERM or SIGINT; ``channel`` leads to the supervisor, if there is one.

    Raises CannotListen, or Refused.
    """
    if api_implementation.Type() != "upb":
        raise Refused(
            f"protobuf runs on its {api_implementation.Type()} implementation, which recurses without bounds; unset "
            "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION and install a protobuf wheel with upb."
        )
    try:
        producer: Producer[Sent] = Producer(startup.properties.value)
    except ValueError as error:
        raise Refused(f"librdkafka refuses the producer configuration: {error}") from None

    async def serve() -> None:
        # A Server belongs to the running loop.
        await Server(startup, producer, channel).run()

    uvloop.run(serve())


def main() -> None:
    """Serve as one of several workers.

    Exit codes: 0 after a drain, 1 when there is no supervisor, 2 when nothing was started; the supervisor then knows why.
    """
    channel = Channel.inherited()
    try:
        order = channel.order()
    except EOFError:
        raise SystemExit(1) from None
    configure_logging(order.number)
    try:
        given = env.parse(order.arguments, os.environ)
        run(prepare(given.options, given.settings.model_copy(update=dict(order.settings))), channel)
    except (env.OptionError, Contradiction, CannotListen, Refused) as error:
        channel.refuse(str(error))
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
