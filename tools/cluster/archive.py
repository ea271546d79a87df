"""Container images without an engine: a handful of files as one layer, in the archive format of ``docker save``.

The same files always give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def write(archive: Path, name: str, files: Mapping[str, Path | str], entrypoint: Sequence[str] = ()) -> None:
    """Write the image ``name`` to ``archive``.

    ``files`` maps absolute paths in the image to a file or folder of this machine; a text is the target of a symbolic link.
    """
    layer = archive.with_suffix(".layer")
    try:
        _write_layer(layer, files)
        with layer.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        configuration = json.dumps(_configuration(digest, entrypoint)).encode()
        described = f"{hashlib.sha256(configuration).hexdigest()}.json"
        manifest = [{"Config": described, "RepoTags": [name], "Layers": ["layer.tar"]}]
        with tarfile.open(archive, "w") as tar:
            _add_bytes(tar, described, configuration)
            tar.add(layer, "layer.tar", filter=_anonymous)
            _add_bytes(tar, "manifest.json", json.dumps(manifest).encode())
    finally:
        layer.unlink(missing_ok=True)


def _write_layer(layer: Path, files: Mapping[str, Path | str]) -> None:
    with tarfile.open(layer, "w") as tar:
        made = {PurePosixPath("."), PurePosixPath("tmp")}
        _add_folder(tar, "tmp", 0o1777)
        for place, source in files.items():
            path = PurePosixPath(place.lstrip("/"))
            for folder in reversed(path.parents):
                if folder not in made:
                    made.add(folder)
                    _add_folder(tar, str(folder), 0o755)
            if isinstance(source, Path):
                tar.add(source, str(path), filter=_anonymous)
            else:
                link = tarfile.TarInfo(str(path))
                link.type, link.linkname = tarfile.SYMTYPE, source
                tar.addfile(link)


def _configuration(layer: str, entrypoint: Sequence[str]) -> Mapping[str, object]:
    environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    return {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": {"Env": environment} | ({"Entrypoint": list(entrypoint)} if entrypoint else {}),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
    }


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    return member


def _add_folder(tar: tarfile.TarFile, name: str, mode: int) -> None:
    folder = tarfile.TarInfo(name)
    folder.type, folder.mode = tarfile.DIRTYPE, mode
    tar.addfile(folder)


def _add_bytes(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
