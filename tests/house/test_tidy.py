"""Rules of the house that a program can check: size, words, files, commands."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "hub", "partner_node", "trustee", "demo", "tests", "bench", "tools")
LINES_MAX = 500
ONE_FILE = "tools/verify_minimal.py"
"""A whole verifier: that it is one file which needs no other is what it is for."""
FUNCTION_LINES_MAX = 70
GENERATED = ("src/fedcarbon/v1/", "src/fedcarbon/node/v1/")
HOMELESS = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "shared", "base"}

# written in two halves, so that this file does not break its own rules
UNFINISHED = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")))
MACHINE_PATH = re.compile(
    r"(?<![\w.~])/(?:" + "|".join(("ho" + "me", "ro" + "ot", "wo" + "rk", "Us" + "ers")) + r")/\w"
)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def own_python() -> Iterator[Path]:
    """Yield our own Python files: not what protoc wrote."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            generated = relative(path).startswith(GENERATED) and path.name != "__init__.py"
            if not generated:
                yield path


def own_text() -> Iterator[Path]:
    """Yield every text file that we write."""
    yield from own_python()
    for pattern in ("docs/**/*.md", "proto/**/*.proto", "tests/**/*.md", "demo/**/*.toml", "*.md"):
        yield from sorted(ROOT.glob(pattern))
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "buf.yaml", ".ci/run"):
        yield ROOT / name


def test_no_file_is_longer_than_the_wall() -> None:
    lengths = {relative(path): len(path.read_text().splitlines()) for path in own_python()}

    assert {path for path, lines in lengths.items() if lines > LINES_MAX} == {ONE_FILE}


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the lines of a function without its docstring."""
    first = function.body[0]
    described = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if described else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring


def test_a_function_fits_a_screen() -> None:
    lengths = {
        f"{relative(path)}:{node.name}": code_lines(node)
        for path in own_python()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }

    assert {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES_MAX} == {}


def test_nothing_is_left_unfinished() -> None:
    assert [relative(path) for path in own_text() if UNFINISHED.search(path.read_text())] == []


def test_an_init_file_holds_a_docstring_and_nothing_else() -> None:
    more = []
    for path in own_python():
        if path.name != "__init__.py" or path == ROOT / "src/fedcarbon/__init__.py":
            continue
        body = ast.parse(path.read_text()).body
        docstring = len(body) == 1 and isinstance(body[0], ast.Expr)
        if not docstring:
            more.append(relative(path))

    assert more == []


def test_every_idea_has_a_home() -> None:
    names = {
        relative(path): {*path.relative_to(ROOT).with_suffix("").parts} for path in own_python()
    }

    assert {path for path, parts in names.items() if parts & HOMELESS} == set()


def test_imports_are_absolute() -> None:
    relative_imports = [
        f"{relative(path)}:{node.lineno}"
        for path in own_python()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]

    assert relative_imports == []


def test_only_one_package_knows_status_codes() -> None:
    """`StatusCode` outside of wire would be a second catalogue."""
    elsewhere = [
        relative(path)
        for path in own_python()
        if "StatusCode" in path.read_text()
        and not relative(path).startswith(("src/fedcarbon/wire/", "tests/"))
    ]

    assert elsewhere == []


def test_no_path_of_some_machine_is_written_down() -> None:
    assert [relative(path) for path in own_text() if MACHINE_PATH.search(path.read_text())] == []


@pytest.mark.parametrize("name", ["constraints.txt", "pyproject.toml", "Makefile", ".ci/run"])
def test_no_host_is_named_where_packages_are_chosen(name: str) -> None:
    text = (ROOT / name).read_text()

    assert re.search(r"https?:|index-url|find-links|git\+|@ ", text) is None


def test_constraints_are_names_and_versions_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert [
        line for line in lines if re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!]+", line) is None
    ] == []
    assert lines == sorted(lines, key=str.lower)


def test_every_dependency_is_constrained() -> None:
    tree = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = list(tree["project"]["dependencies"])
    for group in tree["dependency-groups"].values():
        asked += [item for item in group if isinstance(item, str)]
    names = {canonical(re.split(r"[<>=!~ \[;]", item)[0]) for item in asked}
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert names - {canonical(line.split("==")[0]) for line in lines} == set()


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("pattern", ["uv.lock", "poetry.lock", "requirements*.txt", "Pipfile*"])
def test_there_is_no_lock_file(pattern: str) -> None:
    assert list(ROOT.glob(pattern)) == []


def test_the_licence_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()

    assert "GNU GENERAL PUBLIC LICENSE" in text
    assert "END OF TERMS AND CONDITIONS" in text


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))


def test_every_make_command_in_the_documents_exists() -> None:
    documents = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    commands = {
        (relative(path), verb)
        for path in documents
        for verb in re.findall(r"(?:^|`|\$ )make ([a-z-]+)", path.read_text(), flags=re.MULTILINE)
    }

    assert {(path, verb) for path, verb in commands if verb not in make_targets()} == set()


def make_calls(text: str) -> set[tuple[str, frozenset[str]]]:
    """Return every `make verb NAME=value ...` of a text as its verb and names."""
    calls = re.findall(r"\bmake ([a-z-]+)((?: [A-Z]+=(?:\"[^\"]*\"|[^\s`,;]+))*)", text)
    return {(verb, frozenset(re.findall(r"\b([A-Z]+)=", rest))) for verb, rest in calls}


def test_every_make_command_of_the_readme_is_run_by_ci() -> None:
    readme, ci = ((ROOT / name).read_text() for name in ("README.md", ".ci/run"))
    verbs = make_targets()
    wanted = {call for call in make_calls(readme) if call[0] in verbs - {"check"}}
    run = {*make_calls(ci), *((verb, frozenset()) for verb in re.findall(r"[a-z-]+", ci))}

    assert wanted
    assert {
        call
        for call in wanted
        if not any(call[0] == verb and call[1] <= names for verb, names in run)
    } == set()


def test_make_help_lists_every_verb_with_a_meaning() -> None:
    makefile = (ROOT / "Makefile").read_text()
    described = set(re.findall(r"^([a-z-]+):.*## \S", makefile, flags=re.MULTILINE))

    assert {
        "setup", "demo", "test", "check", "format", "proto", "proto-check", "vectors", "bench",
        "layers",
    } <= described  # fmt: skip


def test_check_means_everything() -> None:
    line = re.search(r"^check: ([a-z -]+?) *##", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert line is not None
    assert line[1].split() == ["format-check", "lint", "types", "layers", "proto-check", "test"]


def test_documents_link_only_to_files_that_exist() -> None:
    documents = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    dead = [
        (relative(path), target)
        for path in documents
        for target in re.findall(r"\]\(([^)#\s]+)", path.read_text())
        if "://" not in target and not (path.parent / target).exists()
    ]

    assert dead == []
