"""The Helm chart as Helm renders it: the effect of each value, refused values, and objects that an API server accepts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kafka_otlp_operator.api.access import RIGHTS, RIGHTS_OF_A_CANDIDATE, RIGHTS_OF_THE_CLUSTER
from tests.beds.helm import CHART, NAMESPACE, ROOT, Helm, HelmError, Object, Values
from tests.beds.kubernetes import ApiServer, KubectlError
from tests.contract.operator_bed import served_pod_monitors, until
from tests.unit.kafka_otlp_operator.roles import granted, table

pytestmark = pytest.mark.helm

TEAMS = ["team-a", "team-b"]
DIGEST = "sha256:" + "0123456789abcdef" * 4
SELECTOR = {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}
SPREAD = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": SELECTOR}
TOLERATION = {"key": "infra", "operator": "Exists", "effect": "NoSchedule"}
NODES = {"nodeSelectorTerms": [{"matchExpressions": [{"key": "arch", "operator": "In", "values": ["amd64"]}]}]}

# One other value for each that may be set.
OTHERS: Mapping[str, Any] = {
    "image.repository": "registry.example/operator",
    "image.tag": "1.2.3",
    "image.digest": DIGEST,
    "image.pullPolicy": "Always",
    "exporterImage.repository": "registry.example/exporter",
    "exporterImage.tag": "1.2.3",
    "exporterImage.digest": DIGEST,
    "imagePullSecrets": [{"name": "pull"}],
    "fullnameOverride": "edge-operator",
    "replicas": 3,
    "leaderElection.enabled": False,
    "watchNamespaces": TEAMS,
    "allowedProperties": ["log.connection.close", "queuing.strategy"],
    "options.workers": 4,
    "options.resyncSeconds": 86_400,
    "options.requestTimeoutSeconds": 30,
    "options.checkTimeoutSeconds": 0.5,
    "secretAccess.enabled": False,
    "secretAccess.namespaces": TEAMS,
    "secretAccess.keySecret.name": "other",
    "secretAccess.keySecret.key": "other",
    "crds.enabled": False,
    "crds.keep": False,
    "namespace.create": True,
    "aggregateRoles": False,
    "serviceAccount.create": False,
    "serviceAccount.name": "other",
    "serviceAccount.annotations": {"eks.amazonaws.com/role-arn": "arn"},
    "podDisruptionBudget.enabled": False,
    "podDisruptionBudget.maxUnavailable": 2,
    "podMonitor.enabled": False,
    "podMonitor.interval": "30s",
    "podMonitor.labels": {"release": "prometheus", "app.kubernetes.io/name": "never"},
    "networkPolicy.enabled": False,
    "networkPolicy.apiServerPorts": [8443],
    "networkPolicy.metricsFrom": [{"namespaceSelector": SELECTOR}],
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "podLabels": {"team": "a", "app.kubernetes.io/name": "never"},
    "podAnnotations": {"team": "a"},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [TOLERATION],
    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": NODES}},
    "topologySpreadConstraints": [SPREAD],
    "priorityClassName": "system-cluster-critical",
}
# Where every part of the chart is there.
ALL_ON: Values = {part: {"enabled": True} for part in ("secretAccess", "podMonitor", "networkPolicy")}


def merged(*values: Values) -> dict[str, Any]:
    """Values merged as Helm merges files."""
    found: dict[str, Any] = {}
    for one in values:
        for key, value in one.items():
            both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
            found[key] = merged(found[key], value) if both else value
    return found


def one_value(path: str, value: Any) -> dict[str, Any]:
    """The value under its path."""
    name, _, rest = path.partition(".")
    return {name: one_value(rest, value) if rest else value}


VARIANTS: Mapping[str, Values] = {
    "defaults": {},
    "everything": merged(
        ALL_ON,
        *(one_value(path, value) for path, value in OTHERS.items() if value is not False and path != "watchNamespaces"),
    ),
    "namespaced": {"watchNamespaces": TEAMS, "secretAccess": {"enabled": True, "namespaces": ["team-a"]}},
    "alone": {"replicas": 1, "leaderElection": {"enabled": False}, "crds": {"enabled": False}},
}


@pytest.fixture(scope="module")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    """Helm without a cluster."""
    return Helm(tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="module")
def all_on(helm: Helm) -> list[Object]:
    """The objects of the chart with every part enabled."""
    return helm.template(ALL_ON)


def named(objects: list[Object], kind: str) -> dict[str, Object]:
    """The objects of a kind, by namespace and name."""
    found = [one for one in objects if one["kind"] == kind]
    return {f"{one['metadata'].get('namespace', '')}/{one['metadata']['name']}": one for one in found}


@pytest.mark.parametrize("variant", VARIANTS)
def test_lint_has_nothing_to_say(helm: Helm, variant: str) -> None:
    """Helm has no error and no warning."""
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHART), values=VARIANTS[variant])


def test_every_value_is_tried() -> None:
    """The table above has every value of the chart."""

    def paths(part: Values, above: str = "") -> set[str]:
        found = set()
        for key, value in part.items():
            path = f"{above}{key}"
            is_part = isinstance(value, dict) and value and path != "resources"
            found |= paths(value, f"{path}.") if is_part else {path}
        return found

    assert paths(yaml.safe_load((CHART / "values.yaml").read_text())) == set(OTHERS)


@pytest.mark.parametrize("path", OTHERS)
def test_every_value_has_an_effect(helm: Helm, all_on: list[Object], path: str) -> None:
    """Every value changes the objects, and a text value appears in them."""
    if path == "leaderElection.enabled":
        assert named(helm.template(VARIANTS["alone"]), "Role") == {}
        return
    after = helm.template(merged(ALL_ON, one_value(path, OTHERS[path])))
    assert after != all_on
    if isinstance(OTHERS[path], str):
        assert OTHERS[path] in json.dumps(after)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"replica": 1}, "additional properties 'replica' not allowed"),
        ({"replicas": "two"}, "at '/replicas': got string, want integer"),
        ({"options": {"workers": 0}}, "at '/options/workers': minimum: got 0, want 1"),
        ({"image": {"digest": "latest"}}, "at '/image/digest'"),
        ({"leaderElection": None}, "missing property 'leaderElection'"),
        ({"watchNamespaces": [""]}, "at '/watchNamespaces/0': '' does not match pattern"),
        ({"watchNamespaces": ["a", "a"]}, "at '/watchNamespaces': items at 0 and 1 are equal"),
        ({"networkPolicy": {"enabled": True, "apiServerPorts": None}}, "networkPolicy.apiServerPorts is empty"),
        ({"leaderElection": {"enabled": False}}, "all pods would act at one time. Set replicas to 1"),
        (
            {"watchNamespaces": ["a"], "secretAccess": {"enabled": True, "namespaces": ["b"]}},
            'secretAccess.namespaces has "b", where the operator does not work',
        ),
    ],
)
def test_wrong_values_are_refused_with_a_sentence(helm: Helm, values: Values, sentence: str) -> None:
    """Helm refuses them before it installs anything, and names the value."""
    with pytest.raises(HelmError) as refused:
        helm.template(values)
    assert sentence in str(refused.value)


def test_it_may_be_a_part_of_another_chart(helm: Helm, tmp_path: Path) -> None:
    """Helm gives a subchart two values of its own, and the schema must accept them."""
    parent = tmp_path / "parent"
    shutil.copytree(CHART, parent / "charts" / CHART.name)
    dependency = {"name": CHART.name, "version": "0.1.0", "condition": f"{CHART.name}.enabled"}
    about = {"apiVersion": "v2", "name": "parent", "version": "0.1.0", "dependencies": [dependency]}
    (parent / "Chart.yaml").write_text(yaml.safe_dump(about))
    values = {"global": {"team": "a"}, CHART.name: {"enabled": True, "replicas": 1}}
    (deployment,) = named(helm.template(values, chart=parent), "Deployment").values()
    assert deployment["spec"]["replicas"] == 1
    assert helm.template({CHART.name: {"enabled": False}}, chart=parent) == []


def test_names_that_look_like_numbers_are_names(helm: Helm) -> None:
    """YAML would read such names of a release, a namespace or a class as numbers."""
    values = {**VARIANTS["everything"], "fullnameOverride": "", "priorityClassName": "100"}
    text = helm.run("template", "123", str(CHART), "--namespace", "456", values=values)
    objects = [document for document in yaml.safe_load_all(text) if document]
    (deployment,) = named(objects, "Deployment").values()
    assert deployment["spec"]["template"]["spec"]["priorityClassName"] == "100"
    assert {deployment["metadata"]["namespace"], deployment["metadata"]["labels"]["app.kubernetes.io/instance"]} == {
        "456",
        "123",
    }
    subjects = [subject for one in objects for subject in one.get("subjects", ())]
    assert {subject["namespace"] for subject in subjects} == {"456"}


def test_values_may_be_left_empty(helm: Helm) -> None:
    """A key without a value is accepted where the default is empty."""
    values = {
        "podLabels": None,
        "podAnnotations": None,
        "tolerations": None,
        "podMonitor": {"enabled": True, "labels": None},
    }
    assert len(helm.template(values)) == len(helm.template({})) + 1


def test_services_beside_it_set_no_options(helm: Helm) -> None:
    """With service links, a Service called kafka-otlp-operator would set KAFKA_OTLP_OPERATOR_PORT."""
    (deployment,) = named(helm.template({}), "Deployment").values()
    assert deployment["spec"]["template"]["spec"]["enableServiceLinks"] is False


def test_labels_that_select_are_never_anothers(helm: Helm) -> None:
    """The author's labels do not replace those that the Deployment selects."""
    (deployment,) = named(helm.template(VARIANTS["everything"]), "Deployment").values()
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["team"] == "a"


