"""``make`` alone: the list of commands."""

import re
import subprocess
from pathlib import Path

MAKEFILE = Path(__file__).parents[3] / "Makefile"


def test_make_lists_every_command():
    """Also those with digits or a hyphen in their names; a command without a sentence does not exist."""
    text = MAKEFILE.read_text()
    phony = {name for line in re.findall(r"^\.PHONY: (.*)$", text, re.MULTILINE) for name in line.split()}
    printed = subprocess.run(["make", "-f", MAKEFILE, "help"], capture_output=True, text=True, check=True).stdout
    listed = dict(re.findall(r"^  make (\S+) +(\S.*)$", printed, re.MULTILINE))
    assert {"e2e", "cluster-down"} <= listed.keys()
    assert listed.keys() == phony
