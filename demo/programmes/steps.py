"""Steps: what holders, suppliers, verifiers and buyers do once accounts are opened.

A step is one `[[step]]` of a programme file; `do` names its class. A step with `refused` must be
refused with that code: it shows what is not possible. Amounts are in millionths of the
programme's measure.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Final

from demo.programmes.hands import Figures, Hands, Holder, Range, holders
from fedcarbon.canonical.hashing import digest
from fedcarbon.cli.use_orders import Wish, place_use
from fedcarbon.cli.wallet import state_text, until_final
from fedcarbon.errors import ConfigurationError, FedcarbonError, PeerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import LOT_ID_BYTES
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import Source
from fedcarbon.units import SECONDS_PER_DAY, MicrogramsCO2e, grams_text, yuan_text, Fen
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.offer import LotRules, Offer, OfferKind
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import redemption_pb2, use_pb2

RAIL_WAIT_S: Final = 120
OFFER_DAYS: Final = 366


class StepNotRefusedError(PeerError):
    """Something went through that must not."""

    code: ClassVar[str] = "STEP_NOT_REFUSED"


class PayoutUnsettledError(PeerError):
    """The rail did not pay what was ordered."""

    code: ClassVar[str] = "PAYOUT_UNSETTLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(ABC):
    """One step."""

    KIND: ClassVar[str]
    programme: ProgrammeId
    refused: str = ""
    """Code with which it must be refused; empty if it goes through."""

    @abstractmethod
    def act(self, hands: Hands, figures: Figures) -> str:
        """Do it, count what came out, and return a sentence about it."""

    def run(self, hands: Hands, figures: Figures) -> str:
        """Do it, and hold a refusal against what the file says.

        Raises:
            StepNotRefusedError: it went through and must not.
            FedcarbonError: it was refused and must not be, or with another code.
        """
        if not self.refused:
            return self.act(hands, figures)
        try:
            said = self.act(hands, figures)
        except FedcarbonError as error:
            if error.code != self.refused:
                raise
            figures.add(self.programme, "refusals", 1)
            return f"{self.KIND} is refused, as it must be: {error} [{error.code}]"
        raise StepNotRefusedError(f"{self.KIND} must be refused with {self.refused}: {said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfHolders(Step):
    """A step that is done for holders."""

    who: Range

    def _holders(self, hands: Hands) -> list[Holder]:
        return list(holders(hands, self.programme, self.who))


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeem(_OfHolders):
    """Holders turn whole units into money in their wallets."""

    KIND: ClassVar[str] = "redeem"
    units: int | None = None
    """Of each; everything by default, and who has less than a unit is left alone."""
    label: str = "redeem"

    def act(self, hands: Hands, figures: Figures) -> str:
        """Order and wait for the rail."""
        paid, wallets = 0, 0
        for holder in self._holders(hands):
            least = (self.units or 1) * holder.operator.programme.unit_ug
            if holder.account().spendable_ug < least and not self.refused:
                continue
            paid += _paid(holder, self.units, self.label, Source.GRAMS)
            wallets += 1
        figures.add(self.programme, "paid_fen", paid)
        figures.add(self.programme, "paid_wallets", wallets)
        return f"{wallets} wallets are paid {yuan_text(Fen(paid))} in all"


@dataclass(frozen=True, slots=True, kw_only=True)
class CashProceeds(_OfHolders):
    """Holders have their share of sold lots paid into their wallets."""

    KIND: ClassVar[str] = "cash-proceeds"

    def act(self, hands: Hands, figures: Figures) -> str:
        """Order everything of each who has something."""
        paid = sum(
            _paid(holder, None, "proceeds", Source.PROCEEDS)
            for holder in self._holders(hands)
            if holder.account().proceeds_fen
        )
        figures.add(self.programme, "returned_fen", paid)
        return f"{yuan_text(Fen(paid))} of the sale's proceeds reach the wallets"


def _paid(holder: Holder, units: int | None, label: str, source: Source) -> int:
    """Order a payout, wait until it is final, and return the fen."""
    order = holder.operator.redeem(
        holder.customer, holder.binding, units=units, run_label=label, source=source
    )
    done = until_final(holder.operator, order.redemption, RAIL_WAIT_S)
    if done.state != redemption_pb2.REDEMPTION_STATE_SETTLED:
        raise PayoutUnsettledError(f"a payout is {state_text(done)}: {done.reason}")
    return done.payout_fen


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishOffer(Step):
    """Root keys publish a cause or goods at a price."""

    KIND: ClassVar[str] = "offer"
    id: str
    kind: str
    title: str
    supplier: str
    price: int
    hold_days: int = 0

    def act(self, hands: Hands, figures: Figures) -> str:
        """Sign and log it."""
        now_s = hands.now_s()
        hands.publish(
            Offer(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                offer_id=self.id,
                offer_kind=OfferKind(self.kind),
                title=self.title,
                supplier=self.supplier,
                price_ug=MicrogramsCO2e(self.price),
                valid_from_s=now_s,
                valid_until_s=now_s + OFFER_DAYS * SECONDS_PER_DAY,
                hold_s=self.hold_days * SECONDS_PER_DAY,
            )
        )
        figures.add(self.programme, "offers", 1)
        return f"root keys publish: {self.title}, by {self.supplier}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order(_OfHolders):
    """An order for uses of what holders have."""

    label: str = ""
    """Names the order among others of a holder; made of the step by default."""

    def _place(self, hands: Hands, wish_of: Callable[[Holder], Wish | None]) -> list[use_pb2.Use]:
        """Order for each holder what `wish_of` says; return the uses."""
        uses = []
        for holder in self._holders(hands):
            wish = wish_of(holder)
            if wish is None:
                continue
            label = self.label or f"{self.KIND} {wish.offer_id or ''}".strip()
            used = place_use(
                holder.operator, holder.customer, holder.binding, wish, run_label=label
            )
            uses.append(used.use)
        return uses


@dataclass(frozen=True, slots=True, kw_only=True)
class Donate(_Order):
    """Holders give to a published cause."""

    KIND: ClassVar[str] = "donate"
    offer: str
    pieces: int = 1

    def act(self, hands: Hands, figures: Figures) -> str:
        """Order the pieces."""
        wish = Wish(use=UseKind.DONATE, offer_id=self.offer, pieces=self.pieces)
        uses = self._place(hands, lambda _: wish)
        pieces = len(uses) * self.pieces
        figures.add(self.programme, "donated", sum(use.mass_ug for use in uses))
        figures.add(self.programme, "given_pieces", pieces)
        return f"{len(uses)} holders give {pieces} pieces to {self.offer}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange(_Order):
    """Holders exchange for goods; the supplier hands out a voucher or turns the order down."""

    KIND: ClassVar[str] = "exchange"
    offer: str
    pieces: int = 1
    cancelled: str = ""
    """The supplier's reason for turning the orders down; empty if it delivers."""

    def act(self, hands: Hands, figures: Figures) -> str:
        """Order, then end each order as its supplier does."""
        wish = Wish(use=UseKind.GOODS, offer_id=self.offer, pieces=self.pieces)
        uses = self._place(hands, lambda _: wish)
        for use in uses:
            voucher = hashlib.sha256(use.use_id + b"voucher").digest()
            hands.hub().end_goods(
                use_pb2.EndGoodsRequest(
                    use_id=use.use_id,
                    voucher_sha256=b"" if self.cancelled else voucher,
                    reason=self.cancelled,
                )
            )
        if self.cancelled:
            figures.add(self.programme, "cancelled_orders", len(uses))
            return f"{len(uses)} orders of {self.offer} are turned down: {self.cancelled}"
        figures.add(self.programme, "vouchers", len(uses))
        figures.add(self.programme, "exchanged", sum(use.mass_ug for use in uses))
        return f"{len(uses)} holders get {self.pieces} of {self.offer} each"


