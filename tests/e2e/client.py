"""A pod with the OpenTelemetry SDK and librdkafka, in a namespace of its own. Used by the fixtures and the tests."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from typing import Any

from tests.beds.kubernetes import KubectlError
from tests.beds.process import BedError, wait_until
from tests.e2e import kubectl
from tests.e2e.kubectl import Namespace
from tools.cluster import images
from tools.cluster.kind import kubectl_program

_PYTHON = "/opt/kafka-otlp/bin/python"
_FOLDER = "/work"
_ANSWER_SECONDS = 15
# What runs there: this repository's own senders and readers.
_SOURCES = ("tools", "tests/__init__.py", "tests/e2e/__init__.py", "tests/e2e/inside")
_UNPACK = f"import sys, tarfile; tarfile.open(fileobj=sys.stdin.buffer, mode='r|').extractall('{_FOLDER}')"


class Client:
    """The pod ``client`` in its namespace."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace

    def start(self) -> None:
        """Start it and give it its programs. Raises BedError, KubectlError."""
        self._namespace.create()
        self._namespace.apply([_pod()])
        self._namespace.kubectl("wait", "--for=condition=Ready", "pod/client", "--timeout=120s", seconds=130)
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for source in _SOURCES:
                tar.add(kubectl.ROOT / source, source, filter=_sources_only)
        self._namespace.kubectl("exec", "-i", "client", "--", _PYTHON, "-c", _UNPACK, input=packed.getvalue())

    def ask(self, program: str, **asked: Any) -> dict[str, Any]:
        """The answer of a program of ``inside``. Raises KubectlError with what it wrote to stderr."""
        return self.begin(program, **asked).answer()

    def begin(self, program: str, **asked: Any) -> Running:
        """Start a program of ``inside``, to ask for its answer later."""
        command = ["exec", "-i", "client", "--", _PYTHON, "-m", f"tests.e2e.inside.{program}"]
        process = subprocess.Popen(
            [str(kubectl_program()), f"--namespace={self._namespace.name}", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(json.dumps(asked))
        process.stdin.close()
        process.stdin = None
        return Running(program, process)

    def get(self, url: str) -> str:
        """The text that a GET inside the cluster is answered with. Raises BedError."""
        fetch = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())"
        answers: list[str] = []

        def answered() -> bool:
            try:
                answers.append(self._namespace.kubectl("exec", "client", "--", _PYTHON, "-c", fetch, url))
            except KubectlError:
                return False
            return True

        # The nodes learn a moment after the pod itself that its Service leads to it.
        wait_until(answered, _ANSWER_SECONDS, lambda: f"no answer to GET {url} from inside the cluster", every=0.5)
        return answers[-1]


class Running:
    """A program in the client pod that has not answered yet."""

    def __init__(self, program: str, process: subprocess.Popen[str]) -> None:
        self._program = program
        self._process = process

    def answer(self, seconds: float = 240) -> dict[str, Any]:
        """Its answer, when it ends. Raises BedError."""
        try:
            written, complained = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise BedError(f"{self._program} in the client pod did not end within {seconds:.0f} s") from None
        if self._process.returncode:
            raise BedError(f"{self._program} in the client pod failed:\n{complained}")
        answer: dict[str, Any] = json.loads(written.splitlines()[-1])
        return answer


def _sources_only(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member


def _pod() -> Mapping[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "client"},
        "spec": {
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65532,
                "runAsGroup": 65532,
                "fsGroup": 65532,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": "client",
                    "image": kubectl.placed(f"kafka-otlp-client:{images.version()}"),
                    "command": [_PYTHON, "-c", "import time; time.sleep(1e6)"],
                    "workingDir": _FOLDER,
                    "env": [{"name": "PYTHONPATH", "value": _FOLDER}],
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "work", "mountPath": _FOLDER}, {"name": "tmp", "mountPath": "/tmp"}],
                }
            ],
            "volumes": [{"name": "work", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
        },
    }
