"""The adapter believes only a clear answer to its own request: each check with its attack."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import PeerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.rail_day import FloatStatement, RailLine
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen
from fedcarbon.wire.https import HttpsServer, server_context
from hub.rails import letter_post
from hub.rails.letter_post import PostLimits, RailUnreachableError
from hub.rails.letters import LETTER_AGE_MAX_S, Secretary
from hub.rails.messages import (
    PAY_PATH,
    QUERY_PATH,
    SETTLEMENT_PATH,
    STATEMENT_PATH,
    Acknowledgement,
    Letterhead,
    Money,
    PayoutAnswer,
    PayRequest,
    QueryRequest,
    SettlementAnswer,
    SettlementRequest,
    StatementAnswer,
    StatementEntry,
    StatementRequest,
)
from hub.rails.signed_http import SignedHttpRail
from tests.hub.sandbox.operator_process import (
    DAY,
    NOON_S,
    SHANGHAI,
    Town,
    payout,
    write_identity,
)
from tests.loop_thread import LoopThread

ORDER = payout()
LIMITS = PostLimits(answer_ms=2_000)


@dataclass(slots=True)
class Operator:
    """An operator whose answers a test writes itself, byte by byte if it likes."""

    town: Town
    requests: list[bytes] = field(default_factory=list)
    answer: Callable[[bytes], bytes | Awaitable[bytes]] = lambda _: b""
    port: int = 0
    serving: Any = None

    @property
    def secretary(self) -> Secretary:
        return self.town.secretary(self.town.operator)

    async def endpoint(self, request: Request) -> Response:
        self.requests.append(await request.body())
        return Response(self.answer(self.requests[-1]))  # type: ignore[arg-type]

    async def open(self) -> None:
        paths = (PAY_PATH, QUERY_PATH, SETTLEMENT_PATH, STATEMENT_PATH)
        routes = [Route(path, self.endpoint, methods=["POST"]) for path in paths]
        server = HttpsServer(
            Starlette(routes=routes), address="127.0.0.1:0", party=self.town.operator
        )
        self.port = server.port
        self.serving = asyncio.ensure_future(server.run())

    async def shut(self) -> None:
        self.serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.serving

    def head(self, request: bytes) -> Letterhead:
        return self.secretary.head(self.town.hub.party_id, request)


def paid(head: Letterhead, **changes: Any) -> PayoutAnswer:
    good = PayoutAnswer(
        head=head,
        payout_id=ORDER.payout_id,
        amount_fen=ORDER.amount_fen,
        status=RailStatus.SETTLED,
        reason="",
        reference="ref-1",
        value_day=DAY,
    )
    return replace(good, **changes)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    loop = LoopThread()
    operator = Operator(Town(tmp_path))
    loop.run(operator.open())
    yield operator
    loop.run(operator.shut())
    loop.close()


@pytest.fixture
def rail(operator: Operator) -> Iterator[SignedHttpRail]:
    with contextlib.closing(operator.town.rail(operator.port, LIMITS)) as rail:
        yield rail


def test_a_clear_answer_is_believed_and_the_request_was_signed(
    operator: Operator, rail: SignedHttpRail
) -> None:
    operator.answer = lambda data: operator.secretary.sealed(paid(operator.head(data)))

    assert rail.pay(ORDER).status is RailStatus.SETTLED
    assert rail.query(ORDER.payout_id).reference == "ref-1"

    hub = operator.town.correspondent(operator.town.hub)
    first, second = (
        operator.secretary.opened([PayRequest, QueryRequest], data, hub)
        for data in operator.requests
    )
    assert isinstance(first, PayRequest)
    assert first.payout == ORDER
    assert isinstance(second, QueryRequest)
    assert first.head.letter_id != second.head.letter_id


Attack = Callable[[Operator, bytes], bytes]


def written(change: Callable[[Operator, bytes, PayoutAnswer], Statement]) -> Attack:
    """Return an answer that the operator itself has signed, and changed before."""
    return lambda operator, data: operator.secretary.sealed(
        change(operator, data, paid(operator.head(data)))
    )


def with_head(**changes: Any) -> Attack:
    return written(lambda _, __, answer: replace(answer, head=replace(answer.head, **changes)))


def by_another_key(operator: Operator, data: bytes) -> bytes:
    forger = replace(operator.secretary, key=operator.town.hub.signing_key)
    return forger.sealed(paid(operator.head(data)))


def of_an_earlier_request(operator: Operator, _data: bytes) -> bytes:
    earlier = operator.town.secretary().sealed(
        QueryRequest(
            head=operator.town.secretary().head(operator.town.operator.party_id),
            payout_id=ORDER.payout_id,
        )
    )
    return operator.secretary.sealed(paid(operator.head(earlier)))


def changed_on_the_way(operator: Operator, data: bytes) -> bytes:
    good = operator.secretary.sealed(paid(operator.head(data)))
    at = good.index(b'"payload":"') + 100
    return good[:at] + (b"B" if good[at : at + 1] == b"A" else b"A") + good[at + 1 :]


ATTACKS: dict[str, tuple[Attack, str]] = {
    "another key": (by_another_key, "SIGNATURE_INVALID"),
    "changed on the way": (changed_on_the_way, "SIGNATURE_INVALID"),
    "an answer to an earlier request": (of_an_earlier_request, "RAIL_ANSWER_DIFFERS"),
    "an answer to nothing": (with_head(answers=None), "RAIL_ANSWER_DIFFERS"),
    "written to another hub": (with_head(receiver=PartyId("other-hub")), "RAIL_RECEIVER_DIFFERS"),
    "in another's name": (with_head(sender=PartyId("other-bank")), "RAIL_SENDER_DIFFERS"),
    "kept back": (with_head(sent_s=NOON_S - LETTER_AGE_MAX_S - 1), "RAIL_LETTER_EXPIRED"),
    "from the future": (with_head(sent_s=NOON_S + LETTER_AGE_MAX_S + 1), "RAIL_LETTER_EXPIRED"),
    "of another payout": (
        written(lambda _, __, answer: replace(answer, payout_id=bytes(16))),
        "RAIL_PAYOUT_DIFFERS",
    ),
    "another amount": (
        written(lambda _, __, answer: replace(answer, amount_fen=Fen(24))),
        "RAIL_PAYOUT_DIFFERS",
    ),
    "not found, to a payment": (
        written(
            lambda _, __, answer: replace(answer, status=RailStatus.NOT_FOUND, amount_fen=None)
        ),
        "RAIL_PAYOUT_DIFFERS",
    ),
    "another kind of letter": (
        written(lambda _, __, answer: Acknowledgement(head=answer.head)),
        "RAIL_LETTER_MALFORMED",
    ),
    "noise": (lambda _, __: b"\x00" * 40, "RAIL_LETTER_MALFORMED"),
    "nothing": (lambda _, __: b"", "RAIL_LETTER_MALFORMED"),
    "our own request": (lambda _, data: data, "RAIL_LETTER_MALFORMED"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_answer_that_is_none_raises_by_name(
    operator: Operator, rail: SignedHttpRail, attack: str
) -> None:
    bend, code = ATTACKS[attack]
    operator.answer = lambda data: bend(operator, data)

    with pytest.raises(PeerError) as caught:
        rail.pay(ORDER)

    assert caught.value.code == code
    assert len(operator.requests) == 1  # nothing is sent twice


def test_an_answer_to_a_query_must_be_of_that_payout(
    operator: Operator, rail: SignedHttpRail
) -> None:
    operator.answer = lambda data: operator.secretary.sealed(
        paid(operator.head(data), payout_id=bytes(16))
    )

    with pytest.raises(PeerError) as caught:
        rail.query(ORDER.payout_id)

    assert caught.value.code == "RAIL_PAYOUT_DIFFERS"


def test_an_answer_to_a_query_says_the_amount_that_the_rail_has(
    operator: Operator, rail: SignedHttpRail
) -> None:
    operator.answer = lambda data: operator.secretary.sealed(
        paid(operator.head(data), amount_fen=Fen(1))
    )

    assert rail.query(ORDER.payout_id).amount_fen == 1


class Dripping:
    """A bank's own machine that says its answer one byte at a time."""

    def __init__(self, town: Town, said: bytes) -> None:
        self._context = server_context(town.operator)
        self._said = said
        self._stop = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            plain, _ = self._socket.accept()
            with plain, self._context.wrap_socket(plain, server_side=True) as line:
                line.recv(1 << 16)
                for number in range(len(self._said)):
                    line.sendall(self._said[number : number + 1])
                    if self._stop.wait(0.02):
                        return

    def close(self) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # nobody may ever have called
        self._thread.join()
        self._socket.close()


HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n"


@pytest.mark.parametrize(
    "said",
    [HEAD + 200 * b"x", HEAD[:-2] + b"x-pad: " + 200 * b"x" + b"\r\n\r\n" + 200 * b"x"],
    ids=["in its body", "in its head"],
)
def test_an_answer_that_drips_is_late_as_a_whole(tmp_path: Path, said: bytes) -> None:
    town = Town(tmp_path)
    limits = PostLimits(connect_ms=600, answer_ms=400)
    with (
        contextlib.closing(Dripping(town, said)) as dripping,
        contextlib.closing(town.rail(dripping.port, limits)) as rail,
    ):
        # With a limit for each wait only, all of it would come, and be malformed.
        assert rail.pay(ORDER).status is RailStatus.UNKNOWN


def test_an_answer_without_end_is_cut_off(
    operator: Operator, rail: SignedHttpRail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_post, "LETTER_BYTES_MAX", 1_000)
    operator.answer = lambda _: b"x" * 100_000

    with pytest.raises(PeerError) as caught:
        rail.pay(ORDER)

    assert caught.value.code == "RAIL_LETTER_MALFORMED"


@pytest.mark.parametrize(
    ("role", "name"),
    [(Role.WALLET_OPERATOR, "other-bank"), (Role.HUB, "wallet-bank")],
    ids=["another operator", "the operator's name in another role"],
)
def test_another_partys_server_is_not_talked_to(operator: Operator, role: Role, name: str) -> None:
    town = operator.town
    expected = write_identity(town.folder / "elsewhere", town.authority, role, PartyId(name))
    post = town.post(operator.port, to=expected)

    with contextlib.closing(SignedHttpRail(post)) as rail:
        assert rail.pay(ORDER).status is RailStatus.UNKNOWN
        with pytest.raises(RailUnreachableError):
            rail.of_day(SHANGHAI, DAY)

    assert operator.requests == []


