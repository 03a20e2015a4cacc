"""What the documents name exists: files, functions, tests, tables, and a test for each promise."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = (
    "ARCHITECTURE.md",
    "AUDIT.md",
    "DATA_MODEL.md",
    "METHODOLOGY.md",
    "PRIVACY.md",
    "REGULATORS.md",
    "THREAT_MODEL.md",
)
PACKAGES: Final = {
    "fedcarbon": ROOT / "src/fedcarbon",
    **{name: ROOT / name for name in ("demo", "hub", "partner_node", "trustee")},
}
FOLDERS: Final = {
    "bench",
    "demo",
    "docs",
    "hub",
    "partner_node",
    "proto",
    "src",
    "tests",
    "trustee",
}
WRITTEN_AT_RUN_TIME: Final = {
    "csv",
    "db",
    "duckdb",
    "json",
    "jsonl",
    "key",
    "log",
    "pem",
    "seed",
    "toml",
    "txt",
}
"""A dotted name that ends so is a file of a running program, not a name in the code."""

SPAN: Final = re.compile(r"`([^`\n]+)`")
FENCED: Final = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
TEST_ID: Final = re.compile(r"(tests/[\w/]+\.py)::(\w+)(?:\[(.+)\])?")
DOTTED: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
OPEN_END: Final = ("no test yet", "next version", "not prevented")
"""What may stand where a test would: each says aloud that there is none."""

TABLES: Final = {
    "The hub": r'__tablename__ = "(\w+)"',
    "The partner's node": r"CREATE TABLE (\w+)",
    "The trustee": r"CREATE TABLE (\w+)",
    "The wallet operator": r"CREATE TABLE IF NOT EXISTS (\w+)",
}
"""Section of DATA_MODEL.md, and how its tables are declared."""

SCHEMAS: Final = {
    "The hub": sorted((ROOT / "hub").rglob("*.py")),
    "The partner's node": [ROOT / "partner_node/storage/schema.py"],
    "The trustee": [ROOT / "trustee/storage/database.py"],
    "The wallet operator": [ROOT / "src/fedcarbon/cli/wallet_store.py"],
}


def text_of(document: str) -> str:
    """Return a document without its fenced blocks."""
    return FENCED.sub("", (ROOT / "docs" / document).read_text(encoding="utf-8"))


def spans(document: str) -> list[str]:
    """Return everything that stands between single backquotes, once each."""
    return sorted(set(SPAN.findall(text_of(document))))


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of every table row of a text, heads and rules left out."""
    lines = text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        is_rule = re.fullmatch(r"\|[\s|:-]+\|", line) is not None
        if line.startswith("|") and before.startswith("|") and not is_rule:
            yield [cell.strip() for cell in line[1:-1].split("|")]


def section(document: str, title: str) -> str:
    """Return the text under a heading of the second level."""
    found = re.search(
        rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text_of(document), re.MULTILINE | re.DOTALL
    )
    assert found is not None, f"{document} has no section {title!r}"
    return found[1]


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Return the names of all functions and classes of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


@cache
def homes() -> dict[str, list[str]]:
    """Return, by last name of a module and by name of a class, the modules where it is found."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            module = ".".join(part for part in parts if part != "__init__")
            found[parts[-1]].append(module)
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(module)
    return found


def module_at(name: str) -> ModuleType | None:
    """Return a module of ours by its full name, or None."""
    first, *rest = name.split(".")
    if first not in PACKAGES:
        return None
    path = PACKAGES[first].joinpath(*rest)
    exists = path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
    return importlib.import_module(name) if exists else None


def resolves(name: str) -> bool:
    """Tell whether a full dotted name leads to something."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        found: object = module_at(".".join(parts[:cut]))
        if found is None:
            continue
        for part in parts[cut:]:
            fields = getattr(found, "__annotations__", {})
            if not hasattr(found, part):
                return part in fields
            found = getattr(found, part)
        return True
    return False


def is_name_in_the_code(name: str) -> bool:
    """Tell whether a dotted name is a full one, or begins with a module or class of ours."""
    first, rest = name.split(".", 1)
    if first in PACKAGES:
        return resolves(name)
    candidates = [
        f"{module}.{rest}" if module.split(".")[-1] == first else f"{module}.{name}"
        for module in homes().get(first, [])
    ]
    return any(map(resolves, candidates))


def is_test(span: str) -> bool:
    """Tell whether a test id names a test that exists, and a case that stands in its file."""
    found = TEST_ID.fullmatch(span)
    if found is None:
        return False
    path, function, case = ROOT / found[1], found[2], found[3]
    if not path.is_file() or function not in functions_of(path):
        return False
    return case is None or case in path.read_text(encoding="utf-8")


def is_wrong(span: str) -> bool:
    """Tell whether a span looks like a test, a path or a name in the code, and is none."""
    if "::" in span:
        return not is_test(span)
    if "/" in span and span.split("/", maxsplit=1)[0] in FOLDERS:
        return not any(ROOT.glob(span.rstrip("/")))
    if DOTTED.fullmatch(span) and span.rsplit(".", 1)[1] not in WRITTEN_AT_RUN_TIME:
        return not is_name_in_the_code(span)
    return False


@pytest.mark.parametrize("document", DOCUMENTS)
def test_what_a_document_names_exists(document: str) -> None:
    assert [span for span in spans(document) if is_wrong(span)] == []


@pytest.mark.parametrize(
    "span",
    [
        "tests/house/test_docs_names.py::test_that_nobody_wrote",
        "tests/house/test_nothing.py::test_what_a_document_names_exists",
        "tests/house/test_docs_names.py::test_a_false_name_is_noticed[no case of" + " this file]",
        "hub/epochs/sealed.py",
        "hub.epochs.sealing.unseal",
        "fedcarbon.opening.nothing",
        "EpochDriver.retreat",
        "nowhere.found",
    ],
)
def test_a_false_name_is_noticed(span: str) -> None:
    assert is_wrong(span)


def test_a_gram_passes_every_package_of_the_core_and_every_program() -> None:
    story = section("ARCHITECTURE.md", "The life of a gram")
    packages = {path.parent.name for path in PACKAGES["fedcarbon"].glob("*/__init__.py")}

    named = {span.split(".")[1] for span in SPAN.findall(story) if span.startswith("fedcarbon.")}

    beside = {"v1", "node", "wire", "engine", "synth", "ceremony", "proofs", "parameters"}
    assert packages - beside - named == set()
    for program in ("hub", "partner_node", "trustee"):
        assert f"`{program}." in story


@pytest.mark.parametrize("title", TABLES)
def test_every_table_is_described_where_it_belongs_and_no_other(title: str) -> None:
    declared = {
        name
        for path in SCHEMAS[title]
        for name in re.findall(TABLES[title], path.read_text(encoding="utf-8"))
    }

    described = {
        name
        for cells in rows(section("DATA_MODEL.md", title))
        for name in SPAN.findall(cells[0])
        if re.fullmatch(r"\w+", name)
    }

    assert described == declared


@pytest.mark.parametrize(
    ("document", "title"),
    [("PRIVACY.md", "Who learns what"), ("THREAT_MODEL.md", "Attacks")],
)
def test_every_line_names_the_test_that_holds_it_or_says_that_there_is_none(
    document: str, title: str
) -> None:
    lines = list(rows(section(document, title)))

    open_lines = [
        cells[:2] for cells in lines if "::" not in cells[-1] and not cells[-1].startswith(OPEN_END)
    ]

    assert lines
    assert open_lines == []
