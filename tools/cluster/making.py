"""The steps of filling the cache: a command with progress lines, and a folder that appears complete or not at all."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_SAY_EVERY_SECONDS = 20


class CannotBuild(Exception):
    """Something cannot be built; the message says what is missing or went wrong, and what to do."""


def as_program(work: Callable[[], int]) -> int:
    """Run ``work`` as a program and return its exit code. Of a CannotBuild only its sentence is printed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else a compiler would outlive its caller
    try:
        return work()
    except CannotBuild as sentence:
        say(str(sentence))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


def say(sentence: str) -> None:
    """Print one line of progress."""
    print(f"cluster: {sentence}", file=sys.stderr, flush=True)


@contextmanager
def appearing_whole(path: Path) -> Iterator[Path]:
    """A folder to fill. It becomes ``path`` when the block ends without an error, and is deleted otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    try:
        yield unfinished
        unfinished.chmod(0o755)
        try:
            unfinished.rename(path)
        except OSError:
            if not path.is_dir():  # else another run has made the same folder meanwhile
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def run(
    command: Sequence[str], what: str, folder: Path | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """Run a command with lines of progress, and return its output. Raises CannotBuild with its last lines."""
    say(what)
    started = said = time.monotonic()
    with (
        tempfile.TemporaryFile("w+", errors="replace") as output,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        ) as process,
    ):
        try:
            while process.poll() is None:
                time.sleep(0.1)
                if time.monotonic() - said >= _SAY_EVERY_SECONDS:
                    said = time.monotonic()
                    say(f"{what}: {said - started:.0f} s")
        finally:
            if process.poll() is None:
                process.terminate()
        output.seek(0)
        written = output.read()
    if process.returncode:
        last_lines = "\n".join(written.splitlines()[-20:])
        raise CannotBuild(f"{what} failed with exit code {process.returncode} ({command[0]}):\n{last_lines}")
    say(f"{what}: done in {time.monotonic() - started:.0f} s")
    return written


def go_build(module: Path, package: str, program: Path, what: str, linker_flags: str = "-s -w") -> None:
    """Build one static program of a Go module of this folder. Raises CannotBuild."""
    _check_go(module)
    run(
        ["go", "build", "-trimpath", "-ldflags", linker_flags, "-o", str(program), package],
        what=what,
        folder=module,
        environment=GO_ENVIRONMENT,
    )


GO_ENVIRONMENT = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOWORK": "off", "GOFLAGS": ""}


def _check_go(module: Path) -> None:
    needed = _go_needed((module / "go.mod").read_text())
    words = f"{needed[0]}.{needed[1]}"
    if shutil.which("go") is None:
        raise CannotBuild(f"there is no Go on PATH; install Go {words} or newer (https://go.dev/dl/)")
    answer = subprocess.run(
        ["go", "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    found = re.search(r"go(\d+)\.(\d+)", answer.stdout)
    if found is None or (int(found[1]), int(found[2])) < needed:
        version = answer.stdout.strip() or "the Go on PATH"
        raise CannotBuild(f"{version} is too old for {module.name}; install Go {words} or newer (https://go.dev/dl/)")


def _go_needed(module_file: str) -> tuple[int, int]:
    """The Go version in the ``go`` line of a go.mod."""
    found = re.search(r"^go (\d+)\.(\d+)", module_file, re.MULTILINE)
    if found is None:
        raise CannotBuild("a go.mod has no line that says which Go it needs")
    return int(found[1]), int(found[2])
