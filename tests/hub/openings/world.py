"""A federation that opens accounts: a real hub, five real trustees, two wallet operators.

Everybody is in one process. The trustees are asked through the hub's port, in threads, and read the
record as over the wire; faults are put on the way between.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from typing_extensions import override

from fedcarbon.clock import Clock
from fedcarbon.epoch.snapshot import Place
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.opening.statements import (
    BindingObjection,
    OpeningRequest,
    OperatorBinding,
    PartnerBinding,
    Purpose,
    Unbinding,
    wallet_hint,
)
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.rail import Rail
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.registry.programme import Policy
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.v1 import trustee_pb2
from hub.clearing.closing import LoggedDay, close_due_day
from hub.clearing.credits import top_up_float
from hub.clearing.outbox import process_outbox
from hub.clearing.positions import AccountStatement, account_statement
from hub.openings.driver import OpeningDriver, OpeningProgress
from hub.openings.requests import opening_of, request_opening
from hub.openings.storage.request_store import StoredRequest
from hub.record.folded_record import FoldedRecord
from hub.storage.enrolment_store import EnrolmentStore
from hub.trustees.port import TrusteePort
from hub.trustees.stream import TrusteeUnavailableError
from hub.wallets.bindings import bind_as_operator, bind_as_partner, object_to_binding, unbind
from hub.wallets.redeeming import TakenOrder, order_redemption
from hub.wallets.storage.binding_store import BindingStore, StoredBinding
from tests.chance import seeded
from tests.hub.federation import (
    AUDITOR,
    FIRST,
    METRO,
    PARTNERS,
    PROGRAMME,
    Federation,
    admission,
    key_of,
    programme,
    root_signed,
    signed,
    token,
)
from tests.hub.messages import trust_roots
from tests.hub.openings.local_record import LocalRecord
from tests.hub.openings.watched_desk import WatchedDesk
from tests.keys.ceremonies import dealt
from tests.unlimited import unlimited
from trustee.own_keys import OwnKeys
from trustee.sampling import NoiseSource
from trustee.storage.database import Database
from trustee.trustee import Trustee

T = TypeVar("T")

PURSE, OTHER_PURSE = PartyId("purse"), PartyId("other-purse")
TRUSTEES: Final = tuple(secret.trustee_id for secret in dealt().secrets)
GRAM: Final = 1_000_000
DAY_S: Final = 86_400
PEOPLE: Final = (1, 2, 3, 4)
GRAMS: Final = {1: 1_000, 2: 2_000, 3: 40, 4: 8}
"""What each of three partners submits for each person in the first epoch."""
POLICY: Final = Policy(
    commit_window_s=3600, reveal_window_s=3600, submit_window_s=3600,
    opening_interval_days=1, binding_wait_s=7_200, enrolment_age_s=3_600,
)  # fmt: skip

Tamper = Callable[[trustee_pb2.WorkRequest], trustee_pb2.WorkRequest | None]
"""Changes an answer on its way; None loses it."""


class Crash(BaseException):
    """The hub's process ends here."""


