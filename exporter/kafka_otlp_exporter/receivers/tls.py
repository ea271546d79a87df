"""The certificates of the OTLP ports: read from PEM files, and checked before they are used.

The kubelet replaces all files of a Secret at once, by a symlink.
"""

from __future__ import annotations

import hashlib
import ssl
from dataclasses import dataclass
from pathlib import Path

from kafka_otlp_exporter.config.rows import Contradiction


@dataclass(frozen=True)
class Files:
    """The files of a port: its certificate chain, its key, and its clients' authorities.

    ``option`` is what their flags begin with: ``--otlp-grpc``.
    """

    option: str
    certificate: Path
    key: Path
    client_ca: Path | None


@dataclass(frozen=True)
class Tls:
    """What a port needs for handshakes: the PEM texts, and a context of OpenSSL that was made of the same files."""

    certificate: bytes
    key: bytes
    client_ca: bytes | None
    context: ssl.SSLContext


def files(option: str, certificate: Path | None, key: Path | None, client_ca: Path | None) -> Files | None:
    """The files of a port, None when it has no TLS. ``option`` is what their flags begin with: ``--otlp-grpc``.

    Raises Contradiction when a certificate is given without its key, or the other way round.
    """
    names = f"{option}-tls-cert-file", f"{option}-tls-private-key-file"
    if certificate is None and key is None:
        if client_ca is not None:
            raise Contradiction(
                f"{option}-client-ca-file needs {names[0]} and {names[1]}: without TLS no client sends a certificate."
            )
        return None
    if certificate is None or key is None:
        given, missing = names if key is None else names[::-1]
        raise Contradiction(f"{given} needs {missing}: a certificate and its key are needed together.")
    return Files(option, certificate, key, client_ca)


def read(wanted: Files) -> Tls:
    """The content of the files.

    Raises Contradiction when a file cannot be read or is no PEM, when the key does not belong to the certificate, or when
    a file changes while it is read.
    """
    before = _contents(wanted)
    tls = Tls(*before, context=_context(wanted))
    if _contents(wanted) != before:
        # OpenSSL reads the files by their paths, so it may have checked other files than those that were read here.
        raise Contradiction(f"{wanted.option}-tls-cert-file: {wanted.certificate} is being replaced.")
    return tls


def fingerprint(wanted: Files) -> bytes:
    """A digest of the files: it differs when any of them does. A file that cannot be read counts as empty."""
    digest = hashlib.sha256()
    for path in (wanted.certificate, wanted.key, wanted.client_ca):
        if path is not None:
            try:
                content = path.read_bytes()
            except OSError:
                content = b""
            digest.update(len(content).to_bytes(8, "big") + content)
    return digest.digest()


def _contents(wanted: Files) -> tuple[bytes, bytes, bytes | None]:
    return (
        _content(f"{wanted.option}-tls-cert-file", wanted.certificate),
        _content(f"{wanted.option}-tls-private-key-file", wanted.key),
        None if wanted.client_ca is None else _content(f"{wanted.option}-client-ca-file", wanted.client_ca),
    )


def _content(flag: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Contradiction(f"{flag}: {path} cannot be read: {error.strerror}.") from None


def _context(wanted: Files) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), f"{wanted.option}-tls-cert-file", wanted.certificate)
    flag = f"{wanted.option}-tls-private-key-file"
    try:
        # Without this, OpenSSL would ask for the password of an encrypted key on the terminal.
        context.load_cert_chain(wanted.certificate, wanted.key, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise Contradiction(
                f"{flag}: {wanted.key} is not the key of the certificate in {wanted.certificate}."
            ) from None
        raise Contradiction(
            f"{flag}: {wanted.key} is no private key in PEM without a password that OpenSSL takes with "
            f"{wanted.certificate} ({error.reason or 'no key found'})."
        ) from None
    except OSError as error:
        raise Contradiction(f"{flag}: {wanted.key} cannot be read: {error.strerror}.") from None
    if wanted.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        _trust(context, f"{wanted.option}-client-ca-file", wanted.client_ca)
    return context


def _trust(context: ssl.SSLContext, flag: str, path: Path) -> None:
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise Contradiction(f"{flag}: {path} holds no certificate in PEM.") from None
    except OSError as error:
        raise Contradiction(f"{flag}: {path} cannot be read: {error.strerror}.") from None
