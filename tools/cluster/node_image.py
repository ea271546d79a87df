"""kind's node image from sources and Debian packages, for machines that cannot pull ``kindest/node``.

The files that kind itself puts into its image come unchanged from kind's module, unless a comment says why not.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tools.cluster import archive, assets, build, debian
from tools.cluster.making import GO_ENVIRONMENT, CannotBuild, appearing_whole, go_build, run, say

_HERE = Path(__file__).parent
_EXTRA_FILES = _HERE / "node"
_REGISTRY = "registry.k8s.io"
_LIBRARIES = Path("usr/lib/x86_64-linux-gnu")
_LOADER = "lib64/ld-linux-x86-64.so.2"
# The libraries of iptables and of its extensions. Without libm every rule with `statistic` fails, and so do Services.
_IPTABLES_LIBRARIES = ("libxtables.so.12", "libmnl.so.0", "libnftnl.so.11", "libc.so.6", "libm.so.6")
_UNITS = ("containerd.service", "kubelet.service", "undo-mount-hacks.service", "kubelet.slice")


def name() -> str:
    """The image's name; it holds a hash of the image's sources."""
    sources = [*_HERE.glob("*/go.sum"), *_EXTRA_FILES.iterdir(), *_HERE.glob("*/main.go"), Path(__file__)]
    sources += [_HERE / "archive.py"]
    content = [path.read_bytes() for path in sorted(sources)]
    key = assets.digest(assets.LINKER_FLAGS.encode(), " ".join(debian.NODE).encode(), *content)
    return f"localhost/kafka-otlp/node:{assets.KUBERNETES_VERSION}-{key}"


def make(engine: Sequence[str], program: str) -> None:
    """Build the image into the engine that ``program`` (podman or docker) drives. Raises CannotBuild."""
    programs = _Programs()
    system = debian.system("node", debian.NODE)
    with tempfile.TemporaryDirectory(prefix=".node-", dir=assets.cache_folder()) as scratch:
        root = Path(scratch) / "root"
        run(["cp", "-a", "--reflink=auto", str(system), str(root)], what="the node's Debian system")
        _lay_out(root, programs)
        _preload(root, programs)
        _import(root, [*engine, program])


class _Programs:
    """The programs of a cluster, built if they are missing. Raises CannotBuild."""

    def __init__(self) -> None:
        self._folders = (build.build_kubernetes(), build.build_node_programs(), _small_programs())
        self.kind_files = Path(_module("kind", "sigs.k8s.io/kind")) / "images/base/files"

    def __getitem__(self, program: str) -> Path:
        return next(path for folder in self._folders if (path := folder / program).exists())


def _small_programs() -> Path:
    key = assets.digest(*((_HERE / module / "main.go").read_bytes() for module in ("coredns", "pause")))
    folder = assets.cache_folder() / f"coredns-{assets.COREDNS_VERSION}-{key}"
    if not folder.is_dir():
        with appearing_whole(folder) as unfinished:
            for module in ("coredns", "pause"):
                go_build(_HERE / module, ".", unfinished / module, f"{module} (three minutes the first time)")
    return folder


def _module(folder: str, module: str) -> str:
    """Download a module if the module cache lacks it, and return its folder."""
    command = ["go", "mod", "download", "-json", module]
    answer = run(command, what=f"the files of {module}", folder=_HERE / folder, environment=GO_ENVIRONMENT)
    if (found := re.search(r'"Dir": "([^"]+)"', answer)) is None:
        raise CannotBuild(f"go mod download names no folder for {module}:\n{answer}")
    return found[1]


def _images(root: Path, programs: _Programs) -> dict[str, tuple[dict[str, Path | str], tuple[str, ...]]]:
    """The images that kubeadm looks for: name to files and entrypoint."""
    version = assets.KUBERNETES_VERSION
    kube_proxy: dict[str, Path | str] = {"/usr/local/bin/kube-proxy": programs["kube-proxy"]}
    kube_proxy["/usr/sbin/xtables-nft-multi"] = root / "usr/sbin/xtables-nft-multi"
    for family in ("", "6"):
        for command in ("", "-save", "-restore"):
            kube_proxy[f"/usr/sbin/ip{family}tables{command}"] = "xtables-nft-multi"
    for library in _IPTABLES_LIBRARIES:
        kube_proxy[f"/lib/{_LIBRARIES.name}/{library}"] = (root / _LIBRARIES / library).resolve()
    kube_proxy[f"/{_LOADER}"] = (root / "usr" / _LOADER).resolve()
    kube_proxy[f"/{_LIBRARIES}/xtables"] = root / _LIBRARIES / "xtables"
    kube_proxy["/run/xtables.lock"] = _EXTRA_FILES / "empty"

    def program(name: str) -> tuple[dict[str, Path | str], tuple[str, ...]]:
        return {f"/usr/local/bin/{name}": programs[name]}, ()

    return {
        **{f"{name}:{version}": program(name) for name in assets.CONTROL_PLANE},
        f"kube-proxy:{version}": (kube_proxy, ()),
        f"etcd:{assets.ETCD_IMAGE_VERSION}": program("etcd"),
        f"coredns/coredns:{assets.COREDNS_VERSION}": ({"/coredns": programs["coredns"]}, ("/coredns",)),
        f"pause:{assets.PAUSE_VERSION}": ({"/pause": programs["pause"]}, ("/pause",)),
    }


def _lay_out(root: Path, programs: _Programs) -> None:
    kind = programs.kind_files
    _install(kind / "usr/local/bin/entrypoint", root / "usr/local/bin/entrypoint", 0o755)
    for script in (kind / "kind/bin").glob("*.sh"):
        _install(script, root / "kind/bin" / script.name, 0o755)
    for program in ("kubelet", "kubeadm", "kubectl"):
        _install(programs[program], root / "usr/bin" / program, 0o755)
    for file in ("etc/crictl.yaml", "etc/default/kubelet", *_relative(kind, "etc/sysctl.d/*.conf")):
        _install(kind / file, root / file)
    for file in _relative(kind, "etc/systemd/system/kubelet.service.d/*.conf"):
        _install(kind / file, root / file)
    for unit in _UNITS:
        _install(kind / "etc/systemd/system" / unit, root / "etc/systemd/system" / unit)
    _install(_EXTRA_FILES / "cni.template", root / "etc/containerd/cni.template")
    configuration = _containerd_configuration((kind / "etc/containerd/config.toml").read_text())
    (root / "etc/containerd/config.toml").write_text(configuration)
    (root / "kind/version").write_text(assets.KUBERNETES_VERSION)
    for folder in ("etc/kubernetes/manifests", "etc/cni/net.d", "kind/manifests"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "usr/local/bin/containerd").symlink_to("/usr/bin/containerd")
    _tame_systemd(root)


def _containerd_configuration(text: str) -> str:
    # The engine's user may be forbidden to set a negative score; then every pod of the system would fail.
    text = text.replace("restrict_oom_score_adj = false", "restrict_oom_score_adj = true")
    text = re.sub(rf"{_REGISTRY}/pause:[0-9.]+", f"{_REGISTRY}/pause:{assets.PAUSE_VERSION}", text)
    # kind writes the named file while it builds its own image, and only rootless engines need the plugin.
    text = re.sub(r"(?m)^\s*base_runtime_spec.*\n", "", text)
    text = re.sub(r"(?ms)^\[proxy_plugins\].*?(?=^\[plugins)", "", text)
    return text + (_EXTRA_FILES / "containerd-cni.toml").read_text()


def _tame_systemd(root: Path) -> None:
    """Let systemd start only the cluster, and nothing that changes the machine's kernel."""
    units = root / "etc/systemd/system"
    library = root / "usr/lib/systemd/system"
    for pattern in ("multi-user.target.wants/*", "local-fs.target.wants/*", "basic.target.wants/*"):
        _remove(library.glob(pattern))
    _remove(library.glob("sockets.target.wants/*udev*"), library.glob("sockets.target.wants/*initctl*"))
    _remove(library.glob("sysinit.target.wants/systemd-tmpfiles-setup.service"), units.glob("*.wants/*"))
    # In a privileged container these would change settings of the machine's own kernel.
    _remove((root / "usr/lib/sysctl.d").glob("*.conf"), (root / "etc/sysctl.d").glob("99-sysctl.conf"))
    (units / "systemd-binfmt.service").symlink_to("/dev/null")
    service = units / "containerd.service"
    service.write_text(re.sub(r"(?m)^OOMScoreAdjust.*\n", "", service.read_text()))
    with (root / "etc/systemd/journald.conf").open("a") as file:
        file.write("ReadKMsg=no\n")
    wanted = units / "multi-user.target.wants"
    wanted.mkdir(exist_ok=True)
    for unit in ("containerd", "kubelet", "undo-mount-hacks"):
        (wanted / f"{unit}.service").symlink_to(f"/etc/systemd/system/{unit}.service")
    (root / "sbin/init").unlink(missing_ok=True)
    (root / "sbin/init").symlink_to("/lib/systemd/systemd")


