"""How kopf is set up."""

import asyncio
import json
import logging
import time
from pathlib import Path
from typing import Any, cast

import pytest
from kopf import AiohttpSession, OperatorSettings

from kafka_otlp_operator.loop import handlers
from kafka_otlp_operator.objects.kinds import CHILDREN


def test_settings_leave_no_trace():
    """kopf has our name of a finalizer, joins no peering, and posts no events."""
    settings = handlers.operator_settings(namespaced=False)
    assert settings.persistence.finalizer == "kafka-otlp.dev/finalizer"
    assert settings.peering.standalone
    assert not settings.posting.enabled
    assert not settings.scanning.disabled


def test_a_silent_watch_is_given_up_after_70_seconds():
    """A bookmark comes every 60 seconds; the API server remembers events for 75."""
    assert handlers.operator_settings(namespaced=False).watching.inactivity_timeout == 70


def test_one_namespace_needs_no_rights_outside():
    """When it works in some namespaces only, kopf does not look for new kinds and namespaces: that would need rights in the cluster."""
    assert handlers.operator_settings(namespaced=True).scanning.disabled


def test_events_only():
    """No handler makes kopf write to a resource."""
    registry = handlers.registry(cast("Any", None))
    assert len(registry._watching.get_all_handlers()) == 1 + len(CHILDREN)
    for kind in ("_changing", "_spawning", "_indexing", "_webhooks"):
        assert list(getattr(registry, kind).get_all_handlers()) == []


def test_only_our_own_objects_are_watched():
    """The API server sends events of the objects that have our label, not of every Deployment of the cluster."""
    selectors = handlers.operator_settings(namespaced=False).watching.label_selectors
    assert set(selectors.values()) == {"app.kubernetes.io/managed-by=kafka-otlp-operator"}
    assert len(selectors) == len(CHILDREN)


def test_credentials_are_read_anew_and_never_equal_those_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """kopf would not try equal ones again, and would exit."""
    token = tmp_path / "token"
    config = {
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {"tokenFile": str(token)}}],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Config", "current-context": "c", **config}))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    monkeypatch.setattr(handlers, "_LOGIN_SECONDS", 0.2)
    login = handlers.Login()

    async def read(text: str) -> AiohttpSession:
        token.write_text(text)
        found = await login.read(logger=logging.getLogger(), settings=OperatorSettings())
        assert found is not None
        await found.aiohttp_session.close()
        return found

    async def three() -> list[AiohttpSession]:
        return [await read("first"), await read("first"), await read("second")]

    began = time.monotonic()
    found = asyncio.run(three())
    assert time.monotonic() - began >= 0.4
    shown = [one.aiohttp_session.headers["Authorization"] for one in found]
    assert shown == ["Bearer first", "Bearer first", "Bearer second"]
    assert found[0] != found[1]
