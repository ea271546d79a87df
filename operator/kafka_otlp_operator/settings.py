"""The operator's own options, from the environment. A value that is wrong is refused when the program starts."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from kafka_otlp_operator import names
from kafka_otlp_operator.errors import OperatorError
from kafka_otlp_operator.objects.secrets_digest import KEY_BYTES
from kafka_otlp_operator.resource import permitted

# Of the program. The version of the API is ``names.VERSION``.
RELEASE = version("kafka-otlp")


class Settings(BaseSettings):
    """Each field is read from the environment variable ``KAFKA_OTLP_OPERATOR_`` plus its name in capitals."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_OTLP_OPERATOR_", frozen=True)

    image: Annotated[str, Field(min_length=1, description="Image of the exporter, when a resource names none.")] = (
        f"{names.EXPORTER}:{RELEASE}"
    )
    namespaces: Annotated[
        str, NoDecode, Field(description="Namespaces to work in, separated by commas. Empty: all of them.")
    ] = ""
    allowed_properties: Annotated[
        str,
        NoDecode,
        Field(
            description="Properties of librdkafka, separated by commas, that `customConfig` may set although they are not "
            "in the list of those that every resource may set."
        ),
    ] = ""
    workers: Annotated[int, Field(ge=1, le=64, description="How many resources are reconciled at the same time.")] = 8
    resync_seconds: Annotated[
        float,
        Field(
            ge=1,
            le=86_400,
            description="Seconds between two resyncs. A resync lists all resources and reconciles those that may need it.",
        ),
    ] = 120.0
    request_timeout_seconds: Annotated[
        float, Field(gt=0, le=300, description="How long one call of the API server may take.")
    ] = 15.0
    check_timeout_seconds: Annotated[
        float, Field(gt=0, le=60, description="How long librdkafka may take to check one configuration.")
    ] = 2.0
    port: Annotated[
        int, Field(ge=0, le=65_535, description="Port of /livez, /readyz and /metrics. 0: any free one.")
    ] = 8080

    restart_key_file: Annotated[
        str,
        Field(
            description="File with at least 32 random bytes, the key of the digest by which `credentialReload: Restart` sees "
            "that a Secret has changed. With it the operator reads the Secrets of the resources that ask for it, and needs "
            "the role kafka-otlp-operator-secrets. Empty: Restart is not offered."
        ),
    ] = ""
    lease_namespace: Annotated[
        str,
        Field(
            description="Namespace of the Lease by which several operators elect the one that acts. Empty: there is no "
            "election, and this one acts."
        ),
    ] = ""
    lease_name: Annotated[str, Field(min_length=1, description="Name of that Lease.")] = names.OPERATOR

    @field_validator("allowed_properties")
    @classmethod
    def _may_be_allowed(cls, text: str) -> str:
        if sentence := permitted.not_to_allow(_parts(text)):
            raise ValueError(sentence)
        return text

    @property
    def restart_key(self) -> bytes | None:
        """The key of the digest of Secrets; None when Restart is not offered. Raises OperatorError."""
        if not self.restart_key_file:
            return None
        variable = "KAFKA_OTLP_OPERATOR_RESTART_KEY_FILE"
        try:
            key = Path(self.restart_key_file).read_bytes()
        except OSError as error:
            raise OperatorError(f"{variable}: {self.restart_key_file} cannot be read: {error.strerror}.") from None
        if len(key) < KEY_BYTES:
            raise OperatorError(
                f"{variable}: {self.restart_key_file} has {len(key)} bytes, and needs at least {KEY_BYTES} random ones."
            )
        return key

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties that ``customConfig`` may set in addition to those of ``permitted``."""
        return _parts(self.allowed_properties)

    @property
    def watched(self) -> tuple[str, ...]:
        """The namespaces to work in; an empty tuple means all."""
        return _parts(self.namespaces)


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
