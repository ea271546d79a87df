"""The pod template of a resource."""

from typing import Any

import pytest

from kafka_otlp_exporter.config import env, options, settings
from kafka_otlp_operator.names import labels
from kafka_otlp_operator.objects.template import pod_template
from tests.unit.kafka_otlp_operator.resources import SECURE, resource


def pod_of(**spec: Any) -> Any:
    """The pod template's spec."""
    return pod_template(resource(**spec), "image:1")["spec"]


def container_of(**spec: Any) -> Any:
    """The exporter's container."""
    return pod_of(**spec)["containers"][0]


def environment_of(**spec: Any) -> Any:
    """Its environment."""
    return {entry["name"]: entry.get("value") for entry in container_of(**spec)["env"]}


def test_options_travel_as_the_exporter_reads_them():
    """The exporter reads the pod's environment back as exactly the options of the resource."""
    spec = {"lingerMs": 9, "customConfig": {"client.rack": "x,y\\z"}, "requestTimeout": "500ms"}
    texts = {name: value for name, value in environment_of(**spec).items() if value is not None}
    assert env.from_environment(texts) == resource(**spec).options


def test_no_text_is_taken_for_a_reference():
    """The kubelet turns $$ into $, and would replace $(NAME)."""
    spec = {"customConfig": {"client.rack": "$(HOSTNAME) $$ $"}}
    said = environment_of(**spec)["KAFKA_EXPORTER_CUSTOM_CONFIG"]
    assert said == "client.rack=$$(HOSTNAME) $$$$ $$"
    assert said.replace("$$", "$") == "client.rack=$(HOSTNAME) $$ $"


def test_only_what_was_set_travels():
    """An option that the author did not set is not in the environment, so a new exporter's default takes effect."""
    assert environment_of() == {
        "KAFKA_EXPORTER_BROKERS": "kafka:9092",
        "KAFKA_EXPORTER_SHUTDOWN_TIMEOUT": "37s",
        "KAFKA_EXPORTER_WORKERS": "1",
    }


def test_no_secret_travels_as_environment():
    """Credentials are files of one read-only volume that only the exporter's group can read."""
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
    assert all(source["secret"]["optional"] for source in volume["projected"]["sources"])
    required = environment_of(**spec)["KAFKA_EXPORTER_REQUIRED_FILES"]
    assert required == ",".join(f"/etc/kafka-otlp/credentials/{file}" for file in files)
    assert volume["projected"]["defaultMode"] == 0o440
    assert container_of(**spec)["volumeMounts"][0]["readOnly"] is True


def test_ca_from_a_config_map():
    """A certificate authority may come from a ConfigMap."""
    spec = {"securityProtocol": "SSL", "tls": {"caConfigMapRef": {"name": "ca", "key": "bundle"}}}
    (source,) = pod_of(**spec)["volumes"][0]["projected"]["sources"]
    assert source == {"configMap": {"name": "ca", "items": [{"key": "bundle", "path": "ca.crt"}], "optional": True}}


@pytest.mark.parametrize(
    ("limit", "held"), [("256Mi", 32 * 2**20), ("8Mi", 4 * 2**20), ("1G", 125_000_000), ("1Ei", 2**40)]
)
def test_memory(limit, held):
    """The exporter may hold an eighth of the memory limit in flight, within its own bounds."""
    spec = {"resources": {"limits": {"memory": limit}}}
    assert environment_of(**spec)["KAFKA_EXPORTER_MAX_IN_FLIGHT_BYTES"] == str(held)


