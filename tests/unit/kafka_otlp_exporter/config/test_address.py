"""An address to listen on, and the sentence when that fails."""

import errno
import os

import pytest

from kafka_otlp_exporter.config.address import Address, CannotListen, address
from kafka_otlp_exporter.config.settings import ROWS, Settings


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("0.0.0.0:4317", "0.0.0.0", 4317),
        ("localhost:0", "localhost", 0),
        ("[::]:4318", "::", 4318),
        ("[2001:db8::1]:1", "2001:db8::1", 1),
    ],
)
def test_a_setting_becomes_an_address_and_is_written_as_it_was_given(text: str, host: str, port: int):
    """Brackets belong to the text, not to the host that the socket gets."""
    found = address(Settings(otlp_http_endpoint=text), "otlp_http_endpoint")
    assert found == Address("--otlp-http-endpoint", host, port)
    assert str(found) == text


def test_an_empty_setting_is_no_address():
    """It switches the port off."""
    assert address(Settings(admin_endpoint=""), "admin_endpoint") is None


def test_every_endpoint_of_the_settings_can_be_read():
    """With its own flag."""
    names = [name for name in ROWS if name.endswith("_endpoint")]
    found = {name: address(Settings(), name) for name in names}
    assert {name: one and one.flag for name, one in found.items()} == {name: ROWS[name].flag for name in names}


def test_the_error_names_option_address_and_reason():
    """The reason comes from the operating system, or from the caller when there is no such error."""
    one = Address("--admin-endpoint", "::1", 80)
    denied = OSError(errno.EACCES, os.strerror(errno.EACCES))
    with pytest.raises(CannotListen) as caught:
        raise one.cannot_listen(denied)
    assert str(caught.value) == "--admin-endpoint: cannot listen on [::1]:80: Permission denied"
    assert str(one.cannot_listen("is the port taken?")).endswith("[::1]:80: is the port taken?")
