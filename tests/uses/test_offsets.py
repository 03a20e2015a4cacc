"""What a beneficiary surrenders for one obligation adds up, whatever lots it comes from."""

from __future__ import annotations

import pytest

from fedcarbon.errors import CallerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.uses.lot import LotRetirement, Obligation, Offsets
from fedcarbon.uses.offer import LotRules

RULES = LotRules(
    parameter_id=bytes(32),
    programme_id=ProgrammeId("carbon"),
    rules_id="first",
    excluded_regimes=(),
    price_floor_fen=0,
    offset_parts=1,
    offset_of=20,
)


def retirement(tonnes: int, name: str = "cn-2026", amount_kg: int = 100_000) -> LotRetirement:
    return LotRetirement(
        parameter_id=bytes(32),
        programme_id=ProgrammeId("carbon"),
        lot_id=bytes(16),
        beneficiary="a plant",
        serial_first=1,
        serial_last=tonnes,
        obligation=Obligation(obligation_id=name, amount_kg=amount_kg),
    )


def test_an_obligation_cannot_be_offset_in_small_pieces_beyond_its_part() -> None:
    offsets = Offsets()
    for _ in range(5):  # a twentieth of 100 t
        offsets.take(retirement(1), RULES)

    with pytest.raises(CallerError) as refused:
        offsets.take(retirement(1), RULES)

    assert refused.value.code == "OFFSET_LIMIT"
    offsets.take(retirement(5, "cn-2027"), RULES)  # another year is another obligation


def test_an_obligation_does_not_grow_with_what_is_surrendered() -> None:
    offsets = Offsets()
    offsets.take(retirement(5), RULES)

    with pytest.raises(CallerError) as refused:
        offsets.take(retirement(1, amount_kg=120_000), RULES)

    assert refused.value.code == "OBLIGATION_DIFFERS"
