from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.opening.masks import (
    EDGE_SLOT_MAX,
    FULL_SLOT_MAX,
    OpenedValueAboveHeadroomError,
    TargetsInvalidError,
    draw_mask,
    mask_bounds,
    read_opened,
)
from fedcarbon.packing.layout import (
    SLOT_WIDTH_BITS,
    VALUE_BOUND,
    Layout,
    PlaintextAboveLayoutError,
    SlotCountError,
    join_digits,
    pack,
    split_digits,
)
from fedcarbon.paillier.threshold_key import TRUSTEES_MAX
from fedcarbon.units import MicrogramsCO2e
from tests.vectors.stream import SeededStream

LAYOUT = Layout.for_modulus(2048)
TOP = LAYOUT.slots - 1
VALUE_MAX = VALUE_BOUND - 1

targets_of_a_block = st.sets(st.integers(0, TOP), min_size=1)


def caps(targets: set[int], cap: int = VALUE_MAX) -> dict[int, MicrogramsCO2e]:
    return dict.fromkeys(targets, MicrogramsCO2e(cap))


def largest_mask(targets: set[int]) -> int:
    return join_digits(draw_mask(LAYOUT, targets, lambda bound: bound - 1))


def test_the_edge_inequality_holds_with_the_carry_from_below() -> None:
    edge = TRUSTEES_MAX * EDGE_SLOT_MAX + VALUE_MAX + TRUSTEES_MAX

    assert edge < 2**SLOT_WIDTH_BITS
    assert 15 * 2**108 + 2**56 <= 2**112
    # Sixteen would not fit: the limit on trustees is this inequality.
    assert 16 * EDGE_SLOT_MAX + VALUE_MAX + 16 >= 2**SLOT_WIDTH_BITS


def test_a_mask_is_zero_in_targets_narrow_at_edges_and_full_elsewhere() -> None:
    bounds = mask_bounds(LAYOUT, {3, 4, 9})

    assert [slot for slot, bound in enumerate(bounds) if bound == 0] == [3, 4, 9]
    assert [slot for slot, bound in enumerate(bounds) if bound == EDGE_SLOT_MAX] == [2, 8, TOP]
    assert sum(bound == FULL_SLOT_MAX for bound in bounds) == LAYOUT.slots - 6


@given(targets=targets_of_a_block, seed=st.integers())
def test_a_drawn_mask_stays_in_its_bounds(targets: set[int], seed: int) -> None:
    mask = draw_mask(LAYOUT, targets, SeededStream(str(seed)).randbelow)

    bounds = mask_bounds(LAYOUT, targets)
    assert all(0 <= digit <= bound for digit, bound in zip(mask, bounds, strict=True))


def test_every_drawn_digit_is_asked_for_over_its_whole_range() -> None:
    asked: list[int] = []

    draw_mask(LAYOUT, {3}, lambda bound: asked.append(bound) or 0)

    assert asked == [bound + 1 for bound in mask_bounds(LAYOUT, {3})]
    assert set(asked) == {1, 2**108, 2**112}


@given(
    values=st.lists(st.integers(0, VALUE_MAX), min_size=TOP + 1, max_size=TOP + 1),
    targets=targets_of_a_block,
    trustees=st.integers(1, TRUSTEES_MAX),
    seed=st.integers(),
)
def test_masks_hide_other_slots_and_leave_the_targets(
    values: list[int], targets: set[int], trustees: int, seed: int
) -> None:
    randbelow = SeededStream(str(seed)).randbelow
    plaintext = pack(LAYOUT, values)

    for _ in range(trustees):
        plaintext += join_digits(draw_mask(LAYOUT, targets, randbelow))

    opened = read_opened(LAYOUT, plaintext, targets, caps(targets))
    assert opened == {slot: values[slot] for slot in targets}
    digits = split_digits(LAYOUT, plaintext)
    assert all(digits[slot] != values[slot] for slot in range(TOP + 1) if slot not in targets)


