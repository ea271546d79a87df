"""The example resources by name: the files of ``examples/`` that hold a KafkaOtlpExporter."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "examples"
EXAMPLES = {path.stem: path for path in sorted(FOLDER.glob("*.yaml")) if "KafkaOtlpExporter" in path.read_text()}
