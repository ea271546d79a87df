"""Who reaches the pods, and whom they reach."""

import pytest
from pydantic import ValidationError

from kafka_otlp_operator.resource.access_fields import NetworkPolicy, Otlp, OtlpServer, PodMonitor


def test_ports():
    """Both ways in are open on their usual ports, unless something else is said."""
    assert (Otlp().grpc_port, Otlp().http_port) == (4317, 4318)
    other = Otlp(grpc=OtlpServer(port=5000), http=OtlpServer(enabled=False))
    assert (other.grpc_port, other.http_port) == (5000, None)


@pytest.mark.parametrize("port", [0, 443, 1023, 65536])
def test_ports_that_pods_cannot_have(port):
    """Pods run without the right to the first thousand ports."""
    with pytest.raises(ValidationError):
        OtlpServer(port=port)


def test_there_means_on():
    """An empty object asks for what it is about."""
    assert NetworkPolicy().enabled
    assert PodMonitor().enabled


@pytest.mark.parametrize("interval", ["0s", "30", "s", "1 m", "-1s"])
def test_intervals(interval):
    """What Prometheus would not take is refused."""
    with pytest.raises(ValidationError):
        PodMonitor(interval=interval)
