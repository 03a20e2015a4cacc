"""The record as an auditor folds it: a trustee's view, the claims and the ledger's leaves as well.

A trustee stops at a leaf that breaks a rule. An auditor goes on: the bad statement is not folded,
as if it had never been made, but its leaf keeps its place in the tree. So a later leaf that rests
on a bad one is found too, and the first finding is the one to read first.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from typing_extensions import override

from fedcarbon.audit.books import MoneyLeaf
from fedcarbon.audit.opened_bodies import AheadReader
from fedcarbon.canonical.statement import Statement
from fedcarbon.epoch.statements import Dispute
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ids import Role
from fedcarbon.ledger.batch import LedgerBatch
from fedcarbon.opening.heads import HeadBook
from fedcarbon.opening.logged import LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.view import RecordView, body_of
from fedcarbon.opening.violations import LeafInvalidError
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.payouts import PayoutBatch
from fedcarbon.transparency.checkpoint import TreeHead, WitnessedCheckpoint
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import TRUSTEE_TYPES, Leaf, LeafType
from fedcarbon.transparency.note import SignedNote
from fedcarbon.units import Seconds
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.lot import CreditLot, LotRetirement, LotSale, LotVerification
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer
from fedcarbon.uses.order import GoodsOutcome, UseOrder
from fedcarbon.uses.ranking import Ranking, RankingChoice, RankingRules, RankingSalt


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadTimes:
    """What a stored head says of its time; its signatures are checked when its leaves are there."""

    size: int
    median_s: Seconds
    clock_s: Seconds
    """Protocol time under this head, as trustees have it."""


def head_times(data: bytes, trustees: Collection[str], threshold: int) -> HeadTimes:
    """Return the times in a stored head, without checking a signature.

    Raises:
        MalformedError: it is no head.
        LeafInvalidError: it has fewer signatures than the threshold.
    """
    note = SignedNote.from_bytes(data)
    witnesses = {item.name: item for item in reversed(note.signatures) if item.name in trustees}
    times_s = sorted(item.timestamp_s for item in witnesses.values())
    if len(times_s) < threshold:
        raise LeafInvalidError(f"a head with {len(times_s)} signatures has no time")
    median_s = statistics.median_low(times_s)
    return HeadTimes(
        size=TreeHead.from_text(note.text).size,
        median_s=Seconds(median_s),
        clock_s=Seconds(max(median_s, times_s[threshold - 1])),
    )


def witnessed_head(parties: PartyBook, data: bytes) -> WitnessedCheckpoint:
    """Return the head that a quorum signed, from its stored bytes.

    Raises:
        QuorumMissingError, MalformedError, SignatureInvalidError: see
            `fedcarbon.transparency.checkpoint.witnessed`.
    """
    return parties.witnessed(data)


class AuditHeads(HeadBook):
    """The heads of a record, whose tree may have parted from what was witnessed.

    Where it has, that is one finding; later rules go by the witnessed heads, or every one of them
    would fail for the same reason.
    """

    __slots__ = ("_moment_s", "_witnessed_roots")

    def __init__(self) -> None:
        """Start before the first leaf."""
        super().__init__()
        self._witnessed_roots: Final[dict[int, bytes]] = {}
        self._moment_s: Seconds | None = None

    @property
    @override
    def clock_s(self) -> Seconds:
        """Protocol time, or the moment that is being looked at."""
        return super().clock_s if self._moment_s is None else self._moment_s

    @property
    def witnessed_heads(self) -> int:
        """How many heads a quorum has signed."""
        return len(self._witnessed_roots)

    @override
    def root_at(self, size: int) -> bytes:
        """Return the witnessed root of this size, otherwise that of the replayed leaves."""
        return self._witnessed_roots.get(size) or self.replayed_root(size)

    def replayed_root(self, size: int) -> bytes:
        """Return the root of the first `size` leaves as they lie in the folder."""
        return super().root_at(size)

    @override
    def witness(self, checkpoint: WitnessedCheckpoint) -> None:
        """Take note of a head that a quorum signed, whatever the leaves are."""
        self._witnessed_roots[checkpoint.size] = checkpoint.root
        super().witness(checkpoint)

    @contextmanager
    def at_moment(self, clock_s: Seconds) -> Iterator[None]:
        """Let protocol time be `clock_s` inside the block."""
        self._moment_s = clock_s
        try:
            yield
        finally:
            self._moment_s = None


class AuditView(RecordView):
    """Everything that the record says to somebody who may read all of it."""

    __slots__ = ("_times", "audit_heads", "money", "reader")

    def __init__(self, roots: TrustRoots) -> None:
        """Start before the first leaf, from the trust roots."""
        self.audit_heads: Final = AuditHeads()
        self.reader: Final = AheadReader()
        super().__init__(roots, self.audit_heads, self.reader)
        self.money: Final[dict[LeafType, list[MoneyLeaf]]] = {kind: [] for kind in _MONEY}
        """Leaves about grams and money, in the order of the record; judged with the books."""
        self._times: tuple[HeadTimes, ...] = ()

    def pass_over(self, leaf: bytes) -> None:
        """Take the next leaf without what it says."""
        self._leaves.append(leaf)
        self.heads.append(leaf)

    def expect_heads(self, stored: list[bytes]) -> None:
        """Take the stored heads, so that the time of a leaf is known before its head is checked."""
        roots = self.parties.roots
        times: list[HeadTimes] = []
        for data in stored:
            try:
                times.append(head_times(data, roots.root_keys, roots.threshold))
            except FedcarbonError:
                continue  # found when the head is checked
        self._times = tuple(sorted(times, key=lambda item: item.size))

    def times_over(self, leaf_index: int) -> HeadTimes | None:
        """Return the times of the first stored head that covers a leaf; None if none does."""
        at = bisect.bisect_right(self._times, leaf_index, key=lambda item: item.size)
        return self._times[at] if at < len(self._times) else None

    @override
    def _take(self, index: int, leaf: bytes, salt: bytes | None, body: bytes | None) -> None:
        super()._take(index, leaf, salt, body)
        parsed = Leaf.from_bytes(leaf)
        if parsed.type in _MONEY:
            self.fold_money(parsed.type, body_of(self.reader, index, parsed, salt, body))
        elif parsed.type not in TRUSTEE_TYPES:
            logged = body_of(self.reader, index, parsed, salt, body)
            _AUDITOR_FOLDS[parsed.type](self, logged)

    def fold_money(self, leaf_type: LeafType, logged: LoggedBody) -> None:
        """Take a leaf about grams or money, signed or not; what it says is for the books."""
        signer = _MONEY[leaf_type]
        is_signed = False
        try:
            if signer.role is None:
                self.parties.open_rooted(signer.statement, logged)
            elif signer.field is None:
                self.parties.open_by(signer.statement, logged, signer.role)
            else:
                self.parties.open_own(signer.statement, logged, signer.field, signer.role)
            is_signed = True
        except MalformedError:
            is_signed = True  # it is the statement that cannot be read: signatures come first
        finally:
            payload = Envelope.from_bytes(logged.body).payload
            self.money[leaf_type].append(
                MoneyLeaf(index=logged.index, payload=payload, is_signed=is_signed)
            )

    def fold_dispute(self, logged: LoggedBody) -> None:
        """Take a loser's dispute: what people must look into, not a fault of the record."""
        self.parties.open_own(Dispute, logged, "partner_id", Role.PARTNER)


