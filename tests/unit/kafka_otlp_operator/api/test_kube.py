"""The door to the Kubernetes API, before an HTTP server that says what a test wants."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from kubernetes import client

from kafka_otlp_operator import errors
from kafka_otlp_operator.api.cluster import Cluster, Key
from kafka_otlp_operator.api.kube import Api
from kafka_otlp_operator.objects.kinds import CHILDREN
from kafka_otlp_operator.objects.secrets_digest import Source
from tests.unit.kafka_otlp_operator.resources import resource

OURS = {"controller": True, "uid": "uid-1", "kind": "KafkaOtlpExporter", "name": "edge"}
THEIRS = {"controller": True, "uid": "uid-2", "kind": "Deployment", "name": "other"}
MANIFEST = {"kind": "Service", "metadata": {"name": "edge", "namespace": "telemetry", "ownerReferences": [OURS]}}


class Server:
    """Answers each call with the next of ``answers``; ``calls`` lists what was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def answer(handler):  # noqa: N805
                length = int(handler.headers.get("Content-Length") or 0)
                body = handler.rfile.read(length)
                self.calls.append((handler.command, handler.path, dict(handler.headers), body))
                status, content = self.answers.pop(0)
                handler.send_response(status)
                handler.end_headers()
                handler.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())

            do_GET = do_PATCH = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        configuration = client.Configuration()
        self.host = f"http://127.0.0.1:{self.http.server_port}"
        configuration.host = self.host
        self.cluster = Cluster(Api(client.ApiClient(configuration), timeout=5))

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    """One such server."""
    running = Server()
    yield running
    running.close()


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
        server.cluster.resource(Key("n", "a"))
    assert type(refused.value) is kind
    assert str(refused.value) == message


def test_who_is_not_known_reads_its_token_again(server):
    """And asks once more; the next token may be too late."""
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


def test_an_answer_that_is_no_status(server):
    """A proxy's error page is told by its status."""
    server.answers = [(502, b"<html>")]
    with pytest.raises(errors.Unavailable, match=r"GET .*/kafkaotlpexporters/a was answered with status 502"):
        server.cluster.resource(Key("n", "a"))


def test_no_answer(server):
    """An API server that is not there will be back."""
    server.close()
    with pytest.raises(errors.Unavailable, match="did not answer GET"):
        server.cluster.resource(Key("n", "a"))
    server.close = lambda: None


def test_an_answer_that_is_no_json(server):
    """Something else stands before the API server, which will be back."""
    server.answers = [(200, b"<html>")]
    with pytest.raises(errors.Unavailable, match="the answer to GET .* is not JSON"):
        server.cluster.resource(Key("n", "a"))


