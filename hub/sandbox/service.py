"""SANDBOX: the operator's HTTPS service, and the notices that it sends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from starlette.applications import Starlette

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.value_day import value_day
from fedcarbon.redemption.wallet import WalletId
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import clock_named
from fedcarbon.wire.logs import logger
from fedcarbon.wire.party import PartyFiles
from hub.rails.letter_box import LetterBox, NoAnswer
from hub.rails.letter_post import LetterPost, PostLimits, RailUnreachableError
from hub.rails.letters import Correspondent, Secretary
from hub.rails.messages import (
    NOTICES_PATH,
    PAGE_LINES_MAX,
    PAY_PATH,
    QUERY_PATH,
    SETTLEMENT_PATH,
    STATEMENT_PATH,
    Acknowledgement,
    Letterhead,
    Money,
    PayoutAnswer,
    PayoutNotice,
    PayRequest,
    QueryRequest,
    SettlementAnswer,
    SettlementRequest,
    StatementAnswer,
    StatementEntry,
    StatementRequest,
)
from hub.sandbox.books import Notice, SandboxAccountUnknownError, SandboxBooks, SandboxDelays
from hub.sandbox.config import SandboxConfig
from hub.sandbox.faults import Fault, Faults, RailFault
from hub.sandbox.orders import FaultOrder

FAULTS_PATH: Final = "/v1/faults"
NOTICES_AT_ONCE: Final = 200


class Sandbox:
    """The operator: books, faults, endpoints and notices."""

    def __init__(
        self, config: SandboxConfig, party: PartyFiles, random_bytes: Callable[[int], bytes]
    ) -> None:
        """Open the books and the accounts that the configuration names."""
        self._clock = clock_named(config.clock)
        self._party = party
        self._secretary = Secretary(
            party_id=party.party_id,
            key=party.signing_key,
            clock=self._clock,
            random_bytes=random_bytes,
        )
        self._hub_of = {account.programme: account.hub for account in config.accounts}
        self._faults = Faults(
            (entry.value for entry in config.next_calls),
            {entry.wallet_id: entry.value for entry in config.wallets},
        )
        self._hubs = {
            hub.party_id: _hub(hub.party_id, hub.signing_key, party) for hub in config.hubs
        }
        self._posts = {
            hub.party_id: LetterPost(
                hub.notify_url,
                party=party,
                correspondent=self._hubs[hub.party_id],
                secretary=self._secretary,
                limits=PostLimits(),
            )
            for hub in config.hubs
            if hub.notify_url
        }
        self._tick_s = config.tick_ms / 1000
        self.books = SandboxBooks(
            config.book,
            delays=SandboxDelays(settle_s=config.settle_s, return_s=config.return_s),
            noticed=frozenset(
                programme for programme, hub in self._hub_of.items() if hub in self._posts
            ),
        )
        for account in config.accounts:
            self.books.open_account(
                account.programme,
                self._clock.now_s(),
                opening_fen=account.opening_fen,
                is_overdrawable=False,
            )

    def app(self) -> Starlette:
        """Return the ASGI application."""
        hubs = LetterBox(self._secretary, self._party.trust_domain, self._hubs)
        itself = Correspondent(name=self._party.name, signing_key=self._party.signing_key.public)
        own = LetterBox(self._secretary, self._party.trust_domain, {self._party.party_id: itself})
        return Starlette(
            routes=[
                hubs.route(PAY_PATH, [PayRequest], self._pay),
                hubs.route(QUERY_PATH, [QueryRequest], self._query),
                hubs.route(SETTLEMENT_PATH, [SettlementRequest], self._settlement),
                hubs.route(STATEMENT_PATH, [StatementRequest], self._statement),
                own.route(FAULTS_PATH, [FaultOrder], self._inject),
            ]
        )

    async def run(self) -> None:
        """Move on what is due and send notices, again and again; ends by cancellation."""
        while True:
            try:
                await asyncio.to_thread(self._tick)
            except Exception:  # noqa: BLE001 - the last place before the work ends for good
                logger().exception("sandbox_tick_broke")
            await asyncio.sleep(self._tick_s)

    def close(self) -> None:
        """Close the books and all connections."""
        for post in self._posts.values():
            post.close()
        self.books.close()

    async def _pay(self, request: PayRequest, head: Letterhead) -> Statement:
        fault = self._faults.of_pay(request.wallet_id)
        if fault.kind is RailFault.LOST_REQUEST:
            raise NoAnswer
        self._check_account(request.programme, head.receiver)
        answer = await asyncio.to_thread(self.books.pay, request.payout, self._clock.now_s(), fault)
        await _delayed(fault)
        return PayoutAnswer(
            head=head,
            payout_id=request.payout_id,
            amount_fen=request.amount_fen,
            status=answer.status,
            reason=answer.reason,
            reference=answer.reference,
            value_day=answer.value_day,
        )

    async def _query(self, request: QueryRequest, head: Letterhead) -> Statement:
        fault = self._faults.of_query()
        if fault.kind is RailFault.LOST_REQUEST:
            raise NoAnswer
        booked = await asyncio.to_thread(self.books.query, request.payout_id, self._clock.now_s())
        await _delayed(fault)
        if booked is None or self._hub_of.get(booked.programme) != head.receiver:
            return PayoutAnswer(
                head=head,
                payout_id=request.payout_id,
                amount_fen=None,
                status=RailStatus.NOT_FOUND,
                reason="",
                reference="",
                value_day=None,
            )
        answer = booked.answer
        return PayoutAnswer(
            head=head,
            payout_id=request.payout_id,
            amount_fen=booked.amount_fen,
            status=answer.status,
            reason=answer.reason,
            reference=answer.reference,
            value_day=answer.value_day,
        )

    async def _settlement(self, request: SettlementRequest, head: Letterhead) -> Statement:
        self._check_account(request.programme, head.receiver)
        is_over = await self._is_over(request)
        lines = (
            await asyncio.to_thread(self.books.lines, request.programme, request.day)
            if is_over
            else ()
        )
        begin = request.page * PAGE_LINES_MAX
        return SettlementAnswer(
            head=head,
            programme=request.programme,
            day=request.day,
            page=request.page,
            pages=_pages(len(lines)) if is_over else 0,
            lines=lines[begin : begin + PAGE_LINES_MAX],
        )

    async def _statement(self, request: StatementRequest, head: Letterhead) -> Statement:
        self._check_account(request.programme, head.receiver)
        is_over = await self._is_over(request)
        found = await asyncio.to_thread(self.books.statement, request.programme, request.day)
        begin = request.page * PAGE_LINES_MAX
        entries = found.movements[begin : begin + PAGE_LINES_MAX] if is_over else ()
        return StatementAnswer(
            head=head,
            programme=request.programme,
            day=request.day,
            page=request.page,
            pages=_pages(len(found.movements)) if is_over else 0,
            opening=Money.of(found.opening_fen if is_over else 0),
            closing=Money.of(found.closing_fen if is_over else 0),
            entries=tuple(map(StatementEntry.of, entries)),
        )

    async def _inject(self, order: FaultOrder, head: Letterhead) -> Statement:
        await asyncio.to_thread(self.books.take_order, order.head.letter_id)
        if order.fault is RailFault.UNKNOWN_MOVEMENT:
            await asyncio.to_thread(
                self.books.move,
                ProgrammeId(order.programme),
                order.signed_fen,
                order.head.letter_id,
                self._clock.now_s(),
            )
        elif order.wallet_id:
            self._faults.set_wallet(WalletId(order.wallet_id), order.faults[0])
        else:
            self._faults.add(order.faults)
        logger().info("sandbox_fault_injected", kind=order.fault.value, count=order.calls)
        return Acknowledgement(head=head)

    async def _is_over(self, request: SettlementRequest | StatementRequest) -> bool:
        now_s = self._clock.now_s()
        await asyncio.to_thread(self.books.pass_time, now_s)
        return value_day(now_s) > request.day

    def _check_account(self, programme: ProgrammeId, hub: PartyId) -> None:
        if self._hub_of.get(programme) != hub:
            raise SandboxAccountUnknownError(f"{hub} has no account for {programme} here")

    def _tick(self) -> None:
        self.books.pass_time(self._clock.now_s())
        for notice in self.books.notices(NOTICES_AT_ONCE):
            post = self._posts.get(self._hub_of.get(notice.programme, PartyId("")))
            try:
                if post is not None:
                    self._tell(post, notice)
            except FedcarbonError as error:  # the next tick tries again
                logger().warning("sandbox_notice_not_taken", code=error.code)
                if isinstance(error, RailUnreachableError):
                    break

    def _tell(self, post: LetterPost, notice: Notice) -> None:
        answer = notice.answer
        post.ask(
            NOTICES_PATH,
            lambda head: PayoutNotice(
                head=head,
                payout_id=notice.payout_id,
                amount_fen=notice.amount_fen,
                status=answer.status,
                reason=answer.reason,
                reference=answer.reference,
                value_day=answer.value_day,
            ),
            Acknowledgement,
        )
        self.books.acknowledged(notice)


async def _delayed(fault: Fault) -> None:
    if fault.kind is RailFault.LOST_ANSWER:
        raise NoAnswer
    if fault.kind is RailFault.SLOW:
        await asyncio.sleep(fault.delay_ms / 1000)


def _pages(lines: int) -> int:
    return max(1, -(-lines // PAGE_LINES_MAX))


def _hub(name: PartyId, signing_key: str, party: PartyFiles) -> Correspondent:
    return Correspondent(
        name=PartyName(party_id=name, role=Role.HUB, trust_domain=party.trust_domain),
        signing_key=bytes.fromhex(signing_key),
    )
