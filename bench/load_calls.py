"""The calls of the load generator, and whether the hub's books hold what it has acknowledged.

Every message is made and signed before its run begins, so that the generator has little to do while
it measures. Whatever creates something is sent once: no call is hidden by a retry.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import grpc
from sqlmodel import Session, select

from bench.open_loop import OK
from fedcarbon.ids import PartyId
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import (
    opening_pb2,
    opening_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    redemption_pb2,
    redemption_pb2_grpc,
    registry_pb2,
    registry_pb2_grpc,
)
from fedcarbon.wire.options import CHANNEL_OPTIONS
from fedcarbon.wire.party import load_party
from fedcarbon.wire.status import OverloadedError, RemoteTimeoutError, UnreachableError, error_of
from hub.clearing.positions import checked_trial_balance, grams_in_books
from hub.clearing.storage.redemption_rows import RedemptionRow
from hub.servicers.redemption import STATES
from hub.storage.record_store import RecordStore
from hub.storage.registry_rows import EnrolmentBatchRow
from hub.wallets.storage.order_rows import RedemptionOrderRow
from tests.hub.federation import AUDITOR, BIKES, METRO, PROGRAMME, signed, token
from tests.hub.openings.world import PEOPLE, PURSE, World
from tests.hub.running import HUB_NAME

KINDS: Final = ("redemption", "account", "enrolment", "leaves")
ENTRIES: Final = 200
"""Accounts in an enrolment batch."""
LEAVES: Final = 200
"""Leaves in a page."""
CALL_S: Final = 30
UNKNOWN: Final = frozenset({UnreachableError.code, RemoteTimeoutError.code})
"""Outcomes after which the call may have taken effect or not."""
_PAGE: Final = 10_000
_FIRST_PERSON: Final = 1_000_000

Send = Callable[[], Awaitable[str]]


class BooksDifferError(Exception):
    """The hub's books are not what its answers have said."""


@dataclass(slots=True)
class Said:
    """What the hub has answered about things that it was to create."""

    redemptions: dict[bytes, str] = field(default_factory=dict)
    """Id to outcome; for an acknowledged one to its state."""
    enrolments: dict[bytes, str] = field(default_factory=dict)
    """Batch id to outcome."""
    hints_ms: Counter[int] = field(default_factory=Counter)
    """After how long a shed call was told to come back, and how often."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes calls of each kind, ready to be sent."""

    world: World
    """Whose messages; its hub may be closed."""
    orders: Sequence[Callable[[bytes, int], RedemptionOrder]]
    """One for each account that may redeem."""

    def prepared(
        self, kinds: Sequence[str], channels: Mapping[PartyId, grpc.aio.Channel], said: Said
    ) -> Iterator[Send]:
        """Yield a call for each kind."""
        stubs = _Stubs(channels, said)
        makers: dict[str, Callable[[int], Send]] = {
            "redemption": lambda number: self._redemption(stubs, number),
            "account": lambda number: self._account(stubs, number),
            "enrolment": lambda number: self._enrolment(stubs, number),
            "leaves": stubs.leaves,
        }
        for number, kind in enumerate(kinds):
            yield makers[kind](number)

    def _redemption(self, stubs: _Stubs, number: int) -> Send:
        redemption_id = secrets.token_bytes(16)
        order = self.orders[number % len(self.orders)](redemption_id, 1)
        return stubs.redemption(redemption_id, signed(order, PURSE))

    def _account(self, stubs: _Stubs, number: int) -> Send:
        return stubs.account(token(PEOPLE[number % len(PEOPLE)]))

    def _enrolment(self, stubs: _Stubs, number: int) -> Send:
        partner = (METRO, BIKES)[number % 2]
        first = _FIRST_PERSON + number * ENTRIES
        batch = self.world.batch(partner, range(first, first + ENTRIES))
        return stubs.enrolment(partner, batch.batch_id, signed(batch, partner))