class LocalPort(TrusteePort):
    """The way to trustees in this process, with faults on it."""

    def __init__(self, make: Callable[[PartyId], Trustee], seed: int = 5) -> None:
        self.trustees: dict[PartyId, Trustee] = {}
        """Made when they are first asked."""
        self._make = make
        self.down: set[PartyId] = set()
        self.tampers: dict[tuple[PartyId, str], Tamper] = {}
        """(trustee, kind of order) to what happens to the answer."""
        self.asked: Counter[tuple[PartyId, str]] = Counter()
        self.before: Callable[[str], None] = lambda _kind: None
        """Called before an order goes out; may raise `Crash`."""
        self.after: Callable[[str], None] = lambda _kind: None
        """Called when an answer has come in; may raise `Crash`."""
        self._chance = seeded(seed)
        self._locks = {name: threading.Lock() for name in TRUSTEES}

    def _handled(
        self, trustee_id: PartyId, order: trustee_pb2.WorkResponse
    ) -> trustee_pb2.WorkRequest:
        with self._locks[trustee_id]:  # as on a stream: one order after the other
            if trustee_id not in self.trustees:
                self.trustees[trustee_id] = self._make(trustee_id)
            return self.trustees[trustee_id].handle(order)

    @override
    def connected(self) -> Sequence[PartyId]:
        return sorted(set(TRUSTEES) - self.down)

    @override
    async def ask(
        self, trustee_id: PartyId, order: trustee_pb2.WorkResponse
    ) -> trustee_pb2.WorkRequest:
        kind = order.WhichOneof("order") or ""
        self.before(kind)
        self.asked[trustee_id, kind] += 1
        if trustee_id in self.down:
            raise TrusteeUnavailableError(f"trustee {trustee_id} is not connected")
        message = trustee_pb2.WorkResponse()
        message.CopyFrom(order)
        message.order_id = self._chance.randbytes(16)
        answer = await asyncio.to_thread(self._handled, trustee_id, message)
        tamper = self.tampers.get((trustee_id, kind))
        changed = answer if tamper is None else tamper(answer)
        if changed is None:
            raise TrusteeUnavailableError(f"trustee {trustee_id} did not answer within 0 s")
        self.after(kind)
        return changed


