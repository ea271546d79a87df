"""The events that the exporter logs, one row each; docs/metrics.md shows them. Pure.

Each is something that a person may have to know. What repeats is said once in 30 seconds for each cause, with the
number of times that it was not said (``unsaid``).
"""

from __future__ import annotations

from collections.abc import Mapping

EVENTS: Mapping[str, str] = {
    "started": "It serves: version, ports, the largest request that is accepted, workers.",
    "files_missing": "It waits for files that have to be there, and serves the admin port alone: which ones.",
    "option": "Something about options and environment that does not keep it from starting.",
    "kafka_connected": "A broker is connected.",
    "kafka_not_connected": "No broker is connected: the reason, and a sentence that says what to check. Once for each reason.",
    "credentials_changed": "The credentials folder has changed, and what comes from now on is sent with what it holds.",
    "credentials_not_usable": "The credentials folder has changed to something that cannot be used; the old stays in use.",
    "files_changed": "Certificates or tokens of the OTLP ports have changed, and guard them from now on.",
    "files_not_usable": "Certificates or tokens have changed to something that cannot be used; the old stay in use.",
    "items_rejected": "Items of a request were left out for good; the client was told the same. Seldom.",
    "request_invalid": "A request was refused for good; the client was told the same. Seldom.",
    "request_unauthenticated": "A request carried no bearer token that is accepted. Seldom.",
    "request_unavailable": "A request was told to come again: reason and sentence as the client got them. Seldom.",
    "request_failed": "A defect of the exporter met a request; the client was told to come again. With a trace.",
    "call_failed": "A defect of the exporter met a call before its request was read. With a trace.",
    "produce_failed": "A defect of the exporter met a record; the client was told to come again. With a trace.",
    "delivery_failed": "A defect of the exporter met a delivery report. With a trace.",
    "draining": "It was asked to end: no new calls, and so many seconds for those that are open.",
    "stopped": "It has ended as it was asked to.",
    "worker_started": "A worker serves, for the first time or again.",
    "worker_draining": "A worker was asked to end.",
    "worker_stopped": "A worker has ended as it was asked to.",
    "worker_ended": "A worker ended by itself: exit code or signal, and in how many seconds it is started again.",
    "supervision_failed": "A defect of the exporter met the care for a worker, which goes on. With a trace.",
    "worker_killed": "A worker had not ended by the shutdown timeout, and was killed.",
}
