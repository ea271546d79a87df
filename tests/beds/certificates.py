"""A certificate authority for tests, and the certificates that it signs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import serialization


class Certificates:
    """PEM files in ``folder``: ``ca``, the broker's ``keystore``, and client certificates on demand."""

    def __init__(self, folder: Path, server_names: Sequence[str]) -> None:
        """Write the authority and a server certificate for 127.0.0.1, localhost and ``server_names``."""
        self._folder = folder
        self._authority = trustme.CA()
        self.ca = folder / "ca.crt"
        self.ca.write_bytes(self._authority.cert_pem.bytes())
        leaf = self._authority.issue_cert("127.0.0.1", "localhost", *server_names)
        self.keystore = folder / "server.pem"
        self.keystore.write_bytes(_pkcs8(leaf) + _chain(leaf))

    def server(self, name: str) -> tuple[Path, Path]:
        """The files of another certificate for 127.0.0.1 and localhost, and of its key."""
        leaf = self._authority.issue_cert("127.0.0.1", "localhost", common_name=name)
        return self._write(name, leaf)

    def client(self, name: str) -> tuple[Path, Path]:
        """The files of a certificate with the common name ``name``, and of its key."""
        return self._write(name, self._authority.issue_cert(f"{name}@example.test", common_name=name))

    def _write(self, name: str, leaf: trustme.LeafCert) -> tuple[Path, Path]:
        certificate, key = self._folder / f"{name}.crt", self._folder / f"{name}.key"
        certificate.write_bytes(_chain(leaf))
        key.write_bytes(_pkcs8(leaf))
        return certificate, key


def _chain(leaf: trustme.LeafCert) -> bytes:
    return b"".join(part.bytes() for part in leaf.cert_chain_pems)


def _pkcs8(leaf: trustme.LeafCert) -> bytes:
    # trustme writes OpenSSL's own format, which Kafka does not read.
    key = serialization.load_pem_private_key(leaf.private_key_pem.bytes(), password=None)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
