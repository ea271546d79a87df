"""The command line."""

import io
import subprocess
import sys

import pytest
import yaml

from kafka_otlp_operator.__main__ import main
from kafka_otlp_operator.settings import RELEASE
from tests.examples import EXAMPLES

MINIMAL = EXAMPLES["minimal"].read_text()


@pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
def test_render(example, capsys):
    """render prints the objects of every example, and ignores its Secrets."""
    assert main(["render", str(example)]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    around = ["PodDisruptionBudget", "HorizontalPodAutoscaler", "PodMonitor"]
    assert [one["kind"] for one in printed] == [
        "ServiceAccount",
        "Service",
        *(["NetworkPolicy"] if example.stem == "production" else []),
        "Deployment",
        *(around if example.stem == "production" else []),
    ]


def test_render_stdin(capsys, monkeypatch):
    """- is stdin, and several resources become the objects of all of them."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(MINIMAL + "---\n" + MINIMAL.replace("edge", "core")))
    assert main(["render", "-"]) == 0
    printed = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [one["metadata"]["name"] for one in printed] == ["edge"] * 3 + ["core"] * 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (MINIMAL + "  acks: two\n", 'spec.acks: "two" is not allowed; allowed: one of none, one, all.'),
        (
            MINIMAL + '  retries: 0\n  customConfig: {enable.idempotence: "true"}\n',
            "spec.retries: 0 contradicts enable.idempotence=true",
        ),
        (
            MINIMAL + "  customConfig: {batch.num.messages: 0}\n",
            "spec.customConfig: librdkafka refuses the configuration: ",
        ),
        (
            MINIMAL + "  customConfig: {lingr.ms: 5}\n",
            "spec.customConfig: lingr.ms is refused: the documentation of librdkafka 2.16.0 has no such producer "
            "property; did you mean linger.ms?",
        ),
        ("kind: Secret\n", "there is no KafkaOtlpExporter in it."),
        (
            MINIMAL.replace("v1alpha1", "v1"),
            "a KafkaOtlpExporter has the apiVersion 'kafka-otlp.dev/v1'; it must be kafka-otlp.dev/v1alpha1.",
        ),
        (
            "kind: KafkaOtlpExporter\n",
            "a KafkaOtlpExporter has no apiVersion; it must be kafka-otlp.dev/v1alpha1.",
        ),
        (
            MINIMAL.replace("KafkaOtlpExporter", "KafkaOTLPExporter"),
            "an object of kafka-otlp.dev/v1alpha1 has the kind 'KafkaOTLPExporter'; it must be KafkaOtlpExporter.",
        ),
        (
            MINIMAL + "---\napiVersion: kafka-otlp.dev/v1alpha1\n",
            "an object of kafka-otlp.dev/v1alpha1 has no kind; it must be KafkaOtlpExporter.",
        ),
        ("a: [\n", "is not YAML: "),
        ("- a\n", "a document in it is not an object."),
        ("a: 2026-13-01\n", "is not YAML: month must be in 1..12"),
        ("a: " + "9" * 5000 + "\n", "is not YAML: Exceeds the limit"),
        ("a: " + "[" * 9999 + "\n", "is not YAML: maximum recursion depth exceeded"),
        ("? !!timestamp x\n: 1\n", "is not YAML: "),
        ("apiVersion: kafka-otlp.dev/v1alpha1\nkind: KafkaOtlpExporter\nmetadata: [a]\n", "metadata: missing; "),
        (MINIMAL + "  lingerMs: 0x" + "f" * 5000 + "\n", "spec.lingerMs: the number is too large"),
        (MINIMAL + "  podTemplate: &again {labels: *again}\n", "more than 64 levels deep"),
        (MINIMAL + '  resources: {limits: {memory: "1e9999999"}}\n', "is not a quantity; write it like 256Mi."),
    ],
)
def test_render_refuses(text, sentence, tmp_path, capsys):
    """For an invalid file render prints no object and one sentence, and fails."""
    path = tmp_path / "file.yaml"
    path.write_text(text)
    assert main(["render", str(path)]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert printed.err.count("\n") == 1


def test_render_of_nulls(tmp_path):
    """A null remains when somebody comments out the lines below a key; it means that nothing is set."""
    path = tmp_path / "file.yaml"
    path.write_text(MINIMAL + "  resources: {limits: }\n  podTemplate: {env: , labels: {a: }}\n  tls:\n")
    assert main(["render", str(path)]) == 0


def test_render_without_file(capsys):
    """A missing file is one sentence."""
    assert main(["render", "/no/such/file"]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_version():
    """The installed command says its version."""
    command = [sys.executable, "-m", "kafka_otlp_operator", "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said == f"kafka-otlp-operator {RELEASE}\n"


def test_a_wrong_setting(monkeypatch, capsys):
    """A wrong variable is named, and nothing starts."""
    monkeypatch.setenv("KAFKA_OTLP_OPERATOR_WORKERS", "many")
    assert main(["run"]) == 2
    assert capsys.readouterr().err.startswith("KAFKA_OTLP_OPERATOR_WORKERS: ")


def test_no_cluster(tmp_path):
    """Without a cluster the process ends with a sentence."""
    environment = {"KUBECONFIG": str(tmp_path / "none"), "PATH": "", "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "kafka_otlp_operator", "run"]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1].startswith("no cluster to work in: ")
