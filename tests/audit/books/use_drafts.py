"""Books in which grams are given, exchanged, pledged, bundled and expired by the real use cases."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from fedcarbon.audit.books import Books, MoneyLeaf
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ledger.unit import Vintage
from fedcarbon.opening.logged import Logged
from fedcarbon.redemption.order import Source
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.lot import TONNE_UG, LotRetirement, LotSale, LotVerification
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice
from fedcarbon.uses.order import GoodsOutcome, UseKind, UseOrder
from hub.clearing.redemptions import reverse_redemption
from hub.storage.engine import writing
from hub.uses.bundling import create_lot
from hub.uses.storage.publication_store import Published
from tests.audit.books.drafts import FIRST_OF_2026, OPERATOR, PARAMETER_ID, Draft, Honest
from tests.databases import new_sqlite
from tests.hub.clearing.conftest import SHANGHAI
from tests.hub.uses.conftest import BREAD, HOLD_S, RULES, TREE, UseBooks

S = TypeVar("S", bound=Statement)
SOLD, REFUSED = (number.to_bytes(16, "big") for number in (1, 2))


@dataclass(slots=True)
class UseDraft:
    """A draft with leaves about uses, which a cheating hub may change too."""

    draft: Draft
    leaves: list[tuple[int, Statement]] = field(default_factory=list)
    unsigned: set[int] = field(default_factory=set)
    admitted: list[tuple[int, MethodologyAdmission]] = field(default_factory=list)
    waits_s: dict[int, Seconds] = field(default_factory=dict)
    after_s: dict[int, Seconds] = field(default_factory=dict)

    def sealed(self) -> Books:
        """Return the books as the hub would log them."""
        uses: dict[LeafType, list[MoneyLeaf]] = defaultdict(list)
        for index, statement in sorted(self.leaves, key=lambda item: item[0]):
            uses[LeafType[statement.KIND.upper()]].append(
                MoneyLeaf(
                    index=index,
                    payload=statements.encode(statement),
                    is_signed=index not in self.unsigned,
                )
            )
        admitted = [
            Logged(index=index, leaf=bytes(34), statement=item) for index, item in self.admitted
        ]
        return replace(
            self.draft.sealed(),
            uses=uses,
            waits_s=self.waits_s,
            after_s=self.after_s,
            methodologies={SHANGHAI: admitted},
        )

    def change(
        self, cls: type[S], wanted: Callable[[S], bool] = lambda _: True, **changes: Any
    ) -> None:
        """Change the first statement of a kind that is wanted."""
        at, statement = self.first(cls, wanted)
        self.leaves[at] = (self.leaves[at][0], replace(statement, **changes))  # type: ignore[type-var]

    def remove(self, cls: type[S], wanted: Callable[[S], bool] = lambda _: True) -> None:
        """Take a statement out of the record."""
        del self.leaves[self.first(cls, wanted)[0]]

    def repeat(self, cls: type[S], **changes: Any) -> None:
        """Say a thing again, at the end."""
        _, statement = self.first(cls)
        self.leaves.append((1_000, replace(statement, **changes)))  # type: ignore[type-var]

    def first(self, cls: type[S], wanted: Callable[[S], bool] = lambda _: True) -> tuple[int, S]:
        """Return place and content of the first statement of a kind that is wanted."""
        return next(
            (at, statement)
            for at, (_, statement) in enumerate(self.leaves)
            if isinstance(statement, cls) and wanted(statement)
        )


class Uses:
    """Writes a draft while the real use cases run."""

    def __init__(self, folder: Path) -> None:
        self.honest = Honest(folder)
        self.honest.hub.close()
        self.books = UseBooks(folder, new_sqlite)
        self.honest.hub = self.books
        self.draft = UseDraft(draft=self.honest.draft)

    def log(self, statement: Statement) -> int:
        index = self.honest.next_leaf()
        self.draft.leaves.append((index, statement))
        return index

    def order(self, number: int, use: UseKind, holder: int, **changes: Any) -> UseOrder:
        order = self.books.use_order(
            number,
            use,
            holder,
            binding_leaf=bytes([holder]) * 34,
            operator_id=OPERATOR,
            **changes,
        )
        self.books.use(order)
        self.log(order)
        return order

    def lot(self, lot_id: bytes, tonnes: int, rules_leaf: int) -> None:
        with writing(self.books.engine) as session:
            lot = create_lot(
                session,
                parameter_id=PARAMETER_ID,
                lot_id=lot_id,
                programme=SHANGHAI,
                vintage=Vintage(2026),
                tonnes=tonnes,
                rules=Published(leaf_index=rules_leaf, statement=RULES.statement),
                now_s=self.books.clock.now_s(),
            )
        self.log(lot)

    def verify(self, lot_id: bytes, *, accepted: bool) -> None:
        self.books.judge(int.from_bytes(lot_id, "big"), accepted=accepted)
        self.log(
            LotVerification(
                parameter_id=PARAMETER_ID,
                programme_id=SHANGHAI,
                lot_id=lot_id,
                verifier="a verifier",
                report_sha256=bytes(32),
                accepted=accepted,
            )
        )

    def conclude(self, order: UseOrder) -> None:
        self.books.end(int.from_bytes(order.use_id, "big"), fulfilled=True)
        self.log(
            GoodsOutcome(
                parameter_id=PARAMETER_ID,
                programme_id=SHANGHAI,
                use_id=order.use_id,
                fulfilled=True,
                voucher_sha256=bytes(32),
                reason="",
            )
        )

    def sell(self, lot_id: bytes, price_fen: int, retained_fen: int) -> None:
        self.books.sell(int.from_bytes(lot_id, "big"), price_fen, retained_fen)
        self.log(
            LotSale(
                parameter_id=PARAMETER_ID,
                programme_id=SHANGHAI,
                lot_id=lot_id,
                buyer="somebody",
                price_fen=Fen(price_fen),
                retained_fen=Fen(retained_fen),
            )
        )


def honest_proceeds(folder: Path) -> UseDraft:
    """Return honest books in which shares of a sold lot are paid out, refused and given back.

    Holder 1 gets 6301 fen of the lot and holder 2 gets 2700. In the second batch 6000 fen of holder
    1 are paid, and 300 fen of holder 2, while 1000 of his are refused. In the third the 300 come
    back; 200 of his, everything that holder 1 has left, and 2 units of his grams are on their way.
    """
    uses = Uses(folder)
    honest, books = uses.honest, uses.books
    for holder in (1, 2):
        honest.bind(holder)
    honest.open(FIRST_OF_2026, {1: 700_000, 2: 900_000})
    rules_leaf = uses.log(RULES.statement)
    for holder, tenths in ((1, 7), (2, 3)):
        mass = MicrogramsCO2e(tenths * TONNE_UG // 10)
        uses.order(holder, UseKind.PLEDGE, holder, mass_ug=mass)
    uses.lot(SOLD, 1, rules_leaf)
    uses.verify(SOLD, accepted=True)
    uses.sell(SOLD, 10_001, 1_000)
    honest.close_day()

    books.top_up(1_000)
    honest.order(1, 1, 6_000, Source.PROCEEDS)
    honest.order(2, 2, 300, Source.PROCEEDS)
    books.run(books.rail())
    honest.order(3, 2, 1_000, Source.PROCEEDS)
    books.run(books.rail(rejected=frozenset({sandbox_wallet_id(2)})))
    honest.close_day()

    with writing(books.engine) as session:
        reverse_redemption(session, (2).to_bytes(16, "big"), "closed", books.clock.now_s())
    honest.order(4, 2, 200, Source.PROCEEDS)
    honest.order(5, 1, None, Source.PROCEEDS)
    honest.order(6, 2, 2)
    honest.close_day()
    books.close()
    return uses.draft


def honest_uses(folder: Path) -> UseDraft:
    """Return honest books with one lot that is retired and one that is refused."""
    uses = Uses(folder)
    honest, books = uses.honest, uses.books
    for holder in (1, 2, 3):
        honest.bind(holder)
    honest.open(FIRST_OF_2026, {1: 700_000, 2: 800_000, 3: 2_100_000})
    uses.log(TREE)
    uses.log(BREAD)
    rules_leaf = uses.log(RULES.statement)
    for holder, tenths in ((1, 7), (2, 8), (3, 20)):
        mass = MicrogramsCO2e(tenths * TONNE_UG // 10)
        uses.order(holder, UseKind.PLEDGE, holder, mass_ug=mass)
    honest.close_day()

    uses.order(4, UseKind.DONATE, 3, pieces=3)
    bread = uses.order(5, UseKind.GOODS, 3)
    uses.order(6, UseKind.GOODS, 3)
    uses.conclude(bread)
    uses.lot(SOLD, 1, rules_leaf)
    uses.verify(SOLD, accepted=True)
    uses.lot(REFUSED, 2, rules_leaf)
    uses.verify(REFUSED, accepted=False)
    honest.close_day()

    books.wait(HOLD_S)
    books.void_overdue()
    uses.sell(SOLD, 10_001, 1_000)
    first, last = books.retire(1)
    uses.log(
        LotRetirement(
            parameter_id=PARAMETER_ID,
            programme_id=SHANGHAI,
            lot_id=SOLD,
            beneficiary="someone",
            serial_first=first,
            serial_last=last,
        )
    )
    noticed_s = books.clock.now_s()
    notice = uses.log(
        ExpiryNotice(
            parameter_id=PARAMETER_ID,
            programme_id=SHANGHAI,
            vintage=Vintage(2026),
            expires_at_s=noticed_s + NOTICE_MIN_S,
        )
    )
    uses.draft.waits_s[notice] = noticed_s
    honest.close_day()
    books.wait(NOTICE_MIN_S)
    books.expire(2026)
    honest.close_day()
    books.close()
    return uses.draft
