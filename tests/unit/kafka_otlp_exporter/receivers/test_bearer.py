"""Bearer tokens: what a file may contain, and what a header must contain."""

from pathlib import Path

import pytest

from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_exporter.receivers import bearer
from kafka_otlp_exporter.receivers.bearer import Tokens

TOKENS = Tokens((b"old", b"n/e+w=="))


@pytest.mark.parametrize("header", ["Bearer old", "bearer old", "BEARER n/e+w==", "Bearer  old"])
def test_each_token_is_accepted(header: str):
    """The scheme's name in any case (RFC 9110, section 11.1)."""
    assert TOKENS.accept(header)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "old",
        "Bearer",
        "Bearer ",
        "Bearer ol",
        "Bearer oldn",
        "Bearer old new",
        "Basic old",
        "Bearer ö",
        "Bearer \udcff",
    ],
)
def test_anything_else_is_not(header: str | None):
    """Another scheme, more than a token, or no token at all is refused."""
    assert not TOKENS.accept(header)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [("a", (b"a",)), ("a\n", (b"a",)), ("a\r\n", (b"a",)), ("old\nnew\n", (b"old", b"new")), ("a\n\nb", (b"a", b"b"))],
)
def test_a_file_has_one_token_a_line(tmp_path: Path, text: str, tokens: tuple[bytes, ...]):
    """Empty lines are ignored."""
    file = tmp_path / "token"
    file.write_bytes(text.encode())
    assert bearer.read(file) == Tokens(tokens)


@pytest.mark.parametrize("content", [b"", b"\n\n", b"two words", "schlüssel".encode(), b"\xff\xfe", b"a\x00b"])
def test_what_is_no_token_is_a_sentence_without_it(tmp_path: Path, content: bytes):
    """The sentence names the option and the file, and does not repeat the content."""
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(Contradiction) as caught:
        bearer.read(file)
    assert str(caught.value).startswith(f"--otlp-bearer-token-file: {file} ")
    assert "two words" not in str(caught.value)


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path):
    """It has a fingerprint all the same."""
    with pytest.raises(Contradiction, match="cannot be read: No such file"):
        bearer.read(tmp_path / "token")
    assert bearer.fingerprint(tmp_path / "token") == b""


def test_tokens_are_not_shown():
    """Not even in a traceback."""
    assert "old" not in repr(TOKENS)
