"""The bearer tokens that clients have to send (RFC 6750): read from a file, and compared in constant time."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from pathlib import Path

from kafka_otlp_exporter.config.rows import Contradiction

# It does not say whether the token is missing or wrong.
SENTENCE = "the request carries no bearer token that is accepted here: set the header 'authorization: Bearer <token>'."

_FLAG = "--otlp-bearer-token-file"
# RFC 6750, section 2.1, "b64token", and all other characters that a header can hold, without a space.
_TOKEN = re.compile(r"[!-~]+")


@dataclass(frozen=True)
class Tokens:
    """The tokens that are accepted."""

    tokens: tuple[bytes, ...] = field(repr=False)

    def accept(self, authorization: str | None) -> bool:
        """Whether the value of an ``authorization`` header has one of the tokens. Which one does not change the time it takes."""
        scheme, _, token = (authorization or "").partition(" ")
        shown = token.strip(" ").encode(errors="surrogateescape")
        found = [hmac.compare_digest(shown, one) for one in self.tokens]
        return scheme.lower() == "bearer" and any(found)


def read(file: Path) -> Tokens:
    """The tokens of a file, one on each line.

    Raises Contradiction when the file cannot be read, has no token, or has one that no header can hold.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise Contradiction(f"{_FLAG}: {file} is not text.") from None
    except OSError as error:
        raise Contradiction(f"{_FLAG}: {file} cannot be read: {error.strerror}.") from None
    tokens = [line for line in lines if line]
    if not tokens:
        raise Contradiction(f"{_FLAG}: {file} holds no token: write one on each line.")
    if not all(_TOKEN.fullmatch(token) for token in tokens):
        raise Contradiction(
            f"{_FLAG}: {file} has a line with a space or a character that is not ASCII: write one token on each line."
        )
    return Tokens(tuple(token.encode() for token in tokens))


def fingerprint(file: Path) -> bytes:
    """The file's content, empty when it cannot be read."""
    try:
        return file.read_bytes()
    except OSError:
        return b""
