"""A Go build needs a new enough Go, and says so."""

from pathlib import Path

import pytest

from tools.cluster import assets
from tools.cluster.making import CannotBuild, go_build


def go_that_is(version: str, folder: Path) -> Path:
    """A folder with a program ``go`` that can only print its version."""
    program = folder / "go"
    program.write_text(f"#!/bin/sh\necho {version}\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize(("module", "needed"), [(assets.GO_MODULE, "1.25"), (assets.COLLECTOR_MODULE, "1.26")])
def test_a_module_says_itself_which_go_it_needs(
    module: Path, needed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The sentence names the Go that was found and the needed version; nothing is built."""
    monkeypatch.setenv("PATH", f"{go_that_is('go1.24.9', tmp_path)}:/bin:/usr/bin")
    sentence = rf"^go1\.24\.9 is too old for {module.name}; install Go {needed} or newer"
    with pytest.raises(CannotBuild, match=sentence):
        go_build(module, ".", tmp_path / "program", "a program")
    assert not (tmp_path / "program").exists()
