"""The command line ``kafka-otlp-exporter start …``: reads the options, checks them, and serves."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.config.address import CannotListen
from kafka_otlp_exporter.config.sizing import size
from kafka_otlp_exporter.process import cgroup
from kafka_otlp_exporter.process.channel import Refused
from kafka_otlp_exporter.process.startup import prepare
from kafka_otlp_exporter.process.waiting import wait_for_files
from kafka_otlp_exporter.telemetry.logs import configure_logging, log

WRONG = 2


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code: 0 after a drain.

    It is 2 when an option is wrong and nothing was started; one sentence on stderr then says why.
    """
    try:
        given = env.parse(arguments, os.environ)
        configure_logging()
        if not wait_for_files(given.settings):
            return 0
        chosen = size(given.settings, cgroup.limits())
        settings = given.settings.model_copy(update={"max_in_flight_bytes": chosen.in_flight_bytes})
        startup = prepare(given.options, settings)
    except (ValueError, CannotListen) as error:
        return _refuse(error)
    for warning in (*given.warnings, *startup.edge.warnings):
        log.warning("option", message=warning)
    try:
        if chosen.workers > 1:
            from kafka_otlp_exporter.process.supervisor import supervise  # noqa: PLC0415  # a worker does not need it

            supervise(given.settings, chosen, arguments)
        else:
            from kafka_otlp_exporter.process import worker  # noqa: PLC0415  # keeps gRPC and librdkafka out of a supervisor

            worker.run(startup)
    except (CannotListen, Refused) as error:
        return _refuse(error)
    return 0


def _refuse(error: Exception) -> int:
    print(f"kafka-otlp-exporter: {error}", file=sys.stderr)  # noqa: T201
    return WRONG
