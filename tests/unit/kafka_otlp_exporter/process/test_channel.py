"""The channel between a supervisor and a worker, both in one process."""

import asyncio
import json
import socket
from typing import Any

import pytest

from kafka_otlp_exporter.process import channel
from kafka_otlp_exporter.process.channel import Channel, Order
from kafka_otlp_exporter.telemetry.admin import Views

ORDER = Order(
    2, ["start", "--kafka-exporter-sasl-password=pässword"], {"otlp_grpc_endpoint": "0.0.0.0:1", "workers": 1}
)
VIEWS = Views.at_once(lambda: None, lambda: "Kafka cannot be reached", lambda: {"version": "1"}, lambda: b"up 1\n")


@pytest.fixture
def ends():
    """The supervisor's socket and the worker's channel."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    yield ours, Channel(theirs)
    ours.close()
    theirs.close()


def test_an_order_comes_as_it_was_given(ends: tuple[socket.socket, Channel]):
    """Also when it arrives in several pieces."""
    ours, theirs = ends
    text = channel.order_line(ORDER)
    ours.sendall(text[:20])
    ours.sendall(text[20:])
    assert theirs.order() == ORDER


def test_without_a_supervisor_there_is_no_order(ends: tuple[socket.socket, Channel]):
    """The supervisor ended before the worker began."""
    ours, theirs = ends
    ours.close()
    with pytest.raises(EOFError):
        theirs.order()


def test_a_refusal_is_a_sentence(ends: tuple[socket.socket, Channel]):
    """Without a supervisor that reads it, nothing is raised."""
    ours, theirs = ends
    theirs.refuse("no.")
    assert json.loads(ours.recv(1000)) == {"refused": "no."}
    ours.close()
    theirs.refuse("no.")


def test_questions_are_answered_until_the_supervisor_has_ended(ends: tuple[socket.socket, Channel]):
    """Each answer has the number of its question; at the end ``lost`` is called."""
    ours, theirs = ends

    async def run() -> list[dict[str, Any]]:
        lost = asyncio.Event()
        await theirs.open({"otlp_grpc_port": 7}, VIEWS, lost.set)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        said = [json.loads(await reader.readline())]
        for number, ask in enumerate((channel.REPORT, channel.METRICS)):
            writer.write(channel.line({"id": number, "ask": ask}))
            said.append(json.loads(await reader.readline()))
        assert not lost.is_set()
        writer.close()
        await asyncio.wait_for(lost.wait(), 10)
        return said

    report = {"live": None, "ready": "Kafka cannot be reached", "status": {"version": "1"}}
    assert asyncio.run(run()) == [
        {"started": {"otlp_grpc_port": 7}},
        {"id": 0, "answer": report},
        {"id": 1, "answer": "up 1\n"},
    ]
