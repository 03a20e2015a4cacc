"""The end of a run: figures from everybody's stores, the cross-check, and the auditor's word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from demo import results
from demo.auditing import audit
from demo.crosscheck import Recomputed, recompute, redemption_findings
from demo.federation import Federation
from demo.gram import life_of_a_gram
from demo.narrator import Narrator
from demo.releasing import Released
from demo.scenario import Scenario
from demo.tables import Compared, compare, errors_of, exact_cells, findings_of
from fedcarbon.canonical.statement import decode
from fedcarbon.cli.wallet import connected, load_config
from fedcarbon.epoch.statements import BeaconLabel, BeaconValue
from fedcarbon.errors import FedcarbonError, PeerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import opening_pb2, record_pb2, redemption_pb2
from fedcarbon.wire.hub_client import HubClient

LEAVES_PER_CALL: Final = 500
NEVER_TAKEN: Final = "REDEMPTION_UNKNOWN"
Rows = list[dict[str, Any]]


class CrossCheckError(PeerError):
    """What was opened is not what the input files say."""

    code: ClassVar[str] = "CROSS_CHECK"


def accounts_of(federation: Federation) -> tuple[Rows, Rows]:
    """Ask the hub, as each wallet operator, for its accounts and redemptions."""
    accounts: dict[tuple[str, str], dict[str, Any]] = {}
    redemptions: Rows = []
    for entry in federation.scenario.wallet_operators:
        config = load_config(federation.configure_wallet(entry))
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
                    accounts[entry.programme, number] = {
                        "programme": entry.programme,
                        "id_number": number,
                        "opened_ug": account.opened_ug,
                        "redeemed_fen": 0,
                        "remaining_ug": account.spendable_ug,
                        "opened_epoch": account.opened_epoch,
                    }
            for redemption_id, token, wallet in results.wallet_redemptions(config.store):
                request = redemption_pb2.GetRedemptionRequest(redemption_id=redemption_id)
                try:
                    item = operator.hub.get_redemption(request).redemption
                except FedcarbonError as error:
                    if error.code != NEVER_TAKEN:
                        raise
                    continue  # an order that the hub refused: the step said so
                state = redemption_pb2.RedemptionState.Name(item.state)
                redemptions.append(
                    {
                        "programme": entry.programme,
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
            accounts[row["programme"], row["id_number"]]["redeemed_fen"] += row["payout_fen"]
    return list(accounts.values()), redemptions


def beacons_of(auditor: HubClient) -> dict[tuple[str, int], bytes]:
    """Return (domain, epoch) to tie beacon, from the record."""
    found: dict[tuple[str, int], bytes] = {}
    index = 0
    while True:
        request = record_pb2.ListLeavesRequest(from_index=index, limit=LEAVES_PER_CALL)
        answer = auditor.list_leaves(request)
        for item in answer.leaves:
            if item.leaf[0] == LeafType.BEACON_VALUE:
                value = decode(BeaconValue, Envelope.from_bytes(item.body).payload)
                if value.label is BeaconLabel.TIE:
                    found[value.scope, value.epoch] = value.output
        index += len(answer.leaves)
        if index >= answer.size:
            return found


def conclude(
    federation: Federation,
    counts: Mapping[str, Mapping[str, Any]],
    seen: tuple[Rows, Rows],
    beacons: Mapping[tuple[str, int], bytes],
    released: Sequence[Released],
    narrator: Narrator,
) -> dict[str, Any]:
    """Write every result, check it against the input files, and print the closing tables.

    `seen` are accounts and redemptions, see `accounts_of`; the processes have ended.
    """
    accounts, redemptions = seen
    scenario, out = federation.scenario, federation.groundwork.folder
    stores = {
        partner.seat: federation.groundwork.home(partner.seat) / "node.duckdb"
        for partner in scenario.partners
    }
    measures = {
        str(entry.id): str(entry.rest.get("measure", "grams")) for entry in scenario.programmes
    }
    partners = _partners(scenario, stores, measures, counts)
    results.write_csv(
        out / "verdicts.csv",
        results.VERDICT_COLUMNS,
        results.verdict_rows(scenario, stores, beacons),
    )
    unfinished = unfinished_steps(
        partners, accounts, redemptions, programmes=federation.groundwork.programmes
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
        expected = recompute(scenario, results.read_csv(out / "verdicts.csv"))
        findings = unfinished + cross_check(scenario, partners, opened, expected)
        compared = [compare(*item, exact_cells(scenario, *item, expected)) for item in released]
        findings += [finding for table in compared for finding in findings_of(table)]
    summary = {
        "title": scenario.title,
        "programmes": [entry.id for entry in scenario.programmes],
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
        "tables": [
            {"table": item.shell.shell_id, "period": item.table.period, "errors": errors_of(table)}
            for item, table in zip(released, compared, strict=True)
        ],
        "timings_ms": narrator.timings_ms,
        "findings": findings,
    }
    narrator.partners(partners)
    narrator.accounts(opened, measures)
    narrator.redemptions(redemptions, measures)
    _tell_the_rest(
        scenario, out, (opened, redemptions), zip(released, compared, strict=True), narrator
    )
    return summary


def _partners(
    scenario: Scenario,
    stores: Mapping[str, Path],
    measures: Mapping[str, str],
    counts: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Return every partner's own figures, by seat."""
    return {
        partner.seat: {
            "measure": measures[partner.programme],
            "activities_read": counts[partner.seat]["read"],
            **results.partner_summary(
                stores[partner.seat], rejected=counts[partner.seat]["rejected"]
            ),
        }
        for partner in scenario.partners
    }


