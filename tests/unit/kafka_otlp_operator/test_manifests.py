"""What a resource becomes."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from kafka_otlp_exporter import env
from kafka_otlp_operator.manifests import desired
from kafka_otlp_operator.names import labels, selector
from kafka_otlp_operator.spec import parse
from tests.unit.kafka_otlp_operator.resources import SECURE, resource

ROOT = Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


def pod_of(**spec: Any) -> Any:
    """The pod template's spec."""
    return desired(resource(**spec), "image:1")[2]["spec"]["template"]["spec"]


def container_of(**spec: Any) -> Any:
    """The exporter's container."""
    return pod_of(**spec)["containers"][0]


def environment_of(**spec: Any) -> Any:
    """Its environment."""
    return {entry["name"]: entry.get("value") for entry in container_of(**spec)["env"]}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_golden(example):
    """Each example becomes exactly the objects that stand in tests/golden (UPDATE_GOLDEN=1 writes them anew)."""
    documents = yaml.safe_load_all(example.read_text())
    (one,) = (document for document in documents if document["kind"] == "KafkaOtlpExporter")
    text = yaml.safe_dump_all(desired(parse(one), "kafka-otlp-exporter:golden"), sort_keys=False)
    golden = ROOT / "tests" / "golden" / example.name
    if os.environ.get("UPDATE_GOLDEN"):
        golden.write_text(text)
    assert text == golden.read_text()


def test_always_the_same():
    """The same resource becomes the same objects, to the byte: a difference would roll every pod."""
    one, other = (str(desired(resource(**SECURE), "image:1")) for _ in range(2))
    assert one == other


def test_options_travel_as_the_exporter_reads_them():
    """What the pod's environment says is read back as the very options of the resource."""
    spec = {"lingerMs": 9, "customConfig": {"a": "x,y\\z"}, "requestTimeout": "500ms"}
    texts = {name: value for name, value in environment_of(**spec).items() if value is not None}
    assert env.from_environment(texts) == resource(**spec).options


def test_only_what_was_set_travels():
    """A new default in a new exporter reaches pods whose author left the option alone."""
    assert environment_of() == {
        "KAFKA_EXPORTER_BROKERS": "kafka:9092",
        "KAFKA_EXPORTER_SHUTDOWN_TIMEOUT": "37s",
    }


def test_no_secret_travels_as_environment():
    """Credentials are files of one read-only volume, which only the exporter's group can read."""
    client = {"tls": {**SECURE["tls"], "clientCertSecretRef": {"name": "edge-tls"}}}
    sasl = {
        "mechanism": "PLAIN",
        "usernameSecretRef": {"name": "edge-kafka", "key": "user"},
        "passwordSecretRef": {"name": "edge-kafka", "key": "password"},
    }
    spec = {**SECURE, **client, "sasl": sasl}
    assert "KAFKA_EXPORTER_SASL_PASSWORD" not in environment_of(**spec)
    assert environment_of(**spec)["KAFKA_EXPORTER_CREDENTIALS_DIR"] == "/etc/kafka-otlp/credentials"
    (volume,) = pod_of(**spec)["volumes"]
    files = [item["path"] for source in volume["projected"]["sources"] for item in source["secret"]["items"]]
    assert files == ["username", "password", "ca.crt", "tls.crt", "tls.key"]
    assert volume["projected"]["defaultMode"] == 0o440
    assert container_of(**spec)["volumeMounts"][0]["readOnly"] is True


def test_ca_from_a_config_map():
    """A CA may stand in a ConfigMap."""
    spec = {"securityProtocol": "SSL", "tls": {"caConfigMapRef": {"name": "ca", "key": "bundle"}}}
    (source,) = pod_of(**spec)["volumes"][0]["projected"]["sources"]
    assert source == {"configMap": {"name": "ca", "items": [{"key": "bundle", "path": "ca.crt"}]}}


@pytest.mark.parametrize(
    ("limit", "held"), [("256Mi", 32 * 2**20), ("8Mi", 4 * 2**20), ("1G", 125_000_000), ("1Ei", 2**40)]
)
def test_memory(limit, held):
    """An eighth of the memory limit holds telemetry, within what the exporter takes."""
    spec = {"resources": {"limits": {"memory": limit}}}
    assert environment_of(**spec)["KAFKA_EXPORTER_MAX_IN_FLIGHT_BYTES"] == str(held)


def test_what_it_says_last_is_in_its_status():
    """A sentence on stderr, with which the exporter refuses to start, is kept by the kubelet."""
    assert container_of()["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_time_to_stop():
    """The grace period covers preStop and one call's longest wait; the exporter ends before it is killed."""
    assert pod_of(requestTimeout="1m")["terminationGracePeriodSeconds"] == 75
    assert environment_of(requestTimeout="1m")["KAFKA_EXPORTER_SHUTDOWN_TIMEOUT"] == "67s"
    own = {"podTemplate": {"terminationGracePeriodSeconds": 3600}}
    assert environment_of(**own)["KAFKA_EXPORTER_SHUTDOWN_TIMEOUT"] == "900s"
    shortest = {"podTemplate": {"terminationGracePeriodSeconds": 10}}
    assert environment_of(**shortest)["KAFKA_EXPORTER_SHUTDOWN_TIMEOUT"] == "2s"


def test_users_labels_never_win():
    """A label of the author that is also ours keeps our value: the selector must find the pods."""
    template = {"labels": {"app.kubernetes.io/instance": "x", "team": "a"}, "annotations": {"b": "c"}}
    metadata = desired(resource(podTemplate=template), "image:1")[2]["spec"]["template"]["metadata"]
    assert metadata["labels"] == {"team": "a", **labels("edge")}
    assert metadata["annotations"] == {"b": "c"}


def test_selector_is_not_the_authors():
    """No field of the resource reaches the selector, which Kubernetes never lets change."""
    specs = [{}, {"podTemplate": {"labels": {"a": "b"}}, "image": "x", "clientId": "y"}]
    found = [desired(resource(**spec), "image:1")[2]["spec"]["selector"]["matchLabels"] for spec in specs]
    assert found == [dict(selector("edge"))] * 2


def test_everything_of_the_author_arrives():
    """Each workload field reaches its place in the pod."""
    template = {
        "nodeSelector": {"a": "b"},
        "tolerations": [{"key": "t"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [],
        "priorityClassName": "high",
        "env": [{"name": "A", "value": "B"}],
    }
    spec = {
        "image": "own:2",
        "imagePullPolicy": "Always",
        "imagePullSecrets": [{"name": "registry"}],
        "resources": {"requests": {"cpu": "1"}},
        "podTemplate": template,
    }
    pod, container = pod_of(**spec), container_of(**spec)
    assert {key: pod[key] for key in template if key != "env"} == {
        key: template[key] for key in template if key != "env"
    }
    assert pod["imagePullSecrets"] == spec["imagePullSecrets"]
    assert (container["image"], container["imagePullPolicy"]) == ("own:2", "Always")
    assert container["resources"] == spec["resources"]
    assert container["env"][-1] == {"name": "A", "value": "B"}


def test_owner():
    """Every object is owned by the resource, so that deleting it needs no operator; a file's objects have no owner."""
    for manifest in desired(resource(), "image:1"):
        (owner,) = manifest["metadata"]["ownerReferences"]
        assert (owner["uid"], owner["controller"], owner["blockOwnerDeletion"]) == ("uid-1", True, True)
    loose = parse({"metadata": {"name": "edge"}, "spec": {"brokers": ["a:1"]}})
    assert all("ownerReferences" not in manifest["metadata"] for manifest in desired(loose, "image:1"))