class _Signer(NamedTuple):
    """Who signs a leaf about grams or money."""

    statement: type[Statement]
    role: Role | None
    """None for t root keys."""
    field: str | None
    """The field that names the signer; None if there is none."""


_MONEY: Final[Mapping[LeafType, _Signer]] = MappingProxyType(
    {
        LeafType.LEDGER_BATCH: _Signer(LedgerBatch, Role.HUB, None),
        LeafType.REDEMPTION_ORDER: _Signer(RedemptionOrder, Role.WALLET_OPERATOR, "operator_id"),
        LeafType.PAYOUT_BATCH: _Signer(PayoutBatch, Role.HUB, None),
        LeafType.OFFER: _Signer(Offer, None, None),
        LeafType.USE_ORDER: _Signer(UseOrder, Role.WALLET_OPERATOR, "operator_id"),
        LeafType.GOODS_OUTCOME: _Signer(GoodsOutcome, Role.HUB, None),
        LeafType.LOT_RULES: _Signer(LotRules, None, None),
        LeafType.CREDIT_LOT: _Signer(CreditLot, Role.HUB, None),
        LeafType.LOT_VERIFICATION: _Signer(LotVerification, None, None),
        LeafType.LOT_SALE: _Signer(LotSale, Role.HUB, None),
        LeafType.LOT_RETIREMENT: _Signer(LotRetirement, Role.HUB, None),
        LeafType.EXPIRY_NOTICE: _Signer(ExpiryNotice, None, None),
        LeafType.CAMPAIGN: _Signer(Campaign, None, None),
        LeafType.MARKET_RULES: _Signer(MarketRules, None, None),
        LeafType.MARKET_PRICE: _Signer(MarketPrice, Role.HUB, None),
        LeafType.RANKING_RULES: _Signer(RankingRules, None, None),
        LeafType.RANKING_CHOICE: _Signer(RankingChoice, Role.WALLET_OPERATOR, "operator_id"),
        LeafType.RANKING_SALT: _Signer(RankingSalt, Role.HUB, None),
        LeafType.RANKING: _Signer(Ranking, Role.HUB, None),
    }
)

_AUDITOR_FOLDS: Final[Mapping[LeafType, Callable[[AuditView, LoggedBody], None]]] = (
    MappingProxyType(
        {
            LeafType.DISPUTE: lambda view, logged: view.fold_dispute(logged),
        }
    )
)
