"""The table of kinds."""

from kafka_otlp_operator.objects.kinds import CHILDREN, PODS, RESOURCE


def test_paths():
    """The core group has its own path; names are quoted, so that no name changes the path."""
    assert PODS.path(None) == "/api/v1/pods"
    assert RESOURCE.path("n", "a/b") == "/apis/kafka-otlp.dev/v1alpha1/namespaces/n/kafkaotlpexporters/a%2Fb"


def test_only_what_is_somebody_elses_is_optional():
    """Every API server has Kubernetes' own kinds."""
    assert [kind for kind, entry in CHILDREN.items() if entry.optional] == ["PodMonitor"]
