"""docs/METHODOLOGY.md does what it says: its file loads, its change applies, its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Final

import pytest

from fedcarbon.cli.catalogue import checked_methodology
from fedcarbon.cli.main import app
from fedcarbon.methodology.definition import MethodologyStatus
from fedcarbon.methodology.dimension import BASE_SYMBOLS

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs/METHODOLOGY.md").read_text(encoding="utf-8")
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(kind: str) -> list[str]:
    return [text for found, text in BLOCK.findall(PAGE) if found == kind]


def commands() -> list[str]:
    of_page = [line for text in blocks("sh") for line in text.splitlines()]
    of_readme = re.findall(r"^fedcarbon methodology .+$", README, re.MULTILINE)
    return list(dict.fromkeys(of_page + of_readme))


def changed(text: str, *, left_out: str = "") -> str:
    """Return the page's file with the page's change, lines that hold `left_out` undone."""
    (change,) = blocks("diff")
    for old, new in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)+)", change, re.MULTILINE):
        before = "".join(line[1:] for line in old.splitlines(keepends=True))
        after = "".join(line[1:] for line in new.splitlines(keepends=True))
        assert before in text
        if not left_out or left_out not in old:
            text = text.replace(before, after)
    return text


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (old,) = blocks("yaml")
    (tmp_path / "xx-ferry.yaml").write_text(old, encoding="utf-8")
    (tmp_path / "xx-ferry-2027.yaml").write_text(changed(old), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", commands())
@pytest.mark.usefixtures("folder")
def test_every_command_of_the_page_and_the_readme_runs(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *tokens = shlex.split(command)

    try:
        app(tokens, result_action="return_value")
    except SystemExit as stopped:
        assert stopped.code == 0  # noqa: PT017 - `check` ends with an exit code

    assert program == "fedcarbon"
    assert capsys.readouterr().out


def test_the_change_does_to_the_examples_what_the_page_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app(["methodology", "diff", "xx-ferry.yaml", "xx-ferry-2027.yaml", "--json"],
        result_action="return_value")  # fmt: skip

    shown = capsys.readouterr().out
    assert "112000 ug/m" in shown
    assert "refused: outside_validity" in shown
    assert (folder / "xx-ferry-2027.yaml").is_file()


def test_a_change_that_forgets_the_examples_is_refused_as_the_page_says(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (old,) = blocks("yaml")
    path = folder / "xx-ferry-2027.yaml"
    path.write_text(changed(old, left_out="expect:"), encoding="utf-8")

    with pytest.raises(SystemExit):
        app(["methodology", "check", str(path)], result_action="return_value")

    (message,) = blocks("text")
    assert message.strip() in capsys.readouterr().out


def test_the_page_names_every_status_every_unit_and_every_key() -> None:
    (file,) = blocks("yaml")
    keys = re.findall(r"^(\w+):", file, re.MULTILINE)

    assert all(f"| `{status.value}` |" in PAGE for status in MethodologyStatus)
    assert all(f"| `{key}` |" in PAGE for key in keys)
    assert all(re.search(rf"\b{symbol}\b", PAGE) for symbol in BASE_SYMBOLS)
    assert checked_methodology(file.encode(), "xx-ferry.yaml").methodology_id == "xx-ferry"
