"""``kafka-otlp-operator`` that gives a silent watch up after a few seconds. ``PATIENCE_SECONDS`` says after how many.

Everything else is the operator as it is. The limit of the operator itself, 70 seconds, is what `make fault` waits for.
"""

from __future__ import annotations

import os
import sys

import kopf

from kafka_otlp_operator.__main__ import main
from kafka_otlp_operator.loop import handlers

_settings = handlers.operator_settings


def impatient(*, namespaced: bool) -> kopf.OperatorSettings:
    """The operator's settings of kopf, but for the one limit."""
    made = _settings(namespaced=namespaced)
    made.watching.inactivity_timeout = float(os.environ["PATIENCE_SECONDS"])
    return made


if __name__ == "__main__":
    handlers.operator_settings = impatient
    sys.exit(main())
