import csv
from pathlib import Path

from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.importing.rejects_file import RejectsFile
from partner_node.importing.table_file import Reject


def _reject(row: int, subject: str, reason: RejectReason) -> Reject:
    return Reject(row=row, subject=subject, reason=reason, detail="a sentence, with a comma")


def test_rejects_are_written_and_counted_by_reason(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsFile(path) as file:
        file.add(_reject(3, "ride-3", RejectReason.NO_DISTANCE))
        file.add(_reject(5, "骑行", RejectReason.NOT_UTF8))
        file.add(_reject(9, "ride-9", RejectReason.NO_DISTANCE))
        counts = file.counts()

    with path.open(encoding="utf-8", newline="") as written:
        rows = list(csv.DictReader(written))
    assert counts == {RejectReason.NOT_UTF8: 1, RejectReason.NO_DISTANCE: 2}
    assert [tuple(row.values()) for row in rows] == [
        ("3", "ride-3", "no_distance", "a sentence, with a comma"),
        ("5", "骑行", "not_utf8", "a sentence, with a comma"),
        ("9", "ride-9", "no_distance", "a sentence, with a comma"),
    ]


def test_an_id_cannot_become_a_formula_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "rejects.csv"
    with RejectsFile(path) as file:
        file.add(_reject(1, "=HYPERLINK(1)", RejectReason.MALFORMED_ROW))

    assert "\n1,'=HYPERLINK(1)," in path.read_text(encoding="utf-8")