def _preload(root: Path, programs: _Programs) -> None:
    """Load the images into the node's containerd, which runs for this moment in the node's own system."""
    archives = root / "var/preload"
    archives.mkdir()
    say("the images of the control plane")
    for number, (image, (files, entrypoint)) in enumerate(_images(root, programs).items()):
        archive.write(archives / f"{number}.tar", f"{_REGISTRY}/{image}", files, entrypoint)
    (archives / "containerd.toml").write_text('version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
    unshared = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--root={root}", "sh", "-euc", _PRELOAD]
    run(unshared, what="loading them into the node's containerd", environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    shutil.rmtree(archives)


_PRELOAD = """
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
containerd --config /var/preload/containerd.toml >/run/containerd.log 2>&1 &
for try in $(seq 100); do ctr version >/dev/null 2>&1 && break; sleep 0.1; done
for archive in /var/preload/*.tar; do ctr --namespace=k8s.io images import --all-platforms --no-unpack "$archive"; done
kill $!
wait $! || true
"""


def _import(root: Path, engine: Sequence[str]) -> None:
    """Give the system to the engine as an image: a tar archive through a pipe, and one layer of a Dockerfile."""
    started = time.monotonic()
    say("the node image into the engine")
    plain = f"{name()}-system"
    tar = ["tar", "--directory", str(root), "--numeric-owner", "--xattrs", "--create", "."]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as packed:
        command = [*engine, "import", "--quiet" if engine[-1] == "podman" else "--message=node", "-", plain]
        imported = subprocess.run(command, stdin=packed.stdout, capture_output=True, text=True, check=False)
    if imported.returncode or packed.returncode:
        raise CannotBuild(f"the engine does not take the node image:\n{imported.stderr}")
    # `docker import` refuses the stop signal, so both engines get it from a build.
    built = subprocess.run(
        [*engine, "build", "--tag", name(), "-"],
        input=_DOCKERFILE.format(system=plain),
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise CannotBuild(f"the engine does not build the node image:\n{built.stderr}")
    say(f"the node image into the engine: done in {time.monotonic() - started:.0f} s")


_DOCKERFILE = """\
FROM {system}
ENV container=docker
STOPSIGNAL SIGRTMIN+3
ENTRYPOINT ["/usr/local/bin/entrypoint", "/sbin/init"]
"""


def _install(source: Path, target: Path, mode: int = 0o644) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)
    target.chmod(mode)


def _relative(root: Path, pattern: str) -> list[str]:
    return [str(path.relative_to(root)) for path in root.glob(pattern)]


def _remove(*found: Iterator[Path]) -> None:
    for paths in found:
        for path in list(paths):
            path.unlink()
