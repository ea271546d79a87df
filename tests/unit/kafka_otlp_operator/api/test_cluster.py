"""The operator's calls to the Kubernetes API, to an HTTP server that answers as the test says."""

import base64
import json
from typing import Any

import pytest

from kafka_otlp_operator import errors
from kafka_otlp_operator.api.cluster import Cluster, Key
from kafka_otlp_operator.objects.kinds import CHILDREN
from kafka_otlp_operator.objects.secrets_digest import Source
from tests.unit.kafka_otlp_operator.resources import resource

OURS = {"controller": True, "uid": "uid-1", "kind": "KafkaOtlpExporter", "name": "edge"}
THEIRS = {"controller": True, "uid": "uid-2", "kind": "Deployment", "name": "other"}
MANIFEST = {"kind": "Service", "metadata": {"name": "edge", "namespace": "telemetry", "ownerReferences": [OURS]}}


def listed(*items: Any, **metadata: str) -> tuple[int, Any]:
    """The answer with one page of a list."""
    return 200, {"items": list(items) or None, "metadata": metadata}


def item(name: str, version: str, owner: str | None = None) -> Any:
    """An object of a list, its metadata alone."""
    owners = [{"controller": True, "uid": "u", "kind": "KafkaOtlpExporter", "name": owner}] if owner else []
    metadata = {"namespace": "n", "name": name, "uid": f"uid-{name}", "resourceVersion": version}
    return {"metadata": {**metadata, "ownerReferences": owners}}


def test_versions_of_all_resources_and_of_what_was_made_for_them(server):
    """The list comes in pages with metadata alone; a kind that is not installed has no objects."""
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
    """An apply is a server-side apply with the operator's field manager, by force."""
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
    """One GET for each kind, by the resource's name; a kind that is not installed has no such object."""
    nothing: list[tuple[int, Any]] = [(404, {"message": "no"})] * (len(CHILDREN) - 1)
    server.answers = [(200, {"metadata": {"name": "edge"}}), *nothing]
    assert server.cluster.named(resource()) == {"Deployment": {"kind": "Deployment", "metadata": {"name": "edge"}}}
    paths = [call[1] for call in server.calls]
    assert paths == [kind.path("telemetry", "edge") for kind in CHILDREN.values()]


def test_a_forbidden_read_is_an_error_only_for_kinds_that_are_needed(server):
    """An object that the operator may not read may exist; of an optional kind the operator has made none then."""
    server.answers = [(403, {"message": "forbidden"})]
    with pytest.raises(errors.Forbidden, match=r"^forbidden$"):
        server.cluster.named(resource())
    server.answers = [(403 if kind.optional else 404, {"message": "no"}) for kind in CHILDREN.values()]
    assert server.cluster.named(resource()) == {}
    server.answers = [
        listed(),
        *((403, {"message": "no"}) if kind.optional else listed() for kind in CHILDREN.values()),
    ]
    assert server.cluster.versions(None) == {}


def test_no_deployment(server):
    """A missing Deployment is None, and so is one with another owner."""
    server.answers = [(404, {"message": "no"}), (200, {"metadata": {"ownerReferences": [THEIRS]}})]
    assert server.cluster.deployment(resource()) is None
    assert server.cluster.deployment(resource()) is None


def test_delete(server):
    """A deletion names the uid of the object that was seen; an object that is already gone is no error."""
    child = {"kind": "Service", "metadata": {"name": "old", "namespace": "n", "uid": "u"}}
    server.answers = [(200, {}), (404, {"message": "no"})]
    server.cluster.delete(child)
    server.cluster.delete(child)
    assert json.loads(server.calls[0][3])["preconditions"] == {"uid": "u"}


def test_serves_resources(server):
    """The resource is served when the API server's discovery lists it."""
    server.answers = [
        (404, {"message": "no"}),
        (200, {"resources": []}),
        (200, {"resources": [{"name": "kafkaotlpexporters"}]}),
    ]
    assert [server.cluster.serves_resources() for _ in range(3)] == [False, False, True]


