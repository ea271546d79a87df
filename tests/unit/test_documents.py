"""The documents that people read: what they name exists, and what they repeat is the same."""

import asyncio
import re
import subprocess
import tomllib
from pathlib import Path

from kafka_otlp_exporter.config.settings import MEBIBYTE, Settings
from kafka_otlp_exporter.config.sizing import Limits, size
from kafka_otlp_exporter.config.values import Format
from kafka_otlp_exporter.flow.admission import SHARES, Admission
from kafka_otlp_exporter.outcomes import Reason

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
PACKAGES = {
    "exporter": ROOT / "exporter" / "kafka_otlp_exporter",
    "operator": ROOT / "operator" / "kafka_otlp_operator",
}
DECISIONS = sorted(path for path in (ROOT / "docs" / "decisions").glob("*.md") if path.name != "README.md")
LARGEST_ARCHITECTURE = 8 * 1024
SCREEN_LINES = 45
CHANGES = 10


def section(heading: str) -> str:
    """The text of a section of ARCHITECTURE.md."""
    return ARCHITECTURE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def rooms(table: str) -> list[str]:
    """The rooms of one table: folders end with a slash."""
    rows = section("The rooms").partition(f"| {table} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| `([\w/]+)` \|", rows, re.MULTILINE)


def tracked(pattern: str) -> list[Path]:
    """Files of the repository, also those that are not committed yet."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.splitlines() if (path := ROOT / name).is_file()]


def test_the_architecture_is_two_pages():
    """Longer explanations are decisions and belong to docs/decisions."""
    assert len(ARCHITECTURE.encode()) <= LARGEST_ARCHITECTURE


def test_the_rooms_are_those_that_exist():
    """Each room has one row, each row has a room, and the tables fit a screen."""
    for table, package in PACKAGES.items():
        folders = {f"{path.parent.name}/" for path in package.glob("*/__init__.py")}
        modules = {path.stem for path in package.glob("*.py") if path.stem != "__init__"}
        assert sorted(rooms(table)) == sorted(folders | modules), table
    assert all((ROOT / room).is_dir() for room in rooms("beside them"))
    assert len(section("The rooms").splitlines()) <= SCREEN_LINES


def test_the_import_order_is_that_of_the_contracts():
    """As import-linter checks it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = {one["containers"][0]: " > ".join(one["layers"]) for one in contracts if one["type"] == "layers"}
    for table, package in PACKAGES.items():
        assert f"\n{table}: {layers[package.name]}\n" in section("The import order")


def test_where_to_change_something_names_files_that_exist():
    """One or two files for each of ten changes."""
    rows = section("Where do I change X").splitlines()[-CHANGES - 1 :]
    missing = []
    for row in rows:
        if not row.startswith("| a "):
            continue
        named = [
            name.replace(f"{table}/…", str(package.relative_to(ROOT)))
            for name in re.findall(r"`([^` ]+/[^` ]+)`", row)
            for table, package in PACKAGES.items()
            if name.startswith(f"{table}/") or (table == "exporter" and "…" not in name)
        ]
        assert 1 <= len(named) <= 2, row
        missing += [name for name in named if not (ROOT / name).is_file()]
    assert missing == []
    assert len([row for row in rows if row.startswith("| a ")]) == CHANGES


