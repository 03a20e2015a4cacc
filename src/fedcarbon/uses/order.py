"""Orders for uses: what a wallet operator signs for a bound holder, and what came of goods."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, checked_name
from fedcarbon.ledger.transfer import AMOUNT_MAX
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.redemption.settlement import Draw
from fedcarbon.redemption.wallet import WalletClass, WalletId, wallet_id
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES, TOKEN_BYTES
from fedcarbon.transparency.leaf import LEAF_BYTES
from fedcarbon.units import MASS_UG_MAX, MicrogramsCO2e, Seconds
from fedcarbon.uses.offer import check_head, check_text
from fedcarbon.uses.states import UseState

PIECES_MAX: Final = 1_000_000


class UseKind(StrEnum):
    """What a holder wants to do with grams."""

    DONATE = "donate"
    GOODS = "goods"
    PLEDGE = "pledge"
    """Have them bundled into credit lots."""
    WITHDRAW = "withdraw"
    """Take back what is pledged and not bundled."""
    SELL = "sell"
    """Sell to the programme's market."""
    BUY = "buy"
    """Buy of it, with proceeds."""
    RETIRE_OWN = "retire_own"
    """Retire them against a footprint of the holder's own."""


OFFERED: Final = frozenset({UseKind.DONATE, UseKind.GOODS})
"""Uses at an offer's price."""

TRADED: Final = frozenset({UseKind.SELL, UseKind.BUY})
"""Uses at the market's price; the others name a mass."""

NEED_GRAMS: Final = frozenset({UseKind.PLEDGE, UseKind.WITHDRAW, UseKind.RETIRE_OWN})
"""Uses that only a programme of grams has: on the way into tonnes, and against a footprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseOrder(Statement):
    """A wallet operator orders a use for a holder; signed by the operator."""

    KIND: ClassVar[str] = "use_order"

    parameter_id: bytes
    programme_id: ProgrammeId
    use_id: bytes
    """Client-made, 16 bytes; the same id gets the same answer."""
    account_token: bytes
    wallet_id: WalletId
    wallet_class: WalletClass
    binding_leaf: bytes
    """The 34-byte leaf of the operator's half of the binding."""
    operator_id: PartyId
    use: UseKind
    offer_id: str | None
    """For a gift or goods; for a trade, the name of the market."""
    pieces: int | None
    """Likewise; for a trade, units."""
    price_fen: int | None = None
    """For a trade: what the holder has agreed to for a unit."""
    mass_ug: MicrogramsCO2e | None
    """For every other use."""
    vintage: Vintage | None
    """Likewise, or None: the oldest first."""
    may_be_claimed: bool
    """For a pledge: the holder lets others claim the reduction once its lot is retired."""
    purpose_sha256: bytes | None = None
    """For grams that a holder retires: SHA-256 of the text that says what for, which is theirs."""

    def __post_init__(self) -> None:
        """Check sizes, names, and that the fields fit the use."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.operator_id)
        wallet_id(self.wallet_id)
        sizes = (len(self.use_id), len(self.account_token), len(self.binding_leaf))
        if sizes != (MESSAGE_ID_BYTES, TOKEN_BYTES, LEAF_BYTES):
            raise MalformedError(
                f"use id, token and binding leaf have {MESSAGE_ID_BYTES}, {TOKEN_BYTES} and "
                f"{LEAF_BYTES} bytes"
            )
        if self.use in OFFERED | TRADED:
            self._check_offered()
        else:
            self._check_pledged()
        if (self.price_fen is not None) != (self.use in TRADED):
            raise MalformedError("a trade, and nothing else, is at a price")
        if (self.purpose_sha256 is not None) != (self.use is UseKind.RETIRE_OWN):
            raise MalformedError("grams that a holder retires, and no others, are for a purpose")
        if self.purpose_sha256 is not None and len(self.purpose_sha256) != DIGEST_BYTES:
            raise MalformedError(f"the hash of a purpose has {DIGEST_BYTES} bytes")
        if self.may_be_claimed and self.use is not UseKind.PLEDGE:
            raise MalformedError("only a pledge lets others claim the reduction")

    def _check_offered(self) -> None:
        if self.offer_id is None or self.pieces is None:
            raise MalformedError("a gift, goods or a trade need an offer and pieces")
        checked_name(self.offer_id)
        if not 1 <= self.pieces <= PIECES_MAX:
            raise MalformedError(f"an order is of 1 to {PIECES_MAX} pieces")
        if self.mass_ug is not None or self.vintage is not None:
            raise MalformedError("what has a published price goes by it, oldest vintage first")
        if self.price_fen is not None and not 1 <= self.price_fen * self.pieces <= AMOUNT_MAX:
            raise MalformedError("a trade is for some money that the ledger can count")

    def _check_pledged(self) -> None:
        if self.offer_id is not None or self.pieces is not None:
            raise MalformedError("what names a mass has no offer")
        if self.mass_ug is None or not 1 <= self.mass_ug <= MASS_UG_MAX:
            raise MalformedError("a use is of a positive mass")
        if self.vintage is not None:
            MassUnit(programme=self.programme_id, vintage=self.vintage)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsOutcome(Statement):
    """What the supplier said of ordered goods; signed by the hub, once per use."""

    KIND: ClassVar[str] = "goods_outcome"

    parameter_id: bytes
    programme_id: ProgrammeId
    use_id: bytes
    fulfilled: bool
    """Whether the goods were handed out; otherwise the grams go back."""
    voucher_sha256: bytes | None
    """SHA-256 of the voucher's code, which only holder and supplier know."""
    reason: str
    """Why it was cancelled; empty for goods that were handed out."""

    def __post_init__(self) -> None:
        """Check sizes and that the outcome is whole."""
        check_head(self.parameter_id, self.programme_id)
        if len(self.use_id) != MESSAGE_ID_BYTES:
            raise MalformedError(f"a use id has {MESSAGE_ID_BYTES} bytes")
        if self.fulfilled != (self.voucher_sha256 is not None) or self.fulfilled != (
            not self.reason
        ):
            raise MalformedError("goods have a voucher, a cancellation has a reason")
        if self.voucher_sha256 is not None and len(self.voucher_sha256) != DIGEST_BYTES:
            raise MalformedError(f"the hash of a voucher has {DIGEST_BYTES} bytes")
        if self.reason:
            check_text(self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A use as it stands."""

    order: UseOrder
    state: UseState
    mass_ug: MicrogramsCO2e
    draws: tuple[Draw, ...]
    """Where the mass comes from, oldest vintage first."""
    expires_s: Seconds | None
    """For goods: protocol time from which the grams can only go back."""
    created_s: Seconds
    """Protocol time at which it was taken."""

    def __post_init__(self) -> None:
        """Check that the draws are the mass."""
        if sum(draw.mass_ug for draw in self.draws) != self.mass_ug or self.mass_ug < 1:
            raise MalformedError("a use takes something and draws exactly its mass")
