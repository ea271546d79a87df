"""The wait for required files; tests/integration/test_waiting has it with a whole exporter."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from kafka_otlp_exporter.config.address import CannotListen
from kafka_otlp_exporter.config.settings import Settings
from kafka_otlp_exporter.process import credentials_dir, waiting
from kafka_otlp_exporter.process.waiting import wait_for_files


def settings(*files: Path, admin: str = "") -> Settings:
    """The settings of a process that needs these files."""
    return Settings(required_files=files, admin_endpoint=admin)


def test_without_a_missing_file_there_is_no_wait(tmp_path: Path):
    """No admin port is opened: the address is not even one of this machine."""
    (tmp_path / "ca.crt").touch()
    assert wait_for_files(settings(tmp_path / "ca.crt", admin="192.0.2.1:1"))


def test_the_wait_ends_when_the_last_file_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The first one alone is not enough."""
    files = [tmp_path / name for name in ("ca.crt", "password")]
    asked: list[int] = []

    def missing(required: tuple[Path, ...], really: Callable[..., tuple[Path, ...]] = credentials_dir.missing):
        gone = really(required)
        if len(asked) < len(files):
            files[len(asked)].touch()
        asked.append(len(gone))
        return gone

    monkeypatch.setattr(waiting, "missing", missing)
    monkeypatch.setattr(waiting, "_LOOK_SECONDS", 0.001)
    assert wait_for_files(settings(*files))
    assert asked[:3] == [2, 1, 0]


def test_a_taken_admin_port_is_an_error(tmp_path: Path):
    """A wait that nobody can see would look like a process that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        taken = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(CannotListen, match=f"--admin-endpoint: cannot listen on {taken}: "):
            wait_for_files(settings(tmp_path / "missing", admin=taken))


def test_the_sentence_names_every_missing_file():
    """People read it in /readyz and in the status."""
    assert waiting.sentence([Path("/a"), Path("/b")]).startswith("waits for /a, /b: ")