def test_the_role_in_the_cluster_allows_what_is_needed(helm: Helm) -> None:
    """It has no right to Secrets; a second role has it, and is bound only on request."""
    objects = helm.template({})
    roles = named(objects, "ClusterRole")
    assert granted(roles["/kafka-otlp-operator"]) == table(RIGHTS + RIGHTS_OF_THE_CLUSTER)
    assert granted(roles["/kafka-otlp-operator-secrets"]) == {("", "secrets"): {"get"}, ("", "configmaps"): {"get"}}
    bound = [
        one["roleRef"]["name"]
        for kind in ("ClusterRoleBinding", "RoleBinding")
        for one in named(objects, kind).values()
    ]
    assert sorted(bound) == ["kafka-otlp-operator", "kafka-otlp-operator-leader-election"]
    everywhere = helm.template({"secretAccess": {"enabled": True}})
    assert "/kafka-otlp-operator-secrets" in named(everywhere, "ClusterRoleBinding")
    in_teams = helm.template({"secretAccess": {"enabled": True, "namespaces": TEAMS}})
    assert "/kafka-otlp-operator-secrets" not in named(in_teams, "ClusterRoleBinding")
    assert {f"{team}/kafka-otlp-operator-secrets" for team in TEAMS} <= named(in_teams, "RoleBinding").keys()


