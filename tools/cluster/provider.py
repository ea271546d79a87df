"""Which container engine kind drives, and the command lines for both. Pure: it runs nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from tools.cluster import assets
from tools.cluster.making import CannotBuild

CLUSTER = "kafka-otlp"


class NoProvider(CannotBuild):
    """This machine has nothing to run a cluster in; the message says what to install."""


class Provider(Enum):
    """The engine's program, as kind knows it."""

    DOCKER = "docker"
    PODMAN = "podman"


@dataclass(frozen=True)
class Node:
    """The image of a node, and whether kind's own network plugin is in it."""

    image: str
    has_network: bool


# How often the kubelet syncs a pod, and so how soon a changed Secret reaches it; the default is a minute.
_KUBELET = "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1\nsyncFrequency: 10s\n"

RELEASED_NODE = Node(assets.KIND_NODE_IMAGE, has_network=True)


def choose(*, docker_answers: bool, engine_missing: str | None) -> Provider:
    """Docker when a daemon answers, else podman in namespaces of its own. Raises NoProvider."""
    if docker_answers:
        return Provider.DOCKER
    if engine_missing is None:
        return Provider.PODMAN
    raise NoProvider(f"no Docker daemon answers, and {engine_missing}.")


def node(*, pulled: bool, own: str) -> Node:
    """The node image of the kind release if it could be pulled, else our own."""
    return RELEASED_NODE if pulled else Node(own, has_network=False)


def environment(provider: Provider, kubeconfig: Path) -> Mapping[str, str]:
    """The environment variables of kind and kubectl."""
    return {"KIND_EXPERIMENTAL_PROVIDER": provider.value, "KUBECONFIG": str(kubeconfig)}


def configuration(wanted: Node) -> Mapping[str, object]:
    """The configuration of kind: one node, whose API server listens only on the loopback device."""
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
    """Delete the cluster, if it exists."""
    return [str(kind), "delete", "cluster", f"--name={CLUSTER}"]


def load(kind: Path, archive: Path) -> Sequence[str]:
    """Load an image into the node from an archive, which works with both providers."""
    return [str(kind), "load", "image-archive", f"--name={CLUSTER}", str(archive)]
