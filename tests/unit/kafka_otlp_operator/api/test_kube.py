"""One call of the Kubernetes API, to an HTTP server that answers as the test says."""

import json
import socket

import pytest
from kubernetes import client

from kafka_otlp_operator import errors
from kafka_otlp_operator.api.kube import Api


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (404, "not there", errors.NotFound),
        (409, "changed", errors.Conflict),
        (403, "not allowed", errors.Forbidden),
        (403, "exceeded quota: q", errors.QuotaExceeded),
        (422, "wrong", errors.Rejected),
        (500, "broken", errors.Unavailable),
        (418, "odd", errors.ApiError),
        (429, "busy", errors.Unavailable),
    ],
)
def test_errors_are_the_servers_sentences(server, status, message, kind):
    """An answer that is an error becomes the matching type, with the server's own sentence."""
    server.answers = [(status, {"message": message})]
    with pytest.raises(errors.ApiError) as refused:
        server.api.call("GET", "/apis/example/edge")
    assert type(refused.value) is kind
    assert str(refused.value) == message


def test_after_a_401_the_token_is_read_again(server):
    """The call is repeated once with the new token; when that one is refused, too, the API server is unavailable."""
    tokens = ["second", "third"]

    def renew(configuration: client.Configuration) -> None:
        configuration.api_key["BearerToken"] = tokens.pop(0)

    configuration = client.Configuration()
    configuration.host = server.host
    configuration.api_key["BearerToken"] = "first"
    api = Api(client.ApiClient(configuration), 5, renew=renew)
    server.answers = [(401, {"message": "no"}), (200, {"yes": 1})]
    assert api.call("GET", "/api") == {"yes": 1}
    server.answers = [(401, {"message": "no"}), (401, {"message": "not at all"})]
    with pytest.raises(errors.Unavailable, match=r"does not accept the operator's token; .*: not at all"):
        api.call("GET", "/api")
    assert [headers["authorization"] for _, _, headers, _ in server.calls] == ["first", "second", "second", "third"]


def test_an_error_page_is_told_by_its_status(server):
    """A proxy answers in HTML; its sentence would help nobody."""
    server.answers = [(502, b"<html>")]
    with pytest.raises(errors.Unavailable, match=r"GET /apis/example/edge was answered with status 502"):
        server.api.call("GET", "/apis/example/edge")


def test_no_answer(server):
    """An API server that does not listen is unavailable, so the operator tries again."""
    server.close()
    with pytest.raises(errors.Unavailable, match="did not answer GET /apis/example/edge"):
        server.api.call("GET", "/apis/example/edge")
    server.close = lambda: None


def test_an_answer_that_is_no_json(server):
    """A proxy in front of the API server may answer 200 with a page of its own."""
    server.answers = [(200, b"<html>")]
    with pytest.raises(errors.Unavailable, match="the answer to GET /apis/example/edge is not JSON"):
        server.api.call("GET", "/apis/example/edge")


def test_a_time_limit_is_one(tmp_path, monkeypatch):
    """A server that accepts the connection and never answers gets one request, not four."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        cluster = {"name": "c", "cluster": {"server": address}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        config = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **config}))
        monkeypatch.setenv("KUBECONFIG", str(path))
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        with pytest.raises(errors.Unavailable, match=r"did not answer GET /api: .*timed out"):
            Api.connect(0.1).call("GET", "/api")
        silent.settimeout(0.2)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()
