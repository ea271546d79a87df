"""The version stands in pyproject.toml; what repeats it for people is held to it."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize("file", ["deploy/install.yaml", "README.md"])
def test_images_have_the_version_as_their_tag(file: str):
    """Whoever follows the README gets what was built."""
    tags = re.findall(r"kafka-otlp-(?:operator|exporter):([0-9][^\s\"]*)", (ROOT / file).read_text())
    assert len(tags) >= 2
    assert set(tags) == {VERSION}


def test_the_chart_has_the_version():
    """As its own, and as that of the images which it installs."""
    chart = (ROOT / "charts" / "kafka-otlp-operator" / "Chart.yaml").read_text()
    assert re.findall(r"^(?:version|appVersion): (\S+)$", chart, re.MULTILINE) == [VERSION, VERSION]


def test_the_changelog_has_the_version():
    """As its newest entry."""
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert newest[1] == VERSION
