"""The story: from raw files to money in wallets, one step after the other.

trip -> reduction -> pieces -> claims -> verdicts -> packed block -> ciphertext -> chunk
     -> record -> product -> request -> masks and shares -> opened sum -> credit -> payout -> books
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc

from demo import results
from demo.conclusion import accounts_of, beacons_of, conclude, finish
from demo.crosscheck import bound_people
from demo.federation import BIND_S, ENROL_S, Federation
from demo.groundwork import lay_groundwork
from demo.narrator import Narrator
from demo.processes import ProcessGroup
from demo.releasing import release
from demo.scenario import Scenario
from fedcarbon.cli.wallet import connected, load_config
from fedcarbon.ids import EpochIndex
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.redemption.value_day import day_text, value_day
from fedcarbon.registry.programme import Programme, midnight_s
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.v1 import opening_pb2
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.hub_client import HubClient

RUN_LABEL: Final = "demo"
AFTER_EPOCH_S: Final = 60
FLOAT_FEN: Final = 1_000_000
Act = Callable[[Federation, HubClient, Narrator], object]


class Acts(NamedTuple):
    """What holders do besides what every run has."""

    bound: Act
    """Once wallets are bound."""
    opened: Act
    """With opened accounts."""


def tell(
    scenario: Scenario,
    out: Path,
    narrator: Narrator,
    sources: Mapping[str, Mapping[str, object]],
    acts: Acts | None = None,
) -> dict[str, Any]:
    """Run `scenario` to the end, write its results into `out`, and return the summary.

    Args:
        scenario: what to run.
        out: folder for results; processes live in it too.
        narrator: tells the story.
        sources: per platform, what adapters made of published files; empty without them.
        acts: what holders do; the scenario's redemptions of opened accounts by default.

    Raises:
        CrossCheckError: the recomputation from the input files disagrees.
        FedcarbonError: a step failed; the message says whose turn it is.
    """
    acts = acts or Acts(bound=_nothing, opened=_redeem)
    processes = ProcessGroup(out / "logs")
    with narrator.step("ceremony", "ceremony: safe primes, shares of every key, trust roots"):
        groundwork = lay_groundwork(scenario, out, processes)
        narrator.say(
            f"{scenario.keys.threshold} of {scenario.keys.trustees} trustees open; "
            f"{scenario.keys.bits} bits; parameters {groundwork.roots.parameter_id.hex()[:16]}"
        )
    with Federation(scenario, groundwork, processes) as federation:
        auditor = start(federation, narrator)
        counts = _import(federation, narrator)
        channels = _enrol(federation, auditor, narrator)
        bind(federation, auditor, channels, narrator, len(bound_people(scenario)))
        acts.bound(federation, auditor, narrator)
        for programme, epoch in _epochs(federation):
            _run_epoch(federation, auditor, programme, epoch, narrator)
        _open(federation, auditor, narrator)
        for entry in scenario.programmes:
            federation.top_up(entry.id, FLOAT_FEN)
        acts.opened(federation, auditor, narrator)
        accounts, redemptions = accounts_of(federation)
        _close_the_books(federation, auditor, narrator)
        beacons = beacons_of(auditor)
        released = release(federation, auditor, narrator)
    summary = conclude(federation, counts, (accounts, redemptions), beacons, released, narrator)
    summary["sources"] = sources
    results.write_json(out / "summary.json", summary)
    finish(summary, out, narrator)
    return summary


def start(federation: Federation, narrator: Narrator) -> HubClient:
    """Start hub and trustees before the first day, and log who takes part."""
    programmes = federation.scenario.programmes
    start_s = min(
        midnight_s(entry.first_day, entry.time_zone)
        - entry.policy.enrolment_age_s
        - entry.policy.binding_wait_s
        - 3 * SECONDS_PER_DAY
        for entry in programmes
    )
    federation.set_clock(start_s)
    with narrator.step("start", "hub and trustees start; parties and programmes are admitted"):
        federation.start_rail()
        federation.start_hub()
        auditor = federation.auditor()
        federation.register(auditor)
        federation.start_trustees()
        federation.wait_witnessed(auditor)
        narrator.say(f"{len(federation.groundwork.admissions)} parties signed in by t root keys")
    return auditor


def _import(federation: Federation, narrator: Narrator) -> dict[str, dict[str, Any]]:
    """Read the partners' files into their own nodes; nothing leaves them."""
    partners = federation.scenario.partners
    counts: dict[str, dict[str, Any]] = {}
    with narrator.step("import", "each partner reads its own files; raw data stays in its node"):
        for partner in partners:
            federation.configure_node(partner)
        with ThreadPoolExecutor(max_workers=2) as pool, narrator.progress() as progress:
            task = progress.add_task("importing", total=len(partners))
            for _ in pool.map(federation.import_files, partners):
                progress.advance(task)
        for partner in partners:
            counts[partner.seat] = item = federation.import_summary(partner.seat)
            narrator.say(f"{partner.seat}: {item['read']:,} rows read, {item['accepted']:,} usable")
    return counts


