"""What a process reads before it starts."""

from pathlib import Path

import pytest

from kafka_otlp_exporter.config import env
from kafka_otlp_exporter.config.rows import Contradiction
from kafka_otlp_exporter.process.startup import Startup, prepare

SASL = [
    "start",
    "--kafka-exporter-security-protocol=SASL_SSL",
    "--kafka-exporter-sasl-mechanism=PLAIN",
    "--kafka-exporter-sasl-username=edge",
]


def prepared(*flags: str) -> Startup:
    """The startup of a command line."""
    given = env.parse([*SASL, *flags], {})
    return prepare(given.options, given.settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A credentials folder with a password."""
    (tmp_path / "password").write_text("one")
    return tmp_path


def test_the_properties_are_made_of_options_and_credentials_and_follow_the_folder(folder: Path):
    """A change is found by the next look, also when it came before the first."""
    startup = prepared(f"--credentials-dir={folder}")
    assert startup.properties.value["sasl.username"] == "edge"
    assert startup.properties.value["sasl.password"] == "one"
    (folder / "password").write_text("two")
    assert startup.properties.look()
    assert startup.properties.value["sasl.password"] == "two"


def test_credentials_that_cannot_be_used_leave_the_old_properties(folder: Path):
    """The kubelet may swap the folder for one without the password."""
    startup = prepared(f"--credentials-dir={folder}")
    (folder / "password").unlink()
    with pytest.raises(Contradiction):
        startup.properties.look()
    assert startup.properties.value["sasl.password"] == "one"


def test_what_cannot_be_used_is_refused(folder: Path):
    """Of the credentials, and of the guards of the OTLP ports."""
    with pytest.raises(Contradiction, match="--credentials-dir: "):
        prepared(f"--credentials-dir={folder / 'missing'}")
    with pytest.raises(Contradiction, match="--otlp-bearer-token-file: "):
        prepared(f"--credentials-dir={folder}", f"--otlp-bearer-token-file={folder / 'missing'}")
