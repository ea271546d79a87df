"""Creates and deletes the cluster: kind, in Docker or in an engine that this project starts itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.cluster import assets, build, engine, node_image, provider
from tools.cluster.engine import Engine
from tools.cluster.making import appearing_whole, go_build, run
from tools.cluster.provider import Node, Provider

_HERE = Path(__file__).parent
_PULL_SECONDS = 600


class Cluster:
    """One kind cluster on this machine, whether it runs or not. Raises NoProvider when no cluster can run here."""

    def __init__(self) -> None:
        self.provider = provider.choose(docker_answers=docker_answers(), engine_missing=engine.missing())
        self.folder = assets.cache_folder() / "cluster"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.kubeconfig = self.folder / "kubeconfig"
        self._engine = Engine(self.folder)

    @property
    def running(self) -> bool:
        """Whether the cluster exists."""
        if self.provider is Provider.PODMAN and not self._engine.running:
            return False
        answer = self._among_containers(["get", "clusters"])
        return provider.CLUSTER in answer.stdout.split()

    def up(self, *, lasting: bool) -> None:
        """Build what the cluster needs and create it, unless it exists. Raises CannotBuild.

        In our own engine, a cluster without ``lasting`` ends with this process, also when the process is killed.
        """
        if self.running:
            return
        kind = kind_program()
        kubectl_program()
        if self.provider is Provider.PODMAN:
            self._engine.up(lasting=lasting)
        node = self._node()
        file = self.folder / "kind.json"  # JSON is YAML
        file.write_text(json.dumps(provider.configuration(node)))
        self._note_network()
        self._run(provider.delete(kind), "removing what an earlier cluster left")
        self._run(provider.create(kind, file), "creating the cluster")
        self.kubectl("-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=120s")

    def down(self) -> None:
        """Delete the cluster, and end every process that ran for it."""
        if self.running:
            self._run(provider.delete(kind_program()), "deleting the cluster")
        if self.provider is Provider.PODMAN:
            self._engine.down()
        elif self._network_is_ours.exists():
            # Docker refuses while another cluster is in this network, which is right.
            subprocess.run(["docker", "network", "rm", "kind"], capture_output=True, check=False)
            self._network_is_ours.unlink()
        self.kubeconfig.unlink(missing_ok=True)

    def crash(self) -> None:
        """Start our own engine and an idle node in it, and kill the engine."""
        self._engine.up(lasting=True)
        self._run([self.provider.value, "rm", "--all", "--force"], "removing what was killed before")
        node = [
            self.provider.value,
            "run",
            "--detach",
            "--privileged",
            "--entrypoint=/bin/sleep",
            node_image.name(),
            "600",
        ]
        self._run(node, "a container in an engine that is killed")
        self._engine.kill()

    def load(self, archive: Path) -> None:
        """Load the images of an archive into the node. Raises CannotBuild."""
        self._run(provider.load(kind_program(), archive), f"{archive.stem} into the cluster")

    def kubectl(self, *arguments: str) -> str:
        """Run kubectl against the cluster. Raises CannotBuild."""
        command = [*self.beside(), str(kubectl_program()), *arguments]
        return run(command, what=f"kubectl {' '.join(arguments)}", environment=self.environment())

    def beside(self) -> tuple[str, ...]:
        """The words before a command of this machine that talks to the cluster."""
        return self._engine.beside() if self.provider is Provider.PODMAN else ()

    def environment(self) -> Mapping[str, str]:
        """The environment variables of such a command."""
        return provider.environment(self.provider, self.kubeconfig)

    def _inside(self) -> tuple[str, ...]:
        return self._engine.inside() if self.provider is Provider.PODMAN else ()

    def _inner_environment(self) -> Mapping[str, str]:
        own = {"PATH": engine.PATH, "HOME": "/root"} if self.provider is Provider.PODMAN else {}
        return {**os.environ, **self.environment(), **own}

    def _node(self) -> Node:
        pulled = self.provider is Provider.DOCKER and _pulled(assets.KIND_NODE_IMAGE)
        own = node_image.name()
        if not pulled and not self._has_image(own):
            node_image.make(self._inside(), self.provider.value)
        return provider.node(pulled=pulled, own=own)

    def _has_image(self, name: str) -> bool:
        command = [*self._inside(), self.provider.value, "image", "inspect", name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _among_containers(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._inside(), str(kind_program()), *arguments],
            env=self._inner_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def _run(self, command: Sequence[str], what: str) -> None:
        run([*self._inside(), *command], what=what, environment=self._inner_environment())

    @property
    def _network_is_ours(self) -> Path:
        return self.folder / "network-is-ours"

    def _note_network(self) -> None:
        """Note that Docker had no network for kind: then ``down`` may remove the one that kind creates."""
        if self.provider is Provider.DOCKER:
            known = subprocess.run(["docker", "network", "inspect", "kind"], capture_output=True, check=False)
            if known.returncode:
                self._network_is_ours.touch()


def docker_answers() -> bool:
    """Whether a Docker daemon answers."""
    if shutil.which("docker") is None:
        return False
    try:
        return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=20).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def kind_program() -> Path:
    """Build kind from its module if it is missing, and return it. Raises CannotBuild."""
    folder = assets.cache_folder() / f"kind-{assets.KIND_VERSION}-{assets.digest((_HERE / 'kind/go.sum').read_bytes())}"
    if not folder.is_dir():
        with appearing_whole(folder) as unfinished:
            go_build(_HERE / "kind", "sigs.k8s.io/kind", unfinished / "kind", f"kind {assets.KIND_VERSION}")
    return folder / "kind"


def kubectl_program() -> Path:
    """kubectl: our own build if it exists, else the one on PATH, else our own, built now. Raises CannotBuild."""
    own, found = assets.kubernetes_binaries(), shutil.which("kubectl")
    if own is None and found is not None:
        return Path(found)
    return (own or build.build_kubernetes()) / "kubectl"


def _pulled(image: str) -> bool:
    try:
        pulled = subprocess.run(["docker", "pull", image], capture_output=True, check=False, timeout=_PULL_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return pulled.returncode == 0
