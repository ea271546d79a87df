"""How kopf is set up."""

from typing import Any, cast

from kafka_otlp_operator import handlers
from kafka_otlp_operator.kinds import CHILDREN


def test_settings_leave_no_trace():
    """kopf has a finalizer name of ours, joins no peering, and posts no events."""
    settings = handlers.operator_settings(namespaced=False)
    assert settings.persistence.finalizer == "kafka-otlp.dev/finalizer"
    assert settings.peering.standalone
    assert not settings.posting.enabled
    assert not settings.scanning.disabled


def test_one_namespace_needs_no_rights_outside():
    """In some namespaces only, kopf does not look for new kinds and namespaces, which would need a cluster's rights."""
    assert handlers.operator_settings(namespaced=True).scanning.disabled


def test_events_only():
    """There is no handler that would make kopf write to a resource."""
    registry = handlers.registry(cast("Any", None))
    assert len(registry._watching.get_all_handlers()) == 1 + len(CHILDREN)
    for kind in ("_changing", "_spawning", "_indexing", "_webhooks"):
        assert list(getattr(registry, kind).get_all_handlers()) == []


def test_only_our_own_objects_are_watched():
    """The API server sends events of what has our label, not of every Deployment of the cluster."""
    selectors = handlers.operator_settings(namespaced=False).watching.label_selectors
    assert set(selectors.values()) == {"app.kubernetes.io/managed-by=kafka-otlp-operator"}
    assert len(selectors) == len(CHILDREN)
