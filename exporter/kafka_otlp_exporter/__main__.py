"""The start of ``kafka-otlp-exporter``: runs the command line, or says that the packages of the extra are missing.

It imports nothing outside of Python itself before it knows that they are there.
"""

from __future__ import annotations

import sys

# The modules of the extra `exporter` in pyproject.toml.
_EXTRA = frozenset({"backports", "cramjam", "google", "grpc", "opentelemetry", "orjson", "uvloop", "xxhash"})


def main() -> int:
    """Run the command line of the process and return its exit code; it is 2 when the extra is not installed."""
    try:
        from kafka_otlp_exporter.process import command_line  # noqa: PLC0415  # it may not be importable

        return command_line.run(sys.argv[1:])
    except ModuleNotFoundError as missing:
        module = (missing.name or "").partition(".")[0]
        if module not in _EXTRA:
            raise
        print(  # noqa: T201
            f"kafka-otlp-exporter: the Python module {module!r} is not installed; install kafka-otlp with its "
            "extra 'exporter': pip install 'kafka-otlp[exporter]', in a checkout pip install '.[exporter]'.",
            file=sys.stderr,
        )
        return 2


if __name__ == "__main__":
    sys.exit(main())
