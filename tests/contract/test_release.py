"""A release of the chart on a real API server, from install to uninstall, with the operator that it describes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.beds.helm import CHART, NAMESPACE, RELEASE, ROOT, Helm, HelmError
from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import RESOURCE, Namespace, Operator, applied, until

pytestmark = [pytest.mark.helm, pytest.mark.kubernetes]

FIELD = "credentialReload"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server on which neither chart nor operator was ever installed."""
    with ApiServer(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running


@pytest.fixture
def helm(server: ApiServer, tmp_path: Path) -> Iterator[Helm]:
    """Helm at this API server; afterwards nothing of the release is left."""
    running = Helm(tmp_path, server.kubeconfig)
    yield running
    running.run("uninstall", RELEASE, "--namespace", NAMESPACE, "--ignore-not-found")
    server.kubectl("delete", "-f", str(ROOT / "deploy" / "install.yaml"), "--ignore-not-found")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The chart like an earlier version: with another version number, and a definition with one field less."""
    chart = tmp_path / "earlier"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": "0.0.9", "appVersion": "0.0.9"}))
    path = chart / "files" / "kafkaotlpexporters.yaml"
    definition = yaml.safe_load(path.read_text())
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    del spec["properties"][FIELD]
    path.write_text(yaml.safe_dump(definition, sort_keys=False))
    return chart


def knows_the_field(server: ApiServer) -> bool:
    """Whether the API server's definition of the resource has this field."""
    definition = json.loads(server.kubectl("get", "crd", RESOURCE, "-o", "json"))
    return FIELD in definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


def deployment(server: ApiServer) -> dict[str, Any]:
    """The operator's Deployment."""
    found: dict[str, Any] = json.loads(server.kubectl("-n", NAMESPACE, "get", "deployment", RELEASE, "-o", "json"))
    return found


def image(place: Namespace) -> str:
    """The image of the exporters."""
    (container,) = place.get("deployment")["spec"]["template"]["spec"]["containers"]
    return str(container["image"])


def environment(server: ApiServer) -> dict[str, str]:
    """The environment that the release sets for the operator, as the kubelet would set it."""
    (container,) = deployment(server)["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one.get("value", NAMESPACE) for one in container["env"]}


def released(server: ApiServer, folder: Path) -> Operator:
    """The operator with the release's settings and service account."""
    token = server.kubectl("-n", NAMESPACE, "create", "token", RELEASE).strip()
    config = json.loads(server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = folder / "account"
    path.write_text(json.dumps(config))
    return Operator(server, folder / "log", kubeconfig=path, environment=environment(server))


def test_a_release_is_installed_upgraded_rolled_back_and_uninstalled(
    server: ApiServer, helm: Helm, earlier: Path, tmp_path: Path
) -> None:
    """An upgrade and a rollback change the definition and the exporters, too; after an uninstall the exporters run on."""
    helm.release("install", None, "--create-namespace", chart=earlier)
    assert not knows_the_field(server)
    until(lambda: "koe" in server.kubectl("api-resources", "--api-group=kafka-otlp.dev"), "discovery of the resource")
    place = Namespace(server)
    place.apply({"lingerMs": 5})
    with released(server, tmp_path):
        applied(place)
        place.settle()
    uid = place.get("deployment")["metadata"]["uid"]
    assert image(place) == "kafka-otlp-exporter:0.0.9"

    helm.release("upgrade", {"allowedProperties": ["log.connection.close"], "replicas": 3})
    until(lambda: knows_the_field(server), "the field")
    assert deployment(server)["spec"]["replicas"] == 3
    assert deployment(server)["metadata"]["labels"]["app.kubernetes.io/version"] == "0.1.0"
    with released(server, tmp_path):
        place.apply({"lingerMs": 5, "customConfig": {"log.connection.close": "true"}})
        applied(place)
        assert place.condition("ConfigValid")["status"] == "True"
        place.apply({"lingerMs": 5})
        applied(place)
        place.settle()
    assert image(place) == "kafka-otlp-exporter:0.1.0"

    helm.run("rollback", RELEASE, "1", "--namespace", NAMESPACE)
    until(lambda: not knows_the_field(server), "the earlier definition")
    assert deployment(server)["spec"]["replicas"] == 2
    with released(server, tmp_path):
        until(lambda: image(place) == "kafka-otlp-exporter:0.0.9", "the earlier exporter")
        settled = place.settle()

    helm.run("uninstall", RELEASE, "--namespace", NAMESPACE)
    for kind in ("deployment", "serviceaccount", "poddisruptionbudget", "role", "rolebinding"):
        assert RELEASE not in server.kubectl("-n", NAMESPACE, "get", kind, "-o", "name"), kind
    assert RELEASE not in server.kubectl("get", "clusterroles,clusterrolebindings", "-o", "name")
    assert place.settle() == settled

    helm.release("install")
    until(lambda: knows_the_field(server), "the field again")
    with released(server, tmp_path):
        until(lambda: image(place) == "kafka-otlp-exporter:0.1.0", "the exporter of the release")
        place.settle()
    assert place.get("deployment")["metadata"]["uid"] == uid


def test_what_was_applied_without_helm_is_taken_over(server: ApiServer, helm: Helm) -> None:
    """Helm does it only when it is asked to."""
    server.kubectl("apply", "-f", str(ROOT / "deploy" / "install.yaml"))
    until(lambda: "koe" in server.kubectl("api-resources", "--api-group=kafka-otlp.dev"), "discovery of the resource")
    place = Namespace(server)
    place.apply({"replicas": 0})
    uid = place.get("koe")["metadata"]["uid"]
    with pytest.raises(HelmError, match="cannot be imported into the current release"):
        helm.release("install")
    helm.release("install", {"replicas": 3}, "--take-ownership", "--force-conflicts")
    assert deployment(server)["spec"]["replicas"] == 3
    assert place.get("koe")["metadata"]["uid"] == uid


def test_a_definition_that_is_not_kept_goes(server: ApiServer, helm: Helm) -> None:
    """With crds.keep false, an uninstall deletes the definition and every resource."""
    helm.release("install", {"crds": {"keep": False}}, "--create-namespace")
    helm.run("uninstall", RELEASE, "--namespace", NAMESPACE)
    until(lambda: RESOURCE not in server.kubectl("get", "crd", "-o", "name"), "end of the definition")


def test_in_namespaces_it_works_there_and_nowhere_else(server: ApiServer, helm: Helm, tmp_path: Path) -> None:
    """The operator has the rights of the release and no others."""
    inside, outside = Namespace(server), Namespace(server)
    helm.release("install", {"watchNamespaces": [inside.name]}, "--create-namespace")
    until(lambda: "koe" in server.kubectl("api-resources", "--api-group=kafka-otlp.dev"), "discovery of the resource")
    with released(server, tmp_path) as operator:
        for place in (outside, inside):
            place.apply({"podDisruptionBudget": {}, "networkPolicy": {}})
        applied(inside)
        assert inside.condition("Applied")["status"] == "True"
        assert "status" not in outside.get(RESOURCE)
        assert 'result="crashed"' not in operator.get("/metrics")[1]


def test_the_election_is_turned_off_and_on(server: ApiServer, helm: Helm) -> None:
    """This changes the Deployment's strategy; the defaults that the API server has filled in do not stop the upgrade."""
    helm.release("install", None, "--create-namespace")
    helm.release("upgrade", {"replicas": 1, "leaderElection": {"enabled": False}})
    assert deployment(server)["spec"]["strategy"] == {"type": "Recreate"}
    helm.release("upgrade", {"leaderElection": {"enabled": True}})
    assert deployment(server)["spec"]["strategy"]["type"] == "RollingUpdate"


def test_a_second_release_leaves_what_belongs_to_the_cluster_to_the_first(server: ApiServer, helm: Helm) -> None:
    """It has another name and other namespaces, as the chart's README says."""
    one, two = Namespace(server), Namespace(server)
    helm.release("install", {"watchNamespaces": [one.name]}, "--create-namespace")
    values = {"watchNamespaces": [two.name], "crds": {"enabled": False}, "aggregateRoles": False}
    helm.run("install", "second", str(CHART), "--namespace", two.name, values=values)
    assert two.exists("deployment", f"second-{RELEASE}")
    assert two.exists("role", f"second-{RELEASE}")
    helm.run("uninstall", "second", "--namespace", two.name)
    assert deployment(server)["spec"]["replicas"] == 2
