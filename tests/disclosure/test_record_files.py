"""Who reads the files behind the leaves of statistics."""

from __future__ import annotations

import hashlib

from fedcarbon.disclosure.record_files import named_files
from fedcarbon.disclosure.statements import (
    Contributor,
    NoisePart,
    ReleaseStart,
    TableContribution,
    TableRelease,
    TableShares,
)
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.transparency.leaf import may_read_file

ID = bytes(32)
CITY = ProgrammeId("city")
PARTNER, TRUSTEE = PartyId("metro"), PartyId("trustee-1")


def sha256(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


CONTRIBUTION = TableContribution(
    parameter_id=ID,
    programme_id=CITY,
    shell_leaf=9,
    period=1,
    partner_id=PARTNER,
    members=4,
    file_sha256=sha256("contribution"),
)
START = ReleaseStart(
    parameter_id=ID,
    programme_id=CITY,
    shell_leaf=9,
    period=1,
    contributors=(Contributor(partner_id=PARTNER, contribution_leaf=19),),
    noise=(NoisePart(trustee_id=TRUSTEE, file_sha256=sha256("noise")),),
    noised_sha256=sha256("noised"),
    year=2025,
    rho_millionths=1,
    spent_millionths=0,
)
RELEASE = TableRelease(
    parameter_id=ID,
    programme_id=CITY,
    shell_leaf=9,
    period=1,
    start_leaf=20,
    table_sha256=sha256("table"),
    shares=(TableShares(trustee_id=TRUSTEE, file_sha256=sha256("shares")),),
)
FILES = {
    file.sha256: file.readable_as
    for body in (CONTRIBUTION, START, RELEASE)
    for file in named_files(body)
}


def may_read(role: Role, text: str) -> bool:
    return may_read_file(role, FILES[sha256(text)], holds_tokens=False)


def test_trustees_and_auditors_read_every_file_that_bodies_name() -> None:
    names = ["contribution", "noise", "table", "shares"]

    assert sorted(FILES) == sorted(map(sha256, names))
    for name in names:
        assert may_read(Role.TRUSTEE, name)
        assert may_read(Role.AUDITOR, name)


def test_everybody_reads_the_table_and_nobody_else_the_cells_that_it_hides() -> None:
    """Shares of t trustees give the noisy table before small cells are suppressed."""
    for role in (Role.REGULATOR, Role.PARTNER, Role.WALLET_OPERATOR):
        assert may_read(role, "table")
        for name in ("contribution", "noise", "shares"):
            assert not may_read(role, name)
