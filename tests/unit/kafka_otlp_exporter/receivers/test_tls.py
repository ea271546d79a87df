"""The files of a port's TLS: what can be used, and the sentence for what cannot."""

import shutil
import ssl
from pathlib import Path

import pytest

from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_exporter.receivers import tls
from tests.beds.certificates import Certificates

CERT, KEY, CA = (f"--otlp-grpc-{name}" for name in ("tls-cert-file", "tls-private-key-file", "client-ca-file"))


@pytest.fixture
def authority(tmp_path: Path) -> Certificates:
    """An authority whose files a test may damage."""
    return Certificates(tmp_path, [])


def refused(certificate: Path | None, key: Path | None, client_ca: Path | None = None) -> str:
    """The sentence for files that cannot be used."""
    with pytest.raises(Contradiction) as caught:
        found = tls.files("--otlp-grpc", certificate, key, client_ca)
        assert found is not None
        tls.read(found)
    return str(caught.value)


def test_no_files_are_no_tls():
    """The port stays plain."""
    assert tls.files("--otlp-grpc", None, None, None) is None


def test_half_a_pair_names_the_other_half(authority: Certificates):
    """An authority for clients needs both."""
    certificate, key = authority.server("a")
    assert refused(certificate, None).startswith(f"{CERT} needs {KEY}:")
    assert refused(None, key).startswith(f"{KEY} needs {CERT}:")
    assert refused(None, None, authority.ca).startswith(f"{CA} needs {CERT} and {KEY}:")


@pytest.mark.parametrize("client_ca", [True, False])
def test_a_pair_that_fits_is_read(authority: Certificates, client_ca: bool):
    """As PEM and as a context. The context asks for client certificates when there is an authority for them."""
    certificate, key = authority.server("a")
    found = tls.files("--otlp-grpc", certificate, key, authority.ca if client_ca else None)
    assert found is not None
    read = tls.read(found)
    assert (read.certificate, read.key) == (certificate.read_bytes(), key.read_bytes())
    assert read.client_ca == (authority.ca.read_bytes() if client_ca else None)
    assert (read.context.verify_mode.name == "CERT_REQUIRED") is client_ca


def test_each_file_that_cannot_be_used_is_named(authority: Certificates, tmp_path: Path):
    """The sentence begins with its option."""
    certificate, key = authority.server("a")
    missing, garbage, folder = tmp_path / "missing", tmp_path / "garbage", tmp_path / "folder"
    garbage.write_text("-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----\n")
    folder.mkdir()
    for bad in (missing, garbage, folder):
        assert refused(bad, key).startswith(f"{CERT}: {bad} ")
        assert refused(certificate, bad).startswith(f"{KEY}: {bad} ")
        assert refused(certificate, key, bad).startswith(f"{CA}: {bad} ")
        assert "hunter2" not in refused(bad, key)
    assert refused(key, key).startswith(f"{CERT}: {key} holds no certificate")
    assert refused(certificate, certificate).startswith(f"{KEY}: {certificate} is no private key")


def test_a_key_of_another_certificate_is_refused(authority: Certificates):
    """Both files are named."""
    certificate, _ = authority.server("a")
    _, key = authority.server("b")
    assert refused(certificate, key) == f"{KEY}: {key} is not the key of the certificate in {certificate}."


@pytest.mark.parametrize("which", ["certificate", "key", "client_ca"])
def test_files_that_change_while_they_are_read_are_refused(
    authority: Certificates, monkeypatch: pytest.MonkeyPatch, which: str
):
    """OpenSSL may have checked the old files; the next look at the files reads them again."""
    certificate, key = authority.server("a")
    found = tls.files("--otlp-grpc", certificate, key, authority.ca)
    assert found is not None
    make = tls._context

    def replace_after(wanted: tls.Files) -> ssl.SSLContext:
        made = make(wanted)
        file: Path = getattr(wanted, which)
        file.write_bytes(file.read_bytes() + b"\n")
        return made

    with monkeypatch.context() as patched:
        patched.setattr(tls, "_context", replace_after)
        with pytest.raises(Contradiction) as caught:
            tls.read(found)
    assert str(caught.value) == f"{CERT}: {certificate} is being replaced."
    assert tls.read(found).certificate == certificate.read_bytes()


def test_a_fingerprint_differs_when_any_file_does(authority: Certificates):
    """It stays the same while no file changes, readable or not."""
    certificate, key = authority.server("a")
    found = tls.files("--otlp-grpc", certificate, key, authority.ca)
    assert found is not None
    seen = {tls.fingerprint(found)}
    assert tls.fingerprint(found) in seen
    for number, path in enumerate((certificate, key, authority.ca), 2):
        shutil.copy(path, path.with_suffix(".old"))
        path.write_bytes(path.read_bytes() + b"\n")
        seen.add(tls.fingerprint(found))
        assert len(seen) == number
    key.unlink()
    seen.add(tls.fingerprint(found))
    assert len(seen) == 5
