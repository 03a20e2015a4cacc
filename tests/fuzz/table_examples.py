"""A valid example of every statement about tables of statistics."""

from __future__ import annotations

from typing import Final

from fedcarbon.canonical.statement import Statement
from fedcarbon.disclosure.statements import (
    ReleaseShareFile,
    TableContribution,
    TableRelease,
    TableShares,
)
from fedcarbon.disclosure.table import released_table
from fedcarbon.ids import PartyId
from tests.disclosure.shells import (
    PARAMETER_ID,
    PROGRAMME_ID,
    SHELL_LEAF,
    one_way,
    programme,
    shell,
    start,
)

_SMALL: Final = one_way(3)

TABLES: Final[tuple[Statement, ...]] = (
    shell(),
    TableContribution(
        parameter_id=PARAMETER_ID,
        programme_id=PROGRAMME_ID,
        shell_leaf=SHELL_LEAF,
        period=1,
        partner_id=PartyId("metro"),
        members=120,
        file_sha256=b"f" * 32,
    ),
    start(),
    ReleaseShareFile(
        parameter_id=PARAMETER_ID,
        trustee_id=PartyId("trustee-1"),
        start_leaf=60,
        shares=(b"c" * 8, b"d" * 8),
        proof=b"e" * 8,
    ),
    released_table(
        SHELL_LEAF,
        _SMALL,
        programme(),
        start(rho_millionths=_SMALL.rho_millionths),
        [40, 300, -3],
    ),
    TableRelease(
        parameter_id=PARAMETER_ID,
        programme_id=PROGRAMME_ID,
        shell_leaf=SHELL_LEAF,
        period=1,
        start_leaf=60,
        table_sha256=b"t" * 32,
        shares=(TableShares(trustee_id=PartyId("trustee-1"), file_sha256=b"s" * 32),),
    ),
)
