"""Files that guard the ports, and what happens when they change."""

from pathlib import Path

import pytest

from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.outcomes import Unauthenticated
from kafka_otlp_exporter.receivers import bearer
from kafka_otlp_exporter.receivers.guards import Edge
from kafka_otlp_exporter.telemetry.counters import Telemetry
from tests.beds.certificates import Certificates


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A file with a token."""
    file = tmp_path / "token"
    file.write_text("one\n")
    return file


def reloads(telemetry: Telemetry, what: str, outcome: str) -> float | None:
    """How many changes were counted."""
    return telemetry.registry.get_sample_value("kafka_otlp_exporter_reloads_total", {"what": what, "outcome": outcome})


def test_without_settings_there_is_no_guard():
    """There is also nothing to warn about."""
    edge = Edge(Settings())
    assert (edge.grpc, edge.http, edge.tokens, edge.warnings) == (None, None, None, ())
    edge.look(Telemetry())


def test_what_cannot_be_used_is_refused_at_the_start(tmp_path: Path):
    """The error is the sentence about the file."""
    with pytest.raises(Contradiction, match="--otlp-bearer-token-file: "):
        Edge(Settings(otlp_bearer_token_file=tmp_path / "missing"))
    with pytest.raises(Contradiction, match="--otlp-http-tls-cert-file needs"):
        Edge(Settings(otlp_http_tls_cert_file=tmp_path / "missing"))


def test_a_changed_file_is_taken_up_once(token: Path):
    """An unchanged file is not read again."""
    edge, telemetry = Edge(Settings(otlp_bearer_token_file=token)), Telemetry()
    assert edge.tokens is not None
    edge.look(telemetry)
    assert reloads(telemetry, "otlp_bearer_token", "taken") == 0
    token.write_text("two")
    for _ in range(2):
        edge.look(telemetry)
    assert reloads(telemetry, "otlp_bearer_token", "taken") == 1
    assert edge.tokens.value.accept("Bearer two")
    assert not edge.tokens.value.accept("Bearer one")


def test_what_was_good_last_stays_in_use(token: Path, tmp_path: Path):
    """A file that cannot be used is logged once. The next good file is used."""
    authority = Certificates(tmp_path, [])
    certificate, key = authority.server("a")
    settings = Settings(
        otlp_bearer_token_file=token, otlp_http_tls_cert_file=certificate, otlp_http_tls_private_key_file=key
    )
    edge, telemetry = Edge(settings), Telemetry()
    assert edge.tokens is not None
    assert edge.http is not None
    good, before = certificate.read_bytes(), edge.http.value
    token.unlink()
    certificate.write_text("garbage")
    for _ in range(2):
        edge.look(telemetry)
    assert edge.tokens.value.accept("Bearer one")
    assert edge.http.value is before
    assert reloads(telemetry, "otlp_bearer_token", "refused") == reloads(telemetry, "otlp_http_tls", "refused") == 1
    certificate.write_bytes(good)
    edge.look(telemetry)
    assert edge.http.value.certificate == good
    assert reloads(telemetry, "otlp_http_tls", "taken") == 1


def test_a_token_in_clear_text_is_warned_of(token: Path, tmp_path: Path):
    """There is one warning for each open port without a certificate."""
    assert len(Edge(Settings(otlp_bearer_token_file=token)).warnings) == 2
    (warning,) = Edge(Settings(otlp_bearer_token_file=token, otlp_http_endpoint="")).warnings
    assert "--otlp-grpc-tls-cert-file" in warning
    certificate, key = Certificates(tmp_path, []).server("a")
    settings = Settings(
        otlp_bearer_token_file=token, otlp_grpc_tls_cert_file=certificate, otlp_grpc_tls_private_key_file=key
    )
    (warning,) = Edge(settings).warnings
    assert "--otlp-http-tls-cert-file" in warning


def test_a_call_needs_exactly_one_header_with_a_token(token: Path):
    """Both receivers ask this. Without tokens every call may go on."""
    edge = Edge(Settings(otlp_bearer_token_file=token))
    assert edge.refuse(["Bearer one"]) is None
    for shown in ([], ["Bearer two"], ["Bearer one", "Bearer one"], [""]):
        assert edge.refuse(shown) == Unauthenticated(bearer.SENTENCE)
    assert Edge(Settings()).refuse([]) is None