def test_every_link_leads_to_a_file():
    """Relative links of every page, and the headings that they name."""
    pages = tracked("*.md")
    assert len(pages) > len(DECISIONS)
    broken = []
    for page in pages:
        for target in re.findall(r"\]\((?!https?://|mailto:)([^)\s]+)\)", page.read_text()):
            file, _, heading = target.partition("#")
            found = (page.parent / file) if file else page
            if not found.exists() or (heading and heading not in anchors(found)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_has_its_parts_and_tests_that_exist():
    """Context, Decision, Measured where there is a figure, Held by."""
    wrong = []
    for page in DECISIONS:
        for decision in page.read_text().split("\n## ")[1:]:
            parts = re.findall(r"^\*\*([A-Z][a-z ]+)\.\*\*", decision, re.MULTILINE)
            named = re.findall(r"`(tests/[a-z0-9_/]+\.py)::(\w+)`", decision.partition("**Held by.**")[2])
            complete = [part for part in parts if part != "Measured"] == ["Context", "Decision", "Held by"]
            in_order = "Measured" not in parts or parts.index("Measured") == 2
            if not (named and complete and in_order):
                wrong.append(f"{page.name}: {decision.splitlines()[0]}")
            wrong += [
                f"{page.name}: {file}::{name}"
                for file, name in named
                if not (ROOT / file).is_file() or f"def {name}(" not in (ROOT / file).read_text()
            ]
    assert DECISIONS
    assert wrong == []


def test_every_decision_page_is_in_the_index():
    """And the index has no other."""
    index = (ROOT / "docs" / "decisions" / "README.md").read_text()
    assert sorted(re.findall(r"\]\((\w+\.md)\)", index)) == [page.name for page in DECISIONS]


def test_the_page_for_consumers_shows_the_files_that_are_run():
    """tests/contract/test_consumers.py runs them."""
    page = (ROOT / "docs" / "records.md").read_text()
    for file in ("read_records.py", "ReadRecords.java", "collector.yaml"):
        assert f"\n{(ROOT / 'examples' / 'consumers' / file).read_text()}```\n" in page, file


def test_the_figures_of_the_readme_are_those_of_the_pages():
    """They are in the pages on conformance, reliability and performance, whose figures come from commands."""
    readme, conformance = (ROOT / "README.md").read_text(), (ROOT / "docs" / "conformance.md").read_text()
    figures = re.search(r"of (\d+) SHOULDs it passes (\d+) and we pass (\d+)", readme)
    levels = re.findall(r"^\| (MUST|SHOULD) \| (\d+) \| (\d+) \| (\d+) \|$", conformance, re.MULTILINE)
    (_, _, our_failed, _), (_, *ours), (_, _, their_failed, _), (_, *theirs) = levels
    assert figures
    assert figures.groups() == (str(sum(map(int, ours))), theirs[0], ours[0])
    assert (our_failed, their_failed) == ("0", "0")
    points = re.search(r"at each of (\d+) points", readme)
    assert points
    assert f"{points[1]} of {points[1]} points" in (ROOT / "docs" / "reliability.md").read_text()
    ratios = re.search(r"([\d.]+) with 4,000 spans a request, ([\d.]+) with ten, ([\d.]+) as JSON", readme)
    assert ratios
    performance = (ROOT / "docs" / "performance.md").read_text().split("**CPU time per million items (s)**")[1]
    rows = dict(re.findall(r"^\| (\w+) .*\| +([\d.]+) \|$", performance.split("**")[0], re.MULTILINE))
    assert ratios.groups() == (rows["large"], rows["small"], rows["json"])


def test_the_sizing_table_is_what_the_exporter_computes():
    """Each row of docs/operating.md, from the memory limit and the CPUs."""
    rows = re.findall(
        r"^\| (\d+)(Mi|Gi) \| (\d+) \| (.+) \|$", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE
    )
    assert len(rows) > 3
    loop = asyncio.new_event_loop()
    for number, unit, cpus, told in rows:
        memory = int(number) * {"Mi": MEBIBYTE, "Gi": 1024 * MEBIBYTE}[unit]
        found = size(Settings(), Limits(memory=memory, machine=memory, cpus=int(cpus)))
        gates = {share: Admission(found.in_flight_bytes, loop, share) for share in SHARES.values()}
        largest = [f"{gates[SHARES[way]].largest_request // MEBIBYTE} MiB" for way in (Format.PROTOBUF, Format.JSON)]
        connections = found.workers * gates[SHARES[Format.PROTOBUF]].most_connections
        total = f"{found.workers * found.in_flight_bytes // MEBIBYTE} MiB"
        assert told == " | ".join([total, str(found.workers), *largest, str(connections)])
    loop.close()


def test_the_release_page_names_commands_that_exist():
    """Targets of the Makefile and files of the repository."""
    page, makefile = (ROOT / "docs" / "releasing.md").read_text(), (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make ([a-z0-9-]+)", page))
    assert targets
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
    files = re.findall(r"`([\w./-]+\.(?:toml|yaml|md|py|lock))`", page) + re.findall(r"bash (\S+)", page)
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_every_reason_has_its_row_in_troubleshooting():
    """Those that the exporter can tell, and those of the operator's errors and conditions."""
    rows = (ROOT / "docs" / "troubleshooting.md").read_text()
    named = set(re.findall(r"`([A-Z][A-Za-z]+)`", "\n".join(re.findall(r"^\| (`[^|]*) \|", rows, re.MULTILINE))))
    operator = ROOT / "operator" / "kafka_otlp_operator"
    sources = [(operator / name).read_text() for name in ("errors.py", "status/pods.py", "status/conditions.py")]
    told = {
        reason
        for source in sources
        for reason in re.findall(r'(?:reason = |Obstacle\(|"False", |"Unknown", )"([A-Z][A-Za-z]+)"', source)
    }
    # Nothing is wrong when the condition Paused is False; the other two are a type and a status of conditions.
    fine = {"NotPaused", "Available", "Unknown"}
    assert len(told) > 15
    assert sorted(({str(reason) for reason in Reason} | told) - named - fine) == []
