"""A redemption: the order for it, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, checked_name
from fedcarbon.redemption.rail import PAYOUT_ID_BYTES, Payout
from fedcarbon.redemption.settlement import Draw, check_units
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.wallet import WalletClass, WalletId, wallet_id
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES, TOKEN_BYTES
from fedcarbon.transparency.leaf import LEAF_BYTES
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds

_PAYOUT_LABEL: Final = b"fedcarbon/v1/payout-id"


class Source(StrEnum):
    """What a payout is for."""

    GRAMS = "grams"
    """The holder's grams, at the programme's rate, out of its float."""
    PROCEEDS = "proceeds"
    """The holder's share of sold credit lots, fen for fen; no grams move."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionOrder(Statement):
    """A wallet operator orders a payout for a holder; signed by the operator."""

    KIND: ClassVar[str] = "redemption_order"

    parameter_id: bytes
    programme_id: ProgrammeId
    redemption_id: bytes
    """Client-made, 16 bytes; the same id gets the same answer."""
    account_token: bytes
    wallet_id: WalletId
    wallet_class: WalletClass
    binding_leaf: bytes
    """The 34-byte leaf of the operator's half of the binding."""
    operator_id: PartyId
    units: int | None
    """How many units to redeem, or how many fen of proceeds; None for as many as the account is
    worth."""
    source: Source = Source.GRAMS

    def __post_init__(self) -> None:
        """Check sizes, names, the wallet id and the number of units."""
        checked_name(self.programme_id)
        checked_name(self.operator_id)
        wallet_id(self.wallet_id)
        sizes = (
            len(self.parameter_id),
            len(self.redemption_id),
            len(self.account_token),
            len(self.binding_leaf),
        )
        if sizes != (DIGEST_BYTES, MESSAGE_ID_BYTES, TOKEN_BYTES, LEAF_BYTES):
            raise MalformedError(
                "parameter id, redemption id, token and binding leaf have "
                f"{DIGEST_BYTES}, {MESSAGE_ID_BYTES}, {TOKEN_BYTES} and {LEAF_BYTES} bytes"
            )
        if self.units is not None:
            check_units(self.units)

    @property
    def payout_id(self) -> bytes:
        """The id under which a rail pays this order, now and in every retry: 16 bytes."""
        return digest(_PAYOUT_LABEL, self.programme_id.encode(), self.redemption_id)[
            :PAYOUT_ID_BYTES
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class RedPacket:
    """What a campaign pays on top, together with the rest and never without it."""

    campaign_id: str
    amount_fen: Fen

    def __post_init__(self) -> None:
        """Check that it is something of somebody's."""
        checked_name(self.campaign_id)
        if self.amount_fen < 1:
            raise MalformedError("a red packet holds something")


@dataclass(frozen=True, slots=True, kw_only=True)
class Redemption:
    """A redemption as it stands."""

    order: RedemptionOrder
    state: RedemptionState
    units: int
    """As the order counts them: for proceeds, a unit is a fen."""
    mass_ug: MicrogramsCO2e
    amount_fen: Fen
    """All that is paid, the red packet among it."""
    draws: tuple[Draw, ...]
    """Where the mass comes from, oldest vintage first; nothing for proceeds."""
    reason: str
    """Why it was rejected or reversed; else empty."""
    rail_reference: str
    """The rail's own name for the payout, once it has given one."""
    created_s: Seconds
    """Protocol time of the reservation."""
    red_packet: RedPacket | None = None
    """What of the amount a campaign pays."""

    @property
    def payout(self) -> Payout:
        """What the rail is told, now and in every retry."""
        return Payout(
            payout_id=self.order.payout_id,
            programme=self.order.programme_id,
            wallet_id=self.order.wallet_id,
            amount_fen=self.amount_fen,
        )

    def __post_init__(self) -> None:
        """Check that the draws are the mass, and that grams, or else proceeds, are paid for."""
        if sum(draw.mass_ug for draw in self.draws) != self.mass_ug or self.amount_fen < 1:
            raise MalformedError("a redemption pays something and draws exactly its mass")
        if (self.mass_ug > 0) != (self.order.source is Source.GRAMS):
            raise MalformedError("a redemption takes grams, or it pays proceeds and takes none")
        if self.red_packet is not None and not (
            self.mass_ug > 0 and self.red_packet.amount_fen < self.amount_fen
        ):
            raise MalformedError("a red packet comes on top of what grams are redeemed for")
