"""The hands of a federation of real processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Final

import grpc
from typing_extensions import override

from demo.federation import Federation
from demo.groundwork import root_signers
from demo.narrator import Narrator
from demo.programmes.document import ProgrammeFile
from demo.programmes.hands import Figures, Hands, Seen
from demo.programmes.inventing import person_ref
from demo.programmes.telling import check_figures, count_accounts, take_steps
from fedcarbon.canonical.statement import Statement
from fedcarbon.cli.wallet import connected, load_config
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.ids import ProgrammeId
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.registry.programme import midnight_s
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import Fen, Seconds
from fedcarbon.v1 import use_pb2
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.status import error_of

HUB_WORK_S: Final = 60
UNKNOWN_PERSON: Final = "UNKNOWN_PERSON"


class LentHands(Hands):
    """What the demo does in the name of everybody, over the same RPCs as they would."""

    def __init__(
        self,
        federation: Federation,
        auditor: HubClient,
        operators: Sequence[WalletOperator],
    ) -> None:
        """Act in `federation`, with wallet operators that are connected."""
        self._federation = federation
        self._auditor = auditor
        self._operators = operators
        self._hub = federation.hub_operator()
        self._signers = root_signers(federation.groundwork.keys, federation.groundwork.roots)
        self.parameter_id = federation.groundwork.roots.parameter_id

    @override
    def now_s(self) -> Seconds:
        return FileClock(self._federation.groundwork.clock).now_s()

    @override
    def wait(self, seconds: int) -> None:
        self._federation.wait_witnessed(self._auditor)
        self._federation.set_clock(self.now_s() + seconds)
        self._federation.wait_witnessed(self._auditor)

    @override
    def until(self, what: str, ready: Callable[[], bool]) -> None:
        self._federation.processes.wait_until(what, ready, HUB_WORK_S)

    @override
    def publish(self, statement: Statement) -> None:
        signed = sign(statement, self._signers).to_bytes()
        self._hub.publish(use_pb2.PublishRequest(signed_statement=signed))

    @override
    def hub(self) -> HubClient:
        return self._hub

    @override
    def operators(self, programme: ProgrammeId) -> Sequence[WalletOperator]:
        return [item for item in self._operators if item.programme.programme_id == programme]

    @override
    def summaries(self, programme: ProgrammeId, person: int) -> Mapping[str, Seen]:
        found = {}
        for partner in self._federation.scenario.partners:
            if partner.programme != programme:
                continue
            stub = node_pb2_grpc.PersonServiceStub(self._federation.node_channel(partner))
            request = node_pb2.GetSummaryRequest(person_ref=person_ref(partner.id, person))
            try:
                answer = stub.GetSummary(request)
            except grpc.RpcError as failure:
                if error_of(failure).code != UNKNOWN_PERSON:
                    raise
                continue
            found[str(partner.id)] = Seen(
                recorded=answer.totals.before_claims_micro,
                submitted=answer.totals.submitted_micro,
            )
        return found

    @override
    def pay_in(self, programme: ProgrammeId, fen: Fen, label: str) -> None:
        self._federation.pay_in(programme, fen, label)


@contextmanager
def lent_hands(federation: Federation, auditor: HubClient) -> Iterator[LentHands]:
    """Connect every wallet operator of a federation and lend its hands."""
    with ExitStack() as stack:
        operators = [
            stack.enter_context(connected(load_config(federation.configure_wallet(entry))))[0]
            for entry in federation.scenario.wallet_operators
        ]
        yield LentHands(federation, auditor, operators)


@dataclass(frozen=True, slots=True)
class Play:
    """The steps of a programme file in a running federation."""

    file: ProgrammeFile
    figures: Figures = field(default_factory=Figures)

    def early(self, federation: Federation, auditor: HubClient, narrator: Narrator) -> None:
        """Take the early steps, on the first day, when every binding is in force."""
        if not any(step.early for step in self.file.steps):
            return
        with narrator.step("early", "wallets are bound, and nothing is counted yet"):
            federation.set_clock(
                min(
                    midnight_s(entry.first_day, entry.time_zone)
                    for entry in federation.scenario.programmes
                )
            )
            federation.wait_witnessed(auditor)
            with lent_hands(federation, auditor) as hands:
                take_steps(self.file, hands, self.figures, narrator.say, early=True)

    def opened(self, federation: Federation, auditor: HubClient, narrator: Narrator) -> None:
        """Take the other steps, and check every figure.

        Raises:
            FigureDiffersError: something else came out than the file says.
        """
        steps = sum(not step.early for step in self.file.steps)
        with (
            narrator.step("uses", f"{steps} steps of the programme, one after the other"),
            lent_hands(federation, auditor) as hands,
        ):
            take_steps(self.file, hands, self.figures, narrator.say, early=False)
            count_accounts(self.file, hands, self.figures)
        check_figures(self.file, self.figures)
        for item in self.file.expected:
            narrator.say(f"as expected: {item.programme}, {item.figure} {item.value:,}")