def test_in_namespaces_it_has_no_right_in_the_cluster(helm: Helm) -> None:
    """There is a Role in each namespace; the only ClusterRoles are those for users, which nobody is bound to."""
    objects = helm.template(VARIANTS["namespaced"])
    assert named(objects, "ClusterRole").keys() == {"/kafka-otlp-operator-view", "/kafka-otlp-operator-edit"}
    assert named(objects, "ClusterRoleBinding") == {}
    roles = named(objects, "Role")
    for team in TEAMS:
        assert granted(roles[f"{team}/kafka-otlp-operator"]) == table(RIGHTS)
    assert granted(roles[f"{NAMESPACE}/kafka-otlp-operator-leader-election"]) == table(RIGHTS_OF_A_CANDIDATE)
    assert "team-a/kafka-otlp-operator-secrets" in roles
    assert "team-b/kafka-otlp-operator-secrets" not in roles


@pytest.fixture(scope="module")
def crowded(api: ApiServer) -> Iterator[ApiServer]:
    """An API server that serves PodMonitors, with the namespaces of the variants, which all enforce ``restricted``."""
    for name in (NAMESPACE, *TEAMS):
        metadata = {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
        api.kubectl(
            "apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        )
    accounts = ("-n", NAMESPACE, "get", "serviceaccount", "default", "--ignore-not-found")
    until(lambda: bool(api.kubectl(*accounts)), "the namespace's account")
    with served_pod_monitors(api):
        yield api


@pytest.mark.kubernetes
@pytest.mark.parametrize("variant", VARIANTS)
def test_an_api_server_takes_every_object(crowded: ApiServer, helm: Helm, variant: str) -> None:
    """It validates the objects strictly, and a namespace that enforces ``restricted`` accepts the pods."""
    objects = helm.template(VARIANTS[variant])
    dry = ("--dry-run=server", "--validate=strict", "-f", "-")
    assert len(crowded.kubectl("apply", *dry, input=yaml.safe_dump_all(objects)).splitlines()) == len(objects)
    (deployment,) = named(objects, "Deployment").values()
    spec = {**deployment["spec"]["template"]["spec"], "serviceAccountName": "default"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one", "namespace": NAMESPACE}, "spec": spec}
    assert "pod/one created" in crowded.kubectl("create", *dry, input=json.dumps(pod))
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(KubectlError, match="allowPrivilegeEscalation"):
        crowded.kubectl("create", *dry, input=json.dumps(pod))


def test_the_manifests_without_helm_are_the_charts() -> None:
    """deploy/install.yaml is what the chart renders; ``make lint`` checks it, too, where there is a Helm."""
    command = [sys.executable, "-m", "tools.generate", "--check"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")
