"""Revealed lists, checked range by range: where the cuts fall changes nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.errors import FedcarbonError
from fedcarbon.identity import claims, commitment_list, list_check
from fedcarbon.identity.claims import (
    ClaimEntry,
    DuplicateTokenInListError,
    MalformedClaimListError,
    TokenList,
)
from fedcarbon.identity.commitment_list import (
    CommitmentInvalidError,
    CommitmentList,
    MalformedCommitmentsError,
)
from fedcarbon.identity.list_check import check_list
from fedcarbon.identity.ristretto import (
    IDENTITY,
    Point,
    difference,
    multiply_base,
    sum_of,
    sum_of_elements,
)
from fedcarbon.identity.tokens import ClaimToken

COUNT = 12
LIST = TokenList.from_entries(
    ClaimEntry(token=ClaimToken(bytes([number]) * 16), rank=number % 6, salt=bytes(16))
    for number in range(COUNT)
)
PIECES = CommitmentList.of(LIST.hidden(), [multiply_base(number + 1) for number in range(COUNT)])
TOP_BIT = PIECES.commitments()[3][:-1] + bytes([PIECES.commitments()[3][-1] | 0x80])


@pytest.fixture(params=[1, 4, 8, 16])
def _ranges(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_check, "RANGE_CLAIMS", request.param)


def check(tokens: TokenList | bytes, pieces: CommitmentList) -> Point:
    data = tokens if isinstance(tokens, bytes) else tokens.to_bytes()
    return check_list(
        data, pieces.to_bytes(), count=COUNT, root=pieces.root(), best_rank=0, quota=COUNT
    )


@pytest.mark.usefixtures("_ranges")
def test_a_good_list_is_summed_whatever_the_ranges_are() -> None:
    assert check(LIST, PIECES) == PIECES.sum_without(())


@pytest.mark.usefixtures("_ranges")
@pytest.mark.parametrize("position", range(COUNT - 1))
def test_tokens_that_do_not_ascend_are_found_between_ranges_too(position: int) -> None:
    size = claims.RECORD_BYTES
    before, after = LIST.records[: position * size], LIST.records[(position + 2) * size :]
    first, second = (LIST.records[(position + n) * size :][:size] for n in (0, 1))

    with pytest.raises(DuplicateTokenInListError):
        check(claims.FILE_MAGIC + before + first + first + after, PIECES)
    with pytest.raises(MalformedClaimListError, match="ascend"):
        check(claims.FILE_MAGIC + before + second + first + after, PIECES)


@pytest.mark.usefixtures("_ranges")
@pytest.mark.parametrize(
    "encoding", [bytes(32), b"\xff" * 32, b"\x01" + bytes(31), TOP_BIT], ids=bytes.hex
)
@pytest.mark.parametrize("position", [0, 5, 11])
def test_the_first_commitment_that_is_no_element_is_named(encoding: bytes, position: int) -> None:
    values = PIECES.commitments()
    values[position] = values[-1] = encoding
    pieces = CommitmentList.of(LIST.hidden(), values)

    with pytest.raises(CommitmentInvalidError, match=rf"at {position} "):
        check(LIST, pieces)
    with pytest.raises(CommitmentInvalidError, match=rf"at {position}:"):
        pieces.check_elements()


def test_what_is_no_commitment_file_is_called_so() -> None:
    with pytest.raises(MalformedCommitmentsError):
        check_list(LIST.to_bytes(), b"", count=COUNT, root=bytes(32), best_rank=0, quota=COUNT)


@settings(deadline=None)
@given(
    tokens=st.binary(max_size=150) | st.just(LIST.records),
    pieces=st.binary(max_size=300) | st.just(PIECES.records),
    count=st.integers(min_value=0, max_value=COUNT),
    magic=st.booleans(),
)
def test_arbitrary_files_are_a_list_or_a_known_error(
    tokens: bytes, pieces: bytes, count: int, *, magic: bool
) -> None:
    data = claims.FILE_MAGIC + tokens if magic else tokens
    try:
        check_list(
            data,
            commitment_list.FILE_MAGIC + pieces,
            count=count,
            root=PIECES.root(),
            best_rank=0,
            quota=COUNT,
        )
    except FedcarbonError:
        return

    assert (tokens, pieces, count) == (LIST.records, PIECES.records, COUNT)


def test_points_that_cancel_out_are_elements_all_the_same() -> None:
    point = Point(multiply_base(7))
    minus = difference(IDENTITY, point)

    assert sum_of_elements([point, minus, point, minus]) == (IDENTITY, None)
    assert sum_of_elements([point, minus, bytes(32)]) == (IDENTITY, 2)
    assert sum_of_elements([]) == (IDENTITY, None)
    assert difference(sum_of([point, point]), point) == point
