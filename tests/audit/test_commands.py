"""The commands of an auditor: exit codes, files, and words."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from typing_extensions import override

from fedcarbon.cli.audit import app
from fedcarbon.opening.statements import OpeningRequest, OpeningResult, OpeningStart
from fedcarbon.transparency.checkpoint import TreeHead, joined
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.transparency.note import SignedNote
from fedcarbon.transparency.receipt import Receipt
from tests.audit.good_record import GoodRecord
from tests.audit.kit import Kit
from tests.audit.tampered_folders import body_altered
from tests.audit.tampered_openings import opened_value_altered
from tests.simulation.world import HUB


@pytest.fixture
def roots(good: GoodRecord, tmp_path: Path) -> Path:
    path = tmp_path / "roots.toml"
    path.write_text(good.roots.to_toml())
    return path


def exit_code(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        app([str(argument) for argument in arguments])
    return int(stopped.value.code or 0)


def test_a_good_record_passes_through_the_real_command(good: GoodRecord, roots: Path) -> None:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-m", "fedcarbon.cli", "audit", "verify", good.folder, "--roots", roots],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "V18  passed       Shares proved, opened sums recombined: 6 share proofs" in done.stdout
    assert "nothing was found" in done.stdout


def test_many_processes_find_the_same(good: GoodRecord, roots: Path, tmp_path: Path) -> None:
    reports = []
    for workers in (1, 2):
        out = tmp_path / f"{workers}.json"
        code = exit_code(
            "verify", good.folder, "--roots", roots, "--json", out, "--workers", workers
        )
        assert code == 0
        reports.append(json.loads(out.read_text())["report_sha256"])

    assert reports[0] == reports[1]


def test_a_tampered_record_fails_and_says_why(
    kit: Kit, roots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened_value_altered(kit)
    out, page = tmp_path / "report.json", tmp_path / "report.html"

    code = exit_code(
        "verify", kit.folder, "--roots", roots, "--json", out, "--html", page, "--workers", 1
    )

    assert code == 1
    assert "V18 OPENED_VALUE_DIFFERS" in capsys.readouterr().out
    tree = json.loads(out.read_text())
    assert [(found["check"], found["code"]) for found in tree["report"]["findings"]] == [
        ("V22", "ISSUED_NOT_OPENED"),
        ("V18", "OPENED_VALUE_DIFFERS"),
        ("V19", "CREDIT_DIFFERS"),
    ]
    assert tree["report"]["passed"] is False
    assert tree["report_sha256"] in page.read_text()
    assert "OPENED_VALUE_DIFFERS" in page.read_text()


def test_the_hash_of_a_report_is_over_its_canonical_part(
    good: GoodRecord, roots: Path, tmp_path: Path
) -> None:
    out = tmp_path / "report.json"

    exit_code("verify", good.folder, "--roots", roots, "--json", out, "--workers", 1)

    tree = json.loads(out.read_text())
    text = json.dumps(tree["report"], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert tree["report_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert [line["id"] for line in tree["report"]["checks"]] == [f"V{n:02}" for n in range(1, 27)]


class Page(HTMLParser):
    """Collects what a browser would load, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads += [tag for name, _ in attrs if name in {"src", "href"}]
        self.loads += [tag] if tag == "script" else []
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_loads_nothing(good: GoodRecord, roots: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"

    exit_code("verify", good.folder, "--roots", roots, "--html", out, "--workers", 1)

    page = Page()
    page.feed(out.read_text())
    assert (page.open, page.loads) == ([], [])


def test_other_roots_are_found_before_anything_else(
    good: GoodRecord, roots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    roots.write_text(roots.read_text().replace(good.roots.parameter_id.hex(), "00" * 32))

    assert exit_code("verify", good.folder, "--roots", roots, "--workers", 1) == 1
    printed = capsys.readouterr().out
    assert "V02 PARAMETERS_INVALID" in printed
    assert "1 findings" in printed


def test_no_such_folder_is_unusable_input(roots: Path, tmp_path: Path) -> None:
    assert exit_code("verify", tmp_path / "nowhere", "--roots", roots) == 2


def test_missing_roots_are_unusable_input(good: GoodRecord, tmp_path: Path) -> None:
    assert exit_code("verify", good.folder, "--roots", tmp_path / "roots.toml") == 2


def test_a_file_that_nobody_names_is_noted_and_no_finding(
    kit: Kit, roots: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = hashlib.sha256(b"stray").hexdigest()
    (kit.folder / "files" / name).write_bytes(b"stray")

    assert exit_code("verify", kit.folder, "--roots", roots, "--workers", 1) == 0
    assert f"1 files are named by no leaf, for example {name}" in capsys.readouterr().out


# --- receipts -----------------------------------------------------------------------------------


def receipt_for(kit: Kit, index: int, leaf: bytes) -> bytes:
    entry = kit.entries()[index]
    receipt = Receipt(
        parameter_id=kit.parameters.parameter_id,
        message_sha256=hashlib.sha256(entry.body).digest(),
        leaf_index=index,
        leaf=leaf,
        salt=entry.salt,
        accepted_at_s=1,
        merge_by_s=2,
    )
    return kit.signed(receipt, HUB)


def test_receipts_that_were_kept_pass(
    kit: Kit, roots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "receipts"
    folder.mkdir()
    (folder / "one").write_bytes(receipt_for(kit, 5, kit.entries()[5].leaf))

    code = exit_code("verify", kit.folder, "--roots", roots, "--receipts", folder, "--workers", 1)

    assert code == 0
    assert "V25  passed       Receipts kept: 1 receipts" in capsys.readouterr().out


def test_a_broken_promise_is_found(
    kit: Kit, roots: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "receipts"
    folder.mkdir()
    (folder / "one").write_bytes(receipt_for(kit, 5, kit.entries()[6].leaf))

    code = exit_code("verify", kit.folder, "--roots", roots, "--receipts", folder, "--workers", 1)

    assert code == 1
    assert "V25 PROMISE_BROKEN receipt one (leaf 5)" in capsys.readouterr().out


# --- diff ---------------------------------------------------------------------------------------


def shortened(kit: Kit, tmp_path: Path) -> Path:
    """Return an older copy of the record: without its last leaf and head."""
    older = tmp_path / "older"
    shutil.copytree(kit.folder, older)
    lines = kit.lines
    (older / "leaves.txt").write_text("".join(f"{line}\n" for line in lines[:-1]))
    (older / "bodies" / f"{lines[-1].split(' ')[3]}.json").unlink()
    (older / "checkpoints" / f"{len(lines)}.txt").unlink()
    return older


def test_a_record_that_has_grown_extends_the_old_one(
    kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = shortened(kit, tmp_path)

    assert exit_code("diff", older, kit.folder) == 0
    printed = capsys.readouterr().out
    assert "1 leaves were added: 1 payout_batch" in printed
    assert "1 bodies were added" in printed
    assert "the new record extends the old one" in printed


def test_a_record_that_lost_something_does_not_extend_the_old_one(
    kit: Kit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    older = shortened(kit, tmp_path)

    assert exit_code("diff", kit.folder, older) == 1
    printed = capsys.readouterr().out
    assert f"leaves {len(kit.lines) - 1} to {len(kit.lines) - 1} were removed" in printed
    assert f"head {len(kit.lines)} was removed" in printed


def test_a_changed_body_is_named(
    good: GoodRecord, kit: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    body_altered(kit)

    assert exit_code("diff", good.folder, kit.folder) == 1
    assert "was changed" in capsys.readouterr().out


def test_a_leaf_that_was_signed_anew_is_named(
    good: GoodRecord, kit: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    index, _ = kit.of(OpeningResult)[-1]
    opened_value_altered(kit)

    assert exit_code("diff", good.folder, kit.folder) == 1
    assert f"line {index + 1} of the list of leaves was changed" in capsys.readouterr().out


# --- show ---------------------------------------------------------------------------------------


def test_a_request_is_explained_with_its_binding_and_its_start(
    kit: Kit, capsys: pytest.CaptureFixture[str]
) -> None:
    index, request = kit.of(OpeningRequest)[0]
    leaves = [entry.leaf for entry in kit.entries()]
    start = next(
        at
        for at, item in kit.of(OpeningStart)
        if index in {target.request_leaf for target in item.targets}
    )

    app(["show", str(kit.folder), str(index)], result_action="return_value")

    printed = capsys.readouterr().out
    assert f"leaf {index}: opening_request" in printed
    assert "names as signers (not verified here): wallet" in printed
    binding = leaves.index(request.binding_leaf)
    assert f"it refers to leaf {binding} (operator_binding)" in printed
    assert f"referred to by leaf {start} (opening_start)" in printed
    assert "V16: Openings requested, bound, once" in printed


def test_every_leaf_can_be_explained(kit: Kit, capsys: pytest.CaptureFixture[str]) -> None:
    seen = {entry.type: index for index, entry in enumerate(kit.entries())}

    for index in seen.values():
        app(["show", str(kit.folder), str(index)], result_action="return_value")

    assert capsys.readouterr().out.count("it says:") == len(seen)


def test_a_leaf_that_does_not_exist_is_unusable_input(kit: Kit) -> None:
    assert exit_code("show", kit.folder, 100_000) == 2


def test_a_head_that_a_partner_signed_later_is_no_change(kit: Kit, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(kit.folder, older)
    size, times = kit.heads()[-1]
    path = kit.folder / "checkpoints" / f"{size}.txt"
    note = SignedNote.from_bytes(path.read_bytes())
    late = TreeHead.from_text(note.text).cosigned(
        "late", SigningKey(b"l" * 32), max(times.values())
    )
    path.write_bytes(joined([note, late]).to_bytes())

    assert exit_code("diff", older, kit.folder) == 0
    assert exit_code("diff", kit.folder, older) == 1
