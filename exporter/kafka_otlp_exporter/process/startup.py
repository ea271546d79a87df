"""What a serving process needs before it starts: options, settings, and what they name in files, read and checked.

Nothing is started here: no port is opened, no thread begins, no broker is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kafka_otlp_exporter.config.options import Options
from kafka_otlp_exporter.config.properties import producer_properties
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.config.watched import Watched
from kafka_otlp_exporter.process import credentials_dir
from kafka_otlp_exporter.receivers.guards import Edge


@dataclass(frozen=True)
class Startup:
    """``properties`` are librdkafka's, made of the options and the credentials folder; ``edge`` guards the OTLP ports."""

    options: Options
    settings: Settings
    properties: Watched[Mapping[str, str]]
    edge: Edge


def prepare(options: Options, settings: Settings) -> Startup:
    """Read the files that the settings name. Raises Contradiction when they cannot be used."""
    folder, required = settings.credentials_dir, settings.required_files
    return Startup(
        options,
        settings,
        Watched(
            "credentials",
            lambda: producer_properties(options, credentials_dir.read(folder, required)),
            lambda: credentials_dir.fingerprint(folder),
        ),
        Edge(settings),
    )
