"""Reads the credentials folder (``--credentials-dir``). It never logs or keeps what it has read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from kafka_otlp_exporter.config.properties import Credentials
from kafka_otlp_exporter.config.rows import Contradiction

_FILES = ("username", "password", "ca.crt", "tls.crt", "tls.key")


def missing(required: Sequence[Path]) -> tuple[Path, ...]:
    """Those of the files that do not exist."""
    return tuple(file for file in required if not file.is_file())


def read(folder: Path | None, required: Sequence[Path] = ()) -> Credentials:
    """The credentials in username, password, ca.crt, tls.crt and tls.key, those that exist; a final newline is removed.

    Raises Contradiction when the folder or a file cannot be read, or when one of the ``required`` files is missing.
    Without its CA or its certificate the exporter would connect in another way than the user wants.
    """
    _demand(required)
    if folder is None:
        return Credentials()
    if not folder.is_dir():
        raise Contradiction(f"--credentials-dir: {folder} is no folder; name one, or leave the option out.")
    found = Credentials(
        username=_text(folder / "username"),
        password=_text(folder / "password"),
        ca=_path(folder / "ca.crt"),
        certificate=_path(folder / "tls.crt"),
        key=_path(folder / "tls.key"),
    )
    _demand(required)  # the kubelet may have swapped the folder meanwhile, for one without such a file
    return found


def _demand(required: Sequence[Path]) -> None:
    for file in missing(required):
        raise Contradiction(f"--required-files: {file} is not there.")


def fingerprint(folder: Path | None) -> bytes:
    """A digest of the folder's credentials: it changes when one of them does. An unreadable file counts as missing."""
    digest = hashlib.sha256()
    if folder is None:
        return digest.digest()
    for name in _FILES:
        try:
            content = (folder / name).read_bytes()
        except OSError:
            continue
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.digest()


def _text(file: Path) -> str | None:
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise Contradiction(f"--credentials-dir: {file} cannot be read: {why}.") from None
    return text.removesuffix("\n").removesuffix("\r")


def _path(file: Path) -> Path | None:
    return file if file.exists() else None