class _Stubs:
    """Sends calls and notes what was said."""

    def __init__(self, channels: Mapping[PartyId, grpc.aio.Channel], said: Said) -> None:
        self._said = said
        self._redeem: Any = redemption_pb2_grpc.RedemptionServiceStub(channels[PURSE])
        self._open: Any = opening_pb2_grpc.OpeningServiceStub(channels[PURSE])
        self._record: Any = record_pb2_grpc.RecordServiceStub(channels[AUDITOR])
        self._registry: dict[PartyId, Any] = {
            name: registry_pb2_grpc.RegistryServiceStub(channels[name]) for name in (METRO, BIKES)
        }

    def redemption(self, redemption_id: bytes, message: bytes) -> Send:
        request = redemption_pb2.CreateRedemptionRequest(signed_order=message)

        async def send() -> str:
            answer, code = await self._asked(self._redeem.CreateRedemption, request)
            states = {number: state.value for state, number in STATES.items()}
            said = code if answer is None else states[answer.redemption.state]
            self._said.redemptions[redemption_id] = said
            return code

        return send

    def account(self, account_token: bytes) -> Send:
        request = opening_pb2.GetAccountRequest(programme_id=PROGRAMME, account_token=account_token)
        return self._plain(self._open.GetAccount, request)

    def enrolment(self, partner: PartyId, batch_id: bytes, message: bytes) -> Send:
        request = registry_pb2.CreateEnrolmentBatchRequest(signed_batch=message)

        async def send() -> str:
            _, code = await self._asked(self._registry[partner].CreateEnrolmentBatch, request)
            self._said.enrolments[batch_id] = code
            return code

        return send

    def leaves(self, _number: int) -> Send:
        return self._plain(self._record.ListLeaves, record_pb2.ListLeavesRequest(limit=LEAVES))

    def _plain(self, method: Any, request: Any) -> Send:  # noqa: ANN401 - generated
        async def send() -> str:
            return (await self._asked(method, request))[1]

        return send

    async def _asked(self, method: Any, request: Any) -> tuple[Any, str]:  # noqa: ANN401
        try:
            return await method(request, timeout=CALL_S), OK
        except grpc.RpcError as failure:
            error = error_of(failure)
            if error.code == OverloadedError.code:
                self._said.hints_ms[getattr(error, "retry_after_ms", None) or 0] += 1
            return None, error.code


@asynccontextmanager
async def dialled(
    folder: Path, port: int, names: Sequence[PartyId]
) -> AsyncIterator[dict[PartyId, grpc.aio.Channel]]:
    """Give a channel of each party whose identity lies in `folder`, connected."""
    async with AsyncExitStack() as stack:
        channels = {}
        for name in names:
            tls = load_party(folder / name / "party.toml").tls
            credentials = grpc.ssl_channel_credentials(
                root_certificates=tls.ca_pem,
                private_key=tls.key_pem,
                certificate_chain=tls.certificate_pem,
            )
            options = [*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", HUB_NAME.host)]
            channel = grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options=options)
            channels[name] = await stack.enter_async_context(channel)
            await channel.channel_ready()
        yield channels


def check_books(session: Session, said: Said, moved: Counter[bytes]) -> dict[str, int]:
    """Compare what the hub has said with its books, its record and the rail's; return counts.

    Args:
        session: reading the hub's database, after the hub was killed.
        said: what it has answered.
        moved: how often the rail has moved the money of each payout.

    Raises:
        BooksDifferError: something acknowledged is missing, something shed is there, or something
            happened twice.
    """
    checked_trial_balance(session)
    grams_in_books(session)
    rows = session.exec(
        select(RedemptionRow.redemption_id, RedemptionRow.payout_id, RedemptionRow.state)
    ).all()
    booked = {redemption_id: (payout_id, state) for redemption_id, payout_id, state in rows}
    batches = set(session.exec(select(EnrolmentBatchRow.batch_id)))
    _check_created(said.redemptions, set(booked), acknowledged={s.value for s in RedemptionState})
    _check_created(said.enrolments, batches, acknowledged={OK})
    for redemption_id, answer in said.redemptions.items():
        payout_id, state = booked.get(redemption_id, (b"", ""))
        if answer == RedemptionState.SETTLED and (state != answer or moved[payout_id] != 1):
            raise BooksDifferError(f"{redemption_id.hex()} was said to be paid, and is {state}")
    if twice := [payout_id for payout_id, times in moved.items() if times > 1]:
        raise BooksDifferError(f"the rail has moved {len(twice)} payouts more than once")
    orders = len(session.exec(select(RedemptionOrderRow.redemption_id)).all())
    leaves = _leaves(session)
    if leaves[LeafType.REDEMPTION_ORDER] != orders or orders != len(booked):
        raise BooksDifferError("the record has other orders than the books")
    if leaves[LeafType.ENROLMENT_BATCH] != len(batches):
        raise BooksDifferError("the record has other enrolments than the registry")
    return {"redemptions": len(booked), "enrolments": len(batches), "payouts": len(moved)}


def _check_created(said: Mapping[bytes, str], there: set[bytes], acknowledged: set[str]) -> None:
    for name, answer in said.items():
        if answer in acknowledged and name not in there:
            raise BooksDifferError(f"{name.hex()} was acknowledged and is not there")
        if answer not in acknowledged | UNKNOWN and name in there:
            raise BooksDifferError(f"{name.hex()} was refused with {answer} and is there")


def _leaves(session: Session) -> Counter[LeafType]:
    found: Counter[LeafType] = Counter()
    store, start = RecordStore(session), 0
    while page := store.leaves(start, _PAGE):
        found.update(LeafType(leaf.leaf[0]) for leaf in page)
        start += len(page)
    return found
