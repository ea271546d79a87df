"""Which program builds images, and its command lines. Pure: it runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from tools.cluster.making import CannotBuild


class NoBuilder(CannotBuild):
    """This machine has no program that can build an image; the message says what to install."""


class Builder(Enum):
    """The program that builds; ``OWN`` is podman in an engine that this project starts itself."""

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
    """An image to build: name, Dockerfile, the folder that the Dockerfile copies from, and build arguments."""

    name: str
    dockerfile: Path
    context: Path
    arguments: Mapping[str, str] = field(default_factory=dict)


def choose(*, docker_answers: bool, on_path: Sequence[str], engine_missing: str | None) -> Builder:
    """Docker when its daemon answers, else podman or buildah on PATH, else our own engine. Raises NoBuilder."""
    if docker_answers:
        return Builder.DOCKER
    for builder in (Builder.PODMAN, Builder.BUILDAH):
        if builder.value in on_path:
            return builder
    if engine_missing is None:
        return Builder.OWN
    raise NoBuilder(f"no Docker daemon answers, there is neither podman nor buildah on PATH, and {engine_missing}.")


def build(builder: Builder, image: Image, certificates: Path | None) -> Sequence[str]:
    """Build an image; ``certificates`` is a file of authorities that the build trusts besides those of its base."""
    command = [builder.program, "build", f"--tag={image.name}", f"--file={image.dockerfile}"]
    if builder is not Builder.DOCKER:
        # The build uses the machine's network, so it reaches the package index in the same way.
        command += ["--layers", "--network=host", "--format=docker"]
    command += [f"--build-arg={name}={value}" for name, value in image.arguments.items()]
    if certificates is not None:
        command.append(f"--secret=id=certificates,src={certificates}")
    return [*command, str(image.context)]


def save(builder: Builder, name: str, archive: Path) -> Sequence[str]:
    """Write an image to an archive that every engine, and kind, can read."""
    match builder:
        case Builder.DOCKER:
            return ["docker", "save", f"--output={archive}", name]
        case Builder.BUILDAH:
            return ["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"]
        case _:
            return [builder.program, "save", "--quiet", "--format=docker-archive", f"--output={archive}", name]


def size(builder: Builder, name: str) -> Sequence[str]:
    """Print the size of an image in bytes."""
    if builder is Builder.BUILDAH:
        return ["buildah", "images", "--json", name]
    return [builder.program, "image", "inspect", "--format={{.Size}}", name]


def start(builder: Builder, name: str, command: Sequence[str], entrypoint: str | None = None) -> Sequence[str] | None:
    """Run an image as a cluster would: read-only and without rights. None when this builder cannot run images."""
    if builder is Builder.BUILDAH:
        return None
    flags = ["run", "--rm", "--read-only", "--network=none", "--cap-drop=all"]
    if entrypoint is not None:
        flags.append(f"--entrypoint={entrypoint}")
    return [builder.program, *flags, name, *command]
