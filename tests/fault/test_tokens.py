"""The operator's token ends, as tokens of service accounts do. A file has the next token, in time or too late."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.beds.api_proxy import ApiProxy
from tests.beds.kubernetes import ApiServer, KubectlError
from tests.contract.operator_bed import Namespace, Operator, applied, until
from tests.fault.conftest import FULL

pytestmark = [pytest.mark.kubernetes, pytest.mark.timeout(300)]

SPEC: Mapping[str, Any] = {"replicas": 0}
# For how long at most the API server remembers that a token was valid.
REMEMBERED_SECONDS = 30
# For how long the operator has no valid token.
FORGOTTEN_SECONDS = 120 if FULL else 12
# The most calls that the operator may make in that time. Each of nine watches tries every five seconds, and does not learn at
# once that the others were refused.
CALLS = 200 if FULL else 120


class Account:
    """A service account that may do everything, and the file of its token. A token is valid until ``end`` is called."""

    def __init__(self, api: ApiServer, proxy: ApiProxy, folder: Path) -> None:
        """Write a kubeconfig that names the file and the address of the proxy."""
        self._api = api
        self._place = Namespace(api)
        self._place.kubectl("create", "serviceaccount", "worker")
        api.kubectl(
            "create",
            "clusterrolebinding",
            self._place.name,
            "--clusterrole=cluster-admin",
            f"--serviceaccount={self._place.name}:worker",
        )
        self._file = folder / "token"
        self._tokens: list[str] = []
        self.kubeconfig = folder / "kubeconfig-of-the-account"
        config = json.loads(proxy.kubeconfig.read_text())
        config["users"][0]["user"] = {"tokenFile": str(self._file)}
        self.kubeconfig.write_text(json.dumps(config))

    @property
    def lease_place(self) -> str:
        """A namespace for a Lease."""
        return self._place.name

    def renew(self) -> None:
        """Put a new token into the file, as the kubelet does."""
        name = f"token-{len(self._tokens)}"
        self._place.kubectl("create", "secret", "generic", name)
        bound = ("--bound-object-kind=Secret", f"--bound-object-name={name}")
        self._tokens.append(self._place.kubectl("create", "token", "worker", *bound).strip())
        self._file.write_text(self._tokens[-1])

    def end(self, number: int) -> None:
        """Wait until the API server refuses a token; the first token is number 0."""
        self._place.kubectl("delete", "secret", f"token-{number}")
        until(lambda: not self._good(self._tokens[number]), "refusal of the token", REMEMBERED_SECONDS)

    def _good(self, token: str) -> bool:
        try:
            self._api.kubectl(f"--token={token}", "auth", "whoami")
        except KubectlError:
            return False
        return True


@pytest.fixture
def account(api: ApiServer, proxy: ApiProxy, tmp_path: Path) -> Account:
    """An account with its first token."""
    made = Account(api, proxy, tmp_path)
    made.renew()
    return made


def test_a_token_that_is_renewed_in_time_is_noticed_by_nobody(
    api: ApiServer, proxy: ApiProxy, account: Account, tmp_path: Path
) -> None:
    """The operator keeps the Lease, its watches begin again, and it makes a change within 15 seconds."""
    place = Namespace(api)
    lease = {"KAFKA_OTLP_OPERATOR_LEASE_NAMESPACE": account.lease_place}
    with Operator(api, tmp_path / "log", kubeconfig=account.kubeconfig, environment=lease) as operator:
        pid = operator.process.pid
        place.apply(dict(SPEC))
        applied(place)
        account.renew()
        account.end(0)
        proxy.cut()
        place.apply({**SPEC, "lingerMs": 7})
        applied(place, seconds=15)
        assert operator.process.running
        assert operator.process.pid == pid


def test_a_token_that_is_renewed_too_late_is_waited_for(
    api: ApiServer, proxy: ApiProxy, account: Account, tmp_path: Path
) -> None:
    """The API server refuses the operator for a while: it does not exit, asks seldom, and acts within 15 seconds of the new token."""
    place = Namespace(api)
    with Operator(api, tmp_path / "log", kubeconfig=account.kubeconfig) as operator:
        place.apply(dict(SPEC))
        applied(place)
        account.end(0)
        proxy.cut()
        place.apply({**SPEC, "lingerMs": 7})
        before = len(proxy.calls)
        with pytest.raises(AssertionError, match="no status"):
            applied(place, seconds=FORGOTTEN_SECONDS)
        assert len(proxy.calls) - before < CALLS
        assert operator.get("/livez") == (200, "ok\n")
        account.renew()
        applied(place, seconds=15)
        assert operator.process.running
