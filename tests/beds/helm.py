"""Helm as a process: renders the chart, and installs it as a release at a real API server."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.beds.process import BedError
from tools.cluster import assets

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "charts" / "kafka-otlp-operator"
RELEASE = "kafka-otlp-operator"
NAMESPACE = "kafka-otlp"

Object = dict[str, Any]
Values = Mapping[str, Any]


class HelmError(Exception):
    """Helm refused; the message is what it wrote to stderr."""


class Helm:
    """Helm with files of its own in ``folder``, at the API server of ``kubeconfig``, where it needs one."""

    def __init__(self, folder: Path, kubeconfig: Path | None = None) -> None:
        """Start nothing. Raises BedError when there is no Helm."""
        program = assets.helm_program()
        if program is None:
            raise BedError(assets.missing_for_helm() or "Helm went away")
        self._program = program
        self._environment = {"HOME": str(folder), "PATH": os.environ["PATH"]}
        if kubeconfig is not None:
            self._environment["KUBECONFIG"] = str(kubeconfig)

    def run(self, *arguments: str, values: Values | None = None) -> str:
        """What Helm prints; ``values`` as a file. Raises HelmError."""
        given = ["--values", "-"] if values is not None else []
        answer = subprocess.run(
            [str(self._program), *arguments, *given],
            input=json.dumps(values) if values is not None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            env=self._environment,
        )
        if answer.returncode:
            raise HelmError(answer.stderr.strip() or answer.stdout.strip())
        return answer.stdout

    def template(self, values: Values, *arguments: str, chart: Path = CHART) -> list[Object]:
        """The objects of a release with these values. Raises HelmError."""
        text = self.run("template", RELEASE, str(chart), "--namespace", NAMESPACE, *arguments, values=values)
        return [document for document in yaml.safe_load_all(text) if document]

    def release(self, verb: str, values: Values | None = None, *arguments: str, chart: Path = CHART) -> str:
        """Install or upgrade the release. Raises HelmError."""
        return self.run(verb, RELEASE, str(chart), "--namespace", NAMESPACE, *arguments, values=values or {})
