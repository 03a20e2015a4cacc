"""Files that change while they are audited: what was found good stands for nothing else."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.audit.claims import judge_range
from fedcarbon.audit.commitment_files import judge_pieces
from fedcarbon.audit.joins import judge_tokens
from fedcarbon.audit.report import Report
from fedcarbon.audit.source import FileShortenedError
from fedcarbon.audit.verify import Tools, verify
from fedcarbon.cli.audit_folder import open_folder
from fedcarbon.epoch.statements import ClaimList
from fedcarbon.identity import claims
from fedcarbon.identity.claim_ranges import ranges_of
from fedcarbon.identity.claims import (
    RECORD_BYTES,
    MalformedClaimListError,
    TokenList,
    claim_record,
    hidden_claims,
)
from fedcarbon.identity.commitment_list import CommitmentList
from tests.audit.kit import LAST_DAY, Kit
from tests.audit.remembered_proofs import remembering_proofs


def audited_while(
    kit: Kit, work: Callable[[Any], Any], change: Callable[[], None], name: str = ""
) -> Report:
    """Audit a record that changes when some work is about to be done, on the file of a name."""

    def mapper(wanted: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        if wanted is work and any(not name or job.name == name for job in jobs):
            change()
        return map(wanted, jobs)

    tools = Tools(
        mapper=mapper,
        watcher=lambda *_: None,
        randbelow=secrets.randbelow,
        stopwatch_ns=lambda: 0,
    )
    with remembering_proofs():
        return verify(open_folder(kit.folder), kit.good.roots, tools)


def found_in(report: Report) -> set[tuple[str, str]]:
    return {(found.check.value, found.code) for found in report.findings}


def a_list(kit: Kit) -> tuple[int, ClaimList]:
    return next(found for found in kit.of(ClaimList, epoch=LAST_DAY) if found[1].count)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: len(claims.FILE_MAGIC) + RECORD_BYTES // 2])


def test_tokens_are_those_whose_commitments_had_the_logged_root(kit: Kit) -> None:
    """Both files of a list are exchanged after its commitments were checked for the link proof."""
    index, item = a_list(kit)
    tokens, pieces = kit.file(item.file_sha256), kit.file(item.commitments_sha256)
    found = CommitmentList.from_bytes(pieces.read_bytes())
    others = TokenList.from_bytes(
        claims.FILE_MAGIC
        + b"".join(
            claim_record(number.to_bytes(16, "big"), 5, bytes(16)) for number in range(item.count)
        )
    )

    def exchange() -> None:
        tokens.write_bytes(others.to_bytes())
        pieces.write_bytes(
            CommitmentList.of(hidden_claims(others.records), found.commitments()).to_bytes()
        )

    report = audited_while(kit, judge_range, exchange)

    assert ("V12", "LIST_DIFFERS_FROM_ROOT", index) in {
        (found.check.value, found.code, found.leaf) for found in report.findings
    }


@pytest.mark.parametrize("change", [Path.unlink, cut_short])
@pytest.mark.parametrize("work", [judge_range, judge_tokens])
def test_a_token_file_that_shrinks_is_found_and_ends_no_audit(
    kit: Kit, work: Callable[[Any], Any], change: Callable[[Path], None]
) -> None:
    path, done = kit.file(a_list(kit)[1].file_sha256), itertools.count()

    report = audited_while(kit, work, lambda: None if next(done) else change(path))

    assert ("V01", FileShortenedError.code) in found_in(report)


@pytest.mark.parametrize("change", [Path.unlink, cut_short])
def test_a_commitment_file_that_shrinks_is_found_and_ends_no_audit(
    kit: Kit, change: Callable[[Path], None]
) -> None:
    path = kit.file(a_list(kit)[1].commitments_sha256)

    report = audited_while(kit, judge_pieces, lambda: change(path), path.name)

    assert ("V01", FileShortenedError.code) in found_in(report)


def test_a_slice_that_is_not_there_any_more_is_no_slice(kit: Kit) -> None:
    item = a_list(kit)[1]
    file = open_folder(kit.folder).slices(item.file_sha256.hex())
    assert file is not None
    cut_short(kit.file(item.file_sha256))

    with pytest.raises(FileShortenedError):
        file[0 : len(file)]
    kit.file(item.file_sha256).unlink()
    with pytest.raises(FileShortenedError):
        file[0:1]


def test_lists_that_do_not_ascend_are_not_cut_for_ever() -> None:
    records = b"".join(claim_record(bytes((9 - n,)) * 16, 0, bytes(16)) for n in range(9))

    with pytest.raises(MalformedClaimListError):
        list(ranges_of([records], 2))