def _tell_the_rest(
    scenario: Scenario,
    out: Path,
    seen: tuple[Rows, Rows],
    tables: Iterable[tuple[Released, Sequence[Compared]]],
    narrator: Narrator,
) -> None:
    """Print released tables beside the truth, and the life of a gram."""
    for item, compared in tables:
        narrator.table(item.shell, item.table, compared)
    if scenario.redemptions:
        narrator.console.print("[bold]the life of a gram[/bold] (told from everybody's stores)")
        for sentence in life_of_a_gram(scenario, out, *seen):
            narrator.say(sentence)


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
    partners: Mapping[str, Mapping[str, Any]],
    accounts: Rows,
    redemptions: Rows,
    *,
    programmes: Mapping[ProgrammeId, Programme],
) -> list[str]:
    """Return every step that did not come to its end, though nothing raised an error."""
    findings = [
        f"{name} was sealed missing in {item['missing_epochs']} epochs"
        for name, item in partners.items()
        if item["missing_epochs"]
    ]
    behind = sum(row["opened_epoch"] != programmes[row["programme"]].epochs for row in accounts)
    if behind:
        findings.append(f"{behind} accounts with a signed binding were not opened to the end")
    open_states = [row["state"] for row in redemptions if row["state"] != "settled"]
    if open_states:
        findings.append(f"redemptions did not settle: {sorted(set(open_states))}")
    return findings


def cross_check(
    scenario: Scenario,
    partners: Mapping[str, Mapping[str, Any]],
    accounts: Rows,
    expected: Recomputed,
) -> list[str]:
    """Return every difference between the federation's results and the input files."""
    findings = list(expected.findings)
    for partner in scenario.partners:
        compared = {
            "reduction_ug": expected.reduction_ug[partner.seat],
            "claims_sent": expected.claims[partner.seat],
            "claims_lost": expected.lost[partner.seat],
            "submitted_ug": expected.submitted_ug[partner.seat],
        }
        item = partners[partner.seat]
        findings += [
            f"{partner.seat}: {key} is {item[key]}, the files give {value}"
            for key, value in compared.items()
            if item[key] != value
        ]
    opened = {(row["programme"], row["id_number"]) for row in accounts}
    if opened != expected.bound:
        findings.append(
            f"{len(expected.bound - opened)} accounts that the files give were not opened, "
            f"{len(opened - expected.bound)} others were"
        )
    for row in accounts:
        value = expected.opened_ug.get((row["programme"], row["id_number"]), 0)
        if row["opened_ug"] != value:
            findings.append(f"an account was opened to {row['opened_ug']}, the files give {value}")
        if scenario.redemptions:
            findings += redemption_findings(scenario, row)
    return findings