@dataclass(frozen=True, slots=True, kw_only=True)
class PledgeForLots(_Order):
    """Holders let their grams be bundled, and others claim them."""

    KIND: ClassVar[str] = "pledge"
    amount: int | None = None
    """Of each; everything by default."""

    def act(self, hands: Hands, figures: Figures) -> str:
        """Order for each what it has."""
        uses = self._place(hands, self._wish_of)
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
class WithdrawPledges(_Order):
    """Holders take back what they have pledged and no lot holds."""

    KIND: ClassVar[str] = "withdraw"
    amount: int

    def act(self, hands: Hands, figures: Figures) -> str:
        """Order it."""
        wish = Wish(use=UseKind.WITHDRAW, mass_ug=MicrogramsCO2e(self.amount))
        uses = self._place(hands, lambda _: wish)
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

    def act(self, hands: Hands, figures: Figures) -> str:
        """Sign and log them."""
        hands.publish(
            LotRules(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                rules_id=self.id,
                excluded_regimes=tuple(sorted(self.excluded_regimes)),
                price_floor_fen=self.price_floor_fen,
            )
        )
        figures.add(self.programme, "rules", 1)
        floor = yuan_text(Fen(self.price_floor_fen))
        return f"rules for lots: nothing of {', '.join(self.excluded_regimes)}, {floor} a tonne"


