from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.packing.layout import (
    DAYS_MAX,
    PARTNERS_MAX,
    PERSON_DAY_CAP_UG,
    HeadroomError,
    Layout,
    LayoutDoesNotFitError,
    PlaintextAboveLayoutError,
    SlotCountError,
    SlotValueError,
    check_headroom,
    join_digits,
    pack,
    slots_of,
    split_digits,
    unpack,
)
from fedcarbon.units import MicrogramsCO2e

LAYOUT = Layout.for_modulus(512)
values = st.lists(st.integers(0, 2**56 - 1), min_size=4, max_size=4)


@pytest.mark.parametrize(("bits", "slots"), [(512, 4), (1024, 9), (2048, 18), (3072, 27)])
def test_a_modulus_holds_as_many_slots_as_the_parameter_table_says(bits: int, slots: int) -> None:
    layout = Layout.for_modulus(bits)

    assert layout.slots == slots == slots_of(bits)
    assert slots * 112 <= bits - 2 < (slots + 1) * 112


def test_layout_does_not_fit_modulus() -> None:
    for bits, slots in ((2048, 19), (3072, 28), (112, 1), (113, 1), (2048, 0), (2048, -1)):
        with pytest.raises(LayoutDoesNotFitError, match=f"{bits} bits"):
            Layout(modulus_bits=bits, slots=slots)
    with pytest.raises(LayoutDoesNotFitError):
        Layout.for_modulus(100)
    assert Layout(modulus_bits=114, slots=1).slots == 1


@given(first=values)
def test_what_is_packed_is_unpacked(first: list[int]) -> None:
    assert unpack(LAYOUT, pack(LAYOUT, first)) == tuple(first)


@given(
    rows=st.lists(st.lists(st.integers(0, 2**50), min_size=4, max_size=4), min_size=1, max_size=60)
)
def test_the_sum_of_plaintexts_holds_the_sum_of_every_slot(rows: list[list[int]]) -> None:
    total = sum(pack(LAYOUT, row) for row in rows)

    assert unpack(LAYOUT, total) == tuple(map(sum, zip(*rows, strict=True)))


@given(digits=st.lists(st.integers(0, 2**112 - 1), min_size=4, max_size=4))
def test_digits_of_any_content_come_back(digits: list[int]) -> None:
    assert split_digits(LAYOUT, join_digits(digits)) == tuple(digits)


def test_a_full_plaintext_stays_below_half_of_the_modulus() -> None:
    for bits in (512, 2048, 3072):
        layout = Layout.for_modulus(bits)

        largest = join_digits([2**112 - 1] * layout.slots)

        assert largest < 2 ** (bits - 2)


@pytest.mark.parametrize("value", [-1, 2**56])
def test_a_value_outside_its_bits_is_not_packed(value: int) -> None:
    with pytest.raises(SlotValueError, match="slot 2"):
        pack(LAYOUT, [0, 1, value, 3])


@pytest.mark.parametrize("count", [0, 3, 5])
def test_another_number_of_values_is_not_packed(count: int) -> None:
    with pytest.raises(SlotCountError):
        pack(LAYOUT, [1] * count)


@pytest.mark.parametrize("slot", [-1, 4])
def test_a_slot_that_does_not_exist_is_refused(slot: int) -> None:
    with pytest.raises(SlotCountError):
        LAYOUT.check_slot(slot)


PLAINTEXTS_NOBODY_PACKED = {
    "negative": -1,
    "a bit above the last slot": 1 << 448,
    "a slot above its value bits": 1 << (112 + 56),
    "the highest bit of the last slot": 1 << 447,
}


@pytest.mark.parametrize("name", PLAINTEXTS_NOBODY_PACKED)
def test_a_plaintext_that_nobody_packed_is_refused(name: str) -> None:
    with pytest.raises(PlaintextAboveLayoutError):
        unpack(LAYOUT, PLAINTEXTS_NOBODY_PACKED[name])


def test_the_default_limits_leave_headroom() -> None:
    check_headroom(partners_max=PARTNERS_MAX, days_max=DAYS_MAX, cap_ug=PERSON_DAY_CAP_UG)


def test_headroom_ends_exactly_at_the_value_bits() -> None:
    check_headroom(partners_max=1, days_max=1, cap_ug=MicrogramsCO2e(2**56 - 1))

    for partners, days, cap in ((1, 1, 2**56), (2, 2**28, 2**27), (0, 1, 1), (1, 0, 1), (1, 1, 0)):
        with pytest.raises(HeadroomError):
            check_headroom(partners_max=partners, days_max=days, cap_ug=MicrogramsCO2e(cap))
