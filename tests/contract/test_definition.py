"""The custom resource definition in a real API server: what it accepts, refuses and explains."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kafka_otlp_operator import names
from kafka_otlp_operator.errors import SpecInvalid
from kafka_otlp_operator.resource import refusals, rules
from kafka_otlp_operator.resource.spec import parse
from tests.beds.kubernetes import ApiServer, KubectlError
from tests.contract.operator_bed import ROOT, Namespace
from tests.examples import EXAMPLES
from tests.laws import wider

pytestmark = pytest.mark.kubernetes

SASL = {"mechanism": "PLAIN", "username": "edge", "passwordSecretRef": {"name": "kafka", "key": "password"}}
CA = {"name": "kafka-ca", "key": "ca.crt"}
CPU = {"requests": {"cpu": "250m"}}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no brokers": ({"brokers": None}, "spec.brokers: Required value"),
    "empty brokers": ({"brokers": []}, "spec.brokers in body should have at least 1 items"),
    "broker without port": ({"brokers": ["kafka"]}, "spec.brokers[0] in body should match"),
    "same broker twice": ({"brokers": ["a:1", "a:1"]}, 'spec.brokers[1]: Duplicate value: "a:1"'),
    "same attribute twice": (
        {"partitionKeyAttributes": ["a", "a"]},
        'spec.partitionKeyAttributes[1]: Duplicate value: "a"',
    ),
    "attribute with a space at its end": (
        {"partitionKeyAttributes": ["a "]},
        "spec.partitionKeyAttributes[0] in body should match",
    ),
    "attribute without a name": (
        {"partitionKeyAttributes": [""]},
        "spec.partitionKeyAttributes[0] in body should be at least 1 chars long",
    ),
    "traces of two keys": (
        {"partitionTracesByTraceId": True, "partitionTracesByResourceAttributes": True},
        "partitionTracesByTraceId and partitionTracesByResourceAttributes are both true, but a record has one key; keep",
    ),
    "logs of two keys": (
        {"partitionLogsByTraceId": True, "partitionLogsByResourceAttributes": True},
        "partitionLogsByTraceId and partitionLogsByResourceAttributes are both true, but a record has one key; keep",
    ),
    "attributes that no record is keyed by": (
        {
            "partitionKeyAttributes": ["a"],
            "partitionTracesByTraceId": True,
            "partitionMetricsByResourceAttributes": True,
            "partitionLogsByTraceId": True,
        },
        "partitionKeyAttributes has no effect",
    ),
    "unknown acks": ({"acks": "two"}, 'spec.acks: Unsupported value: "two"'),
    "negative linger": ({"lingerMs": -1}, "spec.lingerMs in body should be greater than or equal to 0"),
    "text for a number": ({"retries": "many"}, "spec.retries in body must be of type integer"),
    "topic with a slash": ({"tracesTopic": "a/b"}, "spec.tracesTopic in body should match"),
    "endless call": ({"requestTimeout": "16m"}, "must be at least 1ms and at most 15m."),
    "call without time": ({"requestTimeout": "0.6ms"}, "must be at least 1ms and at most 15m."),
    "a quantity that takes a minute to compute": (
        {"resources": {"limits": {"memory": "1e900000"}}},
        "spec.resources.limits.memory in body should match",
    ),
    "port 0": ({"brokers": ["kafka:0"]}, "spec.brokers[0] in body should match"),
    "port 65536": ({"brokers": ["kafka:65536"]}, "spec.brokers[0] in body should match"),
    "no duration": ({"requestTimeout": "soon"}, "spec.requestTimeout in body should match"),
    "SASL without protocol": ({"sasl": SASL}, "go together: set both or neither."),
    "protocol without SASL": ({"securityProtocol": "SASL_SSL"}, "go together: set both or neither."),
    "TLS in plain text": ({"tls": {"caSecretRef": CA}}, "tls needs securityProtocol SSL or SASL_SSL"),
    "two sources of a CA": (
        {"securityProtocol": "SSL", "tls": {"caSecretRef": CA, "caConfigMapRef": CA}},
        "caSecretRef and caConfigMapRef are both set; keep one of them.",
    ),
    "SASL without a user": (
        {"securityProtocol": "SASL_SSL", "sasl": {key: SASL[key] for key in SASL if key != "username"}},
        "exactly one of username and usernameSecretRef must be set.",
    ),
    "SASL without a password": (
        {"securityProtocol": "SASL_SSL", "sasl": {"mechanism": "PLAIN", "username": "edge"}},
        "spec.sasl.passwordSecretRef: Required value",
    ),
    "a record that expires before it is sent": (
        {"messageTimeoutMs": 10, "lingerMs": 10},
        "messageTimeoutMs must be greater than lingerMs, or 0 for no timeout.",
    ),
    "backoffs upside down": (
        {"retryBackoffMs": 500, "retryBackoffMaxMs": 100},
        "retryBackoffMaxMs must not be less than retryBackoffMs.",
    ),
    **{
        f"idempotence ({spelling!r}) with one acknowledgement": (
            {"acks": "one", "customConfig": {"enable.idempotence": spelling}},
            "enable.idempotence=true in customConfig needs acks all",
        )
        for spelling in ("true", "tRuE", "t", "T", "1", 1)
    },
    "property in capitals": ({"customConfig": {"Linger.Ms": "5"}}, "must be a librdkafka property name in lower case"),
    "property of an endless name": ({"customConfig": {"a" * 129: "5"}}, "in lower case, of at most 128 characters."),
    "property without quotes": ({"customConfig": {"enable.idempotence": True}}, "must be of type integer,string"),
    "the operator's variables": (
        {"podTemplate": {"env": [{"name": "KAFKA_EXPORTER_SASL_PASSWORD", "value": "x"}]}},
        "env must not set variables that start with KAFKA_EXPORTER_",
    ),
    "variable twice": (
        {"podTemplate": {"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}},
        "spec.podTemplate.env[1]: Duplicate value",
    ),
    "no time to stop": (
        {"podTemplate": {"terminationGracePeriodSeconds": 1}},
        "should be greater than or equal to 10",
    ),
    "no quantity": ({"resources": {"limits": {"memory": "much"}}}, "spec.resources.limits.memory in body should match"),
    "negative replicas": ({"replicas": -1}, "spec.replicas in body should be greater than or equal to 0"),
    "headless service": ({"service": {"type": "ExternalName"}}, "spec.service.type: Unsupported value"),
    "an autoscaler without a limit": (
        {"scaling": {"mode": "HPA"}, "resources": CPU},
        "mode HPA needs maxReplicas.",
    ),
    "an autoscaler without a measure": (
        {"scaling": {"mode": "HPA", "maxReplicas": 2}, "resources": {"requests": {"memory": "1Gi"}}},
        "scaling.mode HPA needs resources.requests.cpu: Kubernetes measures the pods' use of CPU against it.",
    ),
    "limits without an autoscaler": (
        {"scaling": {"mode": "External", "maxReplicas": 2}},
        "minReplicas, maxReplicas and targetCPUUtilizationPercentage need mode HPA",
    ),
    "limits upside down": (
        {"scaling": {"mode": "HPA", "minReplicas": 3, "maxReplicas": 2}, "resources": CPU},
        "minReplicas must not be greater than maxReplicas.",
    ),
    "unknown mode": ({"scaling": {"mode": "KEDA"}}, 'spec.scaling.mode: Unsupported value: "KEDA"'),
    "no autoscaler to zero": ({"scaling": {"minReplicas": 0}}, "spec.scaling.minReplicas in body should be greater"),
    "two budgets": (
        {"podDisruptionBudget": {"minAvailable": 1, "maxUnavailable": 1}},
        "minAvailable and maxUnavailable are both set; keep one of them.",
    ),
    "a budget of more than all": (
        {"podDisruptionBudget": {"minAvailable": "101%"}},
        "spec.podDisruptionBudget.minAvailable in body should match",
    ),
    "a budget below nothing": (
        {"podDisruptionBudget": {"maxUnavailable": -1}},
        "spec.podDisruptionBudget.maxUnavailable in body should be greater than or equal to 0",
    ),
    "no way in": (
        {"otlp": {"grpc": {"enabled": False}, "http": {"enabled": False}}},
        "grpc and http are both switched off; leave one of them on.",
    ),
    "two ways in through one port": (
        {"otlp": {"grpc": {"port": 4318}}},
        "grpc and http must have different ports; the defaults are 4317 and 4318.",
    ),
    "the port of probes": ({"otlp": {"http": {"port": 9464}}}, "port 9464 is the port of metrics and probes"),
    "a port that pods cannot have": (
        {"otlp": {"grpc": {"port": 443}}},
        "spec.otlp.grpc.port in body should be greater",
    ),
    "clients' certificates in plain text": (
        {"otlp": {"grpc": {"clientCaSecretRef": CA}}},
        "clientCaSecretRef needs tlsSecretRef: a client presents its certificate only to a server that presents one.",
    ),
    "an endless interval": (
        {"metrics": {"podMonitor": {"interval": "0s"}}},
        "spec.metrics.podMonitor.interval in body should match",
    ),
    "a broker's port twice": (
        {"networkPolicy": {"brokerPorts": [1, 1]}},
        "spec.networkPolicy.brokerPorts[1]: Duplicate",
    ),
    "a peer that is none": ({"networkPolicy": {"ingressFrom": [{"pods": 1}]}}, 'unknown field "spec.networkPolicy.'),
    "unknown field": ({"brokres": ["a:1"]}, 'unknown field "spec.brokres"'),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, namespace: Namespace) -> None:
    """The API server refuses what cannot work, with a sentence that says where and why."""
    spec, sentence = REFUSED[case]
    assert sentence in namespace.refusal(spec)


BROKEN_RULES = {
    case: (spec, rule.message)
    for case, (spec, sentence) in REFUSED.items()
    for rule in rules.RULES
    if sentence in rule.message
}


def test_every_rule_is_broken_once() -> None:
    """For each rule there is a resource that the API server refuses."""
    assert {message for _, message in BROKEN_RULES.values()} == {rule.message for rule in rules.RULES}


# The length of a call is an option as well; ``parse`` refuses it in the words of the option.
@pytest.mark.parametrize("case", [case for case in BROKEN_RULES if not case.endswith((" call", "without time"))])
def test_refused_twice(case: str) -> None:
    """``parse`` refuses with the same sentence as the rule in the API server."""
    spec, message = BROKEN_RULES[case]
    with pytest.raises(SpecInvalid) as refused:
        parse({"metadata": {"name": "edge"}, "spec": {"brokers": ["a:1"], **spec}})
    assert str(refused.value).endswith(message)


def test_dangerous_properties(namespace: Namespace) -> None:
    """The API server refuses each dangerous librdkafka property, and ``parse`` does in the same words."""
    names = sorted({*refusals.INSTEAD, *(family.example for family in refusals.FAMILIES)})
    assert len(names) > 90
    specs = {f"case-{number}": {"customConfig": {name: "x"}} for number, name in enumerate(names)}
    refused = refused_by_the_api_server(namespace, specs)
    expected = {case: str(refusals.refusal(name)) for case, name in zip(specs, names, strict=True)}
    assert [(case, sentence) for case, sentence in expected.items() if sentence not in refused.get(case, "")] == []
    parsed = {case: refused_by_parse(spec) for case, spec in specs.items()}
    assert parsed == {case: f"spec.customConfig: {sentence}" for case, sentence in expected.items()}


def refused_by_the_api_server(namespace: Namespace, specs: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The error of the API server for each of these resources, by name, without those that it accepts."""
    items = [
        {
            "apiVersion": "kafka-otlp.dev/v1alpha1",
            "kind": "KafkaOtlpExporter",
            "metadata": {"name": name},
            "spec": {"brokers": ["kafka:9092"], **spec},
        }
        for name, spec in specs.items()
    ]
    try:
        # Several documents and no List, because kubectl stops at the first error in a List.
        namespace.kubectl("create", "-f", "-", input="\n---\n".join(json.dumps(item) for item in items))
    except KubectlError as error:
        lines = re.split(r"\n(?=The KafkaOtlpExporter|Error from server)", str(error))
        return {found[1]: line for line in lines if (found := re.search(r'"(case-\d+)"', line))}
    return {}


