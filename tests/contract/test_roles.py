"""The shipped roles on a real API server: the rights of users, and that the operator's own are enough and no more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from kafka_otlp_operator import names
from kafka_otlp_operator.api import access, preflight
from kafka_otlp_operator.api.cluster import Cluster
from kafka_otlp_operator.api.kube import Api
from kafka_otlp_operator.settings import Settings
from tests.beds.kubernetes import ApiServer, KubectlError
from tests.contract.operator_bed import Namespace, Operator, applied, until
from tests.examples import EXAMPLES

pytestmark = pytest.mark.kubernetes

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
VIEW = {"get", "list", "watch"}
EDIT = {*VIEW, "create", "update", "patch", "delete", "deletecollection"}

# Of the resource, its scale and its status: what each of Kubernetes' own roles lets do.
ALLOWED = {
    "view": (VIEW, {"get"}, {"get"}),
    "edit": (EDIT, {"get", "update", "patch"}, {"get"}),
    "admin": (EDIT, {"get", "update", "patch"}, {"get"}),
}


def connect(kubeconfig: Path) -> Api:
    """The API server as the user of a kubeconfig: a call takes milliseconds, a start of kubectl a tenth of a second."""
    configuration = client.Configuration()
    config.load_kube_config(str(kubeconfig), client_configuration=configuration)  # type: ignore[no-untyped-call]
    return Api(client.ApiClient(configuration), 5)


@pytest.fixture
def admin(api: ApiServer) -> Api:
    """The API server as cluster-admin."""
    return connect(api.kubeconfig)


@pytest.mark.parametrize("role", ALLOWED)
def test_a_role_lets_do_what_it_says(role: str, roles: None, admin: Api, namespace: Namespace) -> None:
    """A user who may view, edit or administer a namespace may do the same with its resources, and nothing else."""
    namespace.kubectl("create", "rolebinding", role, f"--clusterrole={role}", "--user=jane")

    def may(subresource: str) -> set[str]:
        return {verb for verb in VERBS if can(admin, namespace, verb, subresource)}

    until(lambda: bool(may("")), "the binding at work")
    assert (may(""), may("scale"), may("status")) == ALLOWED[role]
    assert not can(admin, Namespace(namespace.api), "get")


def can(admin: Api, namespace: Namespace, verb: str, subresource: str = "") -> bool:
    """Whether jane may do this with resources of the namespace; the API server answers, as in ``kubectl auth can-i``."""
    asked = {"namespace": namespace.name, "verb": verb, "resource": names.PLURAL, "group": names.GROUP}
    spec = {"user": "jane", "groups": ["system:authenticated"]}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {**spec, "resourceAttributes": {**asked, "subresource": subresource}},
    }
    answer = admin.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body=review)
    return bool(answer["status"]["allowed"])


def test_an_editor_edits_and_a_viewer_views(roles: None, namespace: Namespace) -> None:
    """An editor really applies and scales a resource; a viewer reads it, and the API server refuses the rest."""
    for role, user in (("view", "viewer"), ("edit", "editor")):
        namespace.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={user}")
    until(lambda: not refused(namespace, "get", "koe", "--as=editor"), "the editor's binding at work")
    namespace.kubectl("apply", "-f", str(EXAMPLES["minimal"]), "--as=editor")
    namespace.kubectl("scale", "koe/edge", "--replicas=2", "--as=editor")
    until(lambda: not refused(namespace, "get", "koe", "edge", "--as=viewer"), "the viewer's binding at work")
    assert "cannot patch" in refused(namespace, "scale", "koe/edge", "--replicas=3", "--as=viewer")
    assert "cannot delete" in refused(namespace, "delete", "koe", "edge", "--as=viewer")
    namespace.kubectl("delete", "koe", "edge", "--as=editor")


def refused(namespace: Namespace, *arguments: str) -> str:
    """The API server's refusal of a command; empty when it succeeds."""
    try:
        namespace.kubectl(*arguments)
    except KubectlError as error:
        return str(error)
    return ""


@pytest.fixture
def restricted(api: ApiServer, operator: Operator, service_account: Path, tmp_path: Path) -> Iterator[Operator]:
    """The operator with the shipped role, instead of the one with every right."""
    with operator.resting(), Operator(api, tmp_path / "log", kubeconfig=service_account) as running:
        yield running


