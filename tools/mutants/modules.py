"""The modules whose mutants are tested, and the test files that must catch them.

A module is a path below its package's folder. Its tests are found by place: ``flow/budget`` of the exporter is held by
``tests/unit/kafka_otlp_exporter/flow/test_budget*.py`` and by nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Module:
    """A module: ``folder`` is where its package stands, ``name`` its path in the package without ``.py``."""

    folder: str
    package: str
    name: str

    @property
    def path(self) -> Path:
        """The module's file, from the root."""
        return Path(self.folder, self.package, f"{self.name}.py")

    @property
    def title(self) -> str:
        """``operator loop/lease``."""
        return f"{self.folder} {self.name}"

    def tests(self) -> Sequence[Path]:
        """Its test files, from the root. Raises FileNotFoundError when there is none."""
        folder = Path("tests", "unit", self.package, self.name).parent
        found = sorted((ROOT / folder).glob(f"test_{Path(self.name).name}*.py"))
        if not found:
            raise FileNotFoundError(f"{self.path} has no test file test_{Path(self.name).name}*.py in {folder}")
        return [path.relative_to(ROOT) for path in found]


def _module(folder: str, name: str) -> Module:
    return Module(folder, f"kafka_otlp_{folder}", name)


# These decide who may write to the API server and when a client is told OK: a mistake here loses data or makes two replicas
# act. mutmut changes the bodies of functions alone, and flow/request and outcomes have none.
MODULES = (
    _module("operator", "loop/lease"),
    _module("operator", "loop/leadership"),
    _module("operator", "loop/controller"),
    _module("operator", "loop/attempt"),
    _module("operator", "loop/resync_memory"),
    _module("exporter", "flow/admission"),
    _module("exporter", "flow/budget"),
    _module("exporter", "flow/pipeline"),
    _module("exporter", "kafka/producer"),
    _module("exporter", "kafka/faults"),
)
