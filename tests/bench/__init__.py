"""The benchmark: this exporter beside the OpenTelemetry Collector's Kafka exporter."""
