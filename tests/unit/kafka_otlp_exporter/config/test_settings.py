"""What the process needs beside the specification's options."""

import pytest
from pydantic import ValidationError

from kafka_otlp_exporter.config.settings import MEBIBYTE, ROWS, Settings, in_flight_bytes


def test_the_ports_are_those_that_the_world_expects():
    """The ports are 4317 for OTLP/gRPC, 4318 for OTLP/HTTP and 9464 for Prometheus."""
    assert Settings().otlp_grpc_endpoint == "0.0.0.0:4317"
    assert Settings().otlp_http_endpoint == "0.0.0.0:4318"
    assert Settings().admin_endpoint == "0.0.0.0:9464"


@pytest.mark.parametrize("endpoint", ["", "127.0.0.1:0", "[::]:4317", "localhost:65535", "my-host.local:1"])
def test_an_endpoint_is_a_host_and_a_port_or_nothing(endpoint: str):
    """An empty text switches the port off."""
    settings = Settings(otlp_http_endpoint=endpoint, admin_endpoint=endpoint)
    assert settings.admin_endpoint == settings.otlp_http_endpoint == endpoint


@pytest.mark.parametrize("endpoint", ["4317", ":4317", "localhost", "unix:/socket", "a b:1", "a:1\n", "http://a:1"])
def test_what_is_no_endpoint_is_refused(endpoint: str):
    """Addresses of other kinds that gRPC would accept are refused too."""
    with pytest.raises(ValidationError):
        Settings(otlp_grpc_endpoint=endpoint)


@pytest.mark.parametrize("size", [4 * MEBIBYTE - 1, 0, -1, 1024 * 1024 * MEBIBYTE + 1])
def test_a_budget_outside_its_limits_is_refused(size: int):
    """A smaller budget could hold no request; a larger one is a typing error."""
    with pytest.raises(ValidationError):
        Settings(max_in_flight_bytes=size)


@pytest.mark.parametrize(
    ("limit", "expected"), [(None, 256), (8 * MEBIBYTE, 4), (512 * MEBIBYTE, 64), (2**60, 1024 * 1024)]
)
def test_an_eighth_of_the_memory_may_be_in_flight(limit: int | None, expected: int):
    """The result stays within the row's limits."""
    assert in_flight_bytes(limit) == expected * MEBIBYTE


def test_what_is_computed_says_how():
    """The words replace the default None."""
    assert ROWS["max_in_flight_bytes"].computed == "an eighth of the control group's memory limit; 256 MiB without one"
    assert ROWS["workers"].computed is None
