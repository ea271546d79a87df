"""The table of modules whose mutants are tested."""

from __future__ import annotations

import pytest

from tools.mutants.modules import MODULES, ROOT, Module


def test_each_module_is_there_and_has_its_own_tests():
    """A module that moves must move in the table too."""
    assert [module.path for module in MODULES if not (ROOT / module.path).is_file()] == []
    assert [module.path for module in MODULES if not module.tests()] == []


def test_a_module_without_tests_is_an_error():
    """All its mutants would survive."""
    with pytest.raises(FileNotFoundError, match=r"no test file test_absent\*\.py"):
        Module("exporter", "kafka_otlp_exporter", "flow/absent").tests()