def _enrol(
    federation: Federation, auditor: HubClient, narrator: Narrator
) -> dict[str, grpc.Channel]:
    """Start the nodes and wait until everyone who consented has an account and a place."""
    with narrator.step("enrol", "people become tokens: threshold VOPRF, then a place in a block"):
        channels = {}
        for partner in federation.scenario.partners:
            federation.start_node(partner)
            channels[partner.seat] = federation.node_channel(partner)
        with narrator.progress() as progress:
            tasks = {name: progress.add_task(name, total=None) for name in channels}

            def enrolled() -> bool:
                done = True
                for name, channel in channels.items():
                    status = federation.node_status(channel)
                    total = status.enrolled + status.enrolling
                    progress.update(tasks[name], completed=status.enrolled, total=total)
                    done = done and status.enrolling == 0 and status.enrolled > 0
                return done

            federation.processes.wait_until("enrolment", enrolled, ENROL_S)
        federation.wait_witnessed(auditor)
    return channels


def bind(
    federation: Federation,
    auditor: HubClient,
    channels: Mapping[str, grpc.Channel],
    narrator: Narrator,
    people: int,
) -> None:
    """Bind the wallets of `people`: the operator's half, then the holder's yes in an app."""
    with narrator.step("bind", "wallets are bound: the operator signs, the holder confirms"):
        federation.set_clock(
            min(
                midnight_s(entry.first_day, entry.time_zone)
                - entry.policy.binding_wait_s
                - SECONDS_PER_DAY
                for entry in federation.scenario.programmes
            )
        )
        federation.wait_witnessed(auditor)
        for operator in federation.scenario.wallet_operators:
            config = federation.configure_wallet(operator)
            arguments = ["bind", "--config", str(config), "--wallets", str(operator.wallets)]
            federation.run_wallet(operator.seat, "bind", arguments)
        _attest(federation, channels)
        confirmed = _confirm_all(federation, channels, people)
        federation.wait_witnessed(auditor)
        narrator.say(f"{confirmed} confirmations by holders (played by the demo)")


def _attest(federation: Federation, channels: Mapping[str, grpc.Channel]) -> None:
    """Have partners attest who lives in the households that they know."""
    for partner in federation.scenario.partners:
        stub = node_pb2_grpc.PersonServiceStub(channels[partner.seat])
        for account, member in partner.attested:
            stub.AttestMember(node_pb2.AttestMemberRequest(account_ref=account, member_ref=member))


def _confirm_all(
    federation: Federation, channels: Mapping[str, grpc.Channel], expected: int
) -> int:
    """Answer yes to every binding that waits at a node, as its holder would in the app.

    It goes on until everyone who can be bound is bound, however late a node hears of a binding.
    """
    scenario = federation.scenario
    answered: set[tuple[str, bytes]] = set()
    with ExitStack() as stack:
        operators = [
            stack.enter_context(connected(load_config(federation.configure_wallet(entry))))[0]
            for entry in scenario.wallet_operators
        ]

        def all_bound() -> bool:
            for name, channel in channels.items():
                stub = node_pb2_grpc.PersonServiceStub(channel)
                pending = stub.ListPendingBindings(node_pb2.ListPendingBindingsRequest())
                for item in pending.bindings:
                    living = stub.ListMembers(
                        node_pb2.ListMembersRequest(account_ref=item.person_ref)
                    )
                    # Somebody who lives there answers for a household.
                    request = node_pb2.AnswerBindingRequest(
                        binding_id=item.binding_id,
                        confirm=True,
                        member_ref=next(iter(living.member_refs), ""),
                    )
                    stub.AnswerBinding(request)
                    answered.add((name, item.binding_id))
            signed = {
                item.account_token
                for operator in operators
                for item in operator.bindings().values()
                if item.state == opening_pb2.BINDING_STATE_SIGNED
            }
            return len(signed) >= expected

        federation.processes.wait_until("confirming bindings", all_bound, BIND_S)
    return len(answered)