def test_what_it_says_last_is_in_its_status():
    """The kubelet keeps the sentence on stderr with which the exporter refuses to start."""
    assert container_of()["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_time_to_stop():
    """The grace period covers preStop and the longest call; the exporter ends before the kubelet kills it."""
    assert pod_of(requestTimeout="1m")["terminationGracePeriodSeconds"] == 75
    assert environment_of(requestTimeout="1m")["KAFKA_EXPORTER_SHUTDOWN_TIMEOUT"] == "67s"
    own = {"podTemplate": {"terminationGracePeriodSeconds": 3600}}
    assert environment_of(**own)["KAFKA_EXPORTER_SHUTDOWN_TIMEOUT"] == "900s"
    shortest = {"podTemplate": {"terminationGracePeriodSeconds": 10}}
    assert environment_of(**shortest)["KAFKA_EXPORTER_SHUTDOWN_TIMEOUT"] == "2s"


def test_users_labels_never_win():
    """A label that the operator sets, too, keeps the operator's value: the selector must find the pods."""
    template = {"labels": {"app.kubernetes.io/instance": "x", "team": "a"}, "annotations": {"b": "c"}}
    metadata = pod_template(resource(podTemplate=template), "image:1")["metadata"]
    assert metadata["labels"] == {"team": "a", **labels("edge")}
    assert metadata["annotations"] == {"b": "c"}


def test_everything_of_the_author_arrives():
    """Each field of the workload appears at its place in the pod."""
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


@pytest.mark.parametrize(
    ("resources", "workers"),
    [
        ({"limits": {"cpu": 4}}, "4"),
        ({"limits": {"cpu": "1500m"}, "requests": {"cpu": 4}}, "2"),
        ({"requests": {"cpu": "2100m"}}, "3"),
        ({"limits": {"cpu": 8, "memory": "1Gi"}}, "4"),
        ({"limits": {"cpu": 8, "memory": "300Mi"}}, "1"),
        ({"limits": {"cpu": 8, "memory": "8Mi"}}, "1"),
        ({"requests": {"cpu": "250m"}}, "1"),
        ({"limits": {"cpu": 1000}}, "8"),
        ({"limits": {"cpu": 1000, "memory": "1Ti"}}, "256"),
        ({"requests": {"cpu": -1}}, "1"),
        ({}, "1"),
    ],
)
def test_workers(resources, workers):
    """One worker for each CPU of limits, else of requests, and at least 32 MiB in flight for each; without either, one."""
    assert environment_of(resources=resources)["KAFKA_EXPORTER_WORKERS"] == workers


def test_where_otlp_is_served():
    """The exporter gets a port that was set and an empty endpoint for a protocol that is off; by default it gets neither."""
    otlp = {"grpc": {"port": 5317}, "http": {"enabled": False}}
    environment = environment_of(otlp=otlp)
    assert environment["KAFKA_EXPORTER_OTLP_GRPC_ENDPOINT"] == "0.0.0.0:5317"
    assert environment["KAFKA_EXPORTER_OTLP_HTTP_ENDPOINT"] == ""
    ports = [(port["name"], port["containerPort"]) for port in container_of(otlp=otlp)["ports"]]
    assert ports == [("otlp-grpc", 5317), ("admin", 9464)]
    assert [port["containerPort"] for port in container_of()["ports"]] == [4317, 4318, 9464]


@pytest.mark.parametrize(("way", "name"), [("grpc", "GRPC"), ("http", "HTTP")])
def test_tls_for_clients(way, name):
    """Certificate, key and clients' authorities are files of a read-only volume, and variables name their paths."""
    server = {"tlsSecretRef": {"name": "server"}, "clientCaSecretRef": {"name": "clients", "key": "bundle.pem"}}
    spec = {"otlp": {way: server, "bearerTokenSecretRef": {"name": "token", "key": "t"}}}
    (volume,), (mount,) = pod_of(**spec)["volumes"], container_of(**spec)["volumeMounts"]
    sources = [source["secret"] for source in volume["projected"]["sources"]]
    files = {
        f"{mount['mountPath']}/{item['path']}": (secret["name"], item["key"])
        for secret in sources
        for item in secret["items"]
    }
    environment = environment_of(**spec)
    assert files[environment["KAFKA_EXPORTER_OTLP_BEARER_TOKEN_FILE"]] == ("token", "t")
    assert [
        files[environment[f"KAFKA_EXPORTER_OTLP_{name}_{variable}"]]
        for variable in ("TLS_CERT_FILE", "TLS_PRIVATE_KEY_FILE", "CLIENT_CA_FILE")
    ] == [("server", "tls.crt"), ("server", "tls.key"), ("clients", "bundle.pem")]
    assert (mount["readOnly"], volume["projected"]["defaultMode"]) == (True, 0o440)


def test_the_exporter_knows_every_variable():
    """Every variable that the operator sets is a setting of the exporter: a misspelt one would have no effect."""
    server = {
        "port": 5000,
        "maxRequestBytes": 100_000,
        "tlsSecretRef": {"name": "server"},
        "clientCaSecretRef": {"name": "clients", "key": "ca.crt"},
    }
    otlp = {"grpc": server, "http": {**server, "port": 5001}, "bearerTokenSecretRef": {"name": "token", "key": "t"}}
    said = environment_of(**SECURE, otlp=otlp, resources={"limits": {"memory": "1Gi", "cpu": 4}})
    known = {row.variable for rows in (options.ROWS, settings.ROWS) for row in rows.values()}
    assert said.keys() <= known
    assert {name for name in known if "_OTLP_" in name} <= said.keys()
    assert said["KAFKA_EXPORTER_OTLP_HTTP_MAX_REQUEST_BYTES"] == "100000"


def test_two_volumes():
    """Credentials for Kafka and files for clients are in different folders: the exporter reads every file of the first."""
    spec = {**SECURE, "otlp": {"grpc": {"tlsSecretRef": {"name": "server"}}}}
    assert [volume["name"] for volume in pod_of(**spec)["volumes"]] == ["credentials", "otlp"]
    assert [mount["name"] for mount in container_of(**spec)["volumeMounts"]] == ["credentials", "otlp"]


def test_a_way_that_is_off_needs_no_files():
    """The Secrets are optional sources: otherwise the kubelet would not start the pods without them."""
    spec = {"otlp": {"grpc": {"enabled": False, "tlsSecretRef": {"name": "server"}}}}
    assert "volumes" not in pod_of(**spec)
    assert "KAFKA_EXPORTER_OTLP_GRPC_TLS_CERT_FILE" not in environment_of(**spec)
