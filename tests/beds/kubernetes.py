"""A real Kubernetes API: etcd, kube-apiserver and kube-controller-manager as local processes.

There is no kubelet: pods stay Pending, and a test may write their status itself. Garbage collection, ReplicaSets and
a Deployment's status are real.
"""

from __future__ import annotations

import json
import os
import secrets
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.beds.process import BedError, Child, free_port
from tools.cluster import assets

_START_SECONDS = 90


class KubectlError(Exception):
    """kubectl failed; the message is its stderr."""


class ApiServer:
    """One Kubernetes API, from start to stop. ``url``, ``token`` and ``kubeconfig`` give access as cluster-admin."""

    def __init__(self, folder: Path) -> None:
        """Choose ports, and write certificates into ``folder``, which must exist. Starts nothing."""
        binaries = assets.kubernetes_binaries()
        if binaries is None:
            raise BedError(assets.missing_for_kubernetes() or "the Kubernetes binaries went away")
        self.binaries = binaries
        self.folder = folder
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.token = secrets.token_hex(16)
        self.ca_path = folder / "ca.crt"
        self.kubeconfig = folder / "kubeconfig"
        self._children: list[Child] = []
        self._write_files()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def start(self) -> None:
        """Start the three programs and wait until the API is ready. Raises BedError.

        It raises BedError at once when another process listens on one of the ports.
        """
        try:
            etcd = self._start_etcd()
            server = self._start("kube-apiserver", *self._api_server_flags(etcd))
            server.wait_until(lambda: server.listens_on(self.port), _START_SECONDS, f"listener on port {self.port}")
            server.wait_until(self._ready, _START_SECONDS, "answer to GET /readyz")
            self._start("kube-controller-manager", *self._controller_flags())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End the three programs, the controllers first."""
        while self._children:
            self._children.pop().end()

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        """What kubectl prints; ``input`` is its stdin. Raises KubectlError."""
        answer = subprocess.run(
            [str(self.binaries / "kubectl"), f"--kubeconfig={self.kubeconfig}", *arguments],
            input=input,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={"HOME": str(self.folder), "PATH": os.environ["PATH"]},
        )
        if answer.returncode:
            raise KubectlError(answer.stderr.strip())
        return answer.stdout

    def create_namespace(self, labels: Mapping[str, str] | None = None) -> str:
        """The name of a new namespace of its own."""
        name = f"test-{secrets.token_hex(4)}"
        metadata = {"name": name, "labels": dict(labels or {})}
        self.kubectl(
            "create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
        )
        return name

    def _start(self, program: str, *flags: str) -> Child:
        child = Child([str(self.binaries / program), *flags], self.folder / f"{program}.log", folder=self.folder)
        self._children.append(child)
        return child

    def _start_etcd(self) -> str:
        port = free_port()
        client, peer = (f"http://127.0.0.1:{number}" for number in (port, free_port()))
        etcd = self._start(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
        )
        # etcd asks for no credentials: kube-apiserver would use another etcd on this port as well.
        etcd.wait_until(lambda: etcd.listens_on(port), _START_SECONDS, f"listener on port {port}")
        return client

    def _api_server_flags(self, etcd: str) -> list[str]:
        return [
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={self.folder / 'server.crt'}",
            f"--tls-private-key-file={self.folder / 'server.key'}",
            f"--cert-dir={self.folder}",
            f"--token-auth-file={self.folder / 'tokens.csv'}",
            "--authorization-mode=Node,RBAC",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.folder / 'accounts.key'}",
            f"--service-account-signing-key-file={self.folder / 'accounts.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--watch-cache=true",
        ]

    def _controller_flags(self) -> list[str]:
        return [
            f"--kubeconfig={self.kubeconfig}",
            f"--service-account-private-key-file={self.folder / 'accounts.key'}",
            f"--root-ca-file={self.ca_path}",
            "--use-service-account-credentials",
            "--leader-elect=false",
            "--secure-port=0",
            f"--cert-dir={self.folder}",
        ]

    def _ready(self) -> bool:
        request = urllib.request.Request(f"{self.url}/readyz", headers={"Authorization": f"Bearer {self.token}"})
        context = ssl.create_default_context(cafile=str(self.ca_path))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=5) as answer:
                return bool(answer.status == 200)
        except (OSError, urllib.error.HTTPError):
            return False

    def _write_files(self) -> None:
        authority = trustme.CA()
        authority.cert_pem.write_to_path(str(self.ca_path))
        certificate = authority.issue_cert("127.0.0.1", "localhost", "kubernetes.default.svc")
        certificate.private_key_pem.write_to_path(str(self.folder / "server.key"))
        for part in certificate.cert_chain_pems:
            part.write_to_path(str(self.folder / "server.crt"), append=True)
        accounts = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        (self.folder / "accounts.key").write_bytes(accounts)
        (self.folder / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')
        # JSON is YAML, and every reader of a kubeconfig reads YAML.
        self.kubeconfig.write_text(json.dumps(self._kubeconfig(), indent=2))

    def _kubeconfig(self) -> dict[str, object]:
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": self.url, "certificate-authority": str(self.ca_path)}}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
            "current-context": "test",
        }