class World(Federation):
    """A federation with trustees, wallet operators and openings."""

    port: LocalPort
    desk: WatchedDesk

    def __init__(self, folder: Path, *, seed: int = 3, database: str | None = None) -> None:
        super().__init__(folder, seed=seed, database=database)
        self.port = LocalPort(self.trustee)
        self._connect()

    def _connect(self) -> None:
        """Put a desk, a folded record and a driver over the present hub."""
        self.desk = WatchedDesk(self.hub, self.port, partner_wait_s=0.05)
        self.hub.witnesses = self.desk
        self.folded = FoldedRecord(self.hub)
        self.driver = OpeningDriver(self.hub, self.desk, self.folded)

    @override
    def restart(self) -> None:
        """Start the hub again from what lies on the disk; the trustees live on."""
        self.port.before = self.port.after = lambda _kind: None
        super().restart()
        self._connect()

    def trustee(
        self, name: PartyId, clock: Clock | None = None, *, damaged_files: bool = False
    ) -> Trustee:
        """Return a trustee with an empty store."""
        keys = OwnKeys(
            trustee_id=name,
            signing_key=key_of(name),
            secrets=dealt().secrets[TRUSTEES.index(name)],
            random_below=self.chance.randrange,
            allow_insecure=True,
        )
        record = LocalRecord(self, name, damaged_files=damaged_files)
        return Trustee(
            keys,
            trust_roots(),
            Database(":memory:"),
            record,
            clock or self.clock,
            noise=self.noise(name),
        )

    def noise(self, _trustee_id: PartyId) -> NoiseSource | None:
        """Return where a trustee's noise comes from; None for OpenDP."""
        return None

    # --- what parties do ----------------------------------------------------------------------

    def begin(self) -> World:
        """Admit everyone and start the programme with short waits."""
        self.admit_everyone()
        for name in (PURSE, OTHER_PURSE):
            self.admit(root_signed(admission(name, Role.WALLET_OPERATOR)))
        self.start(root_signed(programme(policy=POLICY)))
        self.admit_methodology()
        return self

    def witness(self) -> WitnessedCheckpoint:
        return run(self.desk.witness())

    def witness_again(self) -> None:
        """Let trustees and hub see the present time under one more leaf."""
        self.admit(root_signed(admission(AUDITOR, Role.AUDITOR, object_quota=1)))
        self.witness()

    def advance_openings(self) -> OpeningProgress:
        return run(self.driver.advance())

    def enrol_early(self, people: Sequence[int], partners: Sequence[PartyId] = PARTNERS) -> None:
        """Enrol people and let the time pass that makes an enrolment old enough to sign."""
        for partner in partners:
            self.enrol_people(partner, people)
        self.witness()
        self.wait(POLICY.enrolment_age_s)

    def seal(
        self,
        grams: Mapping[int, int],
        epoch: EpochIndex = FIRST,
        partners: Sequence[PartyId] = PARTNERS,
    ) -> None:
        """Run an epoch in which every partner submits `grams` (person to grams)."""
        self.run_claims(partners, epoch)
        values = {self.place(person): mass * GRAM for person, mass in grams.items()}
        for partner in partners:
            self.submit(partner, values, epoch)
        self.advance()
        self.witness()

    def place(self, person: int) -> Place:
        places = self.hub.read_now(
            lambda session: EnrolmentStore(session).places_of(PROGRAMME, [token(person)])
        )
        return places[token(person)]

    def propose(self, person: int, operator: PartyId = PURSE, **changes: Any) -> bytes:
        """Send an operator's half; return the binding id."""
        half = self.operator_half(person, operator, **changes)
        self.send_operator_half(operator, signed(half, operator))
        return half.binding_id

    def operator_half(
        self, person: int, operator: PartyId = PURSE, **changes: Any
    ) -> OperatorBinding:
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "binding_id": self.chance.randbytes(16),
            "account_token": token(person),
            "wallet_id": sandbox_wallet_id(person),
            "wallet_class": 2,
            "operator_id": operator,
        }
        return OperatorBinding(**{**fields, **changes})

    def send_operator_half(self, operator: PartyId, message: bytes) -> bytes:
        return self.hub.write_now(
            lambda session: bind_as_operator(session, self.hub, operator, message)
        )

    def confirm(self, binding_id: bytes, partner: PartyId = METRO) -> bytes:
        message = signed(self.partner_half(binding_id, partner), partner)
        return self.send_partner_half(partner, message)

    def partner_half(self, binding_id: bytes, partner: PartyId = METRO) -> PartnerBinding:
        binding = self.binding(binding_id)
        return PartnerBinding(
            parameter_id=self.hub.parameters.parameter_id,
            programme_id=PROGRAMME,
            binding_id=binding_id,
            account_token=binding.account_token,
            operator_leaf=binding.leaf,
            operator_id=binding.operator_id,
            wallet_hint=wallet_hint(binding.wallet_id),
            partner_id=partner,
        )

    def send_partner_half(self, partner: PartyId, message: bytes) -> bytes:
        return self.hub.write_now(
            lambda session: bind_as_partner(session, self.hub, partner, message)
        )

    def object(self, binding_id: bytes, partner: PartyId) -> bytes:
        binding = self.binding(binding_id)
        objection = BindingObjection(
            parameter_id=self.hub.parameters.parameter_id,
            programme_id=PROGRAMME,
            binding_id=binding_id,
            account_token=binding.account_token,
            partner_id=partner,
        )
        message = signed(objection, partner)
        return self.hub.write_now(
            lambda session: object_to_binding(session, self.hub, partner, message)
        )

    def unbind(self, binding_id: bytes, party: PartyId = PURSE) -> bytes:
        binding = self.binding(binding_id)
        unbinding = Unbinding(
            parameter_id=self.hub.parameters.parameter_id,
            programme_id=PROGRAMME,
            binding_id=binding_id,
            account_token=binding.account_token,
            party_id=party,
        )
        message = signed(unbinding, party)
        return self.hub.write_now(lambda session: unbind(session, self.hub, party, message))

    def binding(self, binding_id: bytes) -> StoredBinding:
        found = self.hub.read_now(lambda session: BindingStore(session).find(binding_id))
        assert found is not None
        return found

    def bind_all(self) -> None:
        """Bind everybody's wallet with both halves and wait until the bindings are good."""
        for person in PEOPLE:
            self.confirm(self.propose(person))
        self.witness()
        self.wait(POLICY.binding_wait_s)
        self.witness_again()

    def bound(self, person: int) -> bytes:
        """Return the id of the binding that `bind_all` made."""
        bindings = self.hub.read_now(
            lambda session: BindingStore(session).of_account(PURSE, PROGRAMME, token(person))
        )
        return min(bindings, key=lambda binding: binding.leaf_index).binding_id

    # --- openings and redemptions -------------------------------------------------------------

    def request(self, binding_id: bytes, epoch: EpochIndex = FIRST, **changes: Any) -> bytes:
        """Send a request for a binding's account; return the request id."""
        asked = self.opening_request(binding_id, epoch, **changes)
        self.send_request(asked.operator_id, signed(asked, asked.operator_id))
        return asked.request_id

    def opening_request(
        self, binding_id: bytes, epoch: EpochIndex = FIRST, **changes: Any
    ) -> OpeningRequest:
        binding = self.binding(binding_id)
        person_place = self.hub.read_now(
            lambda session: EnrolmentStore(session).places_of(PROGRAMME, [binding.account_token])
        )[binding.account_token]
        head = self.hub.read_now(self.hub.record.latest_checkpoint)
        assert head is not None
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "request_id": self.chance.randbytes(16),
            "account_token": binding.account_token,
            "block": person_place.block,
            "slot": person_place.slot,
            "epoch": epoch,
            "previous_epoch": EpochIndex(0),
            "purpose": Purpose.CREDIT,
            "wallet_id": binding.wallet_id,
            "binding_leaf": binding.leaf,
            "operator_id": binding.operator_id,
            "not_after_s": self.clock.now_s() + 7 * DAY_S,
            "checkpoint_size": head.size,
            "checkpoint_root": head.root,
        }
        return OpeningRequest(**{**fields, **changes})

    def send_request(self, operator: PartyId, message: bytes) -> bytes:
        return self.hub.write_now(
            lambda session: request_opening(session, self.hub, self.folded, operator, message)
        )

    def opening(self, request_id: bytes, operator: PartyId = PURSE) -> StoredRequest:
        return self.hub.read_now(lambda session: opening_of(session, operator, request_id))

    def order(self, binding_id: bytes, units: int | None = None, **changes: Any) -> RedemptionOrder:
        binding = self.binding(binding_id)
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "redemption_id": self.chance.randbytes(16),
            "account_token": binding.account_token,
            "wallet_id": binding.wallet_id,
            "wallet_class": WalletClass(binding.wallet_class),
            "binding_leaf": binding.leaf,
            "operator_id": binding.operator_id,
            "units": units,
        }
        return RedemptionOrder(**{**fields, **changes})

    def top_up(self, fen: int, number: int = 0) -> None:
        """Pay money into the programme's float."""
        paid, now_s = (Fen(fen), number.to_bytes(16, "big")), self.clock.now_s()
        self.hub.write_now(lambda session: top_up_float(session, PROGRAMME, *paid, now_s))

    def take_order(self, order: RedemptionOrder) -> TakenOrder:
        """Send an order that its operator has signed."""
        message, limits = signed(order, order.operator_id), unlimited(PROGRAMME)
        return self.hub.write_now(
            lambda session: order_redemption(
                session, self.hub, self.folded, order.operator_id, message, limits=limits
            )
        )

    def pay(self, rail: Rail) -> None:
        """Take every step that is due for a payout."""
        process_outbox(self.hub.engine, rail, self.clock)

    def close_day(self) -> LoggedDay | None:
        """Close the open ledger day if it is due."""
        return self.hub.write_now(lambda session: close_due_day(session, self.hub))

    def statement(self, person: int) -> AccountStatement:
        return self.hub.read_now(
            lambda session: account_statement(session, PROGRAMME, token(person))
        )

    def credited_ug(self, person: int) -> MicrogramsCO2e:
        return self.statement(person).opened_ug


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` on a loop of its own; locks of earlier loops are free by then."""
    return asyncio.run(work)


def refusing(code: str, positions: Sequence[int] = ()) -> Tamper:
    """Return what turns every answer into an unsigned refusal."""

    def tamper(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
        return trustee_pb2.WorkRequest(
            order_id=answer.order_id,
            refused=trustee_pb2.RefusedAnswer(code=code, detail="no", positions=positions),
        )

    return tamper


def lost(_answer: trustee_pb2.WorkRequest) -> None:
    """Lose an answer."""


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another thread or task."""
    while not condition():  # noqa: ASYNC110 - nobody who could set an event
        await asyncio.sleep(0.005)
