"""Masks: what hides the other accounts of a block when one of them is opened.

Every trustee of the subset S encrypts one mask; the block's ciphertext times all masks is opened.
With W = 112, a mask holds in slot j a number uniform in

    [0, 0]            if j is a target;
    [0, 2^108 - 1]    if j + 1 is a target, or j is the top slot (an edge);
    [0, 2^112 - 1]    otherwise (a full slot).

Nothing carries into a target and nothing wraps. Let T <= 15 trustees mask
(`TRUSTEES_MAX` of `fedcarbon.paillier.threshold_key`) and v_j < 2^56:

* what is carried out of a full slot is at most T: T (2^112 - 1) + v_j + T < (T + 1) 2^112, where
  the last T is the carry that came in from below;
* an edge holds at most T (2^108 - 1) + (2^56 - 1) + T = T 2^108 + 2^56 - 1
  <= 15 * 2^108 + 2^56 - 1 < 2^112, the carry from below included: it carries nothing;
* a target receives no carry, because the slot below it is an edge or a target; it holds v_j.

Full slots hide perfectly within their run, since the digits beyond 2^112 move on; an edge hides
up to 2^56 / 2^108. One mask serves one attempt only. That a trustee's mask has this shape is
proved by the slot range proof with `mask_bounds` as its caps (`fedcarbon.opening.mask_proofs`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import ClassVar, Final

from fedcarbon.errors import CallerError, PeerError
from fedcarbon.packing.layout import (
    FULL_SLOT_MAX,
    SLOT_WIDTH_BITS,
    VALUE_BOUND,
    Layout,
    split_digits,
)
from fedcarbon.units import MicrogramsCO2e

EDGE_SLOT_MAX: Final = (1 << (SLOT_WIDTH_BITS - 4)) - 1
"""Largest digit of a mask in the slot below a target and in the top slot: 2^108 - 1."""


class TargetsInvalidError(CallerError):
    """No target slot, or a target without a sum of caps."""

    code: ClassVar[str] = "TARGETS_INVALID"


class OpenedValueAboveHeadroomError(PeerError):
    """An opened value that no honest set of submissions and masks can give: an incident."""

    code: ClassVar[str] = "OPENED_VALUE_ABOVE_HEADROOM"


def mask_bounds(layout: Layout, targets: Collection[int]) -> tuple[int, ...]:
    """Return the largest digit that a mask may hold, per slot.

    Args:
        layout: the block's layout.
        targets: the slots that are opened, at least one.

    Raises:
        TargetsInvalidError: there is no target.
        SlotCountError: a target is not a slot of the layout.
    """
    if not targets:
        raise TargetsInvalidError("an opening needs at least one target slot")
    for slot in targets:
        layout.check_slot(slot)
    top = layout.slots - 1
    return tuple(
        0
        if slot in targets
        else EDGE_SLOT_MAX
        if slot == top or slot + 1 in targets
        else FULL_SLOT_MAX
        for slot in range(layout.slots)
    )


def draw_mask(
    layout: Layout, targets: Collection[int], randbelow: Callable[[int], int]
) -> tuple[int, ...]:
    """Return the digits of a fresh mask, one per slot.

    Args:
        layout: the block's layout.
        targets: the slots that are opened, at least one.
        randbelow: uniform in [0, bound) from a CSPRNG.

    Raises:
        TargetsInvalidError, SlotCountError: see `mask_bounds`.
    """
    return tuple(randbelow(bound + 1) for bound in mask_bounds(layout, targets))


def read_opened(
    layout: Layout,
    plaintext: int,
    targets: Collection[int],
    caps_so_far: Mapping[int, MicrogramsCO2e],
) -> dict[int, MicrogramsCO2e]:
    """Return the cumulative sum of every target, v_j = (M >> W j) mod 2^W.

    Args:
        layout: the block's layout.
        plaintext: M, the opened block with all its masks.
        targets: the slots that were to be opened.
        caps_so_far: per target the sum of caps of its account over all partners and days up to
            the opened epoch, in ug CO2e; the verifier computes it from the record.

    Raises:
        TargetsInvalidError: there is no target, or one has no entry in `caps_so_far`.
        SlotCountError: a target is not a slot of the layout.
        PlaintextAboveLayoutError: the plaintext has bits above the last slot.
        OpenedValueAboveHeadroomError: a value is above its sum of caps: a mask touched a target,
            or a partner submitted more than its cap. Keep the evidence, credit nothing.
    """
    if not targets or any(slot not in caps_so_far for slot in targets):
        raise TargetsInvalidError("every opening has targets, and every target a sum of caps")
    for slot in targets:
        layout.check_slot(slot)
    digits = split_digits(layout, plaintext)
    for slot in sorted(targets):
        # The caps bound what may be read; 2^56 bounds the caps (checked at configuration).
        if digits[slot] > caps_so_far[slot] or digits[slot] >= VALUE_BOUND:
            raise OpenedValueAboveHeadroomError(
                f"slot {slot} opens above its sum of caps of {caps_so_far[slot]} ug"
            )
    return {slot: MicrogramsCO2e(digits[slot]) for slot in sorted(targets)}
