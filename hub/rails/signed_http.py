"""A rail that speaks signed JSON over HTTPS with mutual TLS.

Nothing is sent twice here: whatever is not a clear answer is UNKNOWN, and the outbox asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from typing_extensions import override

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import PeerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import FloatStatement, RailDay, RailFiles, RailLine
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.wire.logs import logger
from hub.rails.letter_post import LetterPost, RailUnreachableError
from hub.rails.messages import (
    PAY_PATH,
    QUERY_PATH,
    SETTLEMENT_PATH,
    STATEMENT_PATH,
    Letterhead,
    PayoutAnswer,
    PayRequest,
    QueryRequest,
    SettlementAnswer,
    SettlementRequest,
    StatementAnswer,
    StatementEntry,
    StatementRequest,
)

PAGES_MAX: Final = 2_000
"""Pages of one file: ten million lines."""


class RailPayoutDiffersError(PeerError):
    """An answer is of another payout, amount, programme, day or page than was asked for."""

    code: ClassVar[str] = "RAIL_PAYOUT_DIFFERS"


class SignedHttpRail(Rail, RailFiles):
    """The adapter. Threads may share it."""

    def __init__(self, post: LetterPost) -> None:
        """Take the connection to the rail's operator."""
        self._post: Final = post

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        """Send the payout once.

        Raises:
            PeerError: the answer is no proper answer to this request; nothing is known.
        """
        return self._payout_answer(
            PAY_PATH,
            lambda head: PayRequest(
                head=head,
                payout_id=payout.payout_id,
                programme=payout.programme,
                wallet_id=payout.wallet_id,
                amount_fen=payout.amount_fen,
            ),
            payout.payout_id,
            payout.amount_fen,
        )

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        """Ask what became of the payout.

        Raises:
            PeerError: the answer is no proper answer to this request; nothing is known.
        """
        return self._payout_answer(
            QUERY_PATH,
            lambda head: QueryRequest(head=head, payout_id=payout_id),
            payout_id,
            None,
        )

    @override
    def of_day(self, programme: ProgrammeId, day: ValueDay) -> RailDay | None:
        """Fetch the settlement file and the statement of a day.

        Raises:
            RailUnreachableError: no answer.
            PeerError: an answer is none to this request.
        """
        lines = self._lines(programme, day)
        statement = self._statement(programme, day)
        if lines is None or statement is None:
            return None
        return RailDay(programme=programme, day=day, lines=lines, statement=statement)

    def close(self) -> None:
        """Close all connections."""
        self._post.close()

    def _payout_answer(
        self,
        path: str,
        written: Callable[[Letterhead], Statement],
        payout_id: bytes,
        amount_fen: int | None,
    ) -> RailAnswer:
        try:
            answer = self._post.ask(path, written, PayoutAnswer)
            if answer.payout_id != payout_id:
                raise RailPayoutDiffersError("the rail answered for another payout")
            if amount_fen is not None and answer.amount_fen != amount_fen:
                raise RailPayoutDiffersError("the rail has the payout with another amount")
        except RailUnreachableError as error:
            logger().warning("rail_unreachable", code=error.code)
            return RailAnswer(status=RailStatus.UNKNOWN)
        except PeerError as error:
            logger().error("rail_answer_refused", code=error.code)
            raise
        return answer.answer

    def _lines(self, programme: ProgrammeId, day: ValueDay) -> tuple[RailLine, ...] | None:
        lines: list[RailLine] = []
        for page in range(PAGES_MAX):

            def written(head: Letterhead, page: int = page) -> Statement:
                return SettlementRequest(head=head, programme=programme, day=day, page=page)

            answer = self._post.ask(SETTLEMENT_PATH, written, SettlementAnswer)
            _check_place(answer, programme, day, page)
            lines += answer.lines
            if page + 1 >= answer.pages:
                return tuple(lines) if answer.pages else None
        raise RailPayoutDiffersError(f"a settlement file has more than {PAGES_MAX} pages")

    def _statement(self, programme: ProgrammeId, day: ValueDay) -> FloatStatement | None:
        entries: list[StatementEntry] = []
        for page in range(PAGES_MAX):

            def written(head: Letterhead, page: int = page) -> Statement:
                return StatementRequest(head=head, programme=programme, day=day, page=page)

            answer = self._post.ask(STATEMENT_PATH, written, StatementAnswer)
            _check_place(answer, programme, day, page)
            entries += answer.entries
            if page + 1 >= answer.pages:
                if not answer.pages:
                    return None
                return FloatStatement(
                    opening_fen=answer.opening.signed_fen,
                    closing_fen=answer.closing.signed_fen,
                    movements=tuple(entry.movement for entry in entries),
                )
        raise RailPayoutDiffersError(f"a statement has more than {PAGES_MAX} pages")


def _check_place(
    answer: SettlementAnswer | StatementAnswer, programme: ProgrammeId, day: ValueDay, page: int
) -> None:
    if (answer.programme, answer.day, answer.page) != (programme, day, page):
        raise RailPayoutDiffersError("the rail sent a page of another file")
