"""Both OTLP ports behind certificates and tokens, on real sockets."""

import contextlib
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2, status_pb2

from kafka_otlp_exporter.otlp.signals import SIGNALS, Signal
from kafka_otlp_exporter.telemetry.counters import Telemetry
from tests.beds.certificates import Certificates
from tests.unit.kafka_otlp_exporter import http1, samples
from tests.unit.kafka_otlp_exporter.served import Served, failing

METHOD = SIGNALS[Signal.TRACES].method


@dataclass
class Guarded:
    """A served pair of ports and the files that guard them."""

    served: Served
    authority: Certificates
    certificate: Path
    key: Path

    def grpc(self, ca: Path, client: tuple[Path, Path] | None = None, token: str | None = None) -> bytes:
        """An Export call over TLS on a connection of its own. Raises grpc.RpcError."""
        with self.channel(ca, client) as channel:
            metadata = [("authorization", f"Bearer {token}")] if token else []
            return bytes(channel.unary_unary(METHOD)(samples.traces(), timeout=10, metadata=metadata))

    def channel(self, ca: Path, client: tuple[Path, Path] | None = None) -> Any:
        """A channel over TLS."""
        certificate, key = (path.read_bytes() for path in client) if client else (None, None)
        credentials = grpc.ssl_channel_credentials(ca.read_bytes(), key, certificate)
        return grpc.secure_channel(self.served.endpoint, credentials, [("grpc.use_local_subchannel_pool", 1)])

    def http(self, ca: Path, client: tuple[Path, Path] | None = None) -> int:
        """The status of a POST over TLS on a connection of its own. Raises OSError."""
        with contextlib.closing(self.connection(ca, client)) as connection:
            return self.post(connection)

    def connection(self, ca: Path, client: tuple[Path, Path] | None = None) -> HTTPSConnection:
        """A connection over TLS, when something is sent."""
        context = ssl.create_default_context(cafile=ca)
        if client is not None:
            context.load_cert_chain(*client)
        return HTTPSConnection("127.0.0.1", self.served.http_port, timeout=10, context=context)

    @staticmethod
    def post(connection: HTTPSConnection) -> int:
        """The status of a POST."""
        connection.request("POST", "/v1/traces", samples.traces(), {"Content-Type": http1.PROTOBUF})
        with connection.getresponse() as answer:
            answer.read()
            return int(answer.status)

    def rotate(self, authority: Certificates) -> None:
        """Another certificate, as its file and its key's."""
        certificate, key = authority.server("another")
        self.key.write_bytes(key.read_bytes())
        self.certificate.write_bytes(certificate.read_bytes())
        self.served.edge.look(Telemetry())


def folder(tmp_path: Path, name: str) -> Path:
    """A folder."""
    made = tmp_path / name
    made.mkdir()
    return made


@pytest.fixture
def guard(serve: Callable[..., Served], tmp_path: Path) -> Callable[..., Guarded]:
    """A function that serves both ports over TLS, with clients of an authority when it is given."""

    def start(client_ca: Path | None = None, **settings: Any) -> Guarded:
        authority = Certificates(folder(tmp_path, "authority"), [])
        certificate, key = authority.server("server")
        for port in ("grpc", "http"):
            settings |= {
                f"otlp_{port}_tls_cert_file": certificate,
                f"otlp_{port}_tls_private_key_file": key,
                f"otlp_{port}_client_ca_file": client_ca,
            }
        return Guarded(serve(**settings), authority, certificate, key)

    return start


def test_who_trusts_the_authority_is_served(guard: Callable[..., Guarded], tmp_path: Path):
    """A client that trusts another authority ends the handshake."""
    guarded = guard()
    assert guarded.grpc(guarded.authority.ca) == b""
    assert guarded.http(guarded.authority.ca) == 200
    other = Certificates(folder(tmp_path, "other"), [])
    with failing(grpc.StatusCode.UNAVAILABLE):
        guarded.grpc(other.ca)
    with pytest.raises(ssl.SSLCertVerificationError):
        guarded.http(other.ca)


