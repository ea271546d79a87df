"""The layout of the repository, where a mistake would break something far away."""

import ast
import operator
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (ROOT / "operator" / "kafka_otlp_operator", ROOT / "exporter" / "kafka_otlp_exporter")
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]


def modules(room: str) -> list[str]:
    """The modules of a room, or the one module that ``room`` is."""
    package = next(package for package in PACKAGES if package.name == room.partition(".")[0])
    folder = package.joinpath(*room.split(".")[1:])
    return [f"{room}.{path.stem}" for path in sorted(folder.glob("[!_]*.py"))] if folder.is_dir() else [room]


PURE_MODULES = [
    module
    for contract in CONTRACTS
    if contract["name"].startswith("Pure rooms of ")
    for room in contract["source_modules"]
    for module in modules(room)
]
VAGUE = {"utils", "util", "helpers", "common", "manager", "base", "core", "misc"}


def test_the_folder_operator_does_not_shadow_pythons_module():
    """From the root, where ``python -m`` and pytest run, ``import operator`` imports Python's own module."""
    assert operator.itemgetter(0)("ab") == "a"
    question = "import collections, operator; print(operator.__file__)"
    found = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not Path(found.stdout.strip()).is_relative_to(ROOT / "operator")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_a_programs_folder_holds_its_package_and_no_python_beside_it(package: Path):
    """A module, a conftest or a test in ``operator/`` would make a package out of it, and that shadows Python's own."""
    assert (package / "__init__.py").is_file()
    assert sorted(path.name for path in package.parent.glob("*.py")) == []
    assert [path for name in ("conftest.py", "test_*.py", "*_test.py") for path in package.rglob(name)] == []


def test_every_folder_of_tests_is_a_package_with_a_name_of_its_own():
    """Equal file names in two folders, and a folder called operator, would collide in ``sys.modules``."""
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
    assert [
        folder for folder in folders if folder.name in sys.stdlib_module_names and folder.parent.name == "tests"
    ] == []


def test_every_module_says_in_its_name_what_is_in_it():
    """No module has a name that says nothing about its content."""
    places = [*PACKAGES, ROOT / "tests", ROOT / "tools"]
    assert [path for place in places for path in place.rglob("*.py") if path.stem in VAGUE] == []


def test_every_module_begins_with_what_it_is():
    """The first thing in a module is its docstring."""
    paths = [path for package in PACKAGES for path in package.rglob("*.py")]
    assert [path for path in paths if not path.read_text().startswith('"""')] == []


def test_no_module_names_its_callers():
    """A docstring says what a module is; who imports it changes, and a search finds that."""
    callers = re.compile(r"\b(Called|Used|Run|Started|Made|Read) by\b")
    paths = [path for package in PACKAGES for path in package.rglob("*.py")]
    assert [path for path in paths if callers.search(ast.get_docstring(ast.parse(path.read_text())) or "")] == []


def test_every_pure_module_has_its_unit_tests():
    """A module that needs no process and no network is tested without them; the others are tested with real systems."""
    assert {"kafka_otlp_operator.resource.spec", "kafka_otlp_exporter.records.making"} <= set(PURE_MODULES)
    assert [module for module in PURE_MODULES if not unit_tests(module).is_file()] == []


def unit_tests(module: str) -> Path:
    """The file of a module's unit tests."""
    *rooms, name = module.split(".")
    return (ROOT / "tests" / "unit").joinpath(*rooms, f"test_{name}.py")
