"""The command line behind ``make cluster``, ``make cluster-down``, ``make images`` and ``make e2e``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from tools.cluster import images, leftovers
from tools.cluster.images import Workshop
from tools.cluster.kind import Cluster
from tools.cluster.making import as_program, say
from tools.cluster.provider import Provider


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.cluster", allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="create the cluster, unless it exists")
    commands.add_parser("down", help="delete the cluster and everything that it needed")
    commands.add_parser("images", help="build the operator's and the exporter's image")
    story = commands.add_parser("e2e", help="run tests/e2e in the cluster, or in the one that KUBECONFIG names")
    story.add_argument("words", nargs=argparse.REMAINDER)
    command = commands.add_parser("run", help="run a command that finds the cluster through KUBECONFIG")
    command.add_argument("words", nargs=argparse.REMAINDER)
    given = parser.parse_args(arguments)
    match given.command:
        case "up":
            Cluster().up(lasting=True)
            say("the cluster runs; try: .venv/bin/python -m tools.cluster run kubectl get pods -A")
        case "down":
            return _end(Cluster())
        case "images":
            _build_images()
        case "e2e":
            return _tell_the_story(given.words)
        case "run":
            return _run(Cluster(), given.words)
    return 0


def _build_images() -> None:
    workshop = Workshop()
    for image in images.product():
        workshop.build(image)
        say(workshop.describe(image))


def _tell_the_story(words: Sequence[str]) -> int:
    pytest = [sys.executable, "-m", "pytest", "-m", "e2e", "tests/e2e", *(word for word in words if word != "--")]
    if os.environ.get("KUBECONFIG"):
        return subprocess.run(pytest, check=False).returncode
    cluster = Cluster()
    if cluster.running:
        return _run_story(cluster, pytest)
    try:
        cluster.up(lasting=False)
        code = _run_story(cluster, pytest)
    finally:
        left = _end(cluster)
    return code or left or _survive_a_kill(cluster)


def _survive_a_kill(cluster: Cluster) -> int:
    """The last end-to-end test: also after a crash of the engine, taking the cluster down leaves nothing behind."""
    if cluster.provider is not Provider.PODMAN:
        return 0
    cluster.crash()
    left = _end(cluster)
    say("nothing of the cluster is left" if left == 0 else "something of the cluster is left")
    return left


def _run_story(cluster: Cluster, pytest: Sequence[str]) -> int:
    workshop = Workshop()
    for image in (*images.product(), *images.for_tests()):
        workshop.build(image)
        cluster.load(workshop.save(image))
    return _run(cluster, pytest)


def _end(cluster: Cluster) -> int:
    """Take the cluster down. The exit code is 1 when something of it is left."""
    cluster.down()
    left = leftovers.find() if cluster.provider is Provider.PODMAN else []
    for sentence in left:
        say(f"left behind: {sentence}")
    return 1 if left else 0


def _run(cluster: Cluster, words: Sequence[str]) -> int:
    environment = {**os.environ, **cluster.environment()}
    return subprocess.run([*cluster.beside(), *words], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(as_program(main))
