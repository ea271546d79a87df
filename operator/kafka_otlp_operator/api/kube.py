"""One call of the Kubernetes API. This module alone imports the Kubernetes client.

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
    """One API server; usable from several threads. ``timeout`` is in seconds, for each call.

    ``count`` is called with the method and the status code of each answer; the code is None when no answer came.
    """

    def __init__(
        self,
        api: client.ApiClient,
        timeout: float,
        count: Callable[[str, int | None], None] = lambda method, code: None,  # noqa: ARG005
        renew: Callable[[client.Configuration], None] = lambda configuration: None,  # noqa: ARG005
    ) -> None:
        """``renew`` is called after a 401: it reads the credentials again, and raises ApiError when there are none."""
        self._api = api
        self._timeout = timeout
        self._count = count
        self._renew = renew

    @classmethod
    def connect(cls, timeout: float, count: Callable[[str, int | None], None] = lambda method, code: None) -> Api:  # noqa: ARG005
        """Connect to the cluster that the process runs in, else to that of the kubeconfig. Raises ApiError.

        ``timeout`` and ``count`` are those of the class.
        """
        configuration = client.Configuration()
        # By default urllib3 tries four times, each with the full timeout: a call could take four times as long.
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
        """Send one request and return the answer, read from JSON. Raises ApiError.

        ``query`` are the parameters of the URL, ``body`` is sent as JSON, ``accept`` is the media type of the answer. A
        PATCH is a server-side apply.
        """
        status, content = self._answer(method, path, query, body, accept)
        if status == 401:
            # The kubelet renews the token while the operator runs. A request with a 401 has changed nothing.
            self._renew(self._api.configuration)
            status, content = self._answer(method, path, query, body, accept)
        if not 200 <= status < 300:
            raise _error(status, content, f"{method} {path}")
        try:
            answer: dict[str, Any] = json.loads(content)
        except ValueError:
            raise Unavailable(
                f"the answer to {method} {path} is not JSON; is there a proxy in front of the API server?"
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
    """Read address and credentials: of the cluster that the process runs in, else of the kubeconfig."""
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
            f"the API server does not accept the operator's token; the operator tries again with its next one: {message}"
        )
    if status == 429 or status >= 500:
        return Unavailable(message)
    return _BY_STATUS.get(status, ApiError)(message)