def test_a_server_of_another_authority_is_not_talked_to(operator: Operator, tmp_path: Path) -> None:
    stranger = Town(tmp_path / "stranger")

    with contextlib.closing(stranger.rail(operator.port)) as rail:
        assert rail.pay(ORDER).status is RailStatus.UNKNOWN

    assert operator.requests == []


# --- files in pages ---------------------------------------------------------------------------


LINES = tuple(
    RailLine(
        payout_id=bytes([number]) * 16,
        amount_fen=Fen(number),
        outcome=PayoutOutcome.SETTLED,
        reference=f"ref-{number}",
        reason="",
    )
    for number in range(1, 4)
)


def paged(operator: Operator, data: bytes, **changes: Any) -> bytes:
    """Return a page with one line of three."""
    hub = operator.town.correspondent(operator.town.hub)
    kinds: list[type[Statement]] = [SettlementRequest, StatementRequest]
    request: Any = operator.secretary.opened(kinds, data, hub)
    place: dict[str, Any] = {
        "head": operator.head(data),
        "programme": request.programme,
        "day": request.day,
        "page": request.page,
        "pages": 3,
    }
    line = LINES[request.page]
    if isinstance(request, SettlementRequest):
        answer: Statement = SettlementAnswer(**(place | {"lines": (line,)} | changes))
    else:
        entry = StatementEntry(
            reference=line.reference,
            money=Money.of(-line.amount_fen),
            payout_id=line.payout_id,
            text="",
        )
        answer = StatementAnswer(
            **(place | {"opening": Money.of(-4), "closing": Money.of(-10), "entries": (entry,)})
        )
    return operator.secretary.sealed(answer)


def test_a_long_file_comes_in_pages(operator: Operator, rail: SignedHttpRail) -> None:
    operator.answer = lambda data: paged(operator, data)

    found = rail.of_day(SHANGHAI, DAY)

    assert found is not None
    assert found.lines == LINES
    assert isinstance(found.statement, FloatStatement)
    assert (found.statement.opening_fen, found.statement.closing_fen) == (-4, -10)
    assert [item.amount_fen for item in found.statement.movements] == [-1, -2, -3]


@pytest.mark.parametrize(
    "changes",
    [{"programme": "ecny-other"}, {"day": ValueDay(DAY + 1)}, {"page": 1}],
    ids=["another programme", "another day", "another page"],
)
def test_a_page_of_another_file_is_refused(
    operator: Operator, rail: SignedHttpRail, changes: dict[str, Any]
) -> None:
    operator.answer = lambda data: paged(operator, data, **changes)

    with pytest.raises(PeerError) as caught:
        rail.of_day(SHANGHAI, DAY)

    assert caught.value.code == "RAIL_PAYOUT_DIFFERS"
