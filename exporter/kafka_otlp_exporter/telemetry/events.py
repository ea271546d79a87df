"""The events that the exporter logs, one row each; docs/metrics.md shows them. Pure.

An event is logged when a person may have to know. One that repeats is logged once in 30 seconds for each cause, with
the number of times that it was left out (``unsaid``).
"""

from __future__ import annotations

from collections.abc import Mapping

EVENTS: Mapping[str, str] = {
    "started": "The exporter serves. Fields: version, ports, largest accepted request, workers.",
    "files_missing": "The exporter waits for required files, which the message names, and serves only the admin port.",
    "option": "A warning about an option or an environment variable; the exporter starts nevertheless.",
    "kafka_connected": "A broker is connected.",
    "kafka_not_connected": "No broker is connected. Fields: the reason, and a sentence that says what to check. Once for each reason.",
    "credentials_changed": "The credentials folder has changed. New records are sent with the new credentials.",
    "credentials_not_usable": "The credentials folder has changed, and its content cannot be used. The old credentials stay in use.",
    "files_changed": "Certificates or tokens of the OTLP ports have changed. The new ones are used from now on.",
    "files_not_usable": "Certificates or tokens have changed, and the new ones cannot be used. The old ones stay in use.",
    "items_rejected": "Items of a request were permanently rejected; the client got the same message. At most once in 30 s for each cause.",
    "strings_repaired": "Strings of a request were no UTF-8. Fields: how many, and the first one's field and service. At most once in 30 s for each signal.",
    "request_invalid": "A request was permanently refused; the client got the same message. At most once in 30 s for each cause.",
    "request_unauthenticated": "A request had no accepted bearer token. At most once in 30 s for each cause.",
    "request_unavailable": "A client was told to retry. Fields: the reason, and the message that the client got. At most once in 30 s for each cause.",
    "call_abandoned": "A client ended its call, or its deadline passed, before the answer. Fields: the phase (`reading` or `acknowledging`), and the seconds since the request was read. At most once in 30 s for each signal and phase.",
    "request_failed": "A bug of the exporter failed a request; the client was told to retry. With a traceback.",
    "call_failed": "A bug of the exporter failed a call before its request was read. With a traceback.",
    "produce_failed": "A bug of the exporter failed a record; the client was told to retry. With a traceback.",
    "delivery_failed": "A bug of the exporter failed the handling of a delivery report. With a traceback.",
    "draining": "The exporter got SIGTERM. It takes no new calls, and has the given number of seconds for open ones.",
    "stopped": "The exporter has ended after SIGTERM.",
    "worker_started": "A worker serves, for the first time or after a restart.",
    "worker_draining": "A worker got SIGTERM.",
    "worker_stopped": "A worker has ended after SIGTERM.",
    "worker_ended": "A worker ended unexpectedly. Fields: exit code or signal, and the seconds until it is started again.",
    "supervision_failed": "A bug of the exporter failed the supervision of a worker once; the supervision goes on. With a traceback.",
    "worker_killed": "A worker had not ended within the shutdown timeout, and was killed.",
}
