"""The only door to the Kubernetes client: one call of the API server. Called by ``cluster``.

Every call has a time limit, and every failure is an ``ApiError`` with the server's own sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import urllib3
from kubernetes import client, config

from kafka_otlp_operator.errors import ApiError, Conflict, Forbidden, NotFound, QuotaExceeded, Rejected, Unavailable

Object = Mapping[str, Any]


class Api:
    """One API server. ``timeout`` is in seconds, for each call; usable from several threads.

    ``count`` is told the method and the status of each answer, None where there was none.
    """

    def __init__(
        self,
        api: client.ApiClient,
        timeout: float,
        count: Callable[[str, int | None], None] = lambda method, code: None,  # noqa: ARG005
        renew: Callable[[client.Configuration], None] = lambda configuration: None,  # noqa: ARG005
    ) -> None:
        """``renew`` is called when nobody knows us: it reads credentials again, and raises ApiError when there are none."""
        self._api = api
        self._timeout = timeout
        self._count = count
        self._renew = renew

    @classmethod
    def connect(cls, timeout: float, count: Callable[[str, int | None], None] = lambda method, code: None) -> Api:  # noqa: ARG005
        """Reach the cluster that the process runs in, else the one that the kubeconfig names. Raises ApiError."""
        configuration = client.Configuration()
        # urllib3 would ask four times, each for as long as the time limit: a limit would not be one.
        configuration.retries = False
        _load(configuration)
        return cls(client.ApiClient(configuration), timeout, count, _load)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Object | None = None,
        accept: str = "application/json",
    ) -> dict[str, Any]:
        """The answer to one request, ``body`` and answer in JSON; a PATCH is a server-side apply. Raises ApiError."""
        status, content = self._answer(method, path, query, body, accept)
        if status == 401:
            # A token is renewed while we run; and who is not known has changed nothing yet.
            self._renew(self._api.configuration)
            status, content = self._answer(method, path, query, body, accept)
        if not 200 <= status < 300:
            raise _error(status, content, f"{method} {path}")
        try:
            answer: dict[str, Any] = json.loads(content)
        except ValueError:
            raise Unavailable(
                f"{method} {path} was answered with something else than JSON; what stands before the API server?"
            ) from None
        return answer

    def _answer(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Object | None, accept: str
    ) -> tuple[int, bytes]:
        headers = {"Accept": accept}
        if body is not None:
            headers["Content-Type"] = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
        request = self._api.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._api.call_api(*request, _request_timeout=self._timeout)
            content: bytes = response.read()  # type: ignore[no-untyped-call]
        except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
            self._count(method, None)
            raise Unavailable(f"the API server did not answer {method} {path}: {error}") from None
        self._count(method, response.status)
        return response.status, content


def _load(configuration: client.Configuration) -> None:
    """Whom to ask and how to be known: from the cluster that the process runs in, else from the kubeconfig."""
    try:
        try:
            config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        except config.ConfigException:
            config.load_kube_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    except config.ConfigException as error:
        raise ApiError(f"no cluster to work in: {error} Set KUBECONFIG, or run inside a cluster.") from None


_BY_STATUS: Mapping[int, type[ApiError]] = {
    400: Rejected,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    422: Rejected,
}


def _error(status: int, content: bytes, call: str) -> ApiError:
    try:
        message = str(json.loads(content)["message"])
    except (ValueError, KeyError, TypeError):
        message = f"{call} was answered with status {status}"
    if status == 403 and "exceeded quota" in message:
        return QuotaExceeded(message)
    if status == 401:
        return Unavailable(
            f"the API server does not know who the operator is; it goes on with its next token: {message}"
        )
    if status == 429 or status >= 500:
        return Unavailable(message)
    return _BY_STATUS.get(status, ApiError)(message)
