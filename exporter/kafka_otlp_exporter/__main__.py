"""``kafka-otlp-exporter start …``: read options, check them, serve; a wrong one is one sentence and exit code 2."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.config.env import Configuration
from kafka_otlp_exporter.config.properties import producer_properties
from kafka_otlp_exporter.config.sizing import size
from kafka_otlp_exporter.process import cgroup, credentials_dir
from kafka_otlp_exporter.process.channel import Refused
from kafka_otlp_exporter.process.waiting import wait_for_files
from kafka_otlp_exporter.receivers.guards import Edge
from kafka_otlp_exporter.telemetry.logs import configure_logging, log


def main() -> None:
    """Run the command line. Exit codes: 0 after a drain, 2 when an option is wrong and nothing was started."""
    arguments = sys.argv[1:]
    try:
        given = env.parse(arguments, os.environ)
        configure_logging()
        if not wait_for_files(given.settings):
            return
        seen = credentials_dir.fingerprint(given.settings.credentials_dir)
        required = given.settings.required_files
        properties = producer_properties(given.options, credentials_dir.read(given.settings.credentials_dir, required))
        chosen = size(given.settings, cgroup.limits())
        edge = Edge(given.settings)
    except (ValueError, Refused) as error:
        _refuse(str(error))
    for warning in (*given.warnings, *edge.warnings):
        log.warning("option", message=warning)
    try:
        if chosen.workers > 1:
            from kafka_otlp_exporter.process.supervisor import supervise  # noqa: PLC0415  # a worker does not need it

            supervise(given.settings, chosen, arguments)
        else:
            from kafka_otlp_exporter.process import worker  # noqa: PLC0415  # keeps gRPC and librdkafka out of a supervisor

            settings = given.settings.model_copy(update={"max_in_flight_bytes": chosen.in_flight_bytes})
            worker.run(Configuration(given.options, settings, given.warnings), properties, seen)
    except Refused as refused:
        _refuse(str(refused))


def _refuse(sentence: str) -> NoReturn:
    print(f"kafka-otlp-exporter: {sentence}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


if __name__ == "__main__":
    main()
