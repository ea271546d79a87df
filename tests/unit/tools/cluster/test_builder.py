"""Which program builds images, and the command lines for it."""

from pathlib import Path

import pytest

from tools.cluster import builder
from tools.cluster.builder import Builder, Image, NoBuilder

IMAGE = Image("kafka-otlp-exporter:1", Path("/src/exporter/Dockerfile"), Path("/src"), {"BASE": "local:1"})


@pytest.mark.parametrize(
    ("docker", "on_path", "chosen"),
    [
        (True, ["podman", "buildah"], Builder.DOCKER),
        (False, ["podman", "buildah"], Builder.PODMAN),
        (False, ["buildah"], Builder.BUILDAH),
        (False, [], Builder.OWN),
    ],
)
def test_what_is_there_is_taken_in_this_order(docker: bool, on_path: list[str], chosen: Builder):
    assert builder.choose(docker_answers=docker, on_path=on_path, engine_missing=None) is chosen


def test_without_any_the_sentence_says_what_would_do():
    with pytest.raises(NoBuilder, match="neither podman nor buildah on PATH, and it needs root"):
        builder.choose(docker_answers=False, on_path=[], engine_missing="it needs root")


@pytest.mark.parametrize("chosen", list(Builder))
def test_a_build_names_image_file_arguments_and_folder(chosen: Builder):
    command = builder.build(chosen, IMAGE, certificates=None)
    assert command[:2] == [chosen.program, "build"]
    assert {"--tag=kafka-otlp-exporter:1", "--file=/src/exporter/Dockerfile", "--build-arg=BASE=local:1"} <= {*command}
    assert command[-1] == "/src"
    assert not any("secret" in word for word in command)


def test_the_machines_authorities_are_a_secret_of_the_build_and_in_no_layer():
    command = builder.build(Builder.DOCKER, IMAGE, certificates=Path("/etc/ssl/ca.crt"))
    assert "--secret=id=certificates,src=/etc/ssl/ca.crt" in command


def test_every_archive_is_one_that_kind_can_read():
    saved = {chosen: " ".join(builder.save(chosen, "name:1", Path("/x.tar"))) for chosen in Builder}
    assert saved[Builder.DOCKER] == "docker save --output=/x.tar name:1"
    assert all("docker-archive" in line for chosen, line in saved.items() if chosen is not Builder.DOCKER)


@pytest.mark.parametrize("chosen", [Builder.DOCKER, Builder.PODMAN, Builder.OWN])
def test_an_image_is_tried_without_rights_and_without_a_writable_root(chosen: Builder):
    command = builder.start(chosen, "name:1", ["--help"])
    assert command is not None
    assert {"--read-only", "--cap-drop=all", "--network=none"} <= {*command}