def _epochs(federation: Federation) -> list[tuple[Programme, EpochIndex]]:
    """Return the epochs of all programmes in the order in which they end."""
    found = [
        (programme, EpochIndex(epoch))
        for programme in federation.groundwork.programmes.values()
        for epoch in range(1, programme.epochs + 1)
    ]
    return sorted(found, key=lambda item: item[0].epoch_end_s(item[1]))


def _run_epoch(
    federation: Federation,
    auditor: HubClient,
    programme: Programme,
    epoch: EpochIndex,
    narrator: Narrator,
) -> None:
    """Let the days of an epoch pass; the federation does the rest by itself."""
    days = programme.days_of(epoch)
    label = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    if len(federation.scenario.programmes) > 1:
        label = f"{programme.programme_id}, {label}"
    with narrator.step("epochs", f"epoch {epoch} ({label}): claims, verdicts, ciphertexts, seal"):
        federation.set_clock(programme.epoch_end_s(epoch) + AFTER_EPOCH_S)
        with narrator.progress() as progress:
            task = progress.add_task("planned", total=None)
            sealed = federation.wait_epoch(
                auditor,
                programme.programme_id,
                epoch,
                lambda state: progress.update(task, description=state),
            )
        federation.wait_witnessed(auditor)
        missing = ", ".join(sealed.missing_partner_ids) or "nobody"
        narrator.say(f"sealed as leaf {sealed.seal_leaf}; missing: {missing}")


def _open(federation: Federation, auditor: HubClient, narrator: Narrator) -> None:
    """Open the accounts of bound wallets."""
    with narrator.step("open", "t trustees mask, share and open exactly the asked-for sums"):
        for operator in federation.scenario.wallet_operators:
            config = federation.configure_wallet(operator)
            federation.run_wallet(operator.seat, "open", ["open", "--config", str(config)])
        federation.wait_witnessed(auditor)


def _nothing(*_: object) -> None:
    """Leave it at the bindings."""


def _redeem(federation: Federation, _: HubClient, narrator: Narrator) -> None:
    """Turn grams into money, as the scenario says."""
    with narrator.step("redeem", "grams are redeemed: reserve, pay on the sandbox rail, post"):
        for operator in federation.scenario.wallet_operators:
            config = federation.configure_wallet(operator)
            for number, entry in enumerate(federation.scenario.redemptions):
                arguments = [
                    *("redeem", "--config", str(config), "--label", f"{RUN_LABEL}-{number}"),
                    *(["--id-number", entry.id_number] if entry.id_number else []),
                    *(["--wallet", entry.wallet_id] if entry.wallet_id else []),
                    *(["--units", str(entry.units)] if entry.units else []),
                ]
                federation.run_wallet(operator.seat, "redeem", arguments)


def _close_the_books(federation: Federation, auditor: HubClient, narrator: Narrator) -> None:
    """Reconcile the day with the rail, and log it in a record that trustees have signed."""
    with narrator.step("settle", "the next morning: books, settlement file and float agree"):
        now_s = FileClock(federation.groundwork.clock).now_s()
        federation.set_clock(now_s + SECONDS_PER_DAY)
        federation.settle(value_day(now_s))
        narrator.say(f"the day {day_text(value_day(now_s))} is reconciled; see settlement/")
    with narrator.step("books", "the ledger day is closed: transfers and payouts in the record"):
        federation.close_day()
        federation.wait_witnessed(auditor)