def test_the_operators_role_is_enough(restricted: Operator, namespace: Namespace) -> None:
    """With the shipped role the operator makes every kind of object, hands the number of pods over, and prunes."""
    namespace.kubectl("apply", "-f", str(EXAMPLES["production"]))
    applied(namespace, "production")
    assert namespace.condition("Applied", "production")["status"] == "True"
    for kind in ("deployment", "networkpolicy", "poddisruptionbudget", "horizontalpodautoscaler"):
        assert namespace.exists(kind, "production")
        namespace.kubectl("delete", kind, "production")
        until(lambda kind=kind: namespace.exists(kind, "production"), f"{kind} again", 10)  # type: ignore[misc]
    patch = json.dumps(
        [{"op": "remove", "path": "/spec/podDisruptionBudget"}, {"op": "remove", "path": "/spec/metrics"}]
    )
    namespace.kubectl("patch", "koe", "production", "--type=json", "-p", patch)
    until(lambda: not namespace.exists("poddisruptionbudget", "production"), "end of the budget")
    assert "forbidden" not in restricted.log.read_text().lower()
    assert namespace.kubectl("get", "events", "--field-selector=involvedObject.name=production", "-o", "name")


def test_a_role_without_events_does_no_harm(
    restricted: Operator, api: ApiServer, admin: Api, namespace: Namespace
) -> None:
    """With a role of an earlier version the work is done, and the log says what is missing."""
    rules = given(admin)
    older = [rule for rule in rules if rule["resources"] != ["events"]]
    assert len(older) == len(rules) - 1
    give(admin, older)
    try:
        until(lambda: not can_post(api), "the older role at work")
        namespace.apply({})
        until(lambda: "event not posted" in restricted.log.read_text(), "a word about it in the log")
        assert namespace.condition("Applied")["status"] == "True"
        assert namespace.exists("deployment")
    finally:
        give(admin, rules)


ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/kafka-otlp-operator"


def given(admin: Api) -> list[dict[str, Any]]:
    """The rules of the operator's role."""
    rules: list[dict[str, Any]] = admin.call("GET", ROLE)["rules"]
    return rules


def give(admin: Api, rules: list[dict[str, Any]]) -> None:
    """Give the operator these rights and no others."""
    admin.call("PUT", ROLE, body={**admin.call("GET", ROLE), "rules": rules})


def can_post(api: ApiServer) -> bool:
    """Whether the operator may create Events."""
    account = "system:serviceaccount:kafka-otlp:kafka-otlp-operator"
    try:
        return api.kubectl("auth", "can-i", "create", "events", f"--as={account}").strip() == "yes"
    except KubectlError:
        return False


def test_each_verb_that_is_missing_is_named(admin: Api, service_account: Path) -> None:
    """Without one verb of the shipped role, for each verb: the sentence names that verb and no other."""
    cluster = Cluster(connect(service_account))
    rules = given(admin)
    settings = Settings()

    def said() -> str:
        return preflight.missing_rights(cluster, settings) or ""

    try:
        before: access.Question | None = None
        for question in access.questions((), ""):
            if not question.right.needed:
                continue
            give(admin, [without(rule, question) for rule in rules])
            # The API server learns of a changed role a moment later; one question tells, and missing_rights asks fifty.
            until(lambda one=question: not cluster.may(one.attributes), f"a role without {question}", 5, 0.01)  # type: ignore[misc]
            if before is not None:
                until(lambda one=before: cluster.may(one.attributes), f"a role with {before}", 5, 0.01)  # type: ignore[misc]
            assert f"does not allow: {question} in every namespace; apply the role" in said()
            before = question
    finally:
        give(admin, rules)
    until(lambda: said() == "", "every right again")


def without(rule: dict[str, Any], question: access.Question) -> dict[str, Any]:
    """A rule of the role without this verb on this kind."""
    kind = question.right.kind
    resource = "/".join(filter(None, (kind.plural, question.right.subresource)))
    if kind.group not in rule["apiGroups"] or resource not in rule["resources"]:
        return rule
    if len(rule["resources"]) > 1:
        raise AssertionError(f"{rule['resources']} share a rule of the role, which this test takes apart by resource")
    return {**rule, "verbs": [verb for verb in rule["verbs"] if verb != question.verb] or ["watch"]}


def test_a_right_that_is_given_later_needs_no_restart(
    operator: Operator, api: ApiServer, admin: Api, service_account: Path, tmp_path: Path, namespace: Namespace
) -> None:
    """Until then /readyz says what is missing, and the operator makes no object."""
    rules = given(admin)
    give(admin, [rule for rule in rules if rule["resources"] != ["deployments"]])
    operator.stop()
    poor = Operator(api, tmp_path / "log", kubeconfig=service_account)
    try:
        poor.begin()
        until(lambda: "does not allow: get deployments.apps" in poor.get("/readyz")[1], "the sentence", 60)
        namespace.apply({})
        assert poor.get("/livez")[0] == 200
        assert not namespace.exists("service")
        give(admin, rules)
        applied(namespace)
    finally:
        give(admin, rules)
        poor.stop()
        operator.start()
