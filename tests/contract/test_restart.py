"""``credentialReload: Restart`` on a real API server: pods are replaced when their Secrets change, and only then."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.beds.kubernetes import ApiServer
from tests.contract.operator_bed import OWNED, Namespace, Operator, applied, until

pytestmark = pytest.mark.kubernetes

HASH = "kafka-otlp.dev/credentials-hash"
SECURED: dict[str, Any] = {
    "credentialReload": "Restart",
    "securityProtocol": "SASL_SSL",
    "sasl": {"mechanism": "PLAIN", "username": "edge", "passwordSecretRef": {"name": "edge-kafka", "key": "password"}},
    "tls": {"caConfigMapRef": {"name": "ca", "key": "ca.crt"}},
}


@pytest.fixture
def restarting(operator: Operator, namespace: Namespace, tmp_path: Path) -> Iterator[Operator]:
    """An operator that offers Restart, instead of the one that does not."""
    (tmp_path / "key").write_bytes(bytes(range(32)))
    settings = {
        "KAFKA_OTLP_OPERATOR_RESTART_KEY_FILE": str(tmp_path / "key"),
        "KAFKA_OTLP_OPERATOR_RESYNC_SECONDS": "1",
    }
    with operator.resting(), Operator(namespace.api, tmp_path / "log", environment=settings) as running:
        yield running


def annotated(namespace: Namespace) -> dict[str, str]:
    """The annotations of the pod template."""
    found: dict[str, str] = namespace.get("deployment")["spec"]["template"]["metadata"].get("annotations", {})
    return found


def wanted(namespace: Namespace) -> dict[str, dict[str, Any]]:
    """The objects of the resource without what Kubernetes itself writes: the status, and the versions that it moves."""
    objects = {kind: namespace.get(kind) for kind in OWNED}
    for one in objects.values():
        one.pop("status", None)
        one["metadata"] = {key: one["metadata"][key] for key in ("uid", "labels", "ownerReferences")} | {
            "generation": one["metadata"].get("generation")
        }
    return objects


def password(namespace: Namespace, text: str) -> None:
    """Write this password into the Secret."""
    data = {"password": base64.b64encode(text.encode()).decode()}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "edge-kafka"}, "data": data}
    namespace.kubectl("apply", "-f", "-", input=json.dumps(secret))


def test_each_change_is_one_rollout(restarting: Operator, namespace: Namespace) -> None:
    """A changed Secret or ConfigMap that the pods mount is one rollout, also one that is made later; no object shows a password."""
    namespace.apply(SECURED)
    applied(namespace)
    hashes = [annotated(namespace)[HASH]]

    def changed() -> bool:
        return annotated(namespace)[HASH] != hashes[-1]

    for text in ("hunter2", "hunter3", "hunter2"):
        password(namespace, text)
        until(changed, "another template")
        hashes.append(annotated(namespace)[HASH])
    namespace.kubectl("create", "configmap", "ca", "--from-literal=ca.crt=PEM")
    until(changed, "another template")
    hashes.append(annotated(namespace)[HASH])
    assert hashes[1] == hashes[3]
    assert len(set(hashes)) == 4
    generation = namespace.get("deployment")["metadata"]["generation"]
    assert generation == len(hashes)
    namespace.kubectl("create", "secret", "generic", "another", "--from-literal=password=x")
    namespace.kubectl("label", "secret", "edge-kafka", "touched=yes")
    namespace.settle()
    assert namespace.get("deployment")["metadata"]["generation"] == generation
    told = "".join(namespace.kubectl("get", kind, "-o", "yaml") for kind in (*OWNED, "pods", "events"))
    assert "hunter" not in told + restarting.log.read_text()


def test_two_resources_with_one_secret_have_two_digests(restarting: Operator, namespace: Namespace) -> None:
    """Pods do not reveal that two resources have the same password; with Reload there is no digest."""
    password(namespace, "hunter2")
    for name, spec in (("edge", SECURED), ("other", SECURED), ("plain", {**SECURED, "credentialReload": "Reload"})):
        namespace.apply(spec, name)
        applied(namespace, name)
    found = [namespace.get("deployment", name)["spec"]["template"]["metadata"] for name in ("edge", "other")]
    assert found[0]["annotations"][HASH] != found[1]["annotations"][HASH]
    assert "annotations" not in namespace.get("deployment", "plain")["spec"]["template"]["metadata"]


def test_who_does_not_offer_it_says_so(operator: Operator, namespace: Namespace) -> None:
    """The pods stay as they are, and the status tells the administrator what to set."""
    namespace.apply({**SECURED, "credentialReload": "Reload"})
    applied(namespace)
    before = wanted(namespace)
    namespace.apply({**SECURED, "lingerMs": 9})
    until(lambda: namespace.condition("Applied").get("reason") == "RestartNotOffered", "RestartNotOffered")
    assert "set KAFKA_OTLP_OPERATOR_RESTART_KEY_FILE, or use Reload." in namespace.condition("Ready")["message"]
    assert wanted(namespace) == before


def test_who_may_not_read_secrets_says_so(
    operator: Operator, namespace: Namespace, service_account: Path, tmp_path: Path
) -> None:
    """The status names the shipped role that is missing; once it is bound, the Deployment is made."""
    (tmp_path / "key").write_bytes(bytes(range(32)))
    settings = {"KAFKA_OTLP_OPERATOR_RESTART_KEY_FILE": str(tmp_path / "key")}
    limited = Operator(namespace.api, tmp_path / "log", kubeconfig=service_account, environment=settings)
    with operator.resting(), limited:
        password(namespace, "hunter2")
        namespace.apply(SECURED)
        until(lambda: namespace.condition("Applied").get("reason") == "SecretAccessDenied", "SecretAccessDenied")
        assert "bind the role kafka-otlp-operator-secrets" in namespace.condition("Ready")["message"]
        assert not namespace.exists("deployment")
        account = "--serviceaccount=kafka-otlp:kafka-otlp-operator"
        role = "--clusterrole=kafka-otlp-operator-secrets"
        namespace.kubectl("create", "rolebinding", "secrets", role, account)
        until(lambda: namespace.exists("deployment"), "the Deployment", 70)
        assert HASH in annotated(namespace)


def test_a_key_that_is_too_short_is_one_sentence(api: ApiServer, tmp_path: Path) -> None:
    """The operator ends with exit code 1."""
    (tmp_path / "key").write_bytes(b"short")
    settings = {"KAFKA_OTLP_OPERATOR_RESTART_KEY_FILE": str(tmp_path / "key")}
    weak = Operator(api, tmp_path / "log", environment=settings)
    weak.begin()
    assert weak.process.wait(30) == 1
    assert "has 5 bytes, and needs at least 32 random ones." in weak.log.read_text()