def test_plain_text_is_not_served_beside_tls(guard: Callable[..., Guarded]):
    """A port serves either TLS or plain text."""
    guarded = guard()
    with failing(grpc.StatusCode.UNAVAILABLE):
        guarded.served.call(samples.traces(), timeout=3)
    with http1.connect(guarded.served.http_port) as connection:
        connection.sendall(http1.head(content_length=1) + b"x")
        with contextlib.suppress(ConnectionError):
            assert not connection.recv(100).startswith(b"HTTP")
    assert guarded.served.seen.empty()


def test_tls_older_than_1_2_is_refused(guard: Callable[..., Guarded]):
    """RFC 8996."""
    guarded = guard()
    context = ssl.create_default_context(cafile=guarded.authority.ca)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    for port in (guarded.served.http_port, int(guarded.served.endpoint.rpartition(":")[2])):
        with http1.connect(port) as connection, pytest.raises(OSError):
            context.wrap_socket(connection, server_hostname="127.0.0.1")


def test_a_client_has_to_show_a_certificate_of_its_authority(guard: Callable[..., Guarded], tmp_path: Path):
    """A client without a certificate, or with one of another authority, is refused."""
    clients, others = Certificates(folder(tmp_path, "clients"), []), Certificates(folder(tmp_path, "others"), [])
    guarded = guard(clients.ca)
    ca = guarded.authority.ca
    assert guarded.grpc(ca, clients.client("a")) == b""
    assert guarded.http(ca, clients.client("b")) == 200
    for client in (None, others.client("c")):
        with failing(grpc.StatusCode.UNAVAILABLE):
            guarded.grpc(ca, client)
        with pytest.raises(OSError):
            guarded.http(ca, client)
    assert guarded.served.seen.qsize() == 2


def test_a_changed_certificate_is_shown_to_new_connections_and_old_ones_go_on(
    guard: Callable[..., Guarded], tmp_path: Path
):
    """The new one is of another authority, so that the two cannot be confused."""
    guarded = guard()
    before = guarded.authority.ca
    other = Certificates(folder(tmp_path, "other"), [])
    with guarded.channel(before) as channel, contextlib.closing(guarded.connection(before)) as connection:
        method = channel.unary_unary(METHOD)
        assert (bytes(method(samples.traces(), timeout=10)), guarded.post(connection)) == (b"", 200)
        guarded.rotate(other)
        assert (bytes(method(samples.traces(), timeout=10)), guarded.post(connection)) == (b"", 200)
        assert guarded.grpc(other.ca) == b""
        assert guarded.http(other.ca) == 200
        with failing(grpc.StatusCode.UNAVAILABLE):
            guarded.grpc(before)
        with pytest.raises(ssl.SSLCertVerificationError):
            guarded.http(before)


def test_a_changed_authority_of_clients_counts_for_new_connections(guard: Callable[..., Guarded], tmp_path: Path):
    """Clients of the old authority are refused, and cannot resume an earlier TLS session."""
    clients, others = Certificates(folder(tmp_path, "clients"), []), Certificates(folder(tmp_path, "others"), [])
    client_ca = tmp_path / "client-ca.crt"
    client_ca.write_bytes(clients.ca.read_bytes())
    guarded = guard(client_ca)
    ca, old, new = guarded.authority.ca, clients.client("a"), others.client("b")
    assert (guarded.grpc(ca, old), guarded.http(ca, old)) == (b"", 200)
    client_ca.write_bytes(others.ca.read_bytes())
    guarded.served.edge.look(Telemetry())
    assert (guarded.grpc(ca, new), guarded.http(ca, new)) == (b"", 200)
    with failing(grpc.StatusCode.UNAVAILABLE):
        guarded.grpc(ca, old)
    with pytest.raises(OSError):
        guarded.http(ca, old)


def test_files_that_cannot_be_used_change_nothing(guard: Callable[..., Guarded]):
    """New connections get the last good certificate."""
    guarded = guard()
    guarded.key.write_text("garbage")
    guarded.served.edge.look(Telemetry())
    assert (guarded.grpc(guarded.authority.ca), guarded.http(guarded.authority.ca)) == (b"", 200)
    guarded.certificate.unlink()
    guarded.served.edge.look(Telemetry())
    assert (guarded.grpc(guarded.authority.ca), guarded.http(guarded.authority.ca)) == (b"", 200)


