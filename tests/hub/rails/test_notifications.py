"""The hub's door for notices: real HTTPS, and each check of a letter with the attack it stops."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from fedcarbon.canonical.statement import Statement
from fedcarbon.ids import PartyId, Role
from fedcarbon.redemption.rail import RailAnswer, RailStatus
from fedcarbon.units import Fen, Seconds
from fedcarbon.wire import https
from fedcarbon.wire.https import HttpsServer, client_context
from fedcarbon.wire.party import PartyFiles
from hub.rails import letter_box
from hub.rails.letter_post import LetterPost, RailRefusedError
from hub.rails.letters import LETTER_AGE_MAX_S, RailLetterMalformedError
from hub.rails.messages import (
    NOTICES_PATH,
    Acknowledgement,
    Letterhead,
    PayoutNotice,
    QueryRequest,
)
from hub.rails.notifications import notification_app
from hub.sandbox.faults import RailFault
from tests.hub.sandbox.operator_process import (
    DAY,
    NOON_S,
    OperatorProcess,
    Town,
    payout,
    write_identity,
)
from tests.loop_thread import LoopThread

PAYOUT = payout().payout_id


def notice(head: Letterhead) -> PayoutNotice:
    return PayoutNotice(
        head=head,
        payout_id=PAYOUT,
        amount_fen=Fen(25),
        status=RailStatus.SETTLED,
        reason="",
        reference="sandbox-1",
        value_day=DAY,
    )


@dataclass(slots=True)
class Door:
    """A hub's door on a loop of its own, and what was handed in."""

    town: Town
    loop: LoopThread
    entered: list[tuple[bytes, RailAnswer]] = field(default_factory=list)
    port: int = 0
    breaks: bool = False
    serving: Any = None

    async def enter(self, payout_id: bytes, answer: RailAnswer) -> None:
        if self.breaks:
            raise RuntimeError("the books are shut")
        self.entered.append((payout_id, answer))

    async def open(self) -> None:
        app = notification_app(
            self.town.secretary(), self.town.correspondent(self.town.operator), self.enter
        )
        server = HttpsServer(app, address="127.0.0.1:0", party=self.town.hub)
        self.port = server.port
        self.serving = asyncio.ensure_future(server.run())

    async def shut(self) -> None:
        self.serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.serving

    def post(self, party: PartyFiles | None = None) -> LetterPost:
        """Return the operator's connection to the door, or another party's."""
        return self.town.post(self.port, party or self.town.operator, to=self.town.hub)

    def tell(
        self, written: Callable[[Letterhead], Statement] = notice, party: PartyFiles | None = None
    ) -> Acknowledgement:
        with contextlib.closing(self.post(party)) as post:
            return post.ask(NOTICES_PATH, written, Acknowledgement)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    loop = LoopThread()
    door = Door(Town(tmp_path), loop)
    loop.run(door.open())
    yield door
    loop.run(door.shut())
    loop.close()


def test_a_notice_is_entered_and_acknowledged_and_a_duplicate_is_harmless(door: Door) -> None:
    for _ in range(2):
        door.tell()

    answer = RailAnswer(
        status=RailStatus.SETTLED, reference="sandbox-1", value_day=DAY, amount_fen=Fen(25)
    )
    assert door.entered == [(PAYOUT, answer)] * 2


def from_another_hub(head: Letterhead) -> Statement:
    return notice(replace(head, receiver=PartyId("other-hub")))


def too_old(head: Letterhead) -> Statement:
    return notice(replace(head, sent_s=NOON_S - LETTER_AGE_MAX_S - 1))


def of_tomorrow(head: Letterhead) -> Statement:
    return notice(replace(head, sent_s=NOON_S + LETTER_AGE_MAX_S + 1))


def of_somebody_else(head: Letterhead) -> Statement:
    return notice(replace(head, sender=PartyId("other-bank")))


def an_answer(head: Letterhead) -> Statement:
    return notice(replace(head, answers=bytes(32)))


def another_kind(head: Letterhead) -> Statement:
    return QueryRequest(head=head, payout_id=PAYOUT)


