"""The start of ``kafka-otlp-operator``: runs ``command_line``, or says that the packages of the extra are missing.

It imports nothing outside of Python itself before it knows that they are there.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

# The modules of the extra `operator` in pyproject.toml.
_EXTRA = frozenset({"kopf", "kubernetes", "pydantic_settings", "yaml"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or with those of the process; returns the exit code.

    It is 0, 1 when the command failed, 2 when the command line, a setting or the installation is wrong.
    """
    try:
        from kafka_otlp_operator import command_line  # noqa: PLC0415 - it may not be importable

        return command_line.run(arguments)
    except ModuleNotFoundError as missing:
        if missing.name not in _EXTRA:
            raise
        print(  # noqa: T201
            f"kafka-otlp-operator: the Python module {missing.name!r} is not installed; install kafka-otlp with its "
            "extra 'operator': pip install 'kafka-otlp[operator]', in a checkout pip install '.[operator]'.",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
