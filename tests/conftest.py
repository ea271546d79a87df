"""Shared fixtures, and what happens to tests whose real systems are missing on this machine."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping
from functools import cache

import pytest

from tests.beds.kafka import KafkaBroker
from tests.beds.mock_kafka import MockKafka
from tests.beds.namespaces import missing_for_namespaces
from tools.cluster import assets

# A kind is a pytest marker. Its function returns why such tests cannot run here and what to do, or None.
_KINDS: Mapping[str, Callable[[], str | None]] = {
    "collector": assets.missing_for_collector,
    "e2e": lambda: None if os.environ.get("KUBECONFIG") else "it needs a cluster; run: make e2e",
    "helm": assets.missing_for_helm,
    "kafka": assets.missing_for_kafka,
    "kubernetes": assets.missing_for_kubernetes,
    "namespaces": missing_for_namespaces,
}
_not_run: Counter[str] = Counter()
_NOTHING_MAY_BE_SKIPPED = os.environ.get("KAFKA_OTLP_REQUIRE") == "all"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A real Kafka, one for the session; a test that stops or kills a broker starts its own."""
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="session")
def mock_kafka() -> Iterator[MockKafka]:
    """librdkafka's mock cluster."""
    with MockKafka() as cluster:
        yield cluster


def pytest_sessionstart(session: pytest.Session) -> None:
    """End the run at once when a selected kind cannot run and KAFKA_OTLP_REQUIRE=all allows no skip."""
    asked = session.config.option.markexpr
    sentences = [
        f"tests of kind {kind} cannot run: {sentence}"
        for kind, sentence in _missing().items()
        if f"not {kind}" not in asked
    ]
    if sentences and _NOTHING_MAY_BE_SKIPPED:
        raise pytest.UsageError("\n".join(sentences))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the kinds that cannot run here."""
    for kind, sentence in _missing().items():
        for item in items:
            if item.get_closest_marker(kind):
                item.add_marker(pytest.mark.skip(reason=sentence))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn every skip into a failure when KAFKA_OTLP_REQUIRE=all allows no skip."""
    report = yield
    if _NOTHING_MAY_BE_SKIPPED and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and KAFKA_OTLP_REQUIRE=all allows no skip: {report.longrepr}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the skipped tests of each kind; skips in parallel workers arrive here, too."""
    for kind, sentence in _missing().items():
        if report.skipped and sentence in str(report.longrepr):
            _not_run[kind] += 1


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print each kind that did not run, the number of its tests, and what enables it."""
    if not _not_run:
        return
    terminalreporter.section("kinds of tests that did not run")
    for kind, number in _not_run.items():
        terminalreporter.write_line(f"{kind}: {number} test{'s' * (number != 1)}; {_missing()[kind]}")


@cache
def _missing() -> Mapping[str, str]:
    return {kind: sentence for kind, missing in _KINDS.items() if (sentence := missing()) is not None}
