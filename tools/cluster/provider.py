"""Which container engine kind drives, and the command lines for both. Pure: ``kind`` finds the facts and runs the lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tools.cluster import assets
from tools.cluster.making import CannotBuild

CLUSTER = "kafka-otlp"


class NoProvider(CannotBuild):
    """There is nothing to run a cluster in; the sentence says what would do."""


class Provider(Enum):
    """The engine's program, as kind knows it."""

    DOCKER = "docker"
    PODMAN = "podman"


@dataclass(frozen=True)
class Node:
    """The image of a node, and whether kind's own network plugin is in it."""

    image: str
    has_network: bool


# How often a kubelet looks at a pod, and so how soon a changed Secret is in it; a minute is its default.
_KUBELET = "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nsyncFrequency: 10s\n"

RELEASED_NODE = Node(assets.KIND_NODE_IMAGE, has_network=True)


def choose(*, docker_answers: bool, engine_missing: str | None) -> Provider:
    """Docker where a daemon answers, else podman in namespaces of its own. Raises NoProvider."""
    if docker_answers:
        return Provider.DOCKER
    if engine_missing is None:
        return Provider.PODMAN
    raise NoProvider(f"no Docker daemon answers, and {engine_missing}.")


def node(*, pulled: bool, own: str) -> Node:
    """The node image that kind was released with where it could be pulled, else our own."""
    return RELEASED_NODE if pulled else Node(own, has_network=False)


def environment(provider: Provider, kubeconfig: Path) -> Mapping[str, str]:
    """What kind and kubectl are told through the environment."""
    return {"KIND_EXPERIMENTAL_PROVIDER": provider.value, "KUBECONFIG": str(kubeconfig)}


def configuration(wanted: Node) -> Mapping[str, object]:
    """The configuration file of kind: one node, whose API listens on the loopback device alone."""
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {"disableDefaultCNI": not wanted.has_network, "apiServerAddress": "127.0.0.1"},
        "nodes": [{"role": "control-plane", "image": wanted.image}],
        "kubeadmConfigPatches": [_KUBELET],
    }


def create(kind: Path, file: Path) -> Sequence[str]:
    """Create the cluster and wait for its node."""
    return [str(kind), "create", "cluster", f"--name={CLUSTER}", f"--config={file}", "--wait=180s"]


def delete(kind: Path) -> Sequence[str]:
    """Delete the cluster, which need not exist."""
    return [str(kind), "delete", "cluster", f"--name={CLUSTER}"]


def load(kind: Path, archive: Path) -> Sequence[str]:
    """Give the node an image from an archive, which both providers can read."""
    return [str(kind), "load", "image-archive", f"--name={CLUSTER}", str(archive)]
