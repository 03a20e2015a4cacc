"""Work that is cut into jobs, or done before its turn, finds what it finds in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from fedcarbon.audit import joins, reading_ahead
from fedcarbon.audit.checklist import Checklist
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.opened_bodies import AheadReader, OpenedBody
from fedcarbon.audit.reading_ahead import AHEAD, BodyJob, ReadingAhead, open_body
from fedcarbon.audit.report import Report
from fedcarbon.audit.source import LeafLine
from fedcarbon.canonical import statement as statements
from fedcarbon.cli.audit_folder import open_folder
from fedcarbon.errors import SignatureInvalidError
from fedcarbon.identity import list_check
from fedcarbon.registry.enrolment import EnrolmentBatch, PlaceBatch
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import Leaf
from tests.audit.conftest import audited, in_this_process
from tests.audit.kit import METRO, Kit
from tests.audit.tampered_claims import (
    claim_list_exchanged,
    commitments_exchanged,
    conflict_invented,
    other_claims_lost_for_trustees,
    verdict_with_a_token_less,
)
from tests.simulation.world import HUB


def said(report: Report) -> tuple[Any, ...]:
    """Return everything that a report says of the record."""
    lines = [(line.check, line.state, line.checked, line.left_out) for line in report.lines]
    return lines, report.findings, report.notes


def untouched(_: Kit) -> None:
    """Leave the record as it is."""


SPOILED = [
    untouched,
    claim_list_exchanged,
    commitments_exchanged,
    conflict_invented,
    other_claims_lost_for_trustees,
    verdict_with_a_token_less,
]


@pytest.mark.parametrize("spoil", SPOILED)
def test_small_jobs_find_what_large_ones_find(
    kit: Kit, spoil: Callable[[Kit], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(kit)
    whole = said(audited(kit.folder, kit.good.roots))
    monkeypatch.setattr(list_check, "RANGE_CLAIMS", 2)
    monkeypatch.setattr(joins, "RANGE_CLAIMS", 4)
    monkeypatch.setattr(joins, "LIST_CLAIMS", 1)
    monkeypatch.setattr(reading_ahead, "LEAVES_AT_ONCE", 1)
    monkeypatch.setattr(reading_ahead, "LEAVES_MIN", 1)

    assert said(audited(kit.folder, kit.good.roots)) == whole


# --- leaves that are opened ahead ----------------------------------------------------------------


def large_leaves(kit: Kit) -> dict[int, LeafLine]:
    """Return the leaves that are opened ahead, by index."""
    lines = (LeafLine.parse(line) for line in open_folder(kit.folder).leaf_lines())
    return {line.index: line for line in lines if Leaf.from_bytes(line.leaf).type in AHEAD}


def keyring(kit: Kit) -> dict[str, bytes]:
    return {name: key.public for name, key in kit.good.keys.items()}


def job(kit: Kit, line: LeafLine, keys: dict[str, bytes] | None = None) -> BodyJob:
    return BodyJob(
        source=open_folder(kit.folder),
        name=line.body_sha256.hex(),
        kind=AHEAD[Leaf.from_bytes(line.leaf).type],
        keyring=keyring(kit) if keys is None else keys,
    )


def first_opened(kit: Kit) -> tuple[bytes, OpenedBody]:
    """Return the first batch of enrolments as it lies in the record, and opened."""
    line = next(iter(large_leaves(kit).values()))
    body = open_folder(kit.folder).body(line.body_sha256.hex())
    opened = open_body(job(kit, line))
    assert body is not None
    assert opened is not None
    return body, opened


def test_what_is_opened_ahead_is_what_lies_in_the_leaf(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def mapper(work: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        asked.append(len(jobs))
        return in_this_process(work, jobs)

    monkeypatch.setattr(reading_ahead, "LEAVES_AT_ONCE", 2)
    monkeypatch.setattr(reading_ahead, "LEAVES_MIN", 1)
    source, large = open_folder(kit.folder), large_leaves(kit)
    lines = {line.index: line for line in map(LeafLine.parse, source.leaf_lines())}
    ahead = ReadingAhead(source, mapper, lines, keyring(kit))

    for index, line in lines.items():
        opened = ahead.opened(index)
        if index not in large:
            assert opened is None
            continue
        assert opened is not None
        envelope = Envelope.from_bytes(source.body(line.body_sha256.hex()) or b"")
        assert opened.envelope == envelope
        assert opened.statement == statements.decode(type(opened.statement), envelope.payload)
    assert len(large) > 4
    assert sum(asked) == len(large)
    assert max(asked) == 2


def test_nothing_is_said_ahead_of_a_body_in_which_something_does_not_hold(kit: Kit) -> None:
    line = next(iter(large_leaves(kit).values()))
    path = kit.folder / "bodies" / f"{line.body_sha256.hex()}.json"
    good = path.read_bytes()
    assert open_body(job(kit, line)) is not None

    assert open_body(job(kit, line, {})) is None
    assert open_body(job(kit, line, dict.fromkeys(keyring(kit), kit.good.keys[HUB].public))) is None
    path.write_bytes(good.replace(b"A", b"B"))
    assert open_body(job(kit, line)) is None
    path.unlink()
    assert open_body(job(kit, line)) is None


def test_a_signer_with_another_key_by_then_has_signed_nothing(kit: Kit) -> None:
    body, opened = first_opened(kit)
    reader, other = AheadReader(), kit.good.keys[HUB].public
    reader.expect(body, opened)

    assert reader.open_one(EnrolmentBatch, body, keyring(kit), opened.signer) is opened.statement
    with pytest.raises(SignatureInvalidError):
        reader.open_one(EnrolmentBatch, body, {opened.signer: other}, opened.signer)
    with pytest.raises(SignatureInvalidError):
        reader.open_one(EnrolmentBatch, body, keyring(kit), HUB)


def test_a_body_that_was_opened_ahead_does_not_stand_for_another(kit: Kit) -> None:
    body, opened = first_opened(kit)
    index, place = kit.of(PlaceBatch)[0]
    other = kit.entries()[index].body
    reader = AheadReader()
    reader.expect(body, opened)

    assert reader.parse(body) is opened.envelope
    assert reader.parse(other) == Envelope.from_bytes(other)
    assert reader.open_one(PlaceBatch, other, keyring(kit), HUB) == place
    reader.expect(other, None)
    assert reader.open_one(EnrolmentBatch, body, keyring(kit), METRO) == opened.statement


# --- reading and timing --------------------------------------------------------------------------


def test_a_part_of_a_file_is_read_like_a_slice_of_bytes(kit: Kit) -> None:
    source = open_folder(kit.folder)
    name = max(source.file_names(), key=lambda name: len(source.file(name) or b""))
    data = source.file(name) or b""
    whole, tail = source.slices(name), source.slices(name, skip=20)

    assert whole is not None
    assert tail is not None
    assert (len(whole), len(tail)) == (len(data), len(data) - 20)
    for part in (slice(0, 30), slice(7, 9), slice(5, 5), slice(len(data) - 3, len(data) + 9)):
        assert whole[part] == data[part]
        assert tail[part] == data[20:][part]
    assert source.slices("0" * 64) is None


def test_time_counts_for_the_innermost_line_only() -> None:
    now_ns = iter((0, 10, 13, 20, 100, 101))
    checklist = Checklist(lambda: next(now_ns))

    with checklist.timed(CheckId.LINKS), checklist.timed(CheckId.CLAIMS):
        pass
    with checklist.timed(CheckId.LINKS):
        pass

    spent = {line.check: line.elapsed_ns for line in checklist.lines() if line.elapsed_ns}
    assert spent == {CheckId.LINKS: 10 + 7 + 1, CheckId.CLAIMS: 3}
