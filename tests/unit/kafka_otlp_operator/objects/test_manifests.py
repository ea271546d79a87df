"""The objects of a resource."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from kafka_otlp_operator.names import selector
from kafka_otlp_operator.objects.kinds import CHILDREN
from kafka_otlp_operator.objects.manifests import desired, replicas_at_first
from kafka_otlp_operator.objects.ownership import Manifest
from kafka_otlp_operator.resource.spec import parse
from tests.examples import EXAMPLES
from tests.unit.kafka_otlp_operator.resources import SECURE, resource

ROOT = Path(__file__).parents[4]


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_golden(example):
    """Each example becomes exactly the objects in tests/golden (UPDATE_GOLDEN=1 writes them again)."""
    documents = yaml.safe_load_all(example.read_text())
    (one,) = (document for document in documents if document["kind"] == "KafkaOtlpExporter")
    text = yaml.safe_dump_all(desired(parse(one), "kafka-otlp-exporter:golden"), sort_keys=False)
    golden = ROOT / "tests" / "golden" / example.name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_always_the_same():
    """Equal resources become equal objects, to the byte: a difference would restart every pod."""
    one, other = (str(desired(resource(**SECURE), "image:1")) for _ in range(2))
    assert one == other


def test_selector_is_not_the_authors():
    """No field of the resource reaches the selector, because Kubernetes does not allow a selector to change."""
    specs = [{}, {"podTemplate": {"labels": {"a": "b"}}, "image": "x", "clientId": "y"}]
    found = [desired(resource(**spec), "image:1").deployment["spec"]["selector"]["matchLabels"] for spec in specs]
    assert found == [dict(selector("edge"))] * 2


def of_kind(kind: str, **spec: Any) -> Manifest:
    """The one object of a kind."""
    (found,) = (one for one in desired(resource(**spec), "image:1") if one["kind"] == kind)
    return found


EVERYTHING: dict[str, Any] = {
    "scaling": {"mode": "HPA", "maxReplicas": 3},
    "resources": {"requests": {"cpu": 1}},
    "podDisruptionBudget": {},
    "networkPolicy": {},
    "metrics": {"podMonitor": {}},
}


def test_only_what_is_asked_for():
    """By default there are the three objects that pods need; with every field set, the NetworkPolicy comes before the pods."""
    needed = ["ServiceAccount", "Service", "Deployment"]
    assert [one["kind"] for one in desired(resource(), "image:1")] == needed
    assert [one["kind"] for one in desired(resource(**EVERYTHING), "image:1")] == [
        "ServiceAccount",
        "Service",
        "NetworkPolicy",
        "Deployment",
        "PodDisruptionBudget",
        "HorizontalPodAutoscaler",
        "PodMonitor",
    ]


def test_what_is_switched_off_is_not_there():
    """enabled: false is the same as no such field, so that an overlay can switch off what its base switches on."""
    off = {"enabled": False}
    spec = {"podDisruptionBudget": off, "networkPolicy": off, "metrics": {"podMonitor": off}}
    assert desired(resource(**spec), "image:1") == desired(resource(), "image:1")


def test_every_object_has_a_kind_that_is_watched_and_pruned():
    """Every object that the operator makes is of a kind that it watches."""
    for manifest in desired(resource(**EVERYTHING), "image:1"):
        kind = CHILDREN[manifest["kind"]]
        assert manifest["apiVersion"] == "/".join(filter(None, (kind.group, kind.version)))


@pytest.mark.parametrize("mode", ["HPA", "External"])
def test_the_number_of_pods_is_left_to_others(mode):
    """When another controller sets the number of pods, the operator applies none."""
    more = EVERYTHING if mode == "HPA" else {}
    spec = {**more, "scaling": {**more.get("scaling", {}), "mode": mode}, "replicas": 5}
    assert "replicas" not in of_kind("Deployment", **spec)["spec"]
    assert of_kind("Deployment", replicas=5, scaling={"mode": "Fixed"})["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    ("scaling", "first"),
    [
        ({"mode": "External"}, 5),
        ({"mode": "HPA", "maxReplicas": 9}, 1),
        ({"mode": "HPA", "minReplicas": 3, "maxReplicas": 9}, 3),
    ],
)
def test_the_first_number_of_pods(scaling, first):
    """A new Deployment starts with the resource's number of pods, or with the autoscaler's minimum."""
    assert replicas_at_first(resource(replicas=5, scaling=scaling, resources={"requests": {"cpu": 1}})) == first


def ports_of(**otlp: Any) -> dict[str, tuple[int, str, str]]:
    """The ports of the Service."""
    ports = of_kind("Service", otlp=otlp)["spec"]["ports"]
    return {port["name"]: (port["port"], port["targetPort"], port["appProtocol"]) for port in ports}


def test_ports_of_the_service():
    """The Service has a port for each protocol that is on, and the admin port."""
    admin = ("admin", (9464, "admin", "http"))
    grpc, http = ("otlp-grpc", (4317, "otlp-grpc", "grpc")), ("otlp-http", (4318, "otlp-http", "http"))
    assert ports_of() == dict([grpc, http, admin])
    assert ports_of(grpc={"enabled": False}) == dict([http, admin])
    tls = {"port": 5000, "tlsSecretRef": {"name": "server"}}
    assert ports_of(http=tls) == dict([grpc, ("otlp-http", (5000, "otlp-http", "https")), admin])


def test_the_service_is_the_authors():
    """The resource sets type and annotations of the Service."""
    found = of_kind("Service", service={"type": "LoadBalancer", "annotations": {"a": "b"}})
    assert (found["spec"]["type"], found["metadata"]["annotations"]) == ("LoadBalancer", {"a": "b"})
    assert "annotations" not in of_kind("Service")["metadata"]
