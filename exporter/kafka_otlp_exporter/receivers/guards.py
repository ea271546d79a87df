"""What guards the OTLP ports, from files that may change while the process runs: certificates and bearer tokens.

At the start, files that cannot be used are an error. Later, a change that cannot be used is logged once, and what was read
before stays in use.
"""

from __future__ import annotations

from collections.abc import Sequence

from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.config.watched import Watched
from kafka_otlp_exporter.outcomes import Unauthenticated
from kafka_otlp_exporter.receivers import bearer, tls
from kafka_otlp_exporter.receivers.bearer import Tokens
from kafka_otlp_exporter.receivers.tls import Tls
from kafka_otlp_exporter.telemetry.counters import Telemetry
from kafka_otlp_exporter.telemetry.logs import log


class Edge:
    """The guards of both ports, None for a guard that is not set up. The limits are those of one request, in bytes."""

    def __init__(self, settings: Settings) -> None:
        """Read the files that the settings name. Raises Contradiction when they cannot be used."""
        grpc = tls.files(
            "--otlp-grpc",
            settings.otlp_grpc_tls_cert_file,
            settings.otlp_grpc_tls_private_key_file,
            settings.otlp_grpc_client_ca_file,
        )
        http = tls.files(
            "--otlp-http",
            settings.otlp_http_tls_cert_file,
            settings.otlp_http_tls_private_key_file,
            settings.otlp_http_client_ca_file,
        )
        self.grpc = _certificates("otlp_grpc_tls", grpc)
        self.http = _certificates("otlp_http_tls", http)
        self.grpc_limit = settings.otlp_grpc_max_request_bytes
        self.http_limit = settings.otlp_http_max_request_bytes
        self.tokens: Watched[Tokens] | None = None
        if (file := settings.otlp_bearer_token_file) is not None:
            self.tokens = Watched("otlp_bearer_token", lambda: bearer.read(file), lambda: bearer.fingerprint(file))
        self.warnings = tuple(self._warnings(settings))

    def refuse(self, authorization: Sequence[str]) -> Unauthenticated | None:
        """Check the values of a call's ``authorization`` headers: None when the call may go on, else its refusal.

        With tokens, exactly one header is accepted: with two, a proxy and the exporter could each check a different one.
        """
        if self.tokens is None:
            return None
        if len(authorization) == 1 and self.tokens.value.accept(authorization[0]):
            return None
        return Unauthenticated(bearer.SENTENCE)

    def look(self, telemetry: Telemetry) -> None:
        """Read the files that have changed, count each change, and log it."""
        for watched in (self.grpc, self.http, self.tokens):
            if watched is None:
                continue
            try:
                changed = watched.look()
            except Contradiction as error:
                telemetry.count_reload(watched.name, taken=False)
                log.warning(
                    "files_not_usable", what=watched.name, message=f"{error} What was read before stays in use."
                )
                continue
            if changed:
                telemetry.count_reload(watched.name, taken=True)
                log.info("files_changed", what=watched.name)

    def _warnings(self, settings: Settings) -> list[str]:
        ports = (
            ("grpc", settings.otlp_grpc_endpoint, self.grpc),
            ("http", settings.otlp_http_endpoint, self.http),
        )
        return [
            f"--otlp-bearer-token-file: clients send their token in clear text to --otlp-{name}-endpoint; give it a "
            f"certificate with --otlp-{name}-tls-cert-file."
            for name, endpoint, certificates in ports
            if self.tokens is not None and endpoint and certificates is None
        ]


def _certificates(name: str, files: tls.Files | None) -> Watched[Tls] | None:
    if files is None:
        return None
    return Watched(name, lambda: tls.read(files), lambda: tls.fingerprint(files))
