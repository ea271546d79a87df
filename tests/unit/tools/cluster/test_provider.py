"""Which engine runs the cluster, and the command lines for it."""

from pathlib import Path

import pytest

from tools.cluster import assets, provider
from tools.cluster.provider import NoProvider, Provider

KIND = Path("/cache/kind")


@pytest.mark.parametrize("engine_missing", [None, "there is no unshare on PATH"])
def test_docker_comes_first_where_a_daemon_answers(engine_missing: str | None):
    assert provider.choose(docker_answers=True, engine_missing=engine_missing) is Provider.DOCKER


def test_podman_of_our_own_comes_second():
    assert provider.choose(docker_answers=False, engine_missing=None) is Provider.PODMAN


def test_without_either_the_sentence_says_what_would_do():
    with pytest.raises(NoProvider, match=r"^no Docker daemon answers, and install util-linux\.$"):
        provider.choose(docker_answers=False, engine_missing="install util-linux")


def test_a_released_node_image_brings_its_own_network():
    node = provider.node(pulled=True, own="localhost/own:1")
    assert node.image == assets.KIND_NODE_IMAGE
    configuration = provider.configuration(node)
    assert configuration["networking"] == {"disableDefaultCNI": False, "apiServerAddress": "127.0.0.1"}


def test_our_own_node_image_is_told_to_do_without_it():
    node = provider.node(pulled=False, own="localhost/own:1")
    configuration = provider.configuration(node)
    assert configuration["networking"] == {"disableDefaultCNI": True, "apiServerAddress": "127.0.0.1"}
    assert configuration["nodes"] == [{"role": "control-plane", "image": "localhost/own:1"}]


@pytest.mark.parametrize("engine", list(Provider))
def test_kind_is_told_its_engine_and_where_to_write_the_kubeconfig(engine: Provider):
    assert provider.environment(engine, Path("/cache/kubeconfig")) == {
        "KIND_EXPERIMENTAL_PROVIDER": engine.value,
        "KUBECONFIG": "/cache/kubeconfig",
    }


def test_every_command_names_the_cluster():
    for command in (
        provider.create(KIND, Path("/cache/kind.json")),
        provider.delete(KIND),
        provider.load(KIND, Path("/cache/image.tar")),
    ):
        assert command[0] == "/cache/kind"
        assert "--name=kafka-otlp" in command


def test_the_versions_are_those_of_the_go_modules():
    required = {
        "kubernetes": f"k8s.io/kubernetes {assets.KUBERNETES_VERSION}",
        "kind": f"sigs.k8s.io/kind {assets.KIND_VERSION}",
        "coredns": f"github.com/coredns/coredns {assets.COREDNS_VERSION}",
        "collector": f"go.opentelemetry.io/collector/otelcol {assets.COLLECTOR_VERSION}",
    }
    for folder, line in required.items():
        assert line in (Path(assets.__file__).parent / folder / "go.mod").read_text()


def test_changed_secrets_reach_pods_soon():
    patches = provider.configuration(provider.RELEASED_NODE)["kubeadmConfigPatches"]
    assert isinstance(patches, list)
    assert any("syncFrequency: 10s" in patch for patch in patches)
