"""Redemptions and their events in the database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    RowMapping,
    Select,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.limits import Spending, first_day_of_next_year, first_day_of_year
from fedcarbon.redemption.order import Redemption, RedemptionOrder, RedPacket
from fedcarbon.redemption.settlement import Draw
from fedcarbon.redemption.states import (
    RedemptionEvent,
    RedemptionState,
    RedemptionStateError,
    next_state,
)
from fedcarbon.redemption.value_day import ValueDay, first_second, value_day
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from hub.clearing.storage.redemption_rows import (
    RedemptionDrawRow,
    RedemptionEventRow,
    RedemptionRow,
    RedPacketRow,
)
from hub.storage.bulk import bulk_insert


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """A step in the life of a redemption."""

    redemption_id: bytes
    event: RedemptionEvent
    detail: str
    """Why, where the step has a reason."""
    recorded_s: Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that a redemption is to take."""

    redemption: Redemption
    """As it was read."""
    event: RedemptionEvent
    reason: str = ""
    rail_reference: str = ""
    value_day: ValueDay | None = None
    """In which day's settlement file the rail will have it, where it has said so."""

    def moved(self) -> Redemption:
        """Return the redemption after the step.

        Raises:
            RedemptionStateError: the table of states has no such transition.
        """
        return replace(
            self.redemption,
            state=next_state(self.redemption.state, self.event),
            reason=self.reason or self.redemption.reason,
            rail_reference=self.rail_reference or self.redemption.rail_reference,
        )


_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_TABLE: Final = RedemptionRow.metadata.tables["redemptions"]
_DRAWN: Final = RedemptionRow.metadata.tables["redemption_draws"]
_PACKETS: Final = RedemptionRow.metadata.tables["redemption_red_packets"]
_EVENTS: Final = RedemptionRow.metadata.tables["redemption_events"]
_BY_ID: Final = select(_TABLE).where(_TABLE.c.redemption_id.in_(_IDS))
_BY_PAYOUT: Final = select(_TABLE).where(_TABLE.c.payout_id.in_(_IDS))
_BY_ACCOUNT: Final = (
    select(_TABLE)
    .where(
        _TABLE.c.account_token == bindparam("token"),
        _TABLE.c.programme_id == bindparam("programme"),
    )
    .order_by(_TABLE.c.created_s, _TABLE.c.redemption_id)
)
_DRAWS: Final = (
    select(_DRAWN.c.redemption_id, _DRAWN.c.vintage, _DRAWN.c.mass_ug)
    .where(_DRAWN.c.redemption_id.in_(_IDS))
    .order_by(_DRAWN.c.vintage)
)
_PAID_ON_TOP: Final = select(
    _PACKETS.c.redemption_id, _PACKETS.c.campaign_id, _PACKETS.c.amount_fen
).where(_PACKETS.c.redemption_id.in_(_IDS))
_STATES: Final = select(_TABLE.c.redemption_id, _TABLE.c.state).where(
    _TABLE.c.redemption_id.in_(_IDS)
)
_COUNTS: Final = (
    select(_EVENTS.c.redemption_id, func.count())
    .where(_EVENTS.c.redemption_id.in_(_IDS))
    .group_by(_EVENTS.c.redemption_id)
)
_NOT_COUNTED: Final = (RedemptionState.REJECTED.value, RedemptionState.REVERSED.value)
"""No limit counts what was never paid or has come back."""
_SPENT_BY_WALLET: Final = (
    select(
        _TABLE.c.wallet_id,
        func.sum(
            case(
                (
                    _TABLE.c.created_s.between(bindparam("day_s"), bindparam("day_end_s")),
                    _TABLE.c.amount_fen,
                ),
                else_=0,
            )
        ),
        func.sum(_TABLE.c.amount_fen),
    )
    .where(
        _TABLE.c.wallet_id.in_(_IDS),
        _TABLE.c.created_s.between(bindparam("year_s"), bindparam("year_end_s")),
        _TABLE.c.state.not_in(_NOT_COUNTED),
    )
    .group_by(_TABLE.c.wallet_id)
)
_SPENT_BY_ACCOUNT: Final = (
    select(_TABLE.c.programme_id, _TABLE.c.account_token, func.sum(_TABLE.c.amount_fen))
    .where(
        _TABLE.c.account_token.in_(_IDS),
        _TABLE.c.created_s.between(bindparam("day_s"), bindparam("day_end_s")),
        _TABLE.c.state.not_in(_NOT_COUNTED),
    )
    .group_by(_TABLE.c.programme_id, _TABLE.c.account_token)
)
_MOVE: Final = (
    update(RedemptionRow)
    .where(
        _TABLE.c.redemption_id == bindparam("of_redemption"),
        _TABLE.c.state == bindparam("from_state"),
    )
    .values(
        state=bindparam("to_state"),
        reason=bindparam("to_reason"),
        rail_reference=bindparam("to_reference"),
    )
)


