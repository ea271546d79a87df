"""Reading the credentials folder."""

from pathlib import Path

import pytest

from kafka_otlp_exporter.config.properties import Credentials
from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_exporter.process import credentials_dir


def test_no_folder_holds_no_credentials():
    """The option may be left out."""
    assert credentials_dir.read(None) == Credentials()


def test_an_empty_folder_holds_no_credentials(tmp_path: Path):
    """A missing file is no credential."""
    assert credentials_dir.read(tmp_path) == Credentials()


def test_each_file_is_found_under_its_name(tmp_path: Path):
    """Two texts are read, three paths are passed on."""
    for name in ("username", "password", "ca.crt", "tls.crt", "tls.key"):
        (tmp_path / name).write_text(f"the {name}")
    assert credentials_dir.read(tmp_path) == Credentials(
        username="the username",
        password="the password",
        ca=tmp_path / "ca.crt",
        certificate=tmp_path / "tls.crt",
        key=tmp_path / "tls.key",
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("secret", "secret"),
        ("secret\n", "secret"),
        ("secret\r\n", "secret"),
        ("secret\n\n", "secret\n"),
        (" secret ", " secret "),
        ("sécret", "sécret"),
        ("", ""),
    ],
)
def test_one_newline_at_the_end_is_no_part_of_a_text(tmp_path: Path, written: str, read: str):
    """Editors and ``echo`` put one there; everything else belongs to the password."""
    (tmp_path / "password").write_bytes(written.encode())
    assert credentials_dir.read(tmp_path).password == read


def test_links_are_followed(tmp_path: Path):
    """Kubernetes mounts a Secret's keys as links, so that it can change all of them at once."""
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data" / "password").write_text("secret")
    (tmp_path / "password").symlink_to("..data/password")
    assert credentials_dir.read(tmp_path).password == "secret"


def test_a_folder_that_is_not_there_is_an_error_that_names_it(tmp_path: Path):
    """It may be a typing error; a start without credentials would hide it."""
    with pytest.raises(Contradiction, match=r"^--credentials-dir: .*missing is no folder; name one"):
        credentials_dir.read(tmp_path / "missing")


def test_a_file_that_is_no_text_is_an_error_without_its_bytes(tmp_path: Path):
    """The sentence names the file only."""
    (tmp_path / "password").write_bytes(b"hunter2\xff")
    with pytest.raises(Contradiction, match="password cannot be read: it is not UTF-8 text") as caught:
        credentials_dir.read(tmp_path)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_folder_in_a_files_place_is_an_error(tmp_path: Path):
    """The operating system's reason is passed on."""
    (tmp_path / "username").mkdir()
    with pytest.raises(Contradiction, match="username cannot be read: Is a directory"):
        credentials_dir.read(tmp_path)


def test_credentials_do_not_show_their_texts():
    """A repr ends up in logs."""
    assert "hunter2" not in repr(Credentials(username="hunter2", password="hunter2"))


def test_a_fingerprint_differs_with_every_change(tmp_path: Path):
    """Also when text moves from one file to another; without a change it stays the same."""
    seen = {credentials_dir.fingerprint(tmp_path)}
    for name, text in (("username", "ab"), ("password", "c"), ("username", "a"), ("password", "bc"), ("tls.key", "k")):
        (tmp_path / name).write_text(text)
        seen.add(credentials_dir.fingerprint(tmp_path))
        assert credentials_dir.fingerprint(tmp_path) in seen
    assert len(seen) == 6
    (tmp_path / "notes").write_text("x")
    assert credentials_dir.fingerprint(tmp_path) in seen
    assert credentials_dir.fingerprint(None) == credentials_dir.fingerprint(tmp_path / "nowhere")


def test_a_required_file_that_goes_while_the_others_are_read_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The kubelet swaps the folder in this moment; without the CA the exporter must not connect."""
    authority = tmp_path / "ca.crt"
    authority.write_text("PEM")
    monkeypatch.setattr(credentials_dir, "_text", lambda file: authority.unlink(missing_ok=True))
    with pytest.raises(Contradiction, match=r"ca\.crt is not there"):
        credentials_dir.read(tmp_path, [authority])
