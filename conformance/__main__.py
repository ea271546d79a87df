"""``python -m conformance``: run the suite against an endpoint and print the scoreboard.

The exit code is 1 when a MUST fails, 2 when there is nothing to test.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance import lines
from conformance.scoreboard import Result, markdown, row, run_all, summary
from conformance.target import TOPICS, Need, Target, parted, reached


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite and return the exit code."""
    parser = argparse.ArgumentParser(prog="make conformance", description=__doc__)
    parser.add_argument("--target", help="host:port of OTLP/gRPC")
    parser.add_argument("--http", help="host:port of OTLP/HTTP; default: the target's host, port 4318")
    parser.add_argument("--kafka", help="host:port of the Kafka that the server writes OTLP in protobuf into")
    parser.add_argument("--topics", default=",".join(TOPICS), help="topics of traces, metrics and logs")
    parser.add_argument("--broken", help="host:port of OTLP/gRPC of a server whose backend is down")
    parser.add_argument("--broken-http", help="host:port of OTLP/HTTP of a server whose backend is down")
    parser.add_argument("--slow", action="store_true", help="run what takes a minute too")
    parser.add_argument("--only", default="", help="ids or groups, separated by commas: G2,H3.1")
    parser.add_argument("--title", default="", help="the heading in Markdown; default: the addresses")
    parser.add_argument("--out", type=Path, help="write the scoreboard in Markdown into this file")
    given = parser.parse_args(arguments)
    try:
        target = _target(given)
    except ValueError as error:
        parser.error(str(error))
    if set(target.addresses) <= set(target.absent):
        reasons = "; ".join(target.absent.values()) or "give TARGET=host:port, HTTP=host:port or both"
        print(f"conformance: there is nothing to test: {reasons}", file=sys.stderr)
        return 2
    chosen = lines.groups(*filter(None, given.only.split(",")))
    results = run_all(chosen, target, lambda result: print(row(result), flush=True))
    print(f"\n{summary(results)}")
    if given.out is not None:
        title = given.title or ", ".join(f"{need} {address}" for need, address in target.addresses.items())
        given.out.write_text(markdown(results, title))
    return _exit_code(results)


def _target(given: argparse.Namespace) -> Target:
    http = given.http
    if http is None and given.target:
        http = f"{given.target.rpartition(':')[0]}:4318"
    named = {
        Need.GRPC: given.target,
        Need.HTTP: http,
        Need.KAFKA: given.kafka,
        Need.BROKEN: given.broken,
        Need.BROKEN_HTTP: given.broken_http,
    }
    addresses = {need: address for need, address in named.items() if address}
    for address in addresses.values():
        parted(address)
    topics = given.topics.split(",")
    if len(topics) != 3:
        raise ValueError(f"--topics: {given.topics!r} is not three topics separated by commas")
    return reached(addresses, (topics[0], topics[1], topics[2]), slow=given.slow)


def _exit_code(results: Sequence[Result]) -> int:
    return int(any(result.breaks_a_must for result in results))


if __name__ == "__main__":
    sys.exit(main())