def refused_by_parse(spec: Mapping[str, Any]) -> str:
    """The sentence with which ``parse`` refuses a resource of this spec; empty when it takes it."""
    try:
        parse({"metadata": {"name": "edge"}, "spec": {"brokers": ["a:1"], **spec}})
    except SpecInvalid as refused:
        return str(refused)
    return ""


def test_a_row_of_every_kind(api: ApiServer, namespace: Namespace, tmp_path: Path) -> None:
    """The API server accepts a definition with an option of every kind; it accepts and refuses the same values as ``parse``."""
    wider.copy(tmp_path)
    answer = wider.ask(tmp_path)
    # Under a name of its own, beside the definition that the other tests use.
    definition = answer.definition.replace("kafka-otlp.dev", "wider.kafka-otlp.dev")
    api.kubectl("create", "-f", "-", input=definition)
    api.kubectl("wait", "--for=condition=Established", f"crd/{names.PLURAL}.wider.kafka-otlp.dev")
    try:
        kinds = [kind for kind in wider.KINDS if kind.right_in_resource is not None]
        fields = {kind.name: answer.rows[kind.name]["field"] for kind in kinds}
        right = {fields[kind.name]: kind.right_in_resource for kind in kinds}
        assert created(namespace, "right", right) == ""
        said = {kind.name: created(namespace, "wrong", {fields[kind.name]: kind.wrong_in_resource}) for kind in kinds}
        assert [name for name, sentence in said.items() if f"spec.{fields[name]}" not in sentence] == []
        assert [kind.name for kind in kinds if not all(rule in said[kind.name] for rule in kind.rules)] == []
    finally:
        api.kubectl("delete", "crd", f"{names.PLURAL}.wider.kafka-otlp.dev", "--wait")


