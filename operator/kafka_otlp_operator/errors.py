"""What can go wrong, as types: the type decides the condition, its reason, and whether trying again may help.

Every message is a sentence for a person: what was wrong, where, what to do. Raised by ``spec``, ``check``, ``kube`` and ``cluster``,
read by ``reconcile`` and ``__main__``.
"""

from __future__ import annotations


class OperatorError(Exception):
    """Anything that the operator tells a person about."""


class SpecInvalid(OperatorError):
    """The resource is wrong; only its author can repair it. The message starts with the path: ``spec.acks: ...``.

    ``reason`` is the reason of the ``ConfigValid`` condition that tells of it.
    """

    reason = "RenderFailed"


class PropertyRefused(SpecInvalid):
    """``customConfig`` sets a property of librdkafka that it must not set."""

    reason = "InvalidKafkaConfig"


class NotYet(OperatorError):
    """It could not be found out just now; try again."""


class ApiError(OperatorError):
    """The API server could not be reached, or answered with an error.

    ``reason`` is the reason of the ``Applied`` condition that tells of it.
    """

    reason = "ApplyFailed"


class Unavailable(ApiError):
    """The API server did not answer, or said that it cannot just now: it will be back, and nobody else's repair is needed."""


class NotFound(ApiError):
    """There is no such object, or no such kind."""


class Conflict(ApiError):
    """The object changed, or is another one by now; try again."""

    reason = "ApplyConflict"


class NotLeader(ApiError):
    """Another operator may have taken over, so nothing is written."""


class NotOurs(Conflict):
    """An object of the wanted name belongs to somebody else."""


class Forbidden(ApiError):
    """The operator's role does not allow it."""

    reason = "ApplyForbidden"


class SecretAccessDenied(Forbidden):
    """The operator may not read the Secrets whose change is to restart pods."""

    reason = "SecretAccessDenied"


class RestartNotOffered(ApiError):
    """The operator has no key for the digest of Secrets."""

    reason = "RestartNotOffered"


class QuotaExceeded(Forbidden):
    """A quota of the namespace does not allow it."""

    reason = "QuotaExceeded"


class Rejected(ApiError):
    """The API server takes the object for wrong."""

    reason = "ApplyRejected"
