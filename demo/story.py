"""The story: from raw files to money in wallets, one step after the other.

trip -> reduction -> pieces -> claims -> verdicts -> packed block -> ciphertext -> chunk
     -> record -> product -> request -> masks and shares -> opened sum -> credit -> payout -> books
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import grpc

import fedcarbon
from demo import results
from demo.auditing import audit
from demo.crosscheck import bound_people, recompute, redemption_findings
from demo.federation import BIND_S, ENROL_S, Federation
from demo.gram import life_of_a_gram
from demo.groundwork import lay_groundwork
from demo.narrator import Narrator
from demo.processes import ProcessGroup
from demo.scenario import Scenario
from fedcarbon.canonical.statement import decode
from fedcarbon.cli.wallet import connected, load_config
from fedcarbon.epoch.statements import BeaconLabel, BeaconValue
from fedcarbon.errors import PeerError
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.redemption.value_day import day_text, value_day
from fedcarbon.registry.programme import midnight_s
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.v1 import opening_pb2, record_pb2, redemption_pb2
from fedcarbon.wire.clocks import FileClock
from fedcarbon.wire.hub_client import HubClient

RUN_LABEL: Final = "demo"
AFTER_EPOCH_S: Final = 60
FLOAT_FEN: Final = 1_000_000
METHODOLOGIES: Final = Path(fedcarbon.__file__).parent / "methodology/catalogue"
LEAVES_PER_CALL: Final = 500


class CrossCheckError(PeerError):
    """What was opened is not what the input files say."""

    code: ClassVar[str] = "CROSS_CHECK"


def tell(
    scenario: Scenario,
    out: Path,
    narrator: Narrator,
    sources: Mapping[str, Mapping[str, object]],
) -> dict[str, Any]:
    """Run `scenario` to the end, write its results into `out`, and return the summary.

    Args:
        scenario: what to run.
        out: folder for results; processes live in it too.
        narrator: tells the story.
        sources: per platform, what adapters made of published files; empty without them.

    Raises:
        CrossCheckError: the recomputation from the input files disagrees.
        FedcarbonError: a step failed; the message says whose turn it is.
    """
    processes = ProcessGroup(out / "logs")
    with narrator.step("ceremony", "ceremony: safe primes, shares of every key, trust roots"):
        groundwork = lay_groundwork(scenario, out, processes)
        narrator.say(
            f"{scenario.keys.threshold} of {scenario.keys.trustees} trustees open; "
            f"{scenario.keys.bits} bits; parameters {groundwork.roots.parameter_id.hex()[:16]}"
        )
    with Federation(scenario, groundwork, processes) as federation:
        auditor = _start(federation, narrator)
        counts = _import(federation, narrator)
        channels = _enrol(federation, auditor, narrator)
        _bind(federation, auditor, channels, narrator)
        for epoch in range(1, groundwork.programme.epochs + 1):
            _run_epoch(federation, auditor, EpochIndex(epoch), narrator)
        _open_and_redeem(federation, auditor, narrator)
        accounts, redemptions = _accounts(federation)
        _close_the_books(federation, auditor, narrator)
        beacons = _beacons(auditor)
    summary = _conclude(federation, counts, accounts, redemptions, beacons, narrator)
    summary["sources"] = sources
    results.write_json(out / "summary.json", summary)
    finish(summary, out, narrator)
    return summary


def _start(federation: Federation, narrator: Narrator) -> HubClient:
    """Start hub and trustees before the first day, and log who takes part."""
    policy = federation.scenario.policy
    days_before = (
        policy.enrolment_age_s // SECONDS_PER_DAY + policy.binding_wait_s // SECONDS_PER_DAY
    )
    programme = federation.groundwork.programme
    first = federation.scenario.programme.first_day
    start_s = midnight_s(first, programme.time_zone) - (days_before + 3) * SECONDS_PER_DAY
    federation.set_clock(start_s)
    with narrator.step("start", "hub and trustees start; parties and programme are admitted"):
        federation.start_rail()
        federation.start_hub()
        auditor = federation.auditor()
        federation.register(auditor)
        federation.start_trustees()
        federation.wait_witnessed(auditor)
        narrator.say(f"{len(federation.groundwork.admissions)} parties signed in by t root keys")
    return auditor


def _import(federation: Federation, narrator: Narrator) -> dict[PartyId, dict[str, Any]]:
    """Read the partners' files into their own nodes; nothing leaves them."""
    partners = federation.scenario.partners
    counts: dict[PartyId, dict[str, Any]] = {}
    with narrator.step("import", "each partner reads its own files; raw trips stay in its node"):
        for partner in partners:
            federation.configure_node(partner.id, partner.methodology)

        def run(partner_id: PartyId) -> None:
            partner = next(item for item in partners if item.id == partner_id)
            federation.import_files(partner)

        with ThreadPoolExecutor(max_workers=2) as pool, narrator.progress() as progress:
            task = progress.add_task("importing", total=len(partners))
            for _ in pool.map(run, [partner.id for partner in partners]):
                progress.advance(task)
        for partner in partners:
            counts[partner.id] = item = federation.import_summary(partner.id)
            narrator.say(f"{partner.id}: {item['read']:,} rows read, {item['accepted']:,} usable")
    return counts