def created(namespace: Namespace, name: str, spec: Mapping[str, Any]) -> str:
    """The error of the API server for a resource of the copy; empty when it accepts it."""
    resource = {
        "apiVersion": "wider.kafka-otlp.dev/v1alpha1",
        "kind": "KafkaOtlpExporter",
        "metadata": {"name": name},
        "spec": {"brokers": ["kafka:9092"], **spec},
    }
    try:
        namespace.kubectl("create", "-f", "-", input=json.dumps(resource))
    except KubectlError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("name", ["1edge", "a.b", "a" * 53])
def test_name_of_a_service(name: str, namespace: Namespace) -> None:
    """A name that no Service can have is refused."""
    assert "metadata.name must be at most 52 lower-case letters" in namespace.refusal({}, name)


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples(example: str, namespace: Namespace) -> None:
    """The API server accepts every example without a warning about an unknown field."""
    namespace.kubectl("apply", "--validate=strict", "-f", str(EXAMPLES[example]))


ACCEPTED: dict[str, dict[str, Any]] = {
    "linger longer than the timeout's default": {"lingerMs": 400_000},
    "backoff longer than the maximum's default": {"retryBackoffMs": 5000},
    "acks given way to custom config": {"acks": "one", "customConfig": {"enable.idempotence": "true", "acks": "all"}},
    "numbers and texts in custom config": {
        "customConfig": {"batch.num.messages": 100, "client.dns.lookup": "use_all_dns_ips"}
    },
    "as many properties as may be": {"customConfig": {f"{'a' * 120}{number}": "x" * 1500 for number in range(128)}},
    "idempotence switched off": {"acks": "one", "customConfig": {"enable.idempotence": "false"}},
    "the shortest call": {"requestTimeout": "1ms"},
    "the longest call": {"requestTimeout": "15m"},
    "the last port": {"brokers": ["kafka:65535"]},
    "nulls": {
        "lingerMs": None,
        "resources": {"limits": None, "requests": {"memory": None}},
        "podTemplate": {"labels": {"a": None}, "env": None},
        "customConfig": {"linger.ms": None},
    },
    "keys of every kind": {
        "partitionTracesByTraceId": True,
        "partitionTracesByResourceAttributes": False,
        "partitionLogsByResourceAttributes": True,
        "partitionKeyAttributes": ["service.name", "a,b\\c", "é"],
    },
    "as many attributes as may be": {"partitionKeyAttributes": [f"{number:0256}" for number in range(32)]},
    "endless message timeout": {"messageTimeoutMs": 0, "lingerMs": 5},
    "IPv6 broker": {"brokers": ["[::1]:9092"]},
    "an autoscaler": {
        "scaling": {"mode": "HPA", "minReplicas": 2, "maxReplicas": 2, "targetCPUUtilizationPercentage": 150},
        "resources": CPU,
    },
    "a budget in numbers": {"podDisruptionBudget": {"minAvailable": 0}},
    "a budget in percent": {"podDisruptionBudget": {"maxUnavailable": "100%"}},
    "everything that is empty": {
        "scaling": {},
        "podDisruptionBudget": {},
        "networkPolicy": {},
        "metrics": {"podMonitor": {}},
        "otlp": {"grpc": {}, "http": {}},
    },
    "ports of each other": {"otlp": {"grpc": {"port": 4318}, "http": {"port": 4317}}},
    "peers": {
        "networkPolicy": {
            "ingressFrom": [
                {"namespaceSelector": {"matchLabels": {"team": "a"}}, "podSelector": {}},
                {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
            ],
            "brokerPorts": [19092],
        }
    },
    "affinity": {
        "podTemplate": {
            "affinity": {
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b"}}}
                    ]
                }
            },
            "tolerations": [{"key": "a", "operator": "Exists", "tolerationSeconds": 5}],
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        },
        "resources": {"requests": {"cpu": 1, "memory": "1.5Gi"}},
        "imagePullSecrets": [{"name": "registry"}],
    },
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepted(case: str, namespace: Namespace) -> None:
    """The API server accepts what works, and so does ``parse`` when all its properties are allowed."""
    assert namespace.refusal(ACCEPTED[case]) == ""
    stored = namespace.get("koe")
    parse(stored, stored["spec"].get("customConfig", ()))
    if case == "nulls":
        assert "linger.ms" not in stored["spec"]["customConfig"]


def test_explain(api: ApiServer) -> None:
    """kubectl explain is the manual: every field has a description, with default and limits."""
    words = " ".join(api.kubectl("explain", "koe.spec.lingerMs").split())
    assert "Allowed: a whole number from 0 to 899999 (milliseconds). Default: 5." in words
    assert "Secret" in api.kubectl("explain", "koe.spec.sasl.passwordSecretRef.key")
    assert "minAvailable" in api.kubectl("explain", "koe.spec.podDisruptionBudget.maxUnavailable")
    assert "topologyKey" in api.kubectl("explain", "koe.spec.podTemplate.topologySpreadConstraints")


def test_defaults_stay_out(namespace: Namespace) -> None:
    """A stored resource holds what its author set, and replicas for the scale subresource, and nothing else."""
    namespace.apply({})
    assert namespace.get("kafkaotlpexporter")["spec"] == {"brokers": ["kafka:9092"], "replicas": 1}


def test_client_side_apply(api: ApiServer) -> None:
    """The definition is small enough for a plain kubectl apply, which keeps a copy of it in an annotation."""
    assert (ROOT / "crds" / "kafkaotlpexporters.yaml").stat().st_size < 256 * 1024
