"""A folder comes from somebody who may want the audit to stop, or to say too much."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from fedcarbon.audit.checklist import LineState
from fedcarbon.audit.report import Report
from fedcarbon.audit.source import LeafLine, LeafLineMalformedError
from fedcarbon.cli import audit, audit_folder
from fedcarbon.epoch.statements import ClaimList
from fedcarbon.ledger.batch import LedgerBatch
from fedcarbon.registry.enrolment import PlaceBatch
from tests.audit.conftest import audited
from tests.audit.kit import Kit
from tests.audit.tampered_claims import verdict_with_a_token_less
from tests.audit.tampered_folders import body_altered, harmless_leaf


def found_in(report: Report) -> set[tuple[str, str, str]]:
    return {(found.check.value, found.code, found.subject) for found in report.findings}


def exit_code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        audit.app([str(argument) for argument in arguments])
    return int(stopped.value.code or 0)


@pytest.fixture
def roots(kit: Kit, tmp_path: Path) -> Path:
    path = tmp_path / "roots.toml"
    path.write_text(kit.good.roots.to_toml())
    return path


# --- leaves above the last head -----------------------------------------------------------------


def test_leaves_that_no_head_covers_are_not_passed(kit: Kit) -> None:
    last, _ = kit.of(LedgerBatch)[-1]
    for size, _ in kit.heads():
        if size > last:
            (kit.folder / "checkpoints" / f"{size}.txt").unlink()
    covered = max(size for size, _ in kit.heads())
    report = audited(kit.folder, kit.good.roots)

    lines = {line.check.value: line for line in report.lines}
    tail = len(kit.lines) - covered
    text = f"{tail} leaves stand above the last witnessed head"
    assert lines["V06"].remark == text
    assert lines["V06"].left_out == tail
    batches = sum(1 for index, _ in kit.of(LedgerBatch) if index >= covered)
    assert batches
    assert lines["V19"].state is LineState.INCOMPLETE
    assert lines["V19"].remark == f"{batches} leaves stand above the last witnessed head"
    assert report.unwitnessed == text


def test_a_tail_alone_is_no_finding_and_the_last_line_says_it(
    kit: Kit, roots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (kit.folder / "checkpoints" / f"{len(kit.lines)}.txt").unlink()
    (kit.folder / "checkpoint").unlink()
    shutil.rmtree(kit.folder / "tile")
    tail = len(kit.lines) - max(size for size, _ in kit.heads())

    assert exit_code("verify", kit.folder, "--roots", roots, "--workers", 1) == 0
    printed = capsys.readouterr().out
    assert "V06  incomplete" in printed
    rest = f"{tail} leaves stand above the last witnessed head"
    text = f"nothing was found; not checked: V25; incomplete: {rest}"
    assert printed.splitlines()[-1] == text


# --- what is no file ----------------------------------------------------------------------------


def test_whatever_stands_in_the_place_of_a_body_is_a_missing_body(kit: Kit) -> None:
    at = harmless_leaf(kit)
    path = kit.folder / "bodies" / f"{kit.lines[at].split(' ')[3]}.json"
    kept = path.read_bytes()
    other = kit.folder.parent / "elsewhere"
    other.write_bytes(kept)
    for make in (path.mkdir, lambda: os.mkfifo(path), lambda: path.symlink_to(other)):
        path.unlink()
        make()

        found = found_in(audited(kit.folder, kit.good.roots))

        assert found == {("V01", "BODY_MISSING", f"leaf {at}")}
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
            path.write_bytes(b"")


def test_a_pipe_in_the_place_of_a_file_is_a_missing_file(kit: Kit) -> None:
    os.mkfifo(kit.folder / "files" / ("ab" * 32))

    found = found_in(audited(kit.folder, kit.good.roots))

    assert found == {("V01", "FILE_MISSING", f"file {'ab' * 32}")}


def test_folders_in_the_place_of_files_are_not_left_open(kit: Kit) -> None:
    """Some hundreds of them used up all that a process may have open, and the audit broke."""
    names = [f"{number:064x}" for number in range(20)]
    for name in names:
        (kit.folder / "files" / name).mkdir()
    opened = len(list(Path("/proc/self/fd").iterdir()))

    found = found_in(audited(kit.folder, kit.good.roots))

    assert found == {("V01", "FILE_MISSING", f"file {name}") for name in names}
    assert len(list(Path("/proc/self/fd").iterdir())) == opened


def test_a_join_that_an_earlier_list_is_missing_for_does_not_count_as_done(kit: Kit) -> None:
    """A hub that has lost a list of epoch 1 could lie about what every later epoch lost."""
    before = audited(kit.folder, kit.good.roots)
    _, old = kit.of(ClaimList, epoch=1)[0]
    kit.file(old.file_sha256).unlink()
    verdict_with_a_token_less(kit)

    report = audited(kit.folder, kit.good.roots)

    was, now = (
        next(line for line in one.lines if line.check.value == "V12") for one in (before, report)
    )
    assert ("V01", "FILE_MISSING", f"file {old.file_sha256.hex()}") in found_in(report)
    assert now.state is LineState.INCOMPLETE
    # The list, and the joins of its own epoch and the two later ones.
    assert (now.left_out, now.checked) == (4, was.checked - 4)


def test_a_head_without_end_is_malformed(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    size = len(kit.lines)
    path = kit.folder / "checkpoints" / f"{size}.txt"
    monkeypatch.setattr(audit_folder, "HEAD_BYTES_MAX", 1 << 16)
    path.write_bytes(path.read_bytes() + bytes(1 << 16))

    found = found_in(audited(kit.folder, kit.good.roots))

    assert ("V05", "HEAD_MALFORMED", f"head {size}") in found


@pytest.mark.parametrize("name", ["0", "007", "1" * 17, "latest"])
def test_a_head_has_a_size_as_its_name(kit: Kit, name: str) -> None:
    (kit.folder / "checkpoints" / f"{name}.txt").write_bytes(b"")

    found = found_in(audited(kit.folder, kit.good.roots))

    assert found == {("V05", "HEAD_MALFORMED", f"head {name}")}


def test_no_leaf_has_a_negative_index() -> None:
    line = f"-1 {'00' * 34} {'00' * 32} {'00' * 32}".encode()

    with pytest.raises(LeafLineMalformedError, match="there is no leaf -1"):
        LeafLine.parse(line)


def test_a_list_of_leaves_that_is_a_folder_is_unusable_input(roots: Path, tmp_path: Path) -> None:
    (tmp_path / "odd" / "leaves.txt").mkdir(parents=True)

    assert exit_code("verify", tmp_path / "odd", "--roots", roots) == 2


def test_a_name_that_is_no_text_is_escaped(kit: Kit, roots: Path, tmp_path: Path) -> None:
    (kit.folder / "files" / os.fsdecode(b"\xff\xfe")).write_bytes(b"x")
    out, page = tmp_path / "report.json", tmp_path / "report.html"

    code = exit_code(
        "verify", kit.folder, "--roots", roots, "--json", out, "--html", page, "--workers", 1
    )

    assert code == 1
    found = json.loads(out.read_text())["report"]["findings"]
    assert [item["subject"] for item in found] == ["file \\udcff\\udcfe"]
    assert "file \\udcff\\udcfe" in page.read_text()


def test_a_fault_of_the_program_is_not_a_finding(
    kit: Kit, roots: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(audit, "verify", broken)

    assert exit_code("verify", kit.folder, "--roots", roots, "--workers", 1) == 3
    text = "fedcarbon: internal error, nothing was judged: ZeroDivisionError()"
    assert text in capsys.readouterr().err


# --- diff ---------------------------------------------------------------------------------------


def test_junk_after_the_leaves_is_no_growth(
    kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(kit.folder, tmp_path / "older")
    size = len(kit.lines)
    for junk in ("junk", kit.lines[0]):
        kit.write_lines([*kit.lines[:size], junk])

        assert exit_code("diff", tmp_path / "older", kit.folder) == 1
        text = f"line {size + 1} of the list of leaves was added and is not of leaf {size}"
        assert text in capsys.readouterr().out


def test_junk_after_a_head_is_a_change(
    kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(kit.folder, tmp_path / "older")
    path = kit.folder / "checkpoints" / f"{len(kit.lines)}.txt"
    path.write_bytes(path.read_bytes() + b"junk\n")

    assert exit_code("diff", tmp_path / "older", kit.folder) == 1
    assert f"head {len(kit.lines)} was changed" in capsys.readouterr().out


# --- show ---------------------------------------------------------------------------------------


def shown(kit: Kit, index: int, capsys: pytest.CaptureFixture[str]) -> str:
    audit.app(["show", str(kit.folder), str(index)], result_action="return_value")
    return capsys.readouterr().out


def test_a_false_body_is_not_shown_as_what_the_leaf_says(
    kit: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    body_altered(kit)

    printed = shown(kit, _altered(kit), capsys)

    assert "the body is not the one that the leaf commits to" in printed
    assert "it says:" not in printed


def _altered(kit: Kit) -> int:
    """Return the leaf whose body is another one than in the good record."""
    return next(
        index
        for index, line in enumerate(kit.lines)
        if (body := f"bodies/{line.split(' ')[3]}.json")
        and (kit.folder / body).read_bytes() != (kit.good.folder / body).read_bytes()
    )


def test_a_leaf_of_an_unknown_type_is_named_so(
    kit: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    index, batch = kit.of(PlaceBatch)[0]
    at, lines = batch.enrolment_leaf, kit.lines
    _, leaf, salt, body = lines[at].split(" ")
    kit.write_lines([*lines[:at], f"{at} ff{leaf[2:]} {salt} {body}", *lines[at + 1 :]])

    assert f"leaf {at} cannot be read" in shown(kit, at, capsys)
    assert f"it refers to leaf {at} (of an unknown type)" in shown(kit, index, capsys)


# --- copies of the tree -------------------------------------------------------------------------


def test_a_tile_that_is_not_made_of_the_leaves_is_found(kit: Kit) -> None:
    for path in ("tile/entries/000", "tile/0/000"):
        tile = next(
            item
            for item in (kit.folder / path, *(kit.folder / f"{path}.p").glob("*"))
            if item.is_file()
        )
        tile.write_bytes(bytes(1) + tile.read_bytes()[1:-1] + b"!")
    (kit.folder / "tile" / "9").write_bytes(b"")

    found = found_in(audited(kit.folder, kit.good.roots))

    assert {(check, code) for check, code, _ in found} == {("V05", "TILE_DIFFERS")}
    assert len(found) == 3


def test_a_checkpoint_that_is_not_the_largest_head_is_found(kit: Kit) -> None:
    size, _ = kit.heads()[0]
    copy = (kit.folder / "checkpoints" / f"{size}.txt").read_bytes()
    (kit.folder / "checkpoint").write_bytes(copy)

    found = found_in(audited(kit.folder, kit.good.roots))

    assert found == {("V05", "CHECKPOINT_COPY_DIFFERS", "checkpoint")}
