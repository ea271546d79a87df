"""Required files, with a real Kafka: the exporter waits for a missing file and never starts without it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.beds.exporter import ExporterProcess
from tests.beds.kafka import KafkaBroker
from tests.beds.process import wait_until
from tests.integration.test_delivery import export, one_span
from tests.integration.test_security import assert_delivers, flags, options

pytestmark = pytest.mark.kafka


class Volume:
    """A projected volume as the kubelet makes it: a link to the newest folder, which is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "credentials"
        self.folder.mkdir()
        self._version = 0

    def hold(self, **files: str) -> None:
        """Hold these files and no others; ``ca_crt`` is the file ca.crt."""
        self._version += 1
        newest = self.folder / f"..{self._version}"
        newest.mkdir()
        for name, text in files.items():
            (newest / name.replace("_", ".")).write_text(text)
        data = self.folder / "..data"
        swapped = self.folder / "..data_tmp"
        swapped.symlink_to(newest.name)
        swapped.rename(data)
        for name in ("password", "ca.crt"):
            shown = self.folder / name
            shown.unlink(missing_ok=True)
            if (newest / name).exists():
                shown.symlink_to(f"..data/{name}")


def listens(endpoint: str) -> bool:
    """Whether any process listens there."""
    host, _, port = endpoint.rpartition(":")
    with socket.socket() as caller:
        return caller.connect_ex((host, int(port))) == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_secret_that_comes_later_heals_the_same_process(kafka: KafkaBroker, tmp_path: Path, workers: int) -> None:
    """The exporter is alive, not ready, and names each file; no OTLP port is open. Then it serves without a restart."""
    volume = Volume(tmp_path)
    wanted = [volume.folder / "password", volume.folder / "ca.crt"]
    required = [f"--credentials-dir={volume.folder}", f"--required-files={','.join(map(str, wanted))}"]
    chosen = flags(options(kafka, "SASL_SSL", "SCRAM-SHA-512"))
    with ExporterProcess(tmp_path, [*required, *chosen, f"--workers={workers}"]) as exporter:
        exporter.child.wait_until(lambda: "files_missing" in exporter.log, 30, "the wait")
        assert exporter._get("/livez") == (200, "ok\n")
        assert exporter._get("/readyz")[0] == 503
        status = exporter.status()
        assert (status["state"], status["kafka"]["connected"], status["kafka"]["reason"]) == (
            "waiting",
            False,
            "FilesMissing",
        )
        assert status["missingFiles"] == [str(file) for file in wanted]
        assert not listens(exporter.otlp)
        assert not listens(exporter.otlp_http)
        volume.hold(password=kafka.users["SCRAM-SHA-512"].password)
        exporter.child.wait_until(lambda: exporter.status()["missingFiles"] == [str(wanted[1])], 10, "one file fewer")
        pid = exporter.child.pid
        volume.hold(password=kafka.users["SCRAM-SHA-512"].password, ca_crt=kafka.ca_path.read_text())
        assert_delivers(exporter, kafka, f"healed-{workers}")
        assert exporter.child.pid == pid


def test_a_secret_that_goes_away_leaves_what_was_read_in_use(kafka: KafkaBroker, tmp_path: Path) -> None:
    """The exporter never connects without the required CA; when the file is back, it is used again."""
    volume = Volume(tmp_path)
    wanted = [volume.folder / "password", volume.folder / "ca.crt"]
    password, authority = kafka.users["SCRAM-SHA-512"].password, kafka.ca_path.read_text()
    volume.hold(password=password, ca_crt=authority)
    required = [f"--credentials-dir={volume.folder}", f"--required-files={','.join(map(str, wanted))}"]
    with ExporterProcess(tmp_path, [*required, *flags(options(kafka, "SASL_SSL", "SCRAM-SHA-512"))]) as exporter:
        assert_delivers(exporter, kafka, "before")
        volume.hold(password=password)
        exporter.child.wait_until(lambda: "credentials_not_usable" in exporter.log, 15, "a word about it")
        assert f"--required-files: {wanted[1]} is not there." in exporter.log
        assert "ssl.ca.location" in exporter.status()["producer"]
        assert export(exporter.otlp, one_span("still")) is None
        volume.hold(password=password, ca_crt=authority + "\n")
        exporter.child.wait_until(lambda: '"event": "credentials_changed"' in exporter.log, 15, "the new one")
        assert_delivers(exporter, kafka, "again")


def test_who_waits_can_be_stopped(tmp_path: Path) -> None:
    """At once, with exit code 0."""
    with ExporterProcess(tmp_path, [f"--required-files={tmp_path}/never"]) as exporter:
        exporter.child.wait_until(lambda: "files_missing" in exporter.log, 30, "the wait")
        exporter.terminate()
        assert exporter.wait(5) == 0


def test_a_certificate_of_the_ports_is_waited_for_too(tmp_path: Path) -> None:
    """It neither serves without the file nor exits. A taken admin port is still one sentence and exit code 2."""
    certificate = [
        f"--otlp-grpc-tls-cert-file={tmp_path}/tls.crt",
        f"--otlp-grpc-tls-private-key-file={tmp_path}/tls.key",
    ]
    required = f"--required-files={tmp_path}/tls.crt,{tmp_path}/tls.key"
    with ExporterProcess(tmp_path, [*certificate, required]) as exporter:
        exporter.child.wait_until(lambda: "files_missing" in exporter.log, 30, "the wait")
        assert not listens(exporter.otlp)
        (tmp_path / "second").mkdir()
        second = ExporterProcess(tmp_path / "second", [*certificate, required, f"--admin-endpoint={exporter.admin}"])
        assert second.wait(20) == 2
        assert "--admin-endpoint: cannot listen on" in second.log
        wait_until(lambda: exporter.status()["state"] == "waiting", 5, lambda: "the first one no longer waits")
