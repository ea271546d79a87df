"""Small Debian systems from Debian's own packages, for machines that reach no image registry.

The suite is fixed here. Debian updates packages within a suite, so a system made today may have other security updates
than one made last week.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.cluster import assets
from tools.cluster.making import CannotBuild, appearing_whole, run

SUITE = "bookworm"
# Lines or files in the form of sources.list, for machines that must not use Debian's own mirrors.
_SOURCES = os.environ.get("KAFKA_OTLP_DEBIAN_SOURCES", "").splitlines()
_LEFT_OUT = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*")

ENGINE = (
    *("podman", "runc", "netavark", "aardvark-dns", "golang-github-containers-common"),
    *("iptables", "iproute2", "catatonit", "ca-certificates"),
)
NODE = (
    *("systemd", "containerd", "runc", "containernetworking-plugins", "conntrack", "iptables", "nftables", "iproute2"),
    *("ethtool", "util-linux", "mount", "kmod", "jq", "procps", "ca-certificates", "curl"),
)
PYTHON = ("python3", "python3-venv", "ca-certificates")
JAVA = ("openjdk-17-jre-headless",)


def missing() -> str | None:
    """Why this machine cannot make a Debian system, and what to do; None when it can."""
    if os.geteuid() != 0:
        return "making a Debian system needs root (sudo), or a Docker daemon in its place"
    if _mmdebstrap_on_path() is None and not all(map(shutil.which, ("apt-get", "dpkg", "perl"))):
        return "there is neither mmdebstrap nor apt-get on PATH; install mmdebstrap, or start a Docker daemon"
    return None


def system(name: str, packages: Sequence[str]) -> Path:
    """Make a system with these packages if it is missing, and return its folder. Raises CannotBuild."""
    key = assets.digest(SUITE.encode(), " ".join([*_SOURCES, *_LEFT_OUT, *packages]).encode())
    folder = assets.cache_folder() / f"debian-{name}-{key}"
    if folder.is_dir():
        return folder
    if (sentence := missing()) is not None:
        raise CannotBuild(sentence)
    with appearing_whole(folder) as unfinished:
        _install(unfinished, packages, f"Debian packages for {name} (about a minute)")
    return folder


def _install(folder: Path, packages: Sequence[str], what: str) -> None:
    mmdebstrap = _mmdebstrap_on_path() or _fetched_mmdebstrap()
    flags = ["--mode=root", "--variant=minbase", "--format=directory", "--skip=output/dev,check/empty", "--quiet"]
    # Java's package registers manual pages, and fails when the folder for them does not exist.
    flags += ['--essential-hook=mkdir -p "$1/usr/share/man/man1"']
    flags += [f"--dpkgopt=path-exclude={pattern}" for pattern in _LEFT_OUT]
    run(
        [str(mmdebstrap), *flags, f"--include={','.join(packages)}", SUITE, str(folder), *_SOURCES],
        what=what,
        # mmdebstrap finds its own second program there.
        environment={"PATH": f"{mmdebstrap.parent}:{os.environ['PATH']}"},
    )
    for leftover in ("var/lib/apt/lists", "var/cache/apt", "var/cache/debconf", "var/log"):
        shutil.rmtree(folder / leftover, ignore_errors=True)
        (folder / leftover).mkdir()


def _mmdebstrap_on_path() -> Path | None:
    found = shutil.which("mmdebstrap")
    return Path(found) if found else None


def _fetched_mmdebstrap() -> Path:
    folder = assets.cache_folder() / f"mmdebstrap-{SUITE}"
    if not folder.is_dir():
        with appearing_whole(folder) as unfinished, tempfile.TemporaryDirectory() as package:
            # apt's own user must be able to write into this folder.
            Path(package).chmod(0o777)
            command = ["apt-get", "download", "-qq", "mmdebstrap"]
            try:
                run(command, what="mmdebstrap from Debian's packages", folder=Path(package))
            except CannotBuild as error:
                raise CannotBuild(f"{error}\nIf apt knows no such package, run: apt-get update") from None
            for file in Path(package).glob("*.deb"):
                run(["dpkg", "-x", str(file), str(unfinished)], what=f"unpacking {file.name}")
    return folder / "usr" / "bin" / "mmdebstrap"