def test_serves(server):
    """The operator asks each time whether an optional kind is served, and never about the others."""
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
    """Another field manager applies the present number to the Deployment of this uid, and without force."""
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
    """A number that the operator does not own stays with its owner."""
    server.cluster.let_go_of_replicas(deployment)
    assert server.calls == []


def test_pods_of_a_resource(server):
    """They are listed by the labels that the Deployment selects, from the API server's cache."""
    server.answers = [(200, {"items": [{"metadata": {"name": "edge-1"}}]}), (200, {"items": None})]
    assert [pod["metadata"]["name"] for pod in server.cluster.pods(resource())] == ["edge-1"]
    assert not server.cluster.pods(resource())
    path = server.calls[0][1]
    assert path.startswith("/api/v1/namespaces/telemetry/pods?labelSelector=app.kubernetes.io")
    assert path.endswith("resourceVersion=0")


def test_an_event_is_created_beside_its_object(server):
    """It stands in the namespace of the resource; a refusal of the API server is an ApiError."""
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
    """Each object is read once; a missing key is None, and text and base64 both become bytes."""
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


def test_a_process_that_is_not_the_leader_writes_nothing(server):
    """Except the Lease itself, and questions about rights, which change nothing."""

    def forbid() -> None:
        raise errors.NotLeader("another one acts")

    guarded = Cluster(server.api, forbid)
    for write in (
        lambda: guarded.apply(MANIFEST),
        lambda: guarded.delete({"kind": "Service", "metadata": {"name": "edge", "namespace": "telemetry", "uid": "u"}}),
        lambda: guarded.apply_status(resource(), {}),
        lambda: guarded.post({"metadata": {"namespace": "telemetry"}}),
    ):
        with pytest.raises(errors.NotLeader, match="another one acts"):
            write()
    assert server.calls == []
    server.answers = [(201, {"metadata": {}}), (201, {"status": {"allowed": True}})]
    guarded.write_lease({"metadata": {"namespace": "n", "name": "l"}})
    assert guarded.may({"verb": "get"})
    assert [call[:2] for call in server.calls] == [
        ("POST", "/apis/coordination.k8s.io/v1/namespaces/n/leases?fieldManager=kafka-otlp-operator"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ]


def test_a_key_is_written_as_in_logs():
    """Namespace and name, as kubectl writes them."""
    assert str(Key("telemetry", "edge")) == "telemetry/edge"


def test_a_role_that_may_not_read_secrets_is_named(server):
    """The sentence says which object, and which role is missing; the Secret's content is in no error."""
    server.answers = [(403, {"message": "secrets is forbidden"})]
    with pytest.raises(errors.SecretAccessDenied) as refused:
        server.cluster.values("telemetry", [Source("Secret", "edge-kafka", "password")])
    assert str(refused.value) == (
        "credentialReload Restart needs to read Secret 'edge-kafka', which the role of the operator does not allow: ask "
        "the platform's administrator to bind the role kafka-otlp-operator-secrets, or use Reload (secrets is forbidden)."
    )


def test_a_lease_is_created_and_then_replaced(server):
    """A Lease without a version is new; the API server refuses to replace another version than the one that was read."""
    new = {"metadata": {"namespace": "n", "name": "l"}}
    read = {"metadata": {"namespace": "n", "name": "l", "resourceVersion": "7"}}
    server.answers = [(404, {"message": "no"}), (201, read), (200, read), (409, {"message": "changed"})]
    assert server.cluster.lease("n", "l") is None
    assert server.cluster.write_lease(new) == read
    assert server.cluster.write_lease(read) == read
    with pytest.raises(errors.Conflict, match="changed"):
        server.cluster.write_lease(read)
    path = "/apis/coordination.k8s.io/v1/namespaces/n/leases"
    query = "?fieldManager=kafka-otlp-operator"
    assert [call[:2] for call in server.calls] == [
        ("GET", f"{path}/l"),
        ("POST", path + query),
        ("PUT", f"{path}/l{query}"),
        ("PUT", f"{path}/l{query}"),
    ]
