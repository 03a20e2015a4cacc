"""Revealed lists and the claims join on both engines: the same bytes, the same first error."""

from __future__ import annotations

import pytest

from fedcarbon.engine.port import Engine
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity import list_check
from fedcarbon.identity.claims import ClaimEntry, TokenList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.list_check import check_list
from fedcarbon.identity.ristretto import multiply_base
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.identity.verdicts import judge
from fedcarbon.ids import Claimant, PartyId, ProgrammeId
from hub.epochs import join_task
from hub.epochs.join_task import JUDGED, JudgeTask, rows_of
from hub.intake.list_task import ranges_through

CLAIMANTS = tuple(
    Claimant(ProgrammeId("city"), PartyId(name)) for name in ("bikes", "buses", "metro")
)
BEACON = bytes(range(64))
COUNT = 48


def listed(numbers: range) -> TokenList:
    return TokenList.from_entries(
        ClaimEntry(token=ClaimToken(number.to_bytes(16, "big")), rank=number % 3, salt=bytes(16))
        for number in numbers
    )


@pytest.fixture(autouse=True)
def _short_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join_task, "RANGE_CLAIMS", 40)
    monkeypatch.setattr(join_task, "LIST_CLAIMS", 0)
    monkeypatch.setattr(list_check, "RANGE_CLAIMS", 8)


def test_the_join_gives_the_same_verdicts_everywhere(here: Engine, cluster: Engine) -> None:
    lists = [listed(numbers) for numbers in (range(90), range(60, 150, 2), range(0, 150, 3))]
    earlier = [listed(range(10, 90, 7))]
    task = JudgeTask(claimants=CLAIMANTS, beacon=BEACON)

    one, other = (
        engine.map(
            task, rows_of([item.records for item in lists], [item.records for item in earlier])
        ).read_all()
        for engine in (here, cluster)
    )

    assert other.equals(one)
    assert one.num_rows > 3
    lost = judge(dict(zip(CLAIMANTS, lists, strict=True)), BEACON).lost
    for number, claimant in enumerate(CLAIMANTS):
        found = [tokens[number] for tokens in one.column("tokens").to_pylist()]
        assert b"".join(found) == b"".join(lost[claimant])


def test_no_claims_are_joined_to_nothing(here: Engine, cluster: Engine) -> None:
    task = JudgeTask(claimants=CLAIMANTS, beacon=BEACON)

    for engine in (here, cluster):
        assert engine.map(task, rows_of([], [])).read_all().equals(JUDGED.empty_table())


def checked_through(engine: Engine, tokens: bytes, pieces: CommitmentList) -> bytes:
    return check_list(
        tokens,
        pieces.to_bytes(),
        count=COUNT,
        root=pieces.root(),
        best_rank=0,
        quota=COUNT,
        run=ranges_through(engine),
    )


def test_a_list_is_checked_and_summed_everywhere(here: Engine, cluster: Engine) -> None:
    tokens = listed(range(COUNT))
    pieces = CommitmentList.of(tokens.hidden(), [multiply_base(7 + n) for n in range(COUNT)])

    sums = {checked_through(engine, tokens.to_bytes(), pieces) for engine in (here, cluster)}

    assert sums == {pieces.sum_without(())}


@pytest.mark.parametrize("code", ["DUPLICATE_TOKEN_IN_LIST", "MALFORMED_CLAIM_LIST"])
def test_a_bad_list_is_refused_by_the_same_code_everywhere(
    here: Engine, cluster: Engine, code: str
) -> None:
    tokens = listed(range(COUNT))
    pieces = CommitmentList.of(tokens.hidden(), [multiply_base(7 + n) for n in range(COUNT)])
    head, records = tokens.to_bytes()[: -len(tokens.records)], tokens.records
    width = len(records) // COUNT
    swapped = [records[n * width : (n + 1) * width] for n in range(COUNT)]
    swapped[20] = swapped[21] if code.startswith("DUPLICATE") else swapped[22]

    for engine in (here, cluster):
        with pytest.raises(FedcarbonError) as caught:
            checked_through(engine, head + b"".join(swapped), pieces)

        assert caught.value.code == code
        assert isinstance(caught.value.args[0], str)
