"""The operator's errors as types: the type decides the condition, its reason, and whether trying again may help.

Every message is a sentence for a person: what was wrong, where, and what to do.
"""

from __future__ import annotations


class OperatorError(Exception):
    """The base of all errors whose message is for a person."""


class SpecInvalid(OperatorError):
    """The resource is invalid, and only its author can repair it. The message starts with the path: ``spec.acks: ...``.

    ``reason`` is the reason of the ``ConfigValid`` condition.
    """

    reason = "RenderFailed"


class PropertyRefused(SpecInvalid):
    """``customConfig`` sets a property of librdkafka that it must not set."""

    reason = "InvalidKafkaConfig"


class NotYet(OperatorError):
    """A check gave no answer this time; try again."""


class ApiError(OperatorError):
    """The API server could not be reached, or answered with an error.

    ``reason`` is the reason of the ``Applied`` condition.
    """

    reason = "ApplyFailed"


class Unavailable(ApiError):
    """The API server did not answer, or answered that it cannot at the moment. Nobody has to repair anything; try again."""


class NotFound(ApiError):
    """There is no such object, or no such kind."""


class Conflict(ApiError):
    """The object was changed or replaced in the meantime; try again."""

    reason = "ApplyConflict"


class NotLeader(ApiError):
    """This process may no longer be the leader, so it must not write."""


class NotOurs(Conflict):
    """An object of the wanted name belongs to somebody else."""


class Forbidden(ApiError):
    """The operator's role does not allow it."""

    reason = "ApplyForbidden"


class SecretAccessDenied(Forbidden):
    """The operator's role does not allow it to read the Secrets that ``credentialReload: Restart`` watches."""

    reason = "SecretAccessDenied"


class RestartNotOffered(ApiError):
    """The operator has no key for the digest of Secrets, so it cannot offer ``credentialReload: Restart``."""

    reason = "RestartNotOffered"


class QuotaExceeded(Forbidden):
    """A quota of the namespace does not allow it."""

    reason = "QuotaExceeded"


class Rejected(ApiError):
    """The API server rejects the object as invalid."""

    reason = "ApplyRejected"
