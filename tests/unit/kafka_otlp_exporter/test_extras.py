"""The exporter's command without the extra ``exporter``: ``pip install '.[operator]'`` installs the command, too."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kafka_otlp_exporter import __main__ as start

# Importing a module that is None in sys.modules fails as if it were not installed.
WITHOUT = """
import sys
for absent in {absent!r}:
    sys.modules[absent] = None
sys.argv = ["kafka-otlp-exporter", *{arguments!r}]
from kafka_otlp_exporter.__main__ import main
sys.exit(main())
"""


def run(absent: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a Python that lacks some modules."""
    program = WITHOUT.format(absent=absent, arguments=arguments)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)


def sentence(module: str) -> str:
    """What the command says."""
    return (
        f"kafka-otlp-exporter: the Python module '{module}' is not installed; install kafka-otlp with its extra "
        "'exporter': pip install 'kafka-otlp[exporter]', in a checkout pip install '.[exporter]'.\n"
    )


@pytest.mark.parametrize("arguments", [("--help",), ("start",), ("start", "--help")])
def test_without_the_extra_the_command_names_it(arguments: tuple[str, ...]):
    """In one sentence, with exit code 2."""
    ended = run(tuple(start._EXTRA), *arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr in {sentence(module) for module in start._EXTRA}


@pytest.mark.parametrize("module", sorted(start._EXTRA))
def test_each_package_of_the_extra_is_missed(module: str):
    """Also the one that only a serving process imports."""
    ended = run((module,), "start", "--workers=1", "--kafka-exporter-custom-config=no.such=1")
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", sentence(module))


def test_another_missing_module_is_not_blamed_on_the_extra():
    """The installation is broken, and the traceback says where."""
    ended = run(("pydantic",), "start")
    assert ended.returncode == 1
    assert "ModuleNotFoundError" in ended.stderr


def test_the_extra_is_the_one_of_the_project():
    """A package that joins the extra joins the command's list."""
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    imported_as = {
        "backports.zstd": "backports",
        "grpcio": "grpc",
        "protobuf": "google",
        "googleapis-common-protos": "google",
        "opentelemetry-proto": "opentelemetry",
    }
    names = {line.partition(">")[0] for line in project["optional-dependencies"]["exporter"]}
    assert {imported_as.get(name, name) for name in names} == start._EXTRA
