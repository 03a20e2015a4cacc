"""Contributions are taken by the numbered rules, once, and never half."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.record.reading import FileNotReadableError, Reader, read_file
from tests.hub.federation import AUDITOR, BIKES, METRO, TAXIS, admission, root_signed
from tests.hub.openings.test_crashes import death_at
from tests.hub.openings.world import TRUSTEES
from tests.hub.statistics.tables_world import EXACT, PEOPLE, TableWorld

BUS = PartyId("bus")
EIGHT_TRIPS = (8, *EXACT[1:])


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code


@dataclass(frozen=True)
class Case:
    """How a contribution differs from an honest one."""

    code: str
    says: dict[str, Any] = field(default_factory=dict)
    """Other fields of the statement."""
    made: dict[str, Any] = field(default_factory=dict)
    """Other arguments of the file."""
    caller: PartyId = METRO
    signer: PartyId = METRO
    cut: int = 0
    """Bytes that the file lacks, in the statement's hash too."""
    swapped: bool = False
    """Whether the file is another one than the statement says."""


CASES = {
    "(1) a partner that is not admitted": Case("NOT_ADMITTED", caller=BUS, signer=BUS),
    "(2) signed by another partner": Case("SIGNATURE_INVALID", signer=BIKES),
    "(3) in another partner's name": Case("SENDER_DIFFERS", says={"partner_id": BIKES}),
    "(4) for another parameter set": Case("PARAMETERS_DIFFER", says={"parameter_id": b"x" * 32}),
    "(5) no shell in the leaf": Case("SHELL_NOT_IN_RECORD", says={"shell_leaf": 0}),
    "(5) no such period": Case("SHELL_NOT_IN_RECORD", says={"period": 4}),
    "(7) a period that is not over": Case("PERIOD_NOT_OVER", says={"period": 2}),
    "(10) more members than the record has": Case("MEMBERS_DIFFER", says={"members": 11}),
    "(11) another file": Case("CONTRIBUTION_FILE_DIFFERS", swapped=True),
    "(12) a block is missing": Case("TABLE_BLOCKS_MALFORMED", cut=100),
    "(13) bounds of more people than there are": Case(
        "RANGE_PROOF_INVALID", made={"members": 1000, "values": (11, *EXACT[1:])}
    ),
    "(13) proofs of another partner": Case("RANGE_PROOF_INVALID", made={"as_partner": BIKES}),
    "(13) proofs of another period": Case("RANGE_PROOF_INVALID", made={"period": 2}),
    "(13) proofs of noise": Case("RANGE_PROOF_INVALID", made={"purpose": RangePurpose.NOISE}),
}


def test_a_contribution_against_the_rules_is_refused_and_leaves_nothing(
    sealed: TableWorld,
) -> None:
    honest = sealed.contribution(METRO)
    for name, case in CASES.items():
        file = sealed.contribution(METRO, **case.made) if case.made else honest
        file = file[: len(file) - case.cut]
        says = {"partner_id": case.caller, **case.says}
        message = sealed.signed_for(case.signer, file, **says)
        sent = sealed.contribution(METRO, EIGHT_TRIPS) if case.swapped else file

        code = refused(lambda: sealed.intake.admit(case.caller, message, sent))  # noqa: B023
        assert code == case.code, name
    assert sealed.leaves(LeafType.TABLE_CONTRIBUTION) == []
    sealed.contribute(METRO)


def test_the_same_contribution_gets_the_same_receipt_and_another_none(
    sealed: TableWorld,
) -> None:
    file = sealed.contribution(METRO)
    message = sealed.signed_for(METRO, file)
    receipt = sealed.intake.admit(METRO, message, file)

    assert sealed.intake.admit(METRO, message, file) == receipt
    other = sealed.contribution(METRO, EIGHT_TRIPS)
    again = sealed.signed_for(METRO, other)
    assert refused(lambda: sealed.intake.admit(METRO, again, other)) == "CONTRIBUTION_DIFFERS"
    assert len(sealed.leaves(LeafType.TABLE_CONTRIBUTION)) == 1
    assert sealed.seen().contributions == 1


@pytest.mark.parametrize(("when", "kept"), [("uncommitted", 0), ("committed", 1)])
def test_a_contribution_whose_answer_is_lost_is_sent_again(
    sealed: TableWorld, when: str, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sealed.contribution(METRO)
    message = sealed.signed_for(METRO, file)
    with death_at(sealed, (when, 1), monkeypatch):
        sealed.intake.admit(METRO, message, file)
    assert len(sealed.leaves(LeafType.TABLE_CONTRIBUTION)) == kept

    assert sealed.intake.admit(METRO, message, file)
    assert len(sealed.leaves(LeafType.TABLE_CONTRIBUTION)) == 1


def test_a_partner_without_accounts_does_not_count_as_one(sealed: TableWorld) -> None:
    sealed.admit(root_signed(admission(BUS, Role.PARTNER)))
    nothing: Sequence[int] = (0,) * len(EXACT)
    file = sealed.contribution(BUS, nothing, members=0)
    message = sealed.signed_for(BUS, file, members=0)

    # Ten such partners would push a table above the number that its noise is made for.
    assert refused(lambda: sealed.intake.admit(BUS, message, file)) == "NOTHING_TO_CONTRIBUTE"


def test_trustees_and_auditors_read_contributions_and_other_partners_do_not(
    contributed: TableWorld,
) -> None:
    file = contributed.contribution(METRO)  # with other randomness than the one that was sent
    hashes = contributed.hub.record.files.hashes()
    assert len(hashes) >= 3
    assert contributed.seen().contributions == 3
    hub: Hub = contributed.hub

    def read(party: PartyId, role: Role, sha256: bytes) -> int:
        reader = Reader(party_id=party, role=role)
        _, size = hub.read_now(lambda session: read_file(session, hub.record, reader, sha256))
        return size

    sizes = {sha256: len(hub.record.files.get(sha256)) for sha256 in hashes}
    tables = [sha256 for sha256, size in sizes.items() if size == len(file)]
    for sha256 in tables:
        assert read(TRUSTEES[0], Role.TRUSTEE, sha256) == len(file)
        assert read(AUDITOR, Role.AUDITOR, sha256) == len(file)
        readers = 0
        for partner in (METRO, BIKES, TAXIS):
            try:
                readers += read(partner, Role.PARTNER, sha256) > 0
            except FileNotReadableError:
                continue
        assert readers == 1
        with pytest.raises(FileNotReadableError):
            read(PartyId("bureau"), Role.REGULATOR, sha256)


def test_ten_people_bound_what_a_partner_can_say(sealed: TableWorld) -> None:
    most = (len(PEOPLE), len(PEOPLE) * 1_000) * 4
    file = sealed.contribution(METRO, most)

    assert sealed.intake.admit(METRO, sealed.signed_for(METRO, file), file)
