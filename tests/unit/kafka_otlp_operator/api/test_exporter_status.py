"""Asking exporter pods, over real HTTP."""

import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from kafka_otlp_operator import names
from kafka_otlp_operator.api import exporter_status
from kafka_otlp_operator.status.pods import Report


def pod(name: str, address: str, running: bool = True) -> Any:
    """A pod at an address."""
    state: dict[str, Any] = {"running": {}} if running else {"waiting": {}}
    return {
        "metadata": {"name": name, "creationTimestamp": name},
        "status": {"podIP": address, "containerStatuses": [{"state": state}]},
    }


@pytest.fixture
def answers(monkeypatch):
    """The body that the exporter at 127.0.0.1 answers; its port takes the place of the admin port."""
    said: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/status" else 404)
            self.end_headers()
            self.wfile.write(said["body"])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        monkeypatch.setattr(names, "ADMIN_PORT", server.server_port)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield said
        server.shutdown()
        thread.join()


def test_what_a_pod_says_is_reported(answers):
    """A pod without a connection to Kafka: its reason, its message and the files that it waits for."""
    kafka = {"connected": False, "reason": "KafkaUnreachable", "message": "Kafka at a:1 cannot be reached."}
    answers["body"] = json.dumps({"kafka": kafka, "missingFiles": ["/a", "/b"]}).encode()
    found = exporter_status.reports(
        [pod("a", "127.0.0.1"), pod("b", "127.0.0.1", running=False), {"metadata": {"name": "c"}}]
    )
    assert found == {"a": Report("KafkaUnreachable", "Kafka at a:1 cannot be reached.", ("/a", "/b"))}


def test_three_are_asked(answers):
    """The three newest."""
    kafka = {"connected": False, "reason": "R", "message": "m"}
    answers["body"] = json.dumps({"kafka": kafka}).encode()
    assert set(exporter_status.reports([pod(name, "127.0.0.1") for name in "edcba"])) == {"e", "d", "c"}


@pytest.mark.parametrize("body", [b'{"kafka": {"connected": true}}', b"{}", b"no json", b"[]", b'{"kafka": 1}'])
def test_an_answer_of_no_use_is_ignored(answers, body):
    """A pod may answer anything; the operator reads the words that it knows, and goes on."""
    answers["body"] = body
    assert exporter_status.reports([pod("a", "127.0.0.1")]) == {}


def test_a_pod_that_cannot_be_reached_is_ignored(monkeypatch):
    """A network policy may forbid it. The port is bound and nobody listens on it, so that the kernel refuses."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        monkeypatch.setattr(names, "ADMIN_PORT", bound.getsockname()[1])
        assert exporter_status.reports([pod("a", "127.0.0.1")]) == {}
