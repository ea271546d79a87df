"""The admin port, over HTTP."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from kafka_otlp_exporter.config.address import Address, CannotListen
from kafka_otlp_exporter.telemetry.admin import Admin, Views

ANY = Address("--admin-endpoint", "127.0.0.1", 0)


def views(**given: Callable[[], Any]) -> Views:
    """Views of a healthy exporter, with some of them replaced."""
    well: dict[str, Callable[[], Any]] = {
        "live": lambda: None,
        "ready": lambda: None,
        "status": lambda: {"version": "1"},
        "metrics": lambda: b"up 1\n",
    }
    return Views.at_once(**(well | given))


def ask(shown: Views, path: str, method: str = "GET") -> tuple[int, str, str]:
    """Code, content type and text of an answer."""

    async def run() -> tuple[int, str, str]:
        admin = Admin(shown)
        port = await admin.start(ANY)
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, f"http://127.0.0.1:{port}{path}") as answer,
            ):
                return answer.status, answer.headers["Content-Type"], await answer.text()
        finally:
            await admin.stop()

    return asyncio.run(run())


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_a_probe_says_ok_when_all_is_well(path: str):
    """With a word for people."""
    code, _, text = ask(views(), path)
    assert (code, text) == (200, "ok\n")


@pytest.mark.parametrize(("path", "view"), [("/livez", "live"), ("/readyz", "ready")])
def test_a_probe_says_503_and_why(path: str, view: str):
    """The other probe still says 200: an exporter that is not ready is alive."""
    shown = views(**{view: lambda: "Kafka cannot be reached"})
    assert ask(shown, path)[::2] == (503, "Kafka cannot be reached\n")
    other = "/readyz" if path == "/livez" else "/livez"
    assert ask(shown, other)[0] == 200


def test_metrics_are_in_prometheus_format():
    """Its content type names the format's version."""
    assert ask(views(), "/metrics") == (200, "text/plain; version=0.0.4; charset=utf-8", "up 1\n")


def test_status_is_json():
    """The object of the view, unchanged."""
    code, kind, text = ask(views(), "/status")
    assert (code, kind.split(";")[0], text) == (200, "application/json", '{"version": "1"}')


@pytest.mark.parametrize(
    ("method", "path", "code"), [("GET", "/", 404), ("POST", "/readyz", 405), ("DELETE", "/status", 405)]
)
def test_there_is_nothing_else(method: str, path: str, code: int):
    """The port only shows, and changes nothing."""
    assert ask(views(), path, method)[0] == code


def test_a_taken_port_is_an_error_that_names_the_option():
    """A second exporter on the port is a mistake."""

    async def run() -> None:
        first, second = Admin(views()), Admin(views())
        port = await first.start(ANY)
        try:
            sentence = f"--admin-endpoint: cannot listen on 127.0.0.1:{port}: .*address already in use"
            with pytest.raises(CannotListen, match=sentence):
                await second.start(replace(ANY, port=port))
        finally:
            await first.stop()
            await second.stop()

    asyncio.run(run())