def _lot_id(programme: str, label: str) -> bytes:
    """Return the id that `fedcarbon-hub uses form-lot` makes of a label."""
    return digest(b"fedcarbon/v1/lot-id", programme.encode(), label.encode())[:LOT_ID_BYTES]


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLot(Step):
    """The hub's operator bundles whole tonnes."""

    KIND: ClassVar[str] = "form-lot"
    lot: str
    vintage: int
    tonnes: int

    def act(self, hands: Hands, figures: Figures) -> str:
        """Form it."""
        answer = hands.hub().form_lot(
            use_pb2.FormLotRequest(
                lot_id=_lot_id(self.programme, self.lot),
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

    def act(self, hands: Hands, figures: Figures) -> str:
        """Publish its word."""
        hands.publish(
            LotVerification(
                parameter_id=hands.parameter_id,
                programme_id=self.programme,
                lot_id=_lot_id(self.programme, self.lot),
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

    def act(self, hands: Hands, figures: Figures) -> str:
        """Enter the sale."""
        answer = hands.hub().sell_lot(
            use_pb2.SellLotRequest(
                lot_id=_lot_id(self.programme, self.lot),
                buyer=self.buyer,
                price_fen=self.price_fen,
                retained_fen=self.retained_fen,
            )
        )
        figures.add(self.programme, "shared_fen", answer.proceeds_fen)
        price, shared = yuan_text(Fen(self.price_fen)), yuan_text(Fen(answer.proceeds_fen))
        return f"{self.buyer} pays {price} for lot {self.lot}; its contributors share {shared}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetireLot(Step):
    """A buyer claims what it bought."""

    KIND: ClassVar[str] = "retire-lot"
    lot: str
    beneficiary: str

    def act(self, hands: Hands, figures: Figures) -> str:
        """Retire it."""
        answer = hands.hub().retire_lot(
            use_pb2.RetireLotRequest(
                lot_id=_lot_id(self.programme, self.lot), beneficiary=self.beneficiary
            )
        )
        tonnes = answer.serial_last - answer.serial_first + 1
        figures.add(self.programme, "retired_t", tonnes)
        return (
            f"lot {self.lot} is retired for {self.beneficiary}: "
            f"tonnes {answer.serial_first} to {answer.serial_last}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait(Step):
    """Time passes."""

    KIND: ClassVar[str] = "wait"
    days: int

    def act(self, hands: Hands, figures: Figures) -> str:
        """Let it pass."""
        hands.wait(self.days * SECONDS_PER_DAY)
        figures.add(self.programme, "waited_days", self.days)
        return f"{self.days} days pass"


_KINDS: Final[Mapping[str, type[Step]]] = {
    cls.KIND: cls
    for cls in (
        Redeem, CashProceeds, PublishOffer, Donate, Exchange, PledgeForLots, WithdrawPledges,
        PublishLotRules, FormLot, VerifyLot, SellLot, RetireLot, Wait,
    )
}  # fmt: skip


def step_of(tree: Mapping[str, Any], everyone: Range) -> Step:
    """Return the step that a `[[step]]` describes.

    Args:
        tree: its keys; `do` names its kind.
        everyone: who is meant if the step does not say.

    Raises:
        ConfigurationError: no such kind, or a key that it does not have.
    """
    kind = _KINDS.get(str(tree["do"]))
    if kind is None:
        raise ConfigurationError(f"there is no step {tree['do']!r}: {', '.join(sorted(_KINDS))}")
    known = {item.name for item in fields(kind)}
    given = {key: value for key, value in tree.items() if key != "do"}
    if given.keys() - known:
        raise ConfigurationError(f"unknown keys {sorted(given.keys() - known)} of {kind.KIND}")
    if "who" in known:
        first, end = given.get("who", everyone)
        given["who"] = (first, end)
    tuples = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
    return kind(**{**given, **tuples})
