"""Where the Kubernetes binaries, the Collector, Helm and the Kafka jars lie, and why one is missing. Builds nothing.

The name of each folder holds a hash of its sources, so a new version never uses old files.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
GO_MODULE = HERE / "kubernetes"
COLLECTOR_MODULE = HERE / "collector"
HELM_MODULE = HERE / "helm"
POM = HERE / "kafka" / "pom.xml"

KUBERNETES_VERSION = "v1.34.2"
KAFKA_VERSION = "4.1.0"
# v0.161 needs a module (pkg/kafka/topic) that the Go proxy does not have. `go mod tidy` needs -e, because the proxy also
# lacks a module that only a test of the file exporter needs.
COLLECTOR_VERSION = "v0.160.0"
HELM_VERSION = "v4.3.1"
KIND_VERSION = "v0.30.0"
# The node image of this kind release. Below it, the versions of the images that kubeadm of our Kubernetes asks for.
KIND_NODE_IMAGE = "kindest/node:v1.34.0@sha256:7416a61b42b1662ca6ca89f02028ac133a309a2a30ba309614e8ec94d976dc5a"
COREDNS_VERSION = "v1.12.1"
ETCD_IMAGE_VERSION = "3.6.5-0"
PAUSE_VERSION = "3.10.1"

# The names are kubebuilder's, so that KUBEBUILDER_ASSETS may name a folder that another tool has filled.
PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kubectl": "k8s.io/kubernetes/cmd/kubectl",
}
# The further programs of a cluster's node.
NODE_PROGRAMS = {
    name: f"k8s.io/kubernetes/cmd/{name}" for name in ("kubelet", "kubeadm", "kube-proxy", "kube-scheduler")
}
CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")

_MAJOR, _MINOR, _ = KUBERNETES_VERSION.removeprefix("v").split(".")
_STAMPS = {
    "gitVersion": KUBERNETES_VERSION,
    "gitMajor": _MAJOR,
    "gitMinor": _MINOR,
    "gitTreeState": "clean",
    "gitCommit": "none",
    "buildDate": "2025-01-01T00:00:00Z",
}
# A build from the module proxy has no version, but kubectl and the API server compare their versions.
LINKER_FLAGS = " ".join(
    ["-s -w"]
    + [
        f"-X {package}.{name}={value}"
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in _STAMPS.items()
    ]
)

COLLECTOR_FLAGS = "-s -w"

HELM_FLAGS = f"-s -w -X helm.sh/helm/v4/internal/version.version={HELM_VERSION}"

JAVA_SENTENCE = "install Java 17 or newer and Maven (Debian: apt-get install openjdk-17-jre-headless maven)"


def cache_folder() -> Path:
    """The project's cache folder; it may not exist yet."""
    if named := os.environ.get("KAFKA_OTLP_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kafka-otlp"


def digest(*parts: bytes) -> str:
    """A short hash of the sources of something."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def kubernetes_folder() -> Path:
    """The cache folder for the Kubernetes binaries."""
    return cache_folder() / f"kubernetes-{KUBERNETES_VERSION}-{_kubernetes_digest()}"


def node_programs_folder() -> Path:
    """The cache folder for the further programs of a node."""
    return cache_folder() / f"node-programs-{KUBERNETES_VERSION}-{_kubernetes_digest()}"


def _kubernetes_digest() -> str:
    return digest((GO_MODULE / "go.mod").read_bytes(), (GO_MODULE / "go.sum").read_bytes(), LINKER_FLAGS.encode())


def collector_folder() -> Path:
    """The cache folder for the Collector."""
    made_from = [(COLLECTOR_MODULE / name).read_bytes() for name in ("go.mod", "go.sum", "main.go")]
    return cache_folder() / f"collector-{COLLECTOR_VERSION}-{digest(*made_from, COLLECTOR_FLAGS.encode())}"


def collector_program() -> Path | None:
    """The Collector, or None when it is not built yet."""
    program = collector_folder() / "collector"
    return program if os.access(program, os.X_OK) else None


def missing_for_collector() -> str | None:
    """Why the Collector cannot run here, and the command that helps; None when it can."""
    return None if collector_program() else "the Collector is not built; run: make assets"


def helm_folder() -> Path:
    """The cache folder for Helm."""
    made_from = [(HELM_MODULE / name).read_bytes() for name in ("go.mod", "go.sum")]
    return cache_folder() / f"helm-{HELM_VERSION}-{digest(*made_from, HELM_FLAGS.encode())}"


def helm_program() -> Path | None:
    """Helm, or None when it is not built yet. Helm on PATH is not used: another version may write other manifests."""
    program = helm_folder() / "helm"
    return program if os.access(program, os.X_OK) else None


def missing_for_helm() -> str | None:
    """Why Helm cannot run here, and the command that helps; None when it can."""
    return None if helm_program() else "Helm is not built; run: make assets"


def kafka_folder() -> Path:
    """The cache folder for the Kafka jars."""
    return cache_folder() / f"kafka-{KAFKA_VERSION}-{digest(POM.read_bytes())}"


def named_binaries() -> Path | None:
    """The folder in KUBEBUILDER_ASSETS, if it has every program that the tests start."""
    named = os.environ.get("KUBEBUILDER_ASSETS")
    return Path(named) if named and not _absent(Path(named)) else None


def kubernetes_binaries() -> Path | None:
    """The folder with the Kubernetes binaries, or None when they are not built yet."""
    return named_binaries() or (None if _absent(kubernetes_folder()) else kubernetes_folder())


def missing_for_kubernetes() -> str | None:
    """Why a real API server cannot run here, and the command that helps; None when it can."""
    if kubernetes_binaries() is not None:
        return None
    if named := os.environ.get("KUBEBUILDER_ASSETS"):
        return f"KUBEBUILDER_ASSETS={named} lacks {', '.join(_absent(Path(named)))}; run: make assets"
    return "the Kubernetes binaries are not built; run: make assets"


def _absent(folder: Path) -> list[str]:
    return [name for name in PROGRAMS if not os.access(folder / name, os.X_OK)]


def kafka_jars() -> Path | None:
    """The folder with the Kafka jars, or None when they are not fetched yet."""
    return kafka_folder() if kafka_folder().is_dir() else None


def missing_for_kafka() -> str | None:
    """Why a real Kafka cannot run here, and the command that helps; None when it can."""
    if (version := java_version()) is None:
        return f"there is no Java on PATH; {JAVA_SENTENCE}"
    if version < 17:
        return f"Java {version} is too old for Kafka {KAFKA_VERSION}; {JAVA_SENTENCE}"
    if kafka_jars() is None and shutil.which("mvn") is None:
        return f"the Kafka jars are not fetched and there is no Maven (mvn) on PATH; {JAVA_SENTENCE}"
    return None


@cache
def java_version() -> int | None:
    """The major version of the Java on PATH, or None without Java."""
    if shutil.which("java") is None:
        return None
    answer = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found[1]) if found else None
