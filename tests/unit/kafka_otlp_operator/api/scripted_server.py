"""A real HTTP server in the place of the API server: it gives the answers that a test wants, in order."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes import client

from kafka_otlp_operator.api.cluster import Cluster
from kafka_otlp_operator.api.kube import Api


class ScriptedServer:
    """Answers each call with the next of ``answers``, a status code and a body; ``calls`` lists the requests.

    ``api`` and ``cluster`` call it. A body that is not bytes is sent as JSON.
    """

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []

        class Handler(BaseHTTPRequestHandler):
            def answer(handler):  # noqa: N805
                length = int(handler.headers.get("Content-Length") or 0)
                body = handler.rfile.read(length)
                self.calls.append((handler.command, handler.path, dict(handler.headers), body))
                status, content = self.answers.pop(0)
                handler.send_response(status)
                handler.end_headers()
                handler.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())

            do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()
        configuration = client.Configuration()
        self.host = f"http://127.0.0.1:{self.http.server_port}"
        configuration.host = self.host
        self.api = Api(client.ApiClient(configuration), timeout=5)
        self.cluster = Cluster(self.api)

    def close(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()
