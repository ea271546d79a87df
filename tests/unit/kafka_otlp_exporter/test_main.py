"""The command line: what it refuses, and that it then starts nothing."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from kafka_otlp_exporter.config import options, settings
from kafka_otlp_exporter.process import command_line
from tests.beds.exporter import ExporterProcess
from tests.beds.process import clean_environment, free_port

CODE = 2


def refused(*flags: str, **environment: str) -> str:
    """The one line on stderr of a process that refuses to start."""
    ended = subprocess.run(
        [sys.executable, "-m", "kafka_otlp_exporter", "start", *flags],
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == CODE, ended.stderr
    assert ended.stdout == ""
    lines = [line for line in ended.stderr.splitlines() if not _is_grpcs(line)]
    assert len(lines) == 1
    return lines[0]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line on stderr for a command line that is refused at parsing, which needs no process of its own."""

    def run(*arguments: str, **environment: str) -> str:
        monkeypatch.setattr(os, "environ", clean_environment() | environment)
        assert command_line.run(arguments) == CODE
        written = capsys.readouterr()
        assert written.out == ""
        [line] = written.err.splitlines()
        return line

    return run


def _is_grpcs(line: str) -> bool:
    # gRPC's C core writes its own line about a port that is in use.
    return line.startswith("E") and ".cc:" in line


def test_a_wrong_flag_is_one_sentence_and_exit_code_2():
    """Nothing else is written."""
    assert refused("--kafka-exporter-linger-ms=x") == (
        'kafka-otlp-exporter: --kafka-exporter-linger-ms: "x" is not allowed; allowed: a whole number from 0 to 899999 '
        "(milliseconds)."
    )


def test_a_wrong_variable_is_one_sentence_and_exit_code_2(told: Callable[..., str]):
    """It names the variable."""
    assert told("start", KAFKA_EXPORTER_ACKS="most").startswith(
        'kafka-otlp-exporter: KAFKA_EXPORTER_ACKS: "most" is not'
    )


def test_a_contradiction_is_one_sentence_and_exit_code_2():
    """It names the flags."""
    sentence = refused("--kafka-exporter-security-protocol=SASL_SSL")
    assert sentence.startswith("kafka-otlp-exporter: --kafka-exporter-security-protocol: SASL_SSL needs")


def test_a_folder_that_is_not_there_is_one_sentence_and_exit_code_2(tmp_path: Path):
    """It names the folder."""
    assert f"{tmp_path}/missing is no folder" in refused(f"--credentials-dir={tmp_path}/missing")


def test_what_librdkafka_refuses_is_one_sentence_and_exit_code_2():
    """Before a port is opened."""
    sentence = refused("--kafka-exporter-custom-config=no.such=hunter2")
    assert 'No such configuration property: "no.such"' in sentence
    assert "hunter2" not in sentence


def test_a_misspelt_property_gets_a_suggestion():
    """It is the one that ``render`` gives, and the wrong value is not shown."""
    sentence = refused("--kafka-exporter-custom-config=lingr.ms=5")
    assert sentence.endswith('No such configuration property: "lingr.ms"; did you mean linger.ms?')


def test_no_command_is_one_sentence_and_exit_code_2(told: Callable[..., str]):
    """It names the help."""
    assert told().endswith("see kafka-otlp-exporter start --help.")


def test_pure_python_protobuf_is_refused():
    """Its parser recurses without bounds."""
    assert "PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION" in refused(PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION="python")


@pytest.mark.parametrize("taken", ["otlp-grpc-endpoint", "otlp-http-endpoint", "admin-endpoint"])
def test_a_taken_port_is_one_sentence_and_nothing_listens(taken: str):
    """Neither on the taken port nor on the other ones."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        others = {
            name: free_port()
            for name in ("otlp-grpc-endpoint", "otlp-http-endpoint", "admin-endpoint")
            if name != taken
        }
        endpoints = {
            **{name: f"127.0.0.1:{port}" for name, port in others.items()},
            taken: f"127.0.0.1:{holder.getsockname()[1]}",
        }
        sentence = refused(*(f"--{name}={endpoint}" for name, endpoint in endpoints.items()))
        assert f"127.0.0.1:{holder.getsockname()[1]}" in sentence or str(holder.getsockname()[1]) in sentence
        for port in others.values():
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_an_exporter_without_any_otlp_port_is_one_sentence_and_exit_code_2(told: Callable[..., str]):
    """It would be ready, and useless."""
    sentence = told("start", "--otlp-grpc-endpoint=", KAFKA_EXPORTER_OTLP_HTTP_ENDPOINT="")
    assert "--otlp-grpc-endpoint and --otlp-http-endpoint are both empty" in sentence


def test_help_ends_well(capsys: pytest.CaptureFixture[str]):
    """With exit code 0, and with every option."""
    with pytest.raises(SystemExit) as ended:
        command_line.run(["start", "--help"])
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert [row.flag for rows in (options.ROWS, settings.ROWS) for row in rows.values() if row.flag not in shown] == []
    assert "KAFKA_EXPORTER_LINGER_MS" in shown


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_0_when_it_is_asked_to(tmp_path: Path, number: signal.Signals):
    """Also without Kafka, because no record waits."""
    flags = [f"--kafka-exporter-brokers=127.0.0.1:{free_port()}"]
    with ExporterProcess(tmp_path, flags) as process:
        process.child.wait_until(lambda: '"started"' in process.log, 20, "started")
        process.child.signal(number)
        assert process.wait(10) == 0
        assert '"stopped"' in process.log


def test_the_console_script_serves_and_logs_warnings(tmp_path: Path):
    """Under the name that the documentation uses; an unknown variable is a warning."""
    script = Path(sys.executable).parent / "kafka-otlp-exporter"
    if not os.access(script, os.X_OK):
        script = Path(sys.prefix) / "bin" / "kafka-otlp-exporter"
    flags = [f"--kafka-exporter-brokers=127.0.0.1:{free_port()}"]
    with ExporterProcess(tmp_path, flags, {"KAFKA_EXPORTER_LINGER": "5"}, program=[str(script)]) as process:
        process.child.wait_until(lambda: '"started"' in process.log, 20, "started")
        assert process.status()["state"] == "serving"
        assert "did you mean KAFKA_EXPORTER_LINGER_MS?" in process.log
        assert f'"version": "{version("kafka-otlp")}"' in process.log
