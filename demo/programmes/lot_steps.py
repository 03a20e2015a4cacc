"""Steps on the way into a carbon market: pledges, whole tonnes, a verifier, a buyer."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

from typing_extensions import override

from demo.catalogue import methodology
from demo.programmes.hands import Figures, Hands, Holder
from demo.programmes.steps import Order, Step
from fedcarbon.canonical.hashing import digest
from fedcarbon.cli.use_orders import Wish
from fedcarbon.ledger.account import LOT_ID_BYTES
from fedcarbon.ledger.unit import Vintage
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.offer import LotRules
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import use_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class PledgeForLots(Order):
    """Holders let their grams be bundled, and others claim them."""

    KIND: ClassVar[str] = "pledge"
    amount: int | None = None
    """Of each; everything by default."""

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order for each what it has."""
        uses = self.place(hands, self._wish_of)
        pledged = sum(use.mass_ug for use in uses)
        figures.add(self.programme, "pledged", pledged)
        mass = grams_text(MicrogramsCO2e(pledged))
        return f"{len(uses)} holders pledge {mass} for credit lots"

    def _wish_of(self, holder: Holder) -> Wish | None:
        amount = self.amount or holder.account().spendable_ug
        if not amount:
            return None
        mass_ug = MicrogramsCO2e(amount)
        return Wish(use=UseKind.PLEDGE, mass_ug=mass_ug, may_be_claimed=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawPledges(Order):
    """Holders take back what they have pledged and no lot holds."""

    KIND: ClassVar[str] = "withdraw"
    amount: int

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Order it."""
        wish = Wish(use=UseKind.WITHDRAW, mass_ug=MicrogramsCO2e(self.amount))
        uses = self.place(hands, lambda _: wish)
        taken = sum(use.mass_ug for use in uses)
        figures.add(self.programme, "withdrawn", taken)
        return f"{len(uses)} holders take back {grams_text(MicrogramsCO2e(taken))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishLotRules(Step):
    """Root keys publish what lots are."""

    KIND: ClassVar[str] = "lot-rules"
    id: str
    excluded_regimes: tuple[str, ...] = ()
    price_floor_fen: int = 0
    methodologies: tuple[str, ...] = ()
    """Nothing else may be in a lot; empty for any."""
    vintages: tuple[int | None, int | None] = (None, None)
    """The first and the last year that may be bundled."""
    tonnes_min: int = 1
    offset: tuple[int, int] = (1, 1)
    """A buyer may cover so many parts of so many of an obligation."""

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Sign and log them."""
        hands.publish(
            LotRules(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                rules_id=self.id,
                excluded_regimes=tuple(sorted(self.excluded_regimes)),
                price_floor_fen=self.price_floor_fen,
                methodologies=tuple(
                    sorted(methodology(name).content_hash for name in self.methodologies)
                ),
                vintage_first=self.vintages[0],
                vintage_last=self.vintages[1],
                tonnes_min=self.tonnes_min,
                offset_parts=self.offset[0],
                offset_of=self.offset[1],
            )
        )
        figures.add(self.programme, "rules", 1)
        floor = yuan_text(Fen(self.price_floor_fen))
        return f"rules for lots: nothing of {', '.join(self.excluded_regimes)}, {floor} a tonne"


def lot_id_of(programme: str, label: str) -> bytes:
    """Return the id that `fedcarbon-hub uses form-lot` makes of a label."""
    return digest(b"fedcarbon/v1/lot-id", programme.encode(), label.encode())[:LOT_ID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLot(Step):
    """The hub's operator bundles whole tonnes."""

    KIND: ClassVar[str] = "form-lot"
    lot: str
    vintage: int
    tonnes: int

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Form it."""
        answer = hands.hub().form_lot(
            use_pb2.FormLotRequest(
                lot_id=lot_id_of(self.programme, self.lot),
                programme_id=self.programme,
                vintage=Vintage(self.vintage),
                tonnes=self.tonnes,
            )
        )
        figures.add(self.programme, "bundled_t", self.tonnes)
        figures.add(self.programme, "contributors", answer.contributors)
        return f"lot {self.lot}: {self.tonnes} t of {self.vintage}, {answer.contributors} accounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyLot(Step):
    """A verifier says what it found."""

    KIND: ClassVar[str] = "verify-lot"
    lot: str
    verifier: str
    accepted: bool = True

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Publish its word."""
        hands.publish(
            LotVerification(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                lot_id=lot_id_of(self.programme, self.lot),
                verifier=self.verifier,
                report_sha256=hashlib.sha256(f"report on {self.lot}".encode()).digest(),
                accepted=self.accepted,
            )
        )
        figures.add(self.programme, "verified_lots", int(self.accepted))
        verb = "accepts" if self.accepted else "refuses"
        return f"{self.verifier} {verb} lot {self.lot}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SellLot(Step):
    """A buyer has paid for a lot."""

    KIND: ClassVar[str] = "sell-lot"
    lot: str
    buyer: str
    price_fen: int
    retained_fen: int = 0

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Enter the sale, and have the buyer's money arrive at the rail."""
        answer = hands.hub().sell_lot(
            use_pb2.SellLotRequest(
                lot_id=lot_id_of(self.programme, self.lot),
                buyer=self.buyer,
                price_fen=self.price_fen,
                retained_fen=self.retained_fen,
            )
        )
        hands.pay_in(self.programme, Fen(self.price_fen), f"{self.programme} lot {self.lot}")
        figures.add(self.programme, "shared_fen", answer.proceeds_fen)
        price, shared = yuan_text(Fen(self.price_fen)), yuan_text(Fen(answer.proceeds_fen))
        return f"{self.buyer} pays {price} for lot {self.lot}; its contributors share {shared}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireLot(Step):
    """A buyer claims what it bought."""

    KIND: ClassVar[str] = "retire-lot"
    lot: str
    beneficiary: str
    obligation: str = ""
    """What it offsets; empty if nothing."""
    obligation_kg: int = 0
    """The whole of it."""

    @override
    def act(self, hands: Hands, figures: Figures) -> str:
        """Retire it."""
        answer = hands.hub().retire_lot(
            use_pb2.RetireLotRequest(
                lot_id=lot_id_of(self.programme, self.lot),
                beneficiary=self.beneficiary,
                obligation_id=self.obligation,
                obligation_kg=self.obligation_kg,
            )
        )
        tonnes = answer.serial_last - answer.serial_first + 1
        figures.add(self.programme, "retired_t", tonnes)
        return (
            f"lot {self.lot} is retired for {self.beneficiary}: "
            f"tonnes {answer.serial_first} to {answer.serial_last}"
        )
