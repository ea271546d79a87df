"""The names that the operator gives."""

from kafka_otlp_operator import names


def test_selector_is_part_of_the_labels():
    """Every object is found by the selector."""
    assert names.selector("edge").items() <= names.labels("edge").items()


def test_texts():
    """The selector and the endpoint are written as kubectl and clients take them."""
    assert names.selector_text("edge") == "app.kubernetes.io/instance=edge,app.kubernetes.io/name=kafka-otlp-exporter"
    assert names.endpoint("edge", "telemetry") == "edge.telemetry.svc:4317"
    assert names.endpoint("edge", "telemetry", 4318) == "edge.telemetry.svc:4318"
