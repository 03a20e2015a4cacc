"""The claims join as a task of an engine: the verdicts of `judge`, whatever the rows are."""

from __future__ import annotations

import struct
import tracemalloc
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.engine.local import LocalEngine
from fedcarbon.epoch.lost_positions import positions_of
from fedcarbon.identity.claims import ClaimEntry, TokenList
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.identity.verdicts import judge
from fedcarbon.ids import Claimant, PartyId, ProgrammeId
from fedcarbon.wire.processes import ProcessMap
from hub.epochs import join_task
from hub.epochs.join_task import JudgeTask, rows_of
from hub.record.content_store import FileSlices

CLAIMANTS = tuple(
    Claimant(ProgrammeId(programme), PartyId(partner))
    for programme, partner in (("one", "bikes"), ("one", "metro"), ("two", "metro"))
)
Ranks = dict[int, int]
"""Token number to rank."""

rank_tables = st.dictionaries(
    st.integers(min_value=0, max_value=40), st.integers(min_value=0, max_value=2), max_size=30
)


def listed(ranks: Ranks) -> TokenList:
    return TokenList.from_entries(
        ClaimEntry(token=ClaimToken(number.to_bytes(16, "big")), rank=rank, salt=bytes(16))
        for number, rank in ranks.items()
    )


@settings(deadline=None)
@given(
    new=st.lists(rank_tables, min_size=3, max_size=3),
    old=st.lists(rank_tables, max_size=3),
    beacon=st.binary(min_size=64, max_size=64),
    claims_max=st.integers(min_value=1, max_value=40),
)
def test_ranges_give_the_verdicts_of_the_whole(
    new: list[Ranks], old: list[Ranks], beacon: bytes, claims_max: int
) -> None:
    lists, earlier = [listed(ranks) for ranks in new], [listed(ranks) for ranks in old]
    with patch.multiple(join_task, RANGE_CLAIMS=claims_max, LIST_CLAIMS=0):
        rows = rows_of([own.records for own in lists], [own.records for own in earlier])
        task = JudgeTask(claimants=CLAIMANTS, beacon=beacon)
        found = LocalEngine(ProcessMap(1)).map(task, rows).read_all().to_pylist()

    expected = judge(dict(zip(CLAIMANTS, lists, strict=True)), beacon).lost
    for number, claimant in enumerate(CLAIMANTS):
        lost = expected[claimant]
        assert b"".join(row["tokens"][number] for row in found) == b"".join(lost)
        positions = positions_of(lists[number].tokens(), lost)
        number_bytes = struct.pack(f">{len(positions)}I", *positions)
        assert b"".join(row["positions"][number] for row in found) == number_bytes
    repeated = set(chain.from_iterable(new)) & set(chain.from_iterable(old))
    holders = {
        token: join_task.numbers_in(numbers)
        for row in found
        for token, numbers in zip(row["repeated"], row["holders"], strict=True)
    }
    assert list(holders.items()) == [
        (
            number.to_bytes(16, "big"),
            tuple(place for place, ranks in enumerate([*new, *old]) if number in ranks),
        )
        for number in sorted(repeated)
    ]


def test_memory_follows_the_ranges_and_not_the_lists(tmp_path: Path) -> None:
    count = 60_000
    for number in range(3):
        records = (
            (3 * position + number).to_bytes(16, "big") + bytes(17) for position in range(count)
        )
        (tmp_path / str(number)).write_bytes(b"".join(records))
    with ExitStack() as stack:
        lists = [stack.enter_context(FileSlices(tmp_path / str(n))) for n in range(3)]
        stack.enter_context(patch.multiple(join_task, RANGE_CLAIMS=1 << 10, LIST_CLAIMS=0))
        task = JudgeTask(claimants=CLAIMANTS, beacon=bytes(64))
        # What is imported at the first use is nobody's row.
        LocalEngine(ProcessMap(1)).map(task, rows_of([bytes(33)] * 3, [])).read_all()
        tracemalloc.start()
        stack.callback(tracemalloc.stop)

        found = LocalEngine(ProcessMap(1)).map(task, rows_of(lists, [])).read_all()

        _, peak = tracemalloc.get_traced_memory()
    assert found.num_rows > 3 * count >> 10
    assert peak < sum(map(len, lists)) // 10