def test_a_time_limit_is_one(tmp_path, monkeypatch):
    """A server that takes a connection and says nothing is asked once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        cluster = {"name": "c", "cluster": {"server": address}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        config = {"clusters": [cluster], "contexts": [context], "users": [{"name": "u", "user": {}}]}
        path = tmp_path / "kubeconfig"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **config}))
        monkeypatch.setenv("KUBECONFIG", str(path))
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
        with pytest.raises(errors.Unavailable):
            Api.connect(0.1).call("GET", "/api")
        silent.settimeout(0.2)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):
            silent.accept()


def listed(*items: Any, **metadata: str) -> tuple[int, Any]:
    """A page of a list."""
    return 200, {"items": list(items) or None, "metadata": metadata}


def item(name: str, version: str, owner: str | None = None) -> Any:
    """What a list tells of an object."""
    owners = [{"controller": True, "uid": "u", "kind": "KafkaOtlpExporter", "name": owner}] if owner else []
    metadata = {"namespace": "n", "name": name, "uid": f"uid-{name}", "resourceVersion": version}
    return {"metadata": {**metadata, "ownerReferences": owners}}


def test_versions_of_all_resources_and_of_what_was_made_for_them(server):
    """In pages, by names and versions alone; a kind that is not installed has no objects."""
    children = [(404, {"message": "no such kind"}) if kind.optional else listed() for kind in CHILDREN.values()]
    children[0] = listed(item("a", "3", "a"), item("x", "9", "gone"), item("y", "8"))
    server.answers = [listed(item("a", "1"), **{"continue": "next"}), listed(item("b", "2")), *children]
    assert server.cluster.versions(None) == {
        Key("n", "a"): {"uid-a 1", "uid-a 3"},
        Key("n", "b"): {"uid-b 2"},
    }
    assert "continue=next" in server.calls[1][1]
    assert "PartialObjectMetadataList" in server.calls[0][2]["Accept"]
    assert "labelSelector=app.kubernetes.io/managed-by%3Dkafka-otlp-operator" in server.calls[2][1]
    assert len(server.calls) == 2 + len(CHILDREN)


def test_apply(server):
    """An apply is a server-side apply with our field manager, by force."""
    server.answers = [(200, MANIFEST)]
    assert server.cluster.apply(MANIFEST) == MANIFEST
    method, path, headers, body = server.calls[0]
    assert (method, path) == (
        "PATCH",
        "/api/v1/namespaces/telemetry/services/edge?fieldManager=kafka-otlp-operator&force=true",
    )
    assert headers["Content-Type"] == "application/apply-patch+yaml"
    assert json.loads(body) == MANIFEST


def test_status_is_for_this_very_resource(server):
    """The status names the uid, so that it never lands on another resource of the same name."""
    server.answers = [(200, {})]
    server.cluster.apply_status(resource(), {"replicas": 1})
    _, path, _, body = server.calls[0]
    assert path.startswith("/apis/kafka-otlp.dev/v1alpha1/namespaces/telemetry/kafkaotlpexporters/edge/status?")
    assert json.loads(body)["metadata"]["uid"] == "uid-1"


def test_named(server):
    """One question a kind, by the resource's name; a kind that is not installed has no such object."""
    nothing: list[tuple[int, Any]] = [(404, {"message": "no"})] * (len(CHILDREN) - 1)
    server.answers = [(200, {"metadata": {"name": "edge"}}), *nothing]
    assert server.cluster.named(resource()) == {"Deployment": {"kind": "Deployment", "metadata": {"name": "edge"}}}
    paths = [call[1] for call in server.calls]
    assert paths == [kind.path("telemetry", "edge") for kind in CHILDREN.values()]


def test_named_is_not_what_could_not_be_asked(server):
    """An object that may not be looked at is no missing object, but of a kind that need not be there."""
    server.answers = [(403, {"message": "forbidden"})]
    with pytest.raises(errors.Forbidden):
        server.cluster.named(resource())
    server.answers = [(403 if kind.optional else 404, {"message": "no"}) for kind in CHILDREN.values()]
    assert server.cluster.named(resource()) == {}
    server.answers = [
        listed(),
        *((403, {"message": "no"}) if kind.optional else listed() for kind in CHILDREN.values()),
    ]
    assert server.cluster.versions(None) == {}


def test_no_deployment(server):
    """One that is not there is None, and so is somebody else's."""
    server.answers = [(404, {"message": "no"}), (200, {"metadata": {"ownerReferences": [THEIRS]}})]
    assert server.cluster.deployment(resource()) is None
    assert server.cluster.deployment(resource()) is None


def test_delete(server):
    """A deletion is for the very object that was seen; one that is gone already is fine."""
    child = {"kind": "Service", "metadata": {"name": "old", "namespace": "n", "uid": "u"}}
    server.answers = [(200, {}), (404, {"message": "no"})]
    server.cluster.delete(child)
    server.cluster.delete(child)
    assert json.loads(server.calls[0][3])["preconditions"] == {"uid": "u"}


def test_serves_resources(server):
    """The resource counts as served when the API tells of it."""
    server.answers = [
        (404, {"message": "no"}),
        (200, {"resources": []}),
        (200, {"resources": [{"name": "kafkaotlpexporters"}]}),
    ]
    assert [server.cluster.serves_resources() for _ in range(3)] == [False, False, True]


def test_serves(server):
    """Whether the API server has a kind is asked each time, and only of kinds that it need not have."""
    monitor = {"kind": "PodMonitor"}
    server.answers = [(404, {"message": "no"}), (200, {"resources": [{"name": "podmonitors"}]})]
    assert server.cluster.serves({"kind": "Service"})
    assert [server.cluster.serves(monitor) for _ in range(2)] == [False, True]
    assert server.calls[0][1] == "/apis/monitoring.coreos.com/v1"


def deployed(manager: str, operation: str = "Apply", field: str = "f:replicas") -> dict[str, Any]:
    """A Deployment whose number of pods somebody has set."""
    entry = {"manager": manager, "operation": operation, "fieldsV1": {"f:spec": {field: {}}}}
    metadata = {"name": "edge", "namespace": "telemetry", "uid": "d-1", "managedFields": [entry]}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"replicas": 5}}