def _enrol(
    federation: Federation, auditor: HubClient, narrator: Narrator
) -> dict[PartyId, grpc.Channel]:
    """Start the nodes and wait until everyone who consented has an account and a place."""
    with narrator.step("enrol", "people become tokens: threshold VOPRF, then a place in a block"):
        channels = {}
        for partner in federation.scenario.partners:
            federation.start_node(partner.id)
            channels[partner.id] = federation.node_channel(partner.id)
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


def _bind(
    federation: Federation,
    auditor: HubClient,
    channels: Mapping[PartyId, grpc.Channel],
    narrator: Narrator,
) -> None:
    """Bind wallets: the operator's half, then the holder's yes in a partner's app."""
    policy, groundwork = federation.scenario.policy, federation.groundwork
    first_s = midnight_s(federation.scenario.programme.first_day, groundwork.programme.time_zone)
    with narrator.step("bind", "wallets are bound: the operator signs, the holder confirms"):
        federation.set_clock(first_s - policy.binding_wait_s - SECONDS_PER_DAY)
        federation.wait_witnessed(auditor)
        for operator in federation.scenario.wallet_operators:
            config = federation.configure_wallet(operator.id)
            arguments = ["bind", "--config", str(config), "--wallets", str(operator.wallets)]
            federation.run_wallet(operator.id, "bind", arguments)
        confirmed = _confirm_all(federation, channels)
        federation.wait_witnessed(auditor)
        narrator.say(f"{confirmed} confirmations by holders (played by the demo)")


