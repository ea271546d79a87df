"""All that kopf calls: start, stop, login, and events, which only say which resource may have changed.

Called by ``__main__``. There is no handler of creation, update or deletion, no timer and no daemon: those would make
kopf write a finalizer and annotations into the resources, and a deletion would wait for the operator.
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
# Later than any operator ends.
_NEVER = timedelta(days=3650)
WATCHED = (names.PLURAL, *(child.plural for child in CHILDREN.values()))


def operator_settings(*, namespaced: bool) -> kopf.OperatorSettings:
    """How kopf is to behave; ``namespaced`` is whether it works in some namespaces only."""
    settings = kopf.OperatorSettings()
    # Ours is never set, but kopf's default would be taken from the objects of every other operator made with kopf.
    settings.persistence.finalizer = f"{names.GROUP}/finalizer"
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
    # kopf's own reach 21 seconds, and after the last one it gives up: an API server may be away for longer than a minute.
    settings.networking.error_backoffs = (1, 1, 2, 3, *[5] * _A_DAY_OF_TRIES)
    settings.scanning.disabled = namespaced
    for child in CHILDREN.values():
        settings.watching.label_selectors[child.group, child.version, child.plural] = (
            f"{names.MANAGED_BY}={names.OPERATOR}"
        )
    return settings


class Login:
    """Reads the token anew whenever kopf's was refused, and no more often than every few seconds.

    The token may be renewed too late, or the API server may not know anybody for a while. kopf takes nothing that equals what
    was refused before, and ends when it has nothing else; so each answer says of itself a time at which it would expire.
    """

    def __init__(self) -> None:
        self._next = float("-inf")

    async def read(self, **arguments: Any) -> kopf.AiohttpSession | None:
        """What the kubeconfig, or the pod, has now."""
        await asyncio.sleep(self._next - time.monotonic())
        self._next = time.monotonic() + _LOGIN_SECONDS
        found = kopf.login_via_client(**arguments)
        if found is None:
            return None
        made = session(found.as_http_headers(), found.as_ssl_context(), WATCHED, trust_env=found.trust_env)
        return kopf.AiohttpSession(server=found.server, aiohttp_session=made, expiration=datetime.now(UTC) + _NEVER)


def registry(make: Callable[[], Controller]) -> kopf.OperatorRegistry:
    """The handlers, around the one controller that ``make`` gives when kopf's event loop runs."""
    handlers = kopf.OperatorRegistry()
    running: dict[str, Any] = {}

    # A second try would find the port taken by the first one.
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