@pytest.mark.parametrize("trustees", [5, 7, 15])
@given(targets=targets_of_a_block)
def test_five_and_seven_trustees_no_carry(trustees: int, targets: set[int]) -> None:
    # The largest digits that exist, everywhere: the worst carry that there can be.
    plaintext = pack(LAYOUT, [VALUE_MAX] * LAYOUT.slots) + trustees * largest_mask(targets)

    opened = read_opened(LAYOUT, plaintext, targets, caps(targets))

    assert opened == dict.fromkeys(targets, VALUE_MAX)


@pytest.mark.parametrize("bits", [512, 2048, 3072])
def test_top_slot_no_wrap(bits: int) -> None:
    layout = Layout.for_modulus(bits)
    mask = join_digits(draw_mask(layout, {0}, lambda bound: bound - 1))

    plaintext = pack(layout, [VALUE_MAX] * layout.slots) + TRUSTEES_MAX * mask

    # Below every modulus of that length, so nothing wraps mod n.
    assert plaintext < 2 ** (layout.slots * SLOT_WIDTH_BITS) <= 2 ** (bits - 2)


def test_full_edges_would_carry_into_the_target_and_wrap() -> None:
    weak = join_digits([FULL_SLOT_MAX] * 3 + [0] + [FULL_SLOT_MAX] * (LAYOUT.slots - 4))
    plaintext = pack(LAYOUT, [0] * LAYOUT.slots) + 5 * weak

    assert (plaintext >> 3 * SLOT_WIDTH_BITS) % 2**SLOT_WIDTH_BITS != 0
    with pytest.raises(PlaintextAboveLayoutError):
        split_digits(LAYOUT, plaintext)


def test_opened_value_above_headroom() -> None:
    for value, cap in ((1001, 1000), (1, 0), (VALUE_BOUND, 2 * VALUE_BOUND), (2**111, VALUE_MAX)):
        plaintext = value << 2 * SLOT_WIDTH_BITS

        with pytest.raises(OpenedValueAboveHeadroomError, match="slot 2"):
            read_opened(LAYOUT, plaintext, {2}, caps({2}, cap))


def test_a_value_at_its_sum_of_caps_is_read() -> None:
    plaintext = 1000 << 2 * SLOT_WIDTH_BITS

    assert read_opened(LAYOUT, plaintext, [2], caps({2}, 1000)) == {2: 1000}


def test_a_mask_that_touches_a_target_shows_as_an_incident() -> None:
    wrong = join_digits([0, 0, 2**100] + [0] * (LAYOUT.slots - 3))
    plaintext = pack(LAYOUT, [5] * LAYOUT.slots) + wrong + largest_mask({2})

    with pytest.raises(OpenedValueAboveHeadroomError):
        read_opened(LAYOUT, plaintext, {2}, caps({2}))


def test_an_opening_without_targets_is_refused() -> None:
    with pytest.raises(TargetsInvalidError):
        mask_bounds(LAYOUT, set())
    with pytest.raises(TargetsInvalidError):
        read_opened(LAYOUT, 0, set(), {})
    with pytest.raises(TargetsInvalidError):
        read_opened(LAYOUT, 0, {2, 3}, caps({2}))


@pytest.mark.parametrize("slot", [-1, 18])
def test_a_target_that_does_not_exist_is_refused(slot: int) -> None:
    with pytest.raises(SlotCountError):
        mask_bounds(LAYOUT, {slot})
    with pytest.raises(SlotCountError):
        read_opened(LAYOUT, 0, {slot}, caps({slot}))


def test_a_masked_plaintext_above_the_layout_is_refused() -> None:
    with pytest.raises(PlaintextAboveLayoutError):
        read_opened(LAYOUT, 1 << LAYOUT.slots * SLOT_WIDTH_BITS, {2}, caps({2}))
