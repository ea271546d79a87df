"""The operator's image holds the extra ``operator`` and nothing of the extra ``exporter``."""

import subprocess
import sys

import pytest

# Importing a module that is None in sys.modules fails as if it were not installed.
WITHOUT_THE_EXPORTERS_EXTRA = """
import sys
for absent in ("google", "grpc", "opentelemetry", "uvloop"):
    sys.modules[absent] = None
import kafka_otlp_operator.check, kafka_otlp_operator.loop.controller, kafka_otlp_operator.loop.handlers
import kafka_otlp_exporter.kafka.producer
"""


def python(program: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a Python of its own."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_the_operator_and_its_check_import_without_what_only_the_exporter_needs():
    """Also the exporter's producer, which the check runs in its child process."""
    answer = python(WITHOUT_THE_EXPORTERS_EXTRA)
    assert answer.returncode == 0, answer.stderr


WITHOUT_THE_OPERATORS_EXTRA = """
import sys
for absent in {absent!r}:
    sys.modules[absent] = None
from kafka_otlp_operator.__main__ import main
sys.exit(main({arguments!r}))
"""


@pytest.mark.parametrize(
    ("absent", "arguments", "named"),
    [
        (("kopf", "kubernetes", "pydantic_settings", "yaml"), [], "yaml"),
        (("kopf", "kubernetes", "pydantic_settings", "yaml"), ["--version"], "yaml"),
        (("pydantic_settings",), ["render", "-"], "pydantic_settings"),
        (("kopf",), ["run"], "kopf"),
        (("kubernetes",), ["run"], "kubernetes"),
    ],
)
def test_the_command_names_the_extra_that_is_missing(absent, arguments, named):
    """``pip install '.[exporter]'`` installs the operator's command, too; it says how to install what it needs."""
    answer = python(WITHOUT_THE_OPERATORS_EXTRA.format(absent=absent, arguments=arguments))
    assert answer.returncode == 2
    assert answer.stderr == (
        f"kafka-otlp-operator: the Python module '{named}' is not installed; install kafka-otlp with its extra "
        "'operator': pip install 'kafka-otlp[operator]', in a checkout pip install '.[operator]'.\n"
    )


def test_another_missing_module_is_not_blamed_on_the_extra():
    """It is a broken installation, and its traceback says where."""
    answer = python(WITHOUT_THE_OPERATORS_EXTRA.format(absent=("pydantic",), arguments=[]))
    assert answer.returncode == 1
    assert "ModuleNotFoundError" in answer.stderr
