"""Tests of the exporter as a process, against a real Kafka and with the real OpenTelemetry SDK."""