def test_handshakes_that_do_not_get_on_keep_nobody_out(guard: Callable[..., Guarded]):
    """Thirty connections on each port send nothing."""
    guarded = guard()
    with contextlib.ExitStack() as ends:
        for port in (guarded.served.http_port, int(guarded.served.endpoint.rpartition(":")[2])):
            for _ in range(30):
                ends.enter_context(http1.connect(port))
        assert (guarded.grpc(guarded.authority.ca), guarded.http(guarded.authority.ca)) == (b"", 200)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A file with two tokens."""
    file = tmp_path / "token"
    file.write_text("old\nnew\n")
    return file


def authorized(served: Served, *values: str) -> tuple[grpc.StatusCode, int]:
    """How both ports answer to these authorization headers."""
    metadata = [("authorization", value) for value in values]
    try:
        served.call(samples.traces(), metadata=metadata)
        code = grpc.StatusCode.OK
    except grpc.RpcError as error:
        code = error.code()
    lines = "".join(f"Authorization: {value}\r\n" for value in values)
    head = http1.head(content_length=1).replace(b"\r\n\r\n", f"\r\n{lines}\r\n".encode())
    with http1.connect(served.http_port) as connection:
        connection.sendall(head + b"x")
        return code, http1.read(connection).status


def test_each_token_of_the_file_is_accepted_and_nothing_else(serve: Callable[..., Served], token: Path):
    """On both ports."""
    served = serve(otlp_bearer_token_file=token)
    for value in ("Bearer old", "bearer new"):
        assert authorized(served, value) == (grpc.StatusCode.OK, 200)
    assert served.seen.qsize() == 4
    for values in ((), ("Bearer wrong",), ("Basic old",), ("old",), ("Bearer old", "Bearer wrong"), ("Bearer",)):
        assert authorized(served, *values) == (grpc.StatusCode.UNAUTHENTICATED, 401)
    assert served.seen.qsize() == 4
    labels = {"signal": "traces", "outcome": "unauthenticated"}
    assert served.telemetry.registry.get_sample_value("kafka_otlp_exporter_requests_total", labels) == 12


def test_a_refused_token_is_refused_at_once(serve: Callable[..., Served], token: Path):
    """When the file changes, it is also refused on connections that are open."""
    served = serve(otlp_bearer_token_file=token)
    assert authorized(served, "Bearer old") == (grpc.StatusCode.OK, 200)
    token.write_text("new")
    served.edge.look(Telemetry())
    assert authorized(served, "Bearer old") == (grpc.StatusCode.UNAUTHENTICATED, 401)
    assert authorized(served, "Bearer new") == (grpc.StatusCode.OK, 200)


def test_a_401_has_a_challenge_and_a_status_in_the_requests_encoding(serve: Callable[..., Served], token: Path):
    """RFC 9110, section 15.5.2. The body is not read."""
    served = serve(otlp_bearer_token_file=token)
    answer = http1.post(served.http_port, b"x")
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert status_pb2.Status.FromString(answer.body).code == code_pb2.UNAUTHENTICATED
    answer = http1.post(served.http_port, b"x", content_type=http1.JSON)
    assert json.loads(answer.body)["code"] == code_pb2.UNAUTHENTICATED
    answer = http1.post(served.http_port, b"x", content_type="text/html")
    assert (answer.status, answer.headers["content-type"]) == (401, "text/plain; charset=utf-8")
    with http1.connect(served.http_port) as connection:
        connection.sendall(http1.head(content_length=1000))
        assert http1.read(connection).status == 401


def test_no_body_is_read_of_who_has_no_token(serve: Callable[..., Served], token: Path):
    """gRPC answers the call before its message arrives."""
    served = serve(otlp_bearer_token_file=token)
    began = time.monotonic()

    def never() -> Any:
        time.sleep(5)
        yield b""

    with failing(grpc.StatusCode.UNAUTHENTICATED):
        served.channel.stream_unary(METHOD)(never(), timeout=10)
    assert time.monotonic() - began < 4
    assert served.budget.taken == 0
