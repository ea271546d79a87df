"""Builds the Kubernetes binaries and fetches the Kafka jars into the project's cache folder: ``make assets``.

What is there already is left alone. A folder appears whole or not at all: it is filled under another name first.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.cluster import assets

GO_NEEDED = (1, 25)
_SAY_EVERY_SECONDS = 20


class CannotBuild(Exception):
    """The sentence says what is missing or went wrong, and what to do."""


def main() -> int:
    """Make everything that is missing; the exit code of the process."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else a compiler would outlive its caller
    try:
        for make in (build_kubernetes, fetch_kafka):
            say(f"{make()} is ready")
    except CannotBuild as sentence:
        say(str(sentence))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


def say(sentence: str) -> None:
    """One line of progress."""
    print(f"assets: {sentence}", file=sys.stderr, flush=True)


def build_kubernetes() -> Path:
    """The folder with the Kubernetes binaries, built when they are not there. Raises CannotBuild."""
    if (there := assets.kubernetes_binaries()) is not None:
        return there
    _check_go()
    folder = assets.kubernetes_folder()
    with _appearing_whole(folder) as unfinished:
        say(f"building Kubernetes {assets.KUBERNETES_VERSION} (about ten minutes the first time)")
        for number, (name, package) in enumerate(assets.PROGRAMS.items(), start=1):
            command = ["go", "build", "-trimpath", "-ldflags", assets.LINKER_FLAGS]
            _run(
                [*command, "-o", str(unfinished / name), package],
                what=f"{name} ({number} of {len(assets.PROGRAMS)})",
                folder=assets.GO_MODULE,
                environment={"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""},
            )
    return folder


def fetch_kafka() -> Path:
    """The folder with the Kafka jars, fetched when they are not there. Raises CannotBuild."""
    if (sentence := assets.missing_for_kafka()) is not None:
        raise CannotBuild(sentence)
    if (there := assets.kafka_jars()) is not None:
        return there
    folder = assets.kafka_folder()
    with _appearing_whole(folder) as unfinished:
        command = ["mvn", "--batch-mode", "--quiet", "--file", str(assets.POM), "dependency:copy-dependencies"]
        _run(
            [*command, f"-DoutputDirectory={unfinished}"],
            what=f"the jars of Kafka {assets.KAFKA_VERSION}",
            folder=folder.parent,
        )
    return folder


def _check_go() -> None:
    needed = ".".join(map(str, GO_NEEDED))
    if shutil.which("go") is None:
        raise CannotBuild(f"there is no Go on PATH; install Go {needed} or newer (https://go.dev/dl/)")
    answer = subprocess.run(
        ["go", "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    found = re.search(r"go(\d+)\.(\d+)", answer.stdout)
    if found is None or (int(found[1]), int(found[2])) < GO_NEEDED:
        version = answer.stdout.strip() or "the Go on PATH"
        raise CannotBuild(f"{version} is too old; install Go {needed} or newer (https://go.dev/dl/)")


@contextmanager
def _appearing_whole(folder: Path) -> Iterator[Path]:
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run has made the same folder meanwhile
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _run(command: Sequence[str], what: str, folder: Path, environment: Mapping[str, str] | None = None) -> None:
    say(what)
    started = said = time.monotonic()
    with (
        tempfile.TemporaryFile("w+") as output,
        subprocess.Popen(
            command, cwd=folder, env={**os.environ, **(environment or {})}, stdout=output, stderr=output
        ) as process,
    ):
        try:
            while process.poll() is None:
                time.sleep(0.2)
                if time.monotonic() - said >= _SAY_EVERY_SECONDS:
                    said = time.monotonic()
                    say(f"{what}: {said - started:.0f} s")
        finally:
            if process.poll() is None:
                process.terminate()
        output.seek(0)
        last_lines = "".join(output.readlines()[-20:])
    if process.returncode:
        raise CannotBuild(f"{what} failed with exit code {process.returncode} ({command[0]}):\n{last_lines}")
    say(f"{what}: done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
