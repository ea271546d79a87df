"""Which program builds images, and its command lines. Pure: ``images`` finds the facts and runs the lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tools.cluster.making import CannotBuild


class NoBuilder(CannotBuild):
    """There is nothing to build an image with; the sentence says what would do."""


class Builder(Enum):
    """The program, and for ``OWN`` the podman that lives in an engine of its own."""

    DOCKER = "docker"
    PODMAN = "podman"
    BUILDAH = "buildah"
    OWN = "podman of the cache"

    @property
    def program(self) -> str:
        """The command's first word."""
        return "podman" if self is Builder.OWN else self.value


@dataclass(frozen=True)
class Image:
    """What is built: its name, its Dockerfile, the folder that the Dockerfile copies from, and its arguments."""

    name: str
    dockerfile: Path
    context: Path
    arguments: Mapping[str, str] = field(default_factory=dict)


def choose(*, docker_answers: bool, on_path: Sequence[str], engine_missing: str | None) -> Builder:
    """Docker where a daemon answers, else podman or buildah of this machine, else our own. Raises NoBuilder."""
    if docker_answers:
        return Builder.DOCKER
    for builder in (Builder.PODMAN, Builder.BUILDAH):
        if builder.value in on_path:
            return builder
    if engine_missing is None:
        return Builder.OWN
    raise NoBuilder(f"no Docker daemon answers, there is neither podman nor buildah on PATH, and {engine_missing}.")


def build(builder: Builder, image: Image, certificates: Path | None) -> Sequence[str]:
    """Build an image; ``certificates`` are the authorities that the build trusts beside those of its base."""
    command = [builder.program, "build", f"--tag={image.name}", f"--file={image.dockerfile}"]
    if builder is not Builder.DOCKER:
        # The machine's network, so that whatever reaches the package index from here reaches it from there.
        command += ["--layers", "--network=host", "--format=docker"]
    command += [f"--build-arg={name}={value}" for name, value in image.arguments.items()]
    if certificates is not None:
        command.append(f"--secret=id=certificates,src={certificates}")
    return [*command, str(image.context)]


def save(builder: Builder, name: str, archive: Path) -> Sequence[str]:
    """Write an image to an archive that every engine and kind can read."""
    match builder:
        case Builder.DOCKER:
            return ["docker", "save", f"--output={archive}", name]
        case Builder.BUILDAH:
            return ["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"]
        case _:
            return [builder.program, "save", "--quiet", "--format=docker-archive", f"--output={archive}", name]


def size(builder: Builder, name: str) -> Sequence[str]:
    """Print the bytes of an image."""
    if builder is Builder.BUILDAH:
        return ["buildah", "images", "--json", name]
    return [builder.program, "image", "inspect", "--format={{.Size}}", name]


def start(builder: Builder, name: str, command: Sequence[str], entrypoint: str | None = None) -> Sequence[str] | None:
    """Run an image as a cluster would: nothing to write to, no rights. None: this builder runs nothing."""
    if builder is Builder.BUILDAH:
        return None
    flags = ["run", "--rm", "--read-only", "--network=none", "--cap-drop=all"]
    if entrypoint is not None:
        flags.append(f"--entrypoint={entrypoint}")
    return [builder.program, *flags, name, *command]