def test_letting_go_of_the_number_of_pods(server):
    """Another field manager says the number that is there, of this very Deployment, and forces nobody."""
    server.answers = [(200, {})]
    server.cluster.let_go_of_replicas(deployed("kafka-otlp-operator"))
    method, path, _, body = server.calls[0]
    assert (method, path) == (
        "PATCH",
        "/apis/apps/v1/namespaces/telemetry/deployments/edge?fieldManager=kafka-otlp-operator-scale",
    )
    said = json.loads(body)
    assert said["spec"] == {"replicas": 5}
    assert said["metadata"]["uid"] == "d-1"


@pytest.mark.parametrize(
    "deployment",
    [
        deployed("kube-controller-manager", "Update"),
        deployed("kafka-otlp-operator", "Update"),
        deployed("kafka-otlp-operator", field="f:template"),
        {"metadata": {}},
    ],
)
def test_nothing_to_let_go_of(server, deployment):
    """A number that is somebody else's already is theirs."""
    server.cluster.let_go_of_replicas(deployment)
    assert server.calls == []


def test_pods_are_the_deployments(server):
    """They are found by the labels that the Deployment selects them by, from the API server's memory."""
    server.answers = [(200, {"items": [{"metadata": {"name": "edge-1"}}]}), (200, {"items": None})]
    assert [pod["metadata"]["name"] for pod in server.cluster.pods(resource())] == ["edge-1"]
    assert not server.cluster.pods(resource())
    path = server.calls[0][1]
    assert path.startswith("/api/v1/namespaces/telemetry/pods?labelSelector=app.kubernetes.io")
    assert path.endswith("resourceVersion=0")


def test_an_event_is_created_beside_its_object(server):
    """In the namespace of the resource; what the API server says against it is an ApiError."""
    event = {"kind": "Event", "metadata": {"name": "edge.1", "namespace": "telemetry"}}
    server.answers = [(201, event), (403, {"message": "events are forbidden"})]
    server.cluster.post(event)
    method, path, headers, body = server.calls[0]
    assert (method, path) == ("POST", "/api/v1/namespaces/telemetry/events?fieldManager=kafka-otlp-operator")
    assert headers["Content-Type"] == "application/json"
    assert json.loads(body) == event
    with pytest.raises(errors.Forbidden, match="events are forbidden"):
        server.cluster.post(event)


def test_values_of_secrets_and_config_maps(server):
    """Each object is read once; what is not there is None, and text and bytes are bytes."""
    secret = {"data": {"password": base64.b64encode(b"hunter2").decode()}}
    bundle = {"data": {"ca.crt": "PEM"}, "binaryData": {"raw": base64.b64encode(b"\xff").decode()}}
    server.answers = [(200, secret), (200, bundle), (404, {"message": "not found"})]
    sources = [
        Source("Secret", "s", "password"),
        Source("Secret", "s", "other"),
        Source("ConfigMap", "c", "ca.crt"),
        Source("ConfigMap", "c", "raw"),
        Source("Secret", "gone", "key"),
    ]
    values = server.cluster.values("telemetry", sources)
    assert [values[source] for source in sources] == [b"hunter2", None, b"PEM", b"\xff", None]
    assert [call[1] for call in server.calls] == [
        "/api/v1/namespaces/telemetry/secrets/s",
        "/api/v1/namespaces/telemetry/configmaps/c",
        "/api/v1/namespaces/telemetry/secrets/gone",
    ]


def test_nothing_is_written_by_who_may_not(server):
    """The Lease, and questions about rights, are no writes of the work."""

    def forbid() -> None:
        raise errors.NotLeader("another one acts")

    guarded = Cluster(server.cluster._call.__self__, forbid)
    for write in (
        lambda: guarded.apply(MANIFEST),
        lambda: guarded.delete({"kind": "Service", "metadata": {"name": "edge", "namespace": "telemetry", "uid": "u"}}),
        lambda: guarded.apply_status(resource(), {}),
        lambda: guarded.post({"metadata": {"namespace": "telemetry"}}),
    ):
        with pytest.raises(errors.NotLeader):
            write()
    assert server.calls == []
    server.answers = [(201, {"metadata": {}}), (201, {"status": {"allowed": True}})]
    guarded.write_lease({"metadata": {"namespace": "n", "name": "l"}})
    assert guarded.may({"verb": "get"})
    assert [call[:2] for call in server.calls] == [
        ("POST", "/apis/coordination.k8s.io/v1/namespaces/n/leases?fieldManager=kafka-otlp-operator"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ]
