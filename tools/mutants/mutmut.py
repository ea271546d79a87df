"""mutmut, run over one module in a copy of the code, and its results read back.

mutmut names a module by its path below ``src``, and writes into the folder in which it runs. Therefore each module has
a copy of the code, below ``.cache``, with both packages in ``src``. The working tree is never changed.
"""

from __future__ import annotations

import ast
import configparser
import contextlib
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tools.mutants.modules import ROOT, Module

WORK = ROOT / ".cache" / "mutants"

_COPIED = ("tests", "tools", "conformance", "pyproject.toml")
_PACKAGES = ("operator/kafka_otlp_operator", "exporter/kafka_otlp_exporter")
# A mutant may take (seconds of its tests + constant) * multiplier; then it counts as caught.
_TIMEOUT = {"timeout_constant": "5", "timeout_multiplier": "3"}
# Lines that are left alone: what is logged is for people, and an AssertionError says that a line is never reached.
_LEFT_ALONE = (r"\b_?log\.\w+\(", r"raise AssertionError\(")
# mutmut keeps exit codes of pytest: 0 is that all tests passed, 33 that no test calls the function.
_SURVIVED = (0, 33)
_NOT_RUN = (None, 2)
_KEPT = "result.json"


class Survivor(BaseModel):
    """A mutant that no test caught: the function, the line's number in the file, the line before and after."""

    model_config = ConfigDict(frozen=True)

    function: str
    line: int
    was: str
    now: str


class Result(BaseModel):
    """What became of a module's mutants."""

    model_config = ConfigDict(frozen=True)

    mutants: int
    survivors: Sequence[Survivor]

    @property
    def caught(self) -> int:
        """How many mutants a test caught."""
        return self.mutants - len(self.survivors)


def run(module: Module, jobs: int) -> Result:
    """Test the module's mutants, ``jobs`` at a time, and keep the result. Raises RuntimeError when mutmut fails."""
    folder = _folder(module)
    _copy(module, folder)
    # Python remembers of a folder that is not there that it holds no module.
    mutated = folder / "mutants" / "src"
    mutated.mkdir(parents=True)
    log = folder / "mutmut.log"
    with log.open("w") as out:
        done = subprocess.run(
            [_program(), "run", "--max-children", str(jobs)],
            cwd=folder,
            env=_environment(mutated),
            stdout=out,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"mutmut failed for {module.path}; see {log}")
    result = _result(module, folder)
    (folder / _KEPT).write_text(result.model_dump_json())
    return result


def last(module: Module) -> Result | None:
    """The result that the last run kept, if there was one."""
    kept = _folder(module) / _KEPT
    return Result.model_validate_json(kept.read_text()) if kept.exists() else None


def version() -> str:
    """``mutmut 3.8.1``. ``mutmut --version`` fails in a folder where it finds no code to mutate."""
    return f"mutmut {importlib.metadata.version('mutmut')}"


def _folder(module: Module) -> Path:
    return WORK / module.package / module.name


def _program() -> str:
    return str(Path(sys.executable).with_name("mutmut"))


def _environment(mutated: Path) -> Mapping[str, str]:
    # Programs that tests start must find the mutated code before the installed packages.
    return {**os.environ, "PYTHONPATH": str(mutated)}


def _copy(module: Module, folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
    without = shutil.ignore_patterns("__pycache__")
    for name in _PACKAGES:
        shutil.copytree(ROOT / name, folder / "src" / Path(name).name, ignore=without)
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=without)
        else:
            shutil.copy2(ROOT / name, folder / name)
    config = configparser.RawConfigParser()
    config["mutmut"] = {
        "source_paths": "src",
        "only_mutate": str(_source(module)),
        "pytest_add_cli_args_test_selection": "\n".join(map(str, ["", *module.tests()])),
        "pytest_add_cli_args": "\n-p\nno:cacheprovider",
        "also_copy": "\ntools\nconformance",
        "do_not_mutate_patterns": "\n".join(["", *_LEFT_ALONE]),
        # librdkafka and gRPC have threads: a process that has run a test cannot be forked safely.
        "process_isolation": "forkserver",
        "use_git_change_detection": "false",
        **_TIMEOUT,
    }
    with (folder / "setup.cfg").open("w") as file:
        config.write(file)


def _source(module: Module) -> Path:
    return Path("src", module.package, f"{module.name}.py")


def _result(module: Module, folder: Path) -> Result:
    meta = json.loads((folder / "mutants" / f"{_source(module)}.meta").read_text())
    codes = meta["exit_code_by_key"]
    not_run = [name for name, code in codes.items() if code in _NOT_RUN]
    if not_run:
        raise RuntimeError(f"mutmut left out {len(not_run)} mutants of {module.path}; see {folder / 'mutmut.log'}")
    survivors = _survivors(module, folder, [name for name, code in codes.items() if code in _SURVIVED])
    return Result(mutants=len(codes), survivors=sorted(survivors, key=lambda one: (one.line, one.now)))


def _survivors(module: Module, folder: Path, names: Sequence[str]) -> Iterator[Survivor]:
    # ``mutmut show`` says the same, a second for each mutant.
    from mutmut.configuration import reset_config  # noqa: PLC0415 - only this job's environment has mutmut
    from mutmut.mutation.diff_apply import get_diff_for_mutant  # noqa: PLC0415

    with contextlib.chdir(folder):
        reset_config()
        for name in names:
            yield _survivor(
                _source(module).read_text(), _function(name), get_diff_for_mutant(name, path=_source(module))
            )


def _survivor(source: str, function: str, diff: str) -> Survivor:
    """A mutant, out of the module's source and the diff of its function."""
    head, hunk = diff.split("\n@@ -", 1)[1].split("\n", 1)
    changed = hunk.splitlines()
    start = int(head.split(",", 1)[0])
    before = len(list(takewhile(lambda line: line.startswith(" "), changed)))
    return Survivor(
        function=function,
        line=_first_line(source, function) + start - 1 + before,
        was=_changed(changed, "-"),
        now=_changed(changed, "+"),
    )


def _changed(diff: Sequence[str], sign: str) -> str:
    return " ".join(line[1:].strip() for line in diff if line.startswith(sign))


def _function(name: str) -> str:
    """``Class.method`` or ``function``, out of mutmut's ``package.module.xǁClassǁmethod__mutmut_1``."""
    mangled = name.rpartition(".")[2].rpartition("__mutmut_")[0]
    return mangled.removeprefix("x_") if mangled.startswith("x_") else mangled[2:].replace("ǁ", ".")


def _first_line(source: str, function: str) -> int:
    return next(
        min([node.lineno, *(one.lineno for one in node.decorator_list)])
        for name, node in _functions(ast.parse(source))
        if name == function
    )


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                    yield f"{node.name}.{inner.name}", inner
