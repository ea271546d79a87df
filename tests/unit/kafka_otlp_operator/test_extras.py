"""The operator's image holds the extra ``operator`` and nothing of the extra ``exporter``."""

import subprocess
import sys

# Importing a module that is None in sys.modules fails as if it were not installed.
WITHOUT_THE_EXPORTERS_EXTRA = """
import sys
for absent in ("google", "grpc", "opentelemetry", "uvloop"):
    sys.modules[absent] = None
import kafka_otlp_operator.check, kafka_otlp_operator.loop.controller, kafka_otlp_operator.loop.handlers
import kafka_otlp_exporter.kafka.producer
"""


def test_the_operator_and_its_check_import_without_what_only_the_exporter_needs():
    answer = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_EXPORTERS_EXTRA], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