def _confirm_all(federation: Federation, channels: Mapping[PartyId, grpc.Channel]) -> int:
    """Answer yes to every binding that waits at a node, as its holder would in the app.

    It goes on until everyone who can be bound is bound, however late a node hears of a binding.
    """
    expected = len(bound_people(federation.scenario))
    answered: set[tuple[PartyId, bytes]] = set()
    with ExitStack() as stack:
        operators = [
            stack.enter_context(connected(load_config(federation.configure_wallet(entry.id))))[0]
            for entry in federation.scenario.wallet_operators
        ]

        def all_bound() -> bool:
            for name, channel in channels.items():
                stub = node_pb2_grpc.PersonServiceStub(channel)
                pending = stub.ListPendingBindings(node_pb2.ListPendingBindingsRequest())
                for item in pending.bindings:
                    request = node_pb2.AnswerBindingRequest(
                        binding_id=item.binding_id, confirm=True
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


def _run_epoch(
    federation: Federation, auditor: HubClient, epoch: EpochIndex, narrator: Narrator
) -> None:
    """Let the days of an epoch pass; the federation does the rest by itself."""
    programme = federation.groundwork.programme
    days = programme.days_of(epoch)
    label = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
    with narrator.step("epochs", f"epoch {epoch} ({label}): claims, verdicts, ciphertexts, seal"):
        federation.set_clock(programme.epoch_end_s(epoch) + AFTER_EPOCH_S)
        with narrator.progress() as progress:
            task = progress.add_task("planned", total=None)
            sealed = federation.wait_epoch(
                auditor, epoch, lambda state: progress.update(task, description=state)
            )
        federation.wait_witnessed(auditor)
        missing = ", ".join(sealed.missing_partner_ids) or "nobody"
        narrator.say(f"sealed as leaf {sealed.seal_leaf}; missing: {missing}")


def _open_and_redeem(federation: Federation, auditor: HubClient, narrator: Narrator) -> None:
    """Open the accounts of bound wallets and turn grams into money."""
    with narrator.step("open", "t trustees mask, share and open exactly the asked-for sums"):
        for operator in federation.scenario.wallet_operators:
            config = federation.configure_wallet(operator.id)
            federation.run_wallet(operator.id, "open", ["open", "--config", str(config)])
        federation.wait_witnessed(auditor)
    with narrator.step("redeem", "grams are redeemed: reserve, pay on the sandbox rail, post"):
        federation.top_up(FLOAT_FEN)
        for operator in federation.scenario.wallet_operators:
            config = federation.configure_wallet(operator.id)
            for number, entry in enumerate(federation.scenario.redemptions):
                arguments = [
                    *("redeem", "--config", str(config), "--label", f"{RUN_LABEL}-{number}"),
                    *(["--id-number", entry.id_number] if entry.id_number else []),
                    *(["--wallet", entry.wallet_id] if entry.wallet_id else []),
                    *(["--units", str(entry.units)] if entry.units else []),
                ]
                federation.run_wallet(operator.id, "redeem", arguments)


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


def _accounts(federation: Federation) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ask the hub, as each wallet operator, for its accounts and redemptions."""
    accounts: dict[str, dict[str, Any]] = {}
    redemptions: list[dict[str, Any]] = []
    for entry in federation.scenario.wallet_operators:
        config = load_config(federation.configure_wallet(entry.id))
        customers = results.wallet_customers(config.store)
        number_of = {token: number for number, _, token in customers}
        with connected(config) as (operator, _):
            signed = {
                item.account_token
                for item in operator.bindings().values()
                if item.state == opening_pb2.BINDING_STATE_SIGNED
            }
            for number, _, token in customers:
                if token in signed:
                    account = operator.account(token)
                    accounts[number] = {
                        "id_number": number,
                        "opened_ug": account.opened_ug,
                        "redeemed_fen": 0,
                        "remaining_ug": account.spendable_ug,
                        "opened_epoch": account.opened_epoch,
                    }
            for redemption_id, token, wallet in results.wallet_redemptions(config.store):
                request = redemption_pb2.GetRedemptionRequest(redemption_id=redemption_id)
                item = operator.hub.get_redemption(request).redemption
                state = redemption_pb2.RedemptionState.Name(item.state)
                redemptions.append(
                    {
                        "redemption_id": redemption_id.hex(),
                        "id_number": number_of[token],
                        "wallet_id": wallet,
                        "state": state.removeprefix("REDEMPTION_STATE_").lower(),
                        "units": item.units,
                        "mass_ug": item.mass_ug,
                        "payout_fen": item.payout_fen,
                        "reason": item.reason,
                    }
                )
    for row in redemptions:
        if row["state"] == "settled":
            accounts[row["id_number"]]["redeemed_fen"] += row["payout_fen"]
    return list(accounts.values()), redemptions


def _beacons(auditor: HubClient) -> dict[int, bytes]:
    """Return epoch to tie beacon, from the record."""
    found: dict[int, bytes] = {}
    index = 0
    while True:
        request = record_pb2.ListLeavesRequest(from_index=index, limit=LEAVES_PER_CALL)
        answer = auditor.list_leaves(request)
        for item in answer.leaves:
            if item.leaf[0] == LeafType.BEACON_VALUE:
                value = decode(BeaconValue, Envelope.from_bytes(item.body).payload)
                if value.label is BeaconLabel.TIE:
                    found[value.epoch] = value.output
        index += len(answer.leaves)
        if index >= answer.size:
            return found


def _conclude(
    federation: Federation,
    counts: Mapping[PartyId, Mapping[str, Any]],
    accounts: list[dict[str, Any]],
    redemptions: list[dict[str, Any]],
    beacons: Mapping[int, bytes],
    narrator: Narrator,
) -> dict[str, Any]:
    """Write every result, check it against the input files, and print the closing tables."""
    scenario, out = federation.scenario, federation.groundwork.folder
    partners = {
        partner.id: {
            "activities_read": counts[partner.id]["read"],
            **results.partner_summary(
                federation.groundwork.home(partner.id) / "node.duckdb",
                rejected=counts[partner.id]["rejected"],
            ),
        }
        for partner in scenario.partners
    }
    results.write_csv(
        out / "verdicts.csv",
        results.VERDICT_COLUMNS,
        results.verdict_rows(scenario, federation.groundwork, beacons),
    )
    unfinished = unfinished_steps(
        partners, accounts, redemptions, epochs=federation.groundwork.programme.epochs
    )
    unfinished += results.unlogged_transfers(out)
    opened = [
        {name: row[name] for name in results.ACCOUNT_COLUMNS}
        for row in accounts
        if row["opened_epoch"]
    ]
    results.write_csv(out / "accounts.csv", results.ACCOUNT_COLUMNS, opened)
    results.write_csv(out / "redemptions.csv", results.REDEMPTION_COLUMNS, redemptions)
    with narrator.step("crosscheck", "cross-check: the same sums, recomputed from the input files"):
        verdicts = results.read_csv(out / "verdicts.csv")
        findings = unfinished + cross_check(scenario, partners, opened, verdicts)
    summary = {
        "title": scenario.title,
        "programme": scenario.programme.id,
        "parameter_id": federation.groundwork.roots.parameter_id.hex(),
        "bits": scenario.keys.bits,
        "partners": partners,
        "totals": {
            "submitted_ug": sum(item["submitted_ug"] for item in partners.values()),
            "opened_ug": sum(row["opened_ug"] for row in opened),
            "accounts_opened": len(opened),
            "redeemed_fen": sum(row["redeemed_fen"] for row in opened),
            "redemptions": len(redemptions),
        },
        "timings_ms": narrator.timings_ms,
        "findings": findings,
    }
    narrator.partners({str(name): item for name, item in partners.items()})
    narrator.accounts(opened)
    narrator.redemptions(redemptions)
    narrator.console.print("[bold]the life of a gram[/bold] (told from everybody's stores)")
    for sentence in life_of_a_gram(scenario, out, opened, redemptions):
        narrator.say(sentence)
    return summary


def finish(summary: Mapping[str, Any], out: Path, narrator: Narrator) -> None:
    """Say whether the cross-check holds, have the record verified, and say where to look next.

    Raises:
        CrossCheckError: it does not hold.
        AuditFailedError: the record does not verify.
    """
    findings = summary["findings"]
    if findings:
        raise CrossCheckError("\n".join(["the cross-check disagrees:", *findings[:20]]))
    narrator.say(
        f"cross-check holds: {summary['totals']['accounts_opened']} accounts, "
        f"{len(summary['partners'])} partners"
    )
    narrator.console.print("[bold]the auditor's checklist[/bold] (offline, from record and roots)")
    audit(out)
    narrator.say(f"look next: {out}/audit.html, summary.json, verdicts.csv, record/, hub.db, logs/")


def unfinished_steps(
    partners: Mapping[PartyId, Mapping[str, Any]],
    accounts: list[dict[str, Any]],
    redemptions: list[dict[str, Any]],
    *,
    epochs: int,
) -> list[str]:
    """Return every step that did not come to its end, though nothing raised an error."""
    findings = [
        f"{name} was sealed missing in {item['missing_epochs']} epochs"
        for name, item in partners.items()
        if item["missing_epochs"]
    ]
    behind = sum(row["opened_epoch"] != epochs for row in accounts)
    if behind:
        findings.append(f"{behind} accounts with a signed binding were not opened to the end")
    open_states = [row["state"] for row in redemptions if row["state"] != "settled"]
    if open_states:
        findings.append(f"redemptions did not settle: {sorted(set(open_states))}")
    return findings


def cross_check(
    scenario: Scenario,
    partners: Mapping[PartyId, Mapping[str, Any]],
    accounts: list[dict[str, Any]],
    verdicts: list[dict[str, str]],
) -> list[str]:
    """Return every difference between the federation's results and the input files."""
    expected = recompute(scenario, METHODOLOGIES, verdicts)
    findings = list(expected.findings)
    for name, item in partners.items():
        compared = {
            "reduction_ug": expected.reduction_ug[name],
            "claims_sent": expected.claims[name],
            "claims_lost": expected.lost[name],
            "submitted_ug": expected.submitted_ug[name],
        }
        findings += [
            f"{name}: {key} is {item[key]}, the files give {value}"
            for key, value in compared.items()
            if item[key] != value
        ]
    opened = {row["id_number"] for row in accounts}
    if opened != expected.bound:
        findings.append(
            f"{len(expected.bound - opened)} accounts that the files give were not opened, "
            f"{len(opened - expected.bound)} others were"
        )
    for row in accounts:
        value = expected.opened_ug.get(row["id_number"], 0)
        if row["opened_ug"] != value:
            findings.append(f"an account was opened to {row['opened_ug']}, the files give {value}")
        findings += redemption_findings(scenario, row)
    return findings
