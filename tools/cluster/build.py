"""Builds the Kubernetes binaries, the Collector and Helm, and fetches the Kafka jars, into the cache folder: ``make assets``.

It builds and fetches nothing that exists already.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from tools.cluster import assets
from tools.cluster.making import CannotBuild, appearing_whole, as_program, go_build, run, say


def main() -> int:
    """Make everything that is missing, and return the exit code of the process."""
    for make in (build_kubernetes, fetch_kafka, build_collector, build_helm):
        say(f"{make()} is ready")
    return 0


def build_kubernetes() -> Path:
    """Build the Kubernetes binaries if they are missing, and return their folder. Raises CannotBuild."""
    if (there := assets.kubernetes_binaries()) is not None:
        return there
    say(f"building Kubernetes {assets.KUBERNETES_VERSION} (about ten minutes the first time)")
    return _build_programs(assets.kubernetes_folder(), assets.PROGRAMS)


def build_node_programs() -> Path:
    """Build the further programs of a node if they are missing, and return their folder. Raises CannotBuild."""
    return _build_programs(assets.node_programs_folder(), assets.NODE_PROGRAMS)


def _build_programs(folder: Path, programs: Mapping[str, str]) -> Path:
    if folder.is_dir():
        return folder
    with appearing_whole(folder) as unfinished:
        for number, (name, package) in enumerate(programs.items(), start=1):
            what = f"{name} ({number} of {len(programs)})"
            go_build(assets.GO_MODULE, package, unfinished / name, what, assets.LINKER_FLAGS)
    return folder


def fetch_kafka() -> Path:
    """Fetch the Kafka jars if they are missing, and return their folder. Raises CannotBuild."""
    if (sentence := assets.missing_for_kafka()) is not None:
        raise CannotBuild(sentence)
    if (there := assets.kafka_jars()) is not None:
        return there
    folder = assets.kafka_folder()
    with appearing_whole(folder) as unfinished:
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(assets.POM), "dependency:copy-dependencies"]
        run(
            [*command, f"-DoutputDirectory={unfinished}"],
            what=f"the jars of Kafka {assets.KAFKA_VERSION}",
            folder=folder.parent,
        )
    return folder


def build_collector() -> Path:
    """Build the OpenTelemetry Collector of the tests if it is missing, and return it. Raises CannotBuild."""
    if (there := assets.collector_program()) is not None:
        return there
    what = f"the OpenTelemetry Collector {assets.COLLECTOR_VERSION} (about two minutes the first time)"
    program = assets.collector_folder() / "collector"
    return _build_program(program, assets.COLLECTOR_MODULE, ".", what, assets.COLLECTOR_FLAGS)


def build_helm() -> Path:
    """Build Helm if it is missing, and return it. Raises CannotBuild."""
    if (there := assets.helm_program()) is not None:
        return there
    what = f"Helm {assets.HELM_VERSION} (about three minutes the first time)"
    program = assets.helm_folder() / "helm"
    return _build_program(program, assets.HELM_MODULE, "helm.sh/helm/v4/cmd/helm", what, assets.HELM_FLAGS)


def _build_program(program: Path, module: Path, package: str, what: str, linker_flags: str) -> Path:
    with appearing_whole(program.parent) as unfinished:
        go_build(module, package, unfinished / program.name, what, linker_flags)
    return program


if __name__ == "__main__":
    sys.exit(as_program(main))
