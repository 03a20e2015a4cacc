"""The full weighted check: no claim may hold another piece than the node's table says."""

from __future__ import annotations

import dataclasses

import pytest

from fedcarbon.audit.claim_table import (
    ClaimTable,
    PieceCommitmentsDifferError,
    check_claim_table,
    claim_table,
    claim_weights,
)
from fedcarbon.audit.sampling import DrawSource
from fedcarbon.errors import MalformedError
from fedcarbon.identity.commitment_list import piece_commitment
from fedcarbon.identity.ristretto import (
    ORDER,
    Element,
    ScalarInvalidError,
    element,
    pedersen,
    sum_of,
)
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.units import MicrogramsCO2e
from tests.chance import seeded
from tests.keys.ceremonies import dealt

SOURCE = DrawSource(
    beacon=bytes(range(64)), programme_id=ProgrammeId("city"), partner_id=PartyId("metro")
)
PIECES = [MicrogramsCO2e(piece) for piece in (970_000_000, 0, 485_000_000, 0)]
"""Two claims and two pads."""
CAP_UG = MicrogramsCO2e(50_000_000_000)
WEIGHT_OF_3 = 0xCFA69252CAAAF16B1214D0F2026F9B2F
"""Vector: what is checked must never change for a beacon that is in a record."""
BLINDINGS = [seeded(9).randrange(ORDER) for _ in PIECES]


@pytest.fixture(scope="module")
def generator() -> Element:
    return element(dealt().parameters.ristretto_generator)


def committed(generator: Element, pieces: list[MicrogramsCO2e]) -> list[bytes]:
    return [
        piece_commitment(piece, blinding, generator)
        for piece, blinding in zip(pieces, BLINDINGS, strict=True)
    ]


def test_an_honest_table_is_accepted(generator: Element) -> None:
    table = claim_table(SOURCE, PIECES, BLINDINGS)

    check_claim_table(SOURCE, table, committed(generator, PIECES), generator, CAP_UG)


def test_pad_with_value_full_check(generator: Element) -> None:
    """The partner claims more for a pad, which wins unseen and would cover an inflated sum."""
    inflated = committed(generator, [*PIECES[:3], MicrogramsCO2e(50_000_000_000)])
    table = claim_table(SOURCE, PIECES, BLINDINGS)

    with pytest.raises(PieceCommitmentsDifferError):
        check_claim_table(SOURCE, table, inflated, generator, CAP_UG)


def test_pads_cancel_each_other(generator: Element) -> None:
    """Two pads that add up to nothing pass a plain sum, and fail under weights."""
    more = MicrogramsCO2e(1_000)
    others = [PIECES[0], more, PIECES[2], MicrogramsCO2e(-more)]
    inflated = committed(generator, others)
    table = claim_table(SOURCE, PIECES, BLINDINGS)
    plain = pedersen(sum(PIECES), sum(BLINDINGS) % ORDER, generator)
    assert sum_of(inflated) == plain == sum_of(committed(generator, PIECES))  # type: ignore[arg-type]

    with pytest.raises(PieceCommitmentsDifferError):
        check_claim_table(SOURCE, table, inflated, generator, CAP_UG)


def test_a_table_of_another_epoch_is_not_this_ones(generator: Element) -> None:
    other = dataclasses.replace(SOURCE, beacon=bytes(64))
    table = claim_table(other, PIECES, BLINDINGS)

    with pytest.raises(PieceCommitmentsDifferError):
        check_claim_table(SOURCE, table, committed(generator, PIECES), generator, CAP_UG)


def test_a_shorter_table_is_refused(generator: Element) -> None:
    table = claim_table(SOURCE, PIECES[:3], BLINDINGS[:3])

    with pytest.raises(PieceCommitmentsDifferError):
        check_claim_table(SOURCE, table, committed(generator, PIECES), generator, CAP_UG)


def test_a_blinding_has_one_form(generator: Element) -> None:
    table = claim_table(SOURCE, PIECES, BLINDINGS)
    value = int.from_bytes(table.blinding, "little") + ORDER
    other = dataclasses.replace(table, blinding=value.to_bytes(32, "little"))

    with pytest.raises(ScalarInvalidError):
        check_claim_table(SOURCE, other, committed(generator, PIECES), generator, CAP_UG)
    with pytest.raises(MalformedError):
        ClaimTable(pieces_ug=(), blinding=b"")


def test_no_claim_is_worth_more_than_a_person_day(generator: Element) -> None:
    pieces = [*PIECES[:3], MicrogramsCO2e(CAP_UG + 1)]
    table = claim_table(SOURCE, pieces, BLINDINGS)

    with pytest.raises(PieceCommitmentsDifferError, match="claim 3 is above the cap"):
        check_claim_table(SOURCE, table, committed(generator, pieces), generator, CAP_UG)


def test_a_table_fitted_to_weights_that_were_known(generator: Element) -> None:
    """With weights of the beacon alone two entries can be bent until the sum holds again.

    Here the weak weights are small, so that the multiples are found by eye; with weights of 128
    bits and hundreds of claims a short vector of a lattice does the same.
    """
    weak = [3, 5, 7, 11]
    bent = [MicrogramsCO2e(PIECES[0] - 5), MicrogramsCO2e(3), *PIECES[2:]]
    assert sum(w * a for w, a in zip(weak, bent, strict=True)) == sum(
        w * a for w, a in zip(weak, PIECES, strict=True)
    )
    table = claim_table(SOURCE, bent, BLINDINGS)

    with pytest.raises(PieceCommitmentsDifferError):
        check_claim_table(SOURCE, table, committed(generator, PIECES), generator, CAP_UG)


def test_a_weight_depends_on_its_claim_and_on_the_whole_table() -> None:
    weights = claim_weights(SOURCE, PIECES)

    assert len(set(weights)) == len(PIECES)
    assert weights[3] == WEIGHT_OF_3
    others = claim_weights(SOURCE, [*PIECES[:3], MicrogramsCO2e(1)])
    assert not set(weights) & set(others)
