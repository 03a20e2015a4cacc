"""From a programme file to the files and the scenario of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from demo.programmes.document import Operator, Partner, ProgrammeFile, Rules
from demo.programmes.inventing import (
    attested_members,
    happenings,
    rows_of,
    write_activities,
    write_identities,
    write_wallets,
)
from demo.scenario import (
    KeysEntry,
    PartnerEntry,
    ProgrammeEntry,
    Scenario,
    WalletOperatorEntry,
    policy_of,
    seat_name,
)

_SIGNED: Final = {
    "domain": "exclusivity_domain",
    "group": "exclusivity_group",
    "cap": "cap_ug",
    "unit": "unit_ug",
    "unit_fen": "unit_fen",
    "slot_s": "slot_s",
    "token_epoch": "token_epoch",
}
"""Names of a programme file to those of the signed programme."""


def build(file: ProgrammeFile, folder: Path, *, bits: int) -> Scenario:
    """Write the input files of everybody into `folder`, and return the scenario.

    Args:
        file: the programme file.
        folder: where to; made if need be.
        bits: length of the keys.
    """
    folder.mkdir(parents=True, exist_ok=True)
    several = len(file.programmes) > 1
    partners: list[PartnerEntry] = []
    operators: list[WalletOperatorEntry] = []
    for number, rules in enumerate(file.programmes):
        seen = happenings(file, rules)
        for partner in file.partners:
            if partner.programme != rules.id:
                continue
            entry = _partner(file, partner, folder, several=several)
            write_activities(entry.activities, rows_of(partner, seen, file.name))
            write_identities(entry.identities, file, partner)
            partners.append(entry)
        for operator in file.operators:
            of_wallet = _operator(operator, rules, folder, several=several)
            write_wallets(of_wallet.wallets, file, operator.holders, number)
            operators.append(of_wallet)
    return Scenario(
        title=f"{file.title.zh} / {file.title.en}: every person and every activity is invented",
        programmes=tuple(_programme(rules) for rules in file.programmes),
        keys=KeysEntry(bits=bits),
        partners=tuple(partners),
        wallet_operators=tuple(operators),
        redemptions=(),
    )


def _programme(rules: Rules) -> ProgrammeEntry:
    days = (rules.last_day - rules.first_day).days + 1
    return ProgrammeEntry(
        id=rules.id,
        time_zone=rules.time_zone,
        first_day=rules.first_day,
        last_day=rules.last_day,
        epoch_days=rules.epoch_days,
        policy=policy_of(rules.policy, days=days),
        rest={
            "measure": rules.measure,
            **{_SIGNED[key]: value for key, value in rules.rest.items()},
        },
    )


def _partner(file: ProgrammeFile, partner: Partner, folder: Path, *, several: bool) -> PartnerEntry:
    seat = seat_name(partner.id, partner.programme, several=several)
    return PartnerEntry(
        id=partner.id,
        programme=partner.programme,
        activities=folder / f"{seat}.activities.csv",
        identities=folder / f"{seat}.identities.csv",
        methodologies=partner.methodologies,
        best_tier=partner.best_tier,
        seat=seat,
        attested=tuple(attested_members(file, partner)),
    )


def _operator(
    operator: Operator, rules: Rules, folder: Path, *, several: bool
) -> WalletOperatorEntry:
    seat = seat_name(operator.id, rules.id, several=several)
    return WalletOperatorEntry(
        id=operator.id, programme=rules.id, wallets=folder / f"{seat}.wallets.csv", seat=seat
    )