ATTACKS = {
    "written to another hub": (from_another_hub, "RAIL_RECEIVER_DIFFERS"),
    "kept back": (too_old, "RAIL_LETTER_EXPIRED"),
    "from the future": (of_tomorrow, "RAIL_LETTER_EXPIRED"),
    "in another's name": (of_somebody_else, "RAIL_SENDER_DIFFERS"),
    "an answer to nothing": (an_answer, "RAIL_ANSWER_DIFFERS"),
    "another kind of letter": (another_kind, "RAIL_LETTER_MALFORMED"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_notice_that_is_not_one_is_refused_by_name(door: Door, attack: str) -> None:
    written, code = ATTACKS[attack]

    with pytest.raises(RailRefusedError, match=code):
        door.tell(written)

    assert door.entered == []


def test_a_notice_signed_with_another_key_is_refused(door: Door) -> None:
    operator = door.town.operator
    forger = replace(operator, signing_key=door.town.hub.signing_key)

    with pytest.raises(RailRefusedError, match="SIGNATURE_INVALID"):
        door.tell(party=forger)

    assert door.entered == []


@pytest.mark.parametrize(
    ("role", "name"),
    [(Role.WALLET_OPERATOR, "other-bank"), (Role.PARTNER, "wallet-bank")],
    ids=["another operator", "the operator's name in another role"],
)
def test_the_certificate_must_be_the_operators(door: Door, role: Role, name: str) -> None:
    folder = door.town.folder / "elsewhere"
    stranger = write_identity(folder, door.town.authority, role, PartyId(name))

    with capture_logs() as logged, pytest.raises(RailLetterMalformedError):
        door.tell(party=replace(stranger, signing_key=door.town.operator.signing_key))

    assert [entry["code"] for entry in logged] == ["RAIL_SENDER_DIFFERS"]
    assert door.entered == []


@contextlib.contextmanager
def unfinished(door: Door, party: PartyFiles) -> Iterator[ssl.SSLSocket]:
    """Announce a letter, and never send it."""
    with (
        socket.create_connection(("127.0.0.1", door.port), timeout=20) as line,
        client_context(party).wrap_socket(
            line, server_hostname=door.town.hub.name.host
        ) as connection,
    ):
        connection.sendall(
            f"POST {NOTICES_PATH} HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n".encode()
        )
        yield connection


def test_a_stranger_is_sent_away_before_anything_is_read(door: Door) -> None:
    folder = door.town.folder / "elsewhere"
    stranger = write_identity(folder, door.town.authority, Role.PARTNER, PartyId("curious"))

    with unfinished(door, stranger) as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 403 ")


def test_a_letter_that_never_comes_is_not_waited_for(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_box, "BODY_S", 0.05)

    with unfinished(door, door.town.operator) as connection:
        assert connection.recv(1_000).startswith(b"HTTP/1.1 400 ")

    door.tell()


def test_more_connections_than_are_taken_get_an_empty_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(https, "CONNECTIONS_MAX", 2)
    loop = LoopThread()
    door = Door(Town(tmp_path), loop)
    loop.run(door.open())
    try:
        with unfinished(door, door.town.operator), unfinished(door, door.town.operator) as second:
            assert second.recv(1_000).startswith(b"HTTP/1.1 503 ")
    finally:
        loop.run(door.shut())
        loop.close()


def test_a_changed_notice_is_refused(door: Door) -> None:
    town = door.town
    secretary = town.secretary(town.operator)
    good = secretary.sealed(notice(secretary.head(town.hub.party_id)))
    at = good.index(b'"payload":"') + 60
    bent = good[:at] + (b"A" if good[at : at + 1] != b"A" else b"B") + good[at + 1 :]
    with httpx.Client(
        base_url=f"https://127.0.0.1:{door.port}",
        verify=client_context(town.operator),
        trust_env=False,
    ) as client:
        sent = client.post(
            NOTICES_PATH, content=bent, extensions={"sni_hostname": town.hub.name.host}
        )

    assert b"rail-refusal" in sent.content
    assert door.entered == []


def test_what_could_not_be_entered_is_not_acknowledged(door: Door) -> None:
    door.breaks = True

    with pytest.raises(Exception, match="malformed"):
        door.tell()

    door.breaks = False
    door.tell()
    assert len(door.entered) == 1


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


@pytest.mark.parametrize(
    ("fault", "times"), [(RailFault.LOST_ANSWER, 1), (RailFault.DUPLICATE_NOTIFICATION, 2)]
)
def test_the_operator_tells_the_hub_by_itself(door: Door, fault: RailFault, times: int) -> None:
    town = door.town
    operator = OperatorProcess.start(town.write_config(notify_url=f"https://127.0.0.1:{door.port}"))
    town.inject(operator.port, fault)
    with contextlib.closing(town.rail(operator.port)) as rail:
        rail.pay(payout())

    with contextlib.closing(town.books()) as books:
        wait_for(lambda: len(door.entered) >= times and not books.notices(9))
    operator.stop()

    assert [(name, answer.status) for name, answer in door.entered] == [
        (PAYOUT, RailStatus.SETTLED)
    ] * times


def test_notices_wait_for_a_hub_that_is_away(door: Door) -> None:
    town = door.town
    config = town.write_config(notify_url=f"https://127.0.0.1:{door.port}", more="return_s = 600")
    door.loop.run(door.shut())
    operator = OperatorProcess.start(config)
    town.inject(operator.port, RailFault.LATE_FAILURE)
    with contextlib.closing(town.rail(operator.port)) as rail:
        rail.pay(payout())
        town.clock.set_s(Seconds(NOON_S + 600))
        wait_for(lambda: rail.query(PAYOUT).status is RailStatus.RETURNED)
        operator.kill()
    config.write_text(config.read_text().replace(f":{door.port}", ":0"), encoding="utf-8")
    door.loop.run(door.open())
    config.write_text(
        config.read_text().replace("https://127.0.0.1:0", f"https://127.0.0.1:{door.port}"),
        encoding="utf-8",
    )

    operator = OperatorProcess.start(config)
    wait_for(lambda: len(door.entered) >= 2)
    operator.stop()

    assert {answer.status for _, answer in door.entered} == {
        RailStatus.SETTLED,
        RailStatus.RETURNED,
    }
