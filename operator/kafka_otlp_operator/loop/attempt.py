"""One reconcile as a worker runs it: timed, counted and logged. It never raises."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from kafka_otlp_operator.api.cluster import Key
from kafka_otlp_operator.errors import OperatorError
from kafka_otlp_operator.loop.metrics import Metrics
from kafka_otlp_operator.reconcile import Result

log = structlog.stdlib.get_logger("kafka_otlp_operator")


def attempt(reconcile: Callable[[], Result], key: Key, metrics: Metrics) -> Result:
    """Call ``reconcile`` for the resource. What it raises is the failure of the result."""
    begun = time.monotonic()
    try:
        result = reconcile()
    except OperatorError as error:
        result = Result(failure=error)
    except Exception as error:  # a bug in the work on one resource must not stop the work on the others
        log.exception("reconcile crashed", resource=str(key))
        metrics.reconciles.labels("crashed").inc()
        return Result(failure=OperatorError(f"{type(error).__name__}: {error}"))
    finally:
        metrics.seconds.observe(time.monotonic() - begun)
    _count(result, metrics)
    _log(result, key)
    return result


def _count(result: Result, metrics: Metrics) -> None:
    metrics.reconciles.labels("failed" if result.failure else "done").inc()
    if result.failure is not None:
        metrics.failures.labels(type(result.failure).__name__).inc()
    metrics.status_writes.inc(result.told)
    metrics.events.inc(result.untold is not None)


def _log(result: Result, key: Key) -> None:
    if result.untold is not None:
        log.warning("event not posted", namespace=key.namespace, name=key.name, reason=str(result.untold))
    if result.ready is not None and result.told:
        said = {name: result.ready[name] for name in ("reason", "message")}
        log.info("status", namespace=key.namespace, name=key.name, ready=result.ready["status"], **said)
