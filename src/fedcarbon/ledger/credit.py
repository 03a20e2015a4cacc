"""Credits: an opened sum becomes spendable grams, by its difference to the one before.

Opened sums are cumulative (DESIGN section 8), so the credits of an account form a chain: each
starts from the sum at which the last one ended. A gram of a sum that was opened twice is credited
once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.errors import (
    OpenedSumDecreasedError,
    OpeningIdReusedError,
    OpeningOutOfOrderError,
)
from fedcarbon.ledger.transfer import Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.units import MASS_UG_MAX, MicrogramsCO2e

_LABEL: Final = b"opening"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpeningCredit:
    """What one opening credits to one account."""

    programme: ProgrammeId
    vintage: Vintage
    """The year of the opened epochs; no opening spans a year end."""
    account_token: bytes
    opening_id: bytes
    """32 bytes."""
    previous_opened_ug: MicrogramsCO2e
    """opened(e0), 0 for the first opening."""
    opened_ug: MicrogramsCO2e
    """opened(e)."""

    def __post_init__(self) -> None:
        """Check sizes and that the sum did not shrink."""
        if len(self.opening_id) != DIGEST_BYTES:
            raise MalformedError(f"an opening id has {DIGEST_BYTES} bytes")
        MassUnit(programme=self.programme, vintage=self.vintage)
        holder_account(AccountKind.SPENDABLE, self.account_token)
        if not 0 <= self.previous_opened_ug <= MASS_UG_MAX or self.opened_ug > MASS_UG_MAX:
            raise MalformedError(f"an opened sum is 0 to {MASS_UG_MAX} ug")
        if self.opened_ug < self.previous_opened_ug:
            raise OpenedSumDecreasedError(
                f"opening {self.opening_id.hex()} is below the sum that it follows; "
                "whoever computed it must check both openings"
            )

    @property
    def credited_ug(self) -> MicrogramsCO2e:
        """opened(e) - opened(e0)."""
        return MicrogramsCO2e(self.opened_ug - self.previous_opened_ug)


def transfer_of(credit: OpeningCredit) -> Transfer | None:
    """Return the transfer of `credit`, or None if the sum did not grow."""
    if credit.credited_ug == 0:
        return None
    return Transfer(
        transfer_id=derived_transfer_id(
            _LABEL, credit.programme.encode(), credit.account_token, credit.opening_id
        ),
        debit=programme_account(AccountKind.ISSUANCE, credit.programme),
        credit=holder_account(AccountKind.SPENDABLE, credit.account_token),
        unit=MassUnit(programme=credit.programme, vintage=credit.vintage),
        amount=credit.credited_ug,
        phase=Phase.SINGLE,
        resolves=None,
    )


def check_follows(
    credit: OpeningCredit, *, same_opening: OpeningCredit | None, last: OpeningCredit | None
) -> bool:
    """Return whether `credit` is new; False if exactly this credit was given before.

    Args:
        credit: what is to be credited.
        same_opening: the credit already given for this opening and account, if any.
        last: the latest credit of this programme and account, if any.

    Raises:
        OpeningIdReusedError: the opening was credited with other figures.
        OpeningOutOfOrderError: `credit` does not start where the last credit ended.
    """
    if same_opening is not None:
        if same_opening != credit:
            raise OpeningIdReusedError(
                f"opening {credit.opening_id.hex()} was credited with other figures"
            )
        return False
    credited_so_far_ug = 0 if last is None else last.opened_ug
    if credit.previous_opened_ug != credited_so_far_ug:
        raise OpeningOutOfOrderError(
            f"opening {credit.opening_id.hex()} does not start from the sum credited last; "
            "credit the openings of an account in their order"
        )
    return True
