"""The functions that kopf calls: start, stop, login, and events. An event only says which resource may have changed.

There must be no handler of creation, update or deletion, no timer and no daemon: with one, kopf would write a finalizer and
annotations into the resources, and a deletion would wait for the operator.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import kopf

from kafka_otlp_operator import names
from kafka_otlp_operator.loop.controller import Controller
from kafka_otlp_operator.loop.kopf_session import session
from kafka_otlp_operator.loop.probes import Probes
from kafka_otlp_operator.objects.kinds import CHILDREN

_A_DAY_OF_TRIES = 86_400 // 5
_LOGIN_SECONDS = 5.0
# Longer than any operator runs.
_NEVER = timedelta(days=3650)
WATCHED = (names.PLURAL, *(child.plural for child in CHILDREN.values()))


def operator_settings(*, namespaced: bool) -> kopf.OperatorSettings:
    """The settings of kopf. ``namespaced``: the operator works in some namespaces only."""
    settings = kopf.OperatorSettings()
    # kopf never sets ours. But with its default name, kopf would remove the finalizers of other operators made with kopf.
    settings.persistence.finalizer = f"{names.GROUP}/finalizer"
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    # The API server sends a bookmark every minute, so that a watch which is silent for longer is dead.
    settings.watching.inactivity_timeout = 70
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    # kopf's default pauses add up to 21 seconds, and then kopf gives up. An API server may be away for much longer.
    settings.networking.error_backoffs = (1, 1, 2, 3, *[5] * _A_DAY_OF_TRIES)
    settings.scanning.disabled = namespaced
    for child in CHILDREN.values():
        settings.watching.label_selectors[child.group, child.version, child.plural] = (
            f"{names.MANAGED_BY}={names.OPERATOR}"
        )
    return settings


class Login:
    """Reads the token again when the API server has refused kopf's, at most once every few seconds.

    The token may have been renewed too late, or the API server may refuse all tokens for a while. kopf rejects credentials
    that equal refused ones, and exits when it has no others. Each login therefore has its own expiry, far in the future.
    """

    def __init__(self) -> None:
        self._next = float("-inf")

    async def read(self, **arguments: Any) -> kopf.AiohttpSession | None:
        """Credentials from the kubeconfig or the pod, as they are now; None when there are none."""
        await asyncio.sleep(self._next - time.monotonic())
        self._next = time.monotonic() + _LOGIN_SECONDS
        found = kopf.login_via_client(**arguments)
        if found is None:
            return None
        made = session(found.as_http_headers(), found.as_ssl_context(), WATCHED, trust_env=found.trust_env)
        return kopf.AiohttpSession(server=found.server, aiohttp_session=made, expiration=datetime.now(UTC) + _NEVER)


def registry(make: Callable[[], Controller]) -> kopf.OperatorRegistry:
    """The handlers of one controller. ``make`` is called for it when kopf's event loop runs."""
    handlers = kopf.OperatorRegistry()
    running: dict[str, Any] = {}

    # PERMANENT, because a second try would find the port taken by the first one.
    @kopf.on.startup(registry=handlers, errors=kopf.ErrorsMode.PERMANENT)
    async def start(**_: Any) -> None:
        running["controller"], running["probes"] = controller, probes = (made := make()), Probes(made)
        await probes.start()
        await controller.start()

    @kopf.on.cleanup(registry=handlers)
    async def stop(**_: Any) -> None:
        await running["controller"].stop()
        await running["probes"].stop()

    kopf.on.login(registry=handlers)(Login().read)

    async def event(body: kopf.Body, type: str | None, **_: Any) -> None:  # noqa: A002 - kopf names it so
        running["controller"].notice(body, gone=type == "DELETED")

    kopf.on.event(names.GROUP, names.SERVED_VERSION, names.PLURAL, registry=handlers)(event)
    for child in CHILDREN.values():
        kopf.on.event(
            child.group,
            child.version,
            child.plural,
            labels={names.MANAGED_BY: names.OPERATOR},
            registry=handlers,
            id=f"event-{child.plural}",
        )(event)
    return handlers
