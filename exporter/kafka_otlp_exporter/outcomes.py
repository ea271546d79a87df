"""What became of a request, in words that do not depend on gRPC, HTTP or Kafka. Pure.

A receiver turns an Outcome into a status code. The rule: a client is told to send again (Unavailable) unless its own
payload or token is at fault (Invalid), because an administrator can repair everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a client has to send again, or why Kafka is not reached: in ``/status``, in metrics, and in the custom resource."""

    AUTHENTICATION_FAILED = "AuthenticationFailed"
    CERTIFICATE_NOT_TRUSTED = "CertificateNotTrusted"
    CLIENT_CERTIFICATE_REFUSED = "ClientCertificateRefused"
    DRAINING = "Draining"
    INTERNAL_ERROR = "InternalError"
    KAFKA_UNREACHABLE = "KafkaUnreachable"
    MECHANISM_NOT_ENABLED = "MechanismNotEnabled"
    MEMORY_BUDGET_FULL = "MemoryBudgetFull"
    NAME_NOT_RESOLVED = "NameNotResolved"
    NOT_AUTHORIZED = "NotAuthorized"
    NOT_ENOUGH_REPLICAS = "NotEnoughReplicas"
    PRODUCER_FAILED = "ProducerFailed"
    QUEUE_FULL = "QueueFull"
    REFUSED_BY_KAFKA = "RefusedByKafka"
    SASL_NOT_ENABLED = "SaslNotEnabled"
    TIMED_OUT = "TimedOut"
    TOO_LARGE_FOR_TOPIC = "TooLargeForTopic"
    UNKNOWN_TOPIC = "UnknownTopic"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Items that can never be accepted: how many, and why.

    ``surplus`` of them would fit into a record, but all records of the request together would need too much memory.
    ``flawed`` of them cannot be read, or break a rule of OTLP.
    """

    items: int
    message: str
    surplus: int = 0
    flawed: int = 0


@dataclass(frozen=True, slots=True)
class Delivered:
    """Kafka has acknowledged every record; ``rejected`` are the items that are in none."""

    rejected: Rejection | None = None


@dataclass(frozen=True, slots=True)
class Invalid:
    """The payload is not what it claims to be. Sending it again cannot help."""

    message: str


@dataclass(frozen=True, slots=True)
class TooLarge(Invalid):
    """The payload has more bytes than a request may have."""


@dataclass(frozen=True, slots=True)
class Unauthenticated(Invalid):
    """The client sent no token, or one that is not accepted. Its payload was not read."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Not now: the client is to keep its telemetry and send it again after ``retry_after`` seconds."""

    reason: Reason
    message: str
    retry_after: float = 1.0


Outcome = Delivered | Invalid | Unavailable
