"""The two Dockerfiles: each program has its own, so the same steps stand in both."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]

# What an image says about itself and how it starts.
OWN = re.compile(r"^(# The \w+'s image\..*|.*org\.opencontainers\.image\.(title|description)=.*|EXPOSE .*|CMD .*)$")


def steps(name: str) -> list[str]:
    """The lines of a Dockerfile that are not about its own program, with the program's name replaced."""
    lines = (ROOT / name / "Dockerfile").read_text().splitlines()
    return [
        re.sub(rf"--extra {name}|kafka-otlp-{name}", "PROGRAM", line) for line in lines if OWN.fullmatch(line) is None
    ]


def test_both_images_are_built_in_the_same_steps():
    """A fix of one build belongs into the other."""
    assert steps("operator") == steps("exporter")
    assert len(steps("exporter")) > 20
