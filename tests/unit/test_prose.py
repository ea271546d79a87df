"""Prose that people read: sentences that a simple rule knows to be hard, in documents, docstrings and comments.

The rules find few things and are meant to be right about each: what they pass may still be bad.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
MODULES = sorted(path for package in ("operator", "exporter") for path in (ROOT / package).rglob("*.py"))

LONGEST_SENTENCE = 45
# "Who waits goes first." has no subject of its own; a question has.
HEADLESS = re.compile(r"^(?:Who|Whoever|Whatever)\b(?!.*\?$)")
# "What is new is checked." has none either; "What a row holds: two texts" is a title, and so is "What is left, in bytes".
_FINITE = r"(?:is|are|was|were|has|have|had|cannot|can|may|must|does|do|will|gets|goes)"
WHAT = re.compile(rf"^What {_FINITE}\b.*?\b{_FINITE}\b")
_CLAUSE_ENDS = re.compile(r"[,:;]| (?:when|where|while|if|because|that|which|who|whose|until|before|after|as|than) ")
WORN = re.compile(r"\b(?:is|are|was|were|be) told of\b")
_ENDS = re.compile(r"(?<=[.?!;:])\s+(?=[A-Z`\"'(*])")
_PARAGRAPHS = re.compile(r"\n\s*\n|\n(?=\s*(?:[-*|] |\d+\. |#|\|))")
# Code, comments of a page, and headings, which name a topic.
_SKIPPED = re.compile(r"```.*?```|<!--.*?-->|^#+ .*?$", re.DOTALL | re.MULTILINE)
# Examples of what not to write stand between quotation marks.
_QUOTED = re.compile(r"\"[^\"]*\"|“[^”]*”")

Place = tuple[str, str]


def sentences(text: str) -> Iterator[str]:
    """The sentences of prose; list items, table cells and headings are each on their own."""
    for paragraph in _PARAGRAPHS.split(_SKIPPED.sub("\n\n", text).replace("**", "")):
        for cell in paragraph.split("|"):
            flat = re.sub(r"\s+", " ", cell).strip(" -*#").strip()
            yield from (sentence.strip() for sentence in _ENDS.split(flat) if sentence.strip())


def troubles(text: str) -> Iterator[str]:
    """What is wrong with each sentence that is wrong, with the sentence."""
    for sentence in sentences(text):
        bare = _QUOTED.sub('""', sentence)
        shown = sentence if len(sentence) <= 120 else sentence[:117] + "..."
        if HEADLESS.search(bare) or WHAT.search(_CLAUSE_ENDS.split(bare)[0]):
            yield f"no subject: {shown}"
        if WORN.search(bare):
            yield f"'told of': {shown}"
        # Names of tests, paths and figures in a list are no prose.
        words = len(re.findall(r"[A-Za-z][\w'-]*", re.sub(r"`[^`]*`|\([^)]*\)", "", bare)))
        if words > LONGEST_SENTENCE:
            yield f"{words} words: {shown}"


def prose(module: Path) -> Iterator[tuple[int, str]]:
    """Docstrings and comments of a module with their lines; comments on lines one after the other are one text."""
    source = module.read_text()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text
    block: list[str] = []
    start = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or token.string.startswith(("# noqa", "# type:")):
            continue
        line = token.start[0]
        if block and (line != last + 1 or token.line.strip() != token.string):
            yield start, "\n".join(block)
            block = []
        start = start if block else line
        last = line
        block.append(token.string.lstrip("# "))
    if block:
        yield start, "\n".join(block)


def found() -> list[str]:
    """Every trouble: file, line, what it is."""
    of_documents = [
        f"{page.relative_to(ROOT)}: {trouble}" for page in DOCUMENTS for trouble in troubles(page.read_text())
    ]
    of_code = [
        f"{module.relative_to(ROOT)}:{line}: {trouble}"
        for module in MODULES
        for line, text in prose(module)
        for trouble in troubles(text)
    ]
    return of_documents + of_code


def test_the_rules_find_what_they_are_for():
    """And leave alone what is plain, a question, and what is quoted."""
    hard = f"Who waits for that goes first. What is new is checked. The client is told of it. W{'ord w' * 45}ord."
    assert [trouble.partition(":")[0] for trouble in troubles(hard)] == [
        "no subject",
        "no subject",
        "'told of'",
        "46 words",
    ]
    plain = (
        "# What is told\n\nWhat is a record? What a row holds: two texts. What is left, when all calls are answered.\n"
        '```\nWho is this.\n```\n| "Who waits goes first." | A client that waits goes first |'
    )
    assert list(troubles(plain)) == []


def test_no_sentence_has_to_be_read_twice():
    """All places at once: a writer wants the list."""
    assert found() == []
