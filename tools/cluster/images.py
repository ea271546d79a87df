"""Builds the project's images, and the images that only its end-to-end tests need.

When no image registry answers, the base of each image is a small Debian system from Debian's own packages.
"""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
import time
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tools.cluster import assets, build, builder, debian, engine
from tools.cluster.builder import Builder, Image
from tools.cluster.kind import docker_answers
from tools.cluster.making import CannotBuild, run, say

ROOT = Path(__file__).parent.parent.parent
# A kubelet completes a short image name with this prefix, so pods find the image under its short name.
_LIBRARY = "docker.io/library"
_PULL_SECONDS = 300


def version() -> str:
    """The project's version, which is the tag of its images."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def product() -> tuple[Image, ...]:
    """The released images: the operator and the exporter."""
    return tuple(
        Image(f"{_LIBRARY}/kafka-otlp-{part}:{version()}", ROOT / part / "Dockerfile", ROOT)
        for part in ("exporter", "operator")
    )


def for_tests() -> tuple[Image, ...]:
    """The images of the end-to-end tests: clients with the OpenTelemetry SDK and librdkafka, and a Kafka."""
    clients = Image(
        f"{_LIBRARY}/kafka-otlp-client:{version()}",
        ROOT / "exporter" / "Dockerfile",
        ROOT,
        {"WITH": "--extra exporter --group demo"},
    )
    kafka = Image(
        f"{_LIBRARY}/kafka-otlp-kafka:{assets.KAFKA_VERSION}",
        ROOT / "tools" / "cluster" / "kafka" / "Dockerfile",
        build.fetch_kafka(),
    )
    return clients, kafka


class Workshop:
    """The builder of this machine, and its images. Raises NoBuilder when there is no builder."""

    def __init__(self) -> None:
        programs = [name for name in ("podman", "buildah") if shutil.which(name)]
        self._builder = builder.choose(
            docker_answers=docker_answers(), on_path=programs, engine_missing=engine.missing()
        )
        self._folder = assets.cache_folder() / "images"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._bases: dict[str, bool] = {}

    def build(self, image: Image) -> None:
        """Build an image. Raises CannotBuild."""
        if not self._pulled(image):
            packages = debian.JAVA if "kafka" in image.dockerfile.parts else debian.PYTHON
            image = replace(image, arguments={**image.arguments, "BASE": self._local_base(packages)})
        self._run(builder.build(self._builder, image, _certificates()), f"building {_short(image)}", image)

    def save(self, image: Image) -> Path:
        """Save a built image and return the archive. Raises CannotBuild."""
        archive = self._folder / f"{_short(image).replace(':', '-')}.tar"
        archive.unlink(missing_ok=True)
        self._run(builder.save(self._builder, image.name, archive), f"saving {_short(image)}", image)
        return archive

    def describe(self, image: Image) -> str:
        """One line with the size of an image and its start time."""
        written = self._output(builder.size(self._builder, image.name), image)
        size = f"{int(written) / 1e6:.0f} MB" if written.strip().isdigit() else "size unknown"
        idle = builder.start(self._builder, image.name, ["-c", "pass"], "/opt/kafka-otlp/bin/python")
        real = builder.start(self._builder, image.name, ["--help"])
        if idle is None or real is None:
            return f"{_short(image)}: {size}"
        bare, whole = self._seconds(idle, image), self._seconds(real, image)
        return (
            f"{_short(image)}: {size}, answers {whole - bare:.1f} s after its Python has started ({whole:.1f} s in all)"
        )

    def _pulled(self, image: Image) -> bool:
        """Whether the Dockerfile's base image is there or can be pulled."""
        found = re.search(r"^ARG BASE=(\S+)$", image.dockerfile.read_text(), re.MULTILINE)
        if found is None:
            raise CannotBuild(f"{image.dockerfile} has no line ARG BASE=image")
        if found[1] not in self._bases:
            command = self._placed([self._builder.program, "pull", "--quiet", found[1]], image)
            try:
                answer = subprocess.run(command, capture_output=True, check=False, timeout=_PULL_SECONDS)
                self._bases[found[1]] = answer.returncode == 0
            except subprocess.TimeoutExpired:
                self._bases[found[1]] = False
        return self._bases[found[1]]

    def _local_base(self, packages: Sequence[str]) -> str:
        name = "java" if packages is debian.JAVA else "python"
        system = debian.system(name, packages)
        base = f"localhost/kafka-otlp/{system.name}:local"
        dockerfile = self._folder / "Dockerfile.base"
        dockerfile.write_text("FROM scratch\nCOPY . /\n")
        image = Image(base, dockerfile, system)
        say(f"no image registry answers, so {name} comes from Debian's packages: {base}")
        self._run(builder.build(self._builder, image, None), f"the base image for {name}", image)
        return base

    def _seconds(self, command: Sequence[str], image: Image) -> float:
        started = time.monotonic()
        self._output(command, image)
        return time.monotonic() - started

    def _output(self, command: Sequence[str], image: Image) -> str:
        answer = subprocess.run(self._placed(command, image), capture_output=True, text=True, check=False)
        if answer.returncode:
            raise CannotBuild(f"{' '.join(command)} ended with code {answer.returncode}:\n{answer.stderr}")
        return answer.stdout

    def _run(self, command: Sequence[str], what: str, image: Image) -> None:
        run(self._placed(command, image), what=what, environment={"DOCKER_BUILDKIT": "1"})

    def _placed(self, command: Sequence[str], image: Image) -> Sequence[str]:
        if self._builder is not Builder.OWN:
            return command
        visible = [folder for folder in (ROOT, image.context) if folder.is_dir()]
        if (certificates := _certificates()) is not None:
            visible.append(certificates.parent)
        return engine.one_command(self._folder / "containers", visible, ["env", f"PATH={engine.PATH}", *command])


def _short(image: Image) -> str:
    return image.name.removeprefix(f"{_LIBRARY}/")


def _certificates() -> Path | None:
    """The file of certificate authorities that this machine trusts."""
    known = ssl.get_default_verify_paths()
    places = [known.cafile, known.openssl_cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/cert.pem"]
    return next((Path(place).resolve() for place in places if place and Path(place).is_file()), None)
