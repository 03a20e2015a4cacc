"""The layout of a packed plaintext: k slots of W bits, one account per slot.

    M = sum over j of v_j 2^(W j),  0 <= v_j < 2^56,  k W <= |n| - 2, so that M < n

A slot is twice as wide as a value. Values add up over partners and days in the lower half; the
upper half is for masks at an opening (`fedcarbon.opening.masks`) and for the proofs' arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.errors import CallerError, ConfigurationError, PeerError
from fedcarbon.units import UG_PER_KILOGRAM, VALUE_BITS, MicrogramsCO2e

SLOT_WIDTH_BITS: Final = 112
"""W: width of a slot in bits."""

FULL_SLOT_MAX: Final = (1 << SLOT_WIDTH_BITS) - 1
"""Largest digit of a slot that is filled to its top: a mask's, a noise's."""

VALUE_BOUND: Final = 1 << VALUE_BITS
"""Every value, and every sum of values that is ever opened, is below this."""

PARTNERS_MAX: Final = 256
"""Most partners of one exclusivity domain."""

DAYS_MAX: Final = 3_660
"""Most local days that one cumulative sum covers: ten years."""

PERSON_DAY_CAP_UG: Final = MicrogramsCO2e(50 * UG_PER_KILOGRAM)
"""Default cap per person and day in ug CO2e. 256 * 3 660 * 5 * 10^10 < 4.7 * 10^16 < 2^56."""

# One sign bit and one spare bit below |n|: M < 2^(|n| - 2) < n / 2 (DESIGN section 8).
_SPARE_BITS: Final = 2


class LayoutDoesNotFitError(ConfigurationError):
    """More slots than the modulus has room for, or none at all."""

    code: ClassVar[str] = "LAYOUT_DOES_NOT_FIT"


class HeadroomError(ConfigurationError):
    """Limits under which a sum could outgrow the value bits of a slot."""

    code: ClassVar[str] = "HEADROOM"


class SlotCountError(CallerError):
    """Another number of values than the layout has slots, or a slot that does not exist."""

    code: ClassVar[str] = "SLOT_COUNT"


class SlotValueError(CallerError):
    """A value to pack that is negative or not below 2^56."""

    code: ClassVar[str] = "SLOT_VALUE"


class PlaintextAboveLayoutError(PeerError):
    """A plaintext with bits above the last slot, or a slot with bits above its value bits."""

    code: ClassVar[str] = "PLAINTEXT_ABOVE_LAYOUT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How many slots of `SLOT_WIDTH_BITS` a plaintext has; a layout that exists fits."""

    modulus_bits: int
    """|n|, the bit length of the Paillier modulus."""
    slots: int
    """k: 18 at 2048 bits, 27 at 3072."""

    def __post_init__(self) -> None:
        """Check that the slots fit.

        Raises:
            LayoutDoesNotFitError: no slot, or k W > |n| - 2.
        """
        if self.slots < 1 or self.slots * SLOT_WIDTH_BITS > self.modulus_bits - _SPARE_BITS:
            raise LayoutDoesNotFitError(
                f"{self.slots} slots of {SLOT_WIDTH_BITS} bits do not fit a modulus of "
                f"{self.modulus_bits} bits: at most {slots_of(self.modulus_bits)}, at least 1"
            )

    @classmethod
    def for_modulus(cls, modulus_bits: int) -> Layout:
        """Return the layout with as many slots as fit a modulus of that length.

        Raises:
            LayoutDoesNotFitError: not even one slot fits.
        """
        return cls(modulus_bits=modulus_bits, slots=slots_of(modulus_bits))

    def check_slot(self, slot: int) -> None:
        """Accept a slot number.

        Raises:
            SlotCountError: not in [0, k).
        """
        if not 0 <= slot < self.slots:
            raise SlotCountError(f"there is no slot {slot} among {self.slots}")


def slots_of(modulus_bits: int) -> int:
    """Return floor((|n| - 2) / W), the most slots that fit."""
    return (modulus_bits - _SPARE_BITS) // SLOT_WIDTH_BITS


def pack(layout: Layout, values: Sequence[int]) -> int:
    """Return M = sum v_j 2^(W j) for one value in ug CO2e per slot.

    Raises:
        SlotCountError: not exactly one value per slot.
        SlotValueError: a value is negative or not below 2^56.
    """
    if len(values) != layout.slots:
        raise SlotCountError(f"{layout.slots} slots need as many values, not {len(values)}")
    for slot, value in enumerate(values):
        if not 0 <= value < VALUE_BOUND:
            raise SlotValueError(
                f"the value of slot {slot} is negative or not below 2^{VALUE_BITS}"
            )
    return join_digits(values)


def unpack(layout: Layout, plaintext: int) -> tuple[MicrogramsCO2e, ...]:
    """Return the sums that an unmasked plaintext holds, one per slot.

    Args:
        layout: the layout that it was packed with.
        plaintext: a sum of packed plaintexts.

    Raises:
        PlaintextAboveLayoutError: a sum is not below 2^56, or there are bits above the last slot:
            somebody packed what `pack` refuses.
    """
    digits = split_digits(layout, plaintext)
    for slot, digit in enumerate(digits):
        if digit >= VALUE_BOUND:
            raise PlaintextAboveLayoutError(f"the sum in slot {slot} is not below 2^{VALUE_BITS}")
    return tuple(MicrogramsCO2e(digit) for digit in digits)


def join_digits(digits: Sequence[int]) -> int:
    """Return sum d_j 2^(W j) of digits in [0, 2^W); the inverse of `split_digits`."""
    total = 0
    for digit in reversed(digits):
        assert 0 <= digit < 1 << SLOT_WIDTH_BITS, "a digit fits its slot"
        total = total << SLOT_WIDTH_BITS | digit
    return total


def split_digits(layout: Layout, plaintext: int) -> tuple[int, ...]:
    """Return the k digits of W bits of a plaintext, whatever they hold.

    Raises:
        PlaintextAboveLayoutError: the plaintext is negative or has bits above the last slot.
    """
    if plaintext < 0 or plaintext.bit_length() > layout.slots * SLOT_WIDTH_BITS:
        raise PlaintextAboveLayoutError(f"the plaintext has more than {layout.slots} slots")
    mask = (1 << SLOT_WIDTH_BITS) - 1
    return tuple(plaintext >> SLOT_WIDTH_BITS * slot & mask for slot in range(layout.slots))


def check_headroom(*, partners_max: int, days_max: int, cap_ug: MicrogramsCO2e) -> None:
    """Accept limits under which no cumulative sum can outgrow its slot.

    Called when a programme is configured, so that it never happens at run time:
    partners_max * days_max * cap < 2^56.

    Args:
        partners_max: most partners that may submit for one account.
        days_max: most days that a cumulative sum covers.
        cap_ug: cap per person, partner and day in ug CO2e.

    Raises:
        HeadroomError: a limit is not positive, or the product is 2^56 or more.
    """
    if min(partners_max, days_max, cap_ug) < 1:
        raise HeadroomError("partners, days and cap must be positive")
    if partners_max * days_max * cap_ug >= VALUE_BOUND:
        raise HeadroomError(
            f"{partners_max} partners * {days_max} days * {cap_ug} ug is not below "
            f"2^{VALUE_BITS} ug: lower one of them"
        )
