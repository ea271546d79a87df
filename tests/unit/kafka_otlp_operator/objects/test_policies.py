"""The optional objects around the pods."""

from collections.abc import Callable
from typing import Any

import pytest

from kafka_otlp_operator import names
from kafka_otlp_operator.objects import policies
from kafka_otlp_operator.objects.ownership import Manifest
from tests.unit.kafka_otlp_operator.resources import resource

PODS = {"matchLabels": dict(names.selector("edge"))}


def made(make: Callable[[Any], Manifest | None], **spec: Any) -> Manifest:
    """The object for a resource with this spec."""
    wanted = make(resource(**spec))
    assert wanted is not None
    return wanted


def tcp(*ports: int) -> list[dict[str, Any]]:
    """The entry of a policy for TCP ports."""
    return [{"protocol": "TCP", "port": port} for port in ports]


def test_nothing_without_a_word():
    """By default there is none of them."""
    for make in (policies.autoscaler, policies.disruption_budget, policies.network_policy, policies.pod_monitor):
        assert make(resource()) is None


@pytest.mark.parametrize(
    ("scaling", "limits"),
    [
        ({"maxReplicas": 4}, (1, 4, 80)),
        ({"minReplicas": 2, "maxReplicas": 4, "targetCPUUtilizationPercentage": 150}, (2, 4, 150)),
    ],
)
def test_autoscaler(scaling, limits):
    """It scales the Deployment by CPU; the defaults are at least one pod and 80 percent."""
    spec = {"scaling": {"mode": "HPA", **scaling}, "resources": {"requests": {"cpu": "250m"}}}
    wanted = made(policies.autoscaler, **spec)["spec"]
    assert wanted["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": "edge"}
    (metric,) = wanted["metrics"]
    assert metric["resource"]["name"] == "cpu"
    share = metric["resource"]["target"]["averageUtilization"]
    assert (wanted["minReplicas"], wanted["maxReplicas"], share) == limits


@pytest.mark.parametrize(
    ("said", "limit"),
    [
        ({}, {"maxUnavailable": 1}),
        ({"maxUnavailable": 0}, {"maxUnavailable": 0}),
        ({"maxUnavailable": "30%"}, {"maxUnavailable": "30%"}),
        ({"minAvailable": 0}, {"minAvailable": 0}),
        ({"minAvailable": "50%"}, {"minAvailable": "50%"}),
    ],
)
def test_disruption_budget(said, limit):
    """It has one limit, by default one pod; pods that are not ready never block a drain."""
    wanted = made(policies.disruption_budget, podDisruptionBudget=said)["spec"]
    assert wanted == {**limit, "selector": PODS, "unhealthyPodEvictionPolicy": "AlwaysAllow"}


def test_network_policy():
    """By default it allows OTLP and the admin port from everywhere, brokers' ports and DNS to everywhere, and nothing else."""
    wanted = made(policies.network_policy, brokers=["b:9093", "[::1]:9092", "c:9093"], networkPolicy={})["spec"]
    assert wanted == {
        "podSelector": PODS,
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"ports": tcp(4317, 4318)}, {"ports": tcp(9464)}],
        "egress": [{"ports": tcp(9092, 9093)}, {"ports": [{"protocol": "UDP", "port": 53}, *tcp(53)]}],
    }


def test_network_policy_of_the_author():
    """Peers restrict OTLP alone; brokerPorts are allowed outwards; the ports of OTLP are those of the resource."""
    peer = {"podSelector": {"matchLabels": {"a": "b"}}}
    spec = {
        "networkPolicy": {"ingressFrom": [peer], "brokerPorts": [19092, 9092]},
        "otlp": {"grpc": {"port": 5317}, "http": {"enabled": False}},
    }
    wanted = made(policies.network_policy, **spec)["spec"]
    assert wanted["ingress"] == [{"from": [peer], "ports": tcp(5317)}, {"ports": tcp(9464)}]
    assert wanted["egress"][0] == {"ports": tcp(9092, 19092)}


def test_pod_monitor():
    """It selects pods by label and their admin port by name; a Prometheus selects it by the author's labels."""
    said = {"podMonitor": {"interval": "15s", "labels": {"release": "prometheus", names.MANAGED_BY: "x"}}}
    monitor = made(policies.pod_monitor, metrics=said)
    assert monitor["metadata"]["labels"] == {"release": "prometheus", **names.labels("edge")}
    endpoint = {"port": "admin", "path": "/metrics", "interval": "15s"}
    assert monitor["spec"] == {"selector": PODS, "podMetricsEndpoints": [endpoint]}
    plain = made(policies.pod_monitor, metrics={"podMonitor": {}})
    assert "interval" not in plain["spec"]["podMetricsEndpoints"][0]
