"""The fields about the network."""

import pytest
from pydantic import ValidationError

from kafka_otlp_operator.resource.access_fields import NetworkPolicy, Otlp, OtlpServer, PodMonitor


def test_ports():
    """Both protocols are served on their usual ports, gRPC first, unless the resource says otherwise."""
    assert [(one.protocol, one.port) for one in Otlp().served] == [("grpc", 4317), ("http", 4318)]
    other = Otlp(grpc=OtlpServer(port=5000), http=OtlpServer(enabled=False))
    assert other.served == (("grpc", 5000, other.grpc),)
    assert list(other.servers) == ["grpc", "http"]
    assert other.ports == {"grpc": 5000, "http": 4318}


@pytest.mark.parametrize("port", [0, 443, 1023, 65536])
def test_ports_that_pods_cannot_have(port):
    """The pods may not listen on ports below 1024."""
    with pytest.raises(ValidationError):
        OtlpServer(port=port)


def test_a_section_that_is_present_is_enabled():
    """An empty object enables the feature."""
    assert NetworkPolicy().enabled
    assert PodMonitor().enabled


@pytest.mark.parametrize("interval", ["0s", "30", "s", "1 m", "-1s"])
def test_intervals(interval):
    """Intervals that Prometheus would refuse are refused."""
    with pytest.raises(ValidationError):
        PodMonitor(interval=interval)