class RedemptionStore:
    """Redemptions, read and written in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def find(self, redemption_id: bytes) -> Redemption | None:
        """Return the redemption with this id, if there is one."""
        return self.find_many([redemption_id]).get(redemption_id)

    def find_many(self, redemption_ids: Collection[bytes]) -> dict[bytes, Redemption]:
        """Return the redemptions with these ids, by id."""
        return self.found(_BY_ID, {"ids": list(redemption_ids)})

    def of_payouts(self, payout_ids: Collection[bytes]) -> list[Redemption]:
        """Return the redemptions that are paid under these ids."""
        return list(self.found(_BY_PAYOUT, {"ids": list(payout_ids)}).values())

    def of_account(self, programme: ProgrammeId, account_token: bytes) -> list[Redemption]:
        """Return the redemptions of an account, oldest first."""
        found = self.found(_BY_ACCOUNT, {"programme": programme, "token": account_token})
        return list(found.values())

    def spent(self, orders: Collection[RedemptionOrder], now_s: Seconds) -> Spending:
        """Return what the wallets and accounts of `orders` have had, by two grouped queries.

        Counted is what was ordered in the value day (and year) of `now_s`, unless it was rejected
        or given back. Whoever takes several orders in one transaction adds each to the answer.
        """
        if not orders:
            return Spending()
        day = value_day(now_s)
        in_day = {"day_s": first_second(day), "day_end_s": first_second(ValueDay(day + 1)) - 1}
        in_year = {
            "year_s": first_second(first_day_of_year(day)),
            "year_end_s": first_second(first_day_of_next_year(day)) - 1,
        }
        connection = self._session.connection()
        wallets = list({order.wallet_id for order in orders})
        tokens = list({order.account_token for order in orders})
        spending = Spending()
        for wallet, day_fen, year_fen in connection.execute(
            _SPENT_BY_WALLET, {"ids": wallets, **in_day, **in_year}
        ):
            spending.wallet_day_fen[wallet] = int(day_fen)
            spending.wallet_year_fen[wallet] = int(year_fen)
        for programme, token, day_fen in connection.execute(
            _SPENT_BY_ACCOUNT, {"ids": tokens, **in_day}
        ):
            spending.account_day_fen[programme, token] = int(day_fen)
        return spending

    def add_many(self, redemptions: Sequence[Redemption], now_s: Seconds) -> None:
        """Write new redemptions whose grams and money are reserved in the same transaction."""
        if not redemptions:
            return
        rows = (_columns(redemption) for redemption in redemptions)
        bulk_insert(self._session, RedemptionRow, rows)
        bulk_insert(
            self._session,
            RedemptionDrawRow,
            [
                {
                    "redemption_id": redemption.order.redemption_id,
                    "vintage": draw.vintage,
                    "mass_ug": draw.mass_ug,
                }
                for redemption in redemptions
                for draw in redemption.draws
            ],
        )
        bulk_insert(
            self._session,
            RedPacketRow,
            [
                {
                    "redemption_id": redemption.order.redemption_id,
                    "campaign_id": redemption.red_packet.campaign_id,
                    "amount_fen": redemption.red_packet.amount_fen,
                }
                for redemption in redemptions
                if redemption.red_packet is not None
            ],
        )
        bulk_insert(
            self._session,
            RedemptionEventRow,
            [
                {
                    "redemption_id": redemption.order.redemption_id,
                    "ordinal": 1,
                    "event": RedemptionEvent.RESERVE.value,
                    "state": RedemptionState.RESERVED.value,
                    "detail": "",
                    "recorded_s": now_s,
                }
                for redemption in redemptions
            ],
        )

    def advance(self, step: Step, now_s: Seconds) -> Redemption:
        """Write the state after a step and its event; return the new redemption.

        Raises:
            RedemptionStateError: the table of states has no such transition, or another one was
                taken since the redemption was read.
        """
        (moved,) = self.advance_many([step], now_s)
        return moved

    def advance_many(self, steps: Sequence[Step], now_s: Seconds) -> list[Redemption]:
        """Write the states after steps of different redemptions, and their events.

        Raises:
            RedemptionStateError: see `advance`; nothing is written then.
        """
        moved = [step.moved() for step in steps]
        if not moved:
            return []
        connection = self._session.connection()
        ids = [redemption.order.redemption_id for redemption in moved]
        states: dict[bytes, str] = dict(connection.execute(_STATES, {"ids": ids}).all())
        for step, redemption_id in zip(steps, ids, strict=True):
            if states.get(redemption_id) != step.redemption.state.value:
                raise RedemptionStateError(
                    f"redemption {redemption_id.hex()} moved meanwhile; read it again"
                )
        counts: dict[bytes, int] = dict(connection.execute(_COUNTS, {"ids": ids}).all())
        connection.execute(
            _MOVE,
            [
                {
                    "of_redemption": redemption.order.redemption_id,
                    "from_state": step.redemption.state.value,
                    "to_state": redemption.state.value,
                    "to_reason": redemption.reason,
                    "to_reference": redemption.rail_reference,
                }
                for step, redemption in zip(steps, moved, strict=True)
            ],
        )
        bulk_insert(
            self._session,
            RedemptionEventRow,
            [
                {
                    "redemption_id": redemption.order.redemption_id,
                    "ordinal": counts.get(redemption.order.redemption_id, 0) + 1,
                    "event": step.event.value,
                    "state": redemption.state.value,
                    "detail": step.reason,
                    "value_day": step.value_day,
                    "recorded_s": now_s,
                }
                for step, redemption in zip(steps, moved, strict=True)
            ],
        )
        return moved

    def history(self, redemption_id: bytes) -> list[tuple[RedemptionEvent, Seconds]]:
        """Return every event of a redemption with its protocol time, in order."""
        events = _EVENTS.c
        rows = self._session.connection().execute(
            select(events.event, events.recorded_s)
            .where(events.redemption_id == redemption_id)
            .order_by(events.ordinal)
        )
        return [(RedemptionEvent(event), Seconds(recorded_s)) for event, recorded_s in rows]

    def events_between(
        self, events: Collection[RedemptionEvent], first_s: Seconds, last_s: Seconds
    ) -> list[RecordedEvent]:
        """Return events of these kinds with a protocol time from `first_s` to `last_s`."""
        rows = self._session.connection().execute(
            select(_EVENTS).where(
                _EVENTS.c.event.in_([event.value for event in events]),
                _EVENTS.c.recorded_s >= first_s,
                _EVENTS.c.recorded_s <= last_s,
            )
        )
        return [
            RecordedEvent(
                redemption_id=row.redemption_id,
                event=RedemptionEvent(row.event),
                detail=row.detail,
                recorded_s=Seconds(row.recorded_s),
            )
            for row in rows
        ]

    def found(
        self, query: Select[Any], parameters: Mapping[str, object]
    ) -> dict[bytes, Redemption]:
        """Return the redemptions that a query over their table gives, by id, in its order."""
        connection = self._session.connection()
        rows = connection.execute(query, parameters).mappings().all()
        if not rows:
            return {}
        draws: dict[bytes, list[Draw]] = {}
        ids = [row["redemption_id"] for row in rows]
        for redemption_id, vintage, mass_ug in connection.execute(_DRAWS, {"ids": ids}):
            draw = Draw(vintage=Vintage(vintage), mass_ug=MicrogramsCO2e(mass_ug))
            draws.setdefault(redemption_id, []).append(draw)
        packets = {
            redemption_id: RedPacket(campaign_id=campaign_id, amount_fen=Fen(amount_fen))
            for redemption_id, campaign_id, amount_fen in connection.execute(
                _PAID_ON_TOP, {"ids": ids}
            )
        }
        return {
            key: _redemption(row, tuple(draws.get(key, ())), packets.get(key))
            for row in rows
            for key in (row["redemption_id"],)
        }


def _redemption(
    row: RowMapping, draws: tuple[Draw, ...], red_packet: RedPacket | None
) -> Redemption:
    return Redemption(
        order=statements.decode(RedemptionOrder, row["order_bytes"]),
        state=RedemptionState(row["state"]),
        units=row["units"],
        mass_ug=MicrogramsCO2e(row["mass_ug"]),
        amount_fen=Fen(row["amount_fen"]),
        draws=draws,
        reason=row["reason"],
        rail_reference=row["rail_reference"],
        created_s=Seconds(row["created_s"]),
        red_packet=red_packet,
    )


def _columns(redemption: Redemption) -> dict[str, object]:
    order = redemption.order
    return {
        "redemption_id": order.redemption_id,
        "payout_id": order.payout_id,
        "order_bytes": statements.encode(order),
        "programme_id": order.programme_id,
        "account_token": order.account_token,
        "operator_id": order.operator_id,
        "wallet_id": order.wallet_id,
        "wallet_class": int(order.wallet_class),
        "units": redemption.units,
        "mass_ug": redemption.mass_ug,
        "amount_fen": redemption.amount_fen,
        "state": redemption.state.value,
        "reason": redemption.reason,
        "rail_reference": redemption.rail_reference,
        "created_s": redemption.created_s,
    }
