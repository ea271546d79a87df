"""An OTLP conformance suite for any endpoint: ``make conformance TARGET=host:port``. It knows nothing of the exporter."""
