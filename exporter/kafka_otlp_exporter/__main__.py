"""``kafka-otlp-exporter start …``: read options, check them, serve; a wrong one is one sentence and exit code 2."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from kafka_otlp_exporter import cgroup, credentials, env
from kafka_otlp_exporter.channel import Refused
from kafka_otlp_exporter.edge import Edge
from kafka_otlp_exporter.env import Configuration
from kafka_otlp_exporter.logs import configure_logging, log
from kafka_otlp_exporter.properties import producer_properties
from kafka_otlp_exporter.sizing import size
from kafka_otlp_exporter.waiting import wait_for_files


def main() -> None:
    """Run the command line. Exit codes: 0 after a drain, 2 when an option is wrong and nothing was started."""
    arguments = sys.argv[1:]
    try:
        given = env.parse(arguments, os.environ)
        configure_logging()
        if not wait_for_files(given.settings):
            return
        seen = credentials.fingerprint(given.settings.credentials_dir)
        required = given.settings.required_files
        properties = producer_properties(given.options, credentials.read(given.settings.credentials_dir, required))
        chosen = size(given.settings, cgroup.limits())
        edge = Edge(given.settings)
    except (ValueError, Refused) as error:
        _refuse(str(error))
    for warning in (*given.warnings, *edge.warnings):
        log.warning("option", message=warning)
    try:
        if chosen.workers > 1:
            from kafka_otlp_exporter.supervisor import supervise  # noqa: PLC0415  # a worker does not need it

            supervise(given.settings, chosen, arguments)
        else:
            from kafka_otlp_exporter import worker  # noqa: PLC0415  # keeps gRPC and librdkafka out of a supervisor

            settings = given.settings.model_copy(update={"max_in_flight_bytes": chosen.in_flight_bytes})
            worker.run(Configuration(given.options, settings, given.warnings), properties, seen)
    except Refused as refused:
        _refuse(str(refused))


def _refuse(sentence: str) -> NoReturn:
    print(f"kafka-otlp-exporter: {sentence}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)


if __name__ == "__main__":
    main()
