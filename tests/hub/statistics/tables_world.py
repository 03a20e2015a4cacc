"""A federation with a table: real partners' files, real trustees whose noise the test knows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session
from typing_extensions import override

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import proved_file, table_tables
from fedcarbon.disclosure.shell import Category, Dimension, Label, Quantity, TableShell
from fedcarbon.disclosure.statements import ReleaseStart, TableContribution
from fedcarbon.disclosure.table import ReleasedTable
from fedcarbon.ids import PartyId
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import table_ref
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.transparency.leaf import LeafType
from hub.record.folded_record import FoldedRecord
from hub.statistics.driver import ReleaseDriver, ReleaseProgress
from hub.statistics.intake import ContributionIntake
from hub.statistics.listing import FoundTable, SeenPeriod, get_table, list_tables
from hub.statistics.shells import publish_shell
from tests.chance import seeded
from tests.hub.federation import (
    FIRST,
    PARTNERS,
    PROGRAMME,
    genesis,
    opened,
    root_signed,
    signed,
)
from tests.hub.openings.watched_desk import WatchedDesk
from tests.hub.openings.world import TRUSTEES, World, run
from trustee.sampling import NoiseSource

PEOPLE: Final = tuple(range(10))
"""As many as a partner needs to count."""
WINDOW_S: Final = 86_400
METRES: Final = 1_000
"""The most that a person adds to a cell."""
EXACT: Final = (3, 2_500, 4, 4_000, 2, 10, 0, 0)
"""What each partner counts: people and metres per cell."""


def label(text: str) -> Label:
    return Label(zh=text, en=text)


def axis(name: str, *codes: str) -> Dimension:
    categories = tuple(Category(code=code, label=label(code), group="") for code in codes)
    return Dimension(
        name=name, label=label(name), code_list="test", categories=categories, groups=()
    )


def shell(**changes: Any) -> TableShell:
    """Return a shell of four cells, three periods of one epoch, and a year's budget for one."""
    fields: dict[str, Any] = {
        "parameter_id": genesis().parameters.parameter_id,
        "programme_id": PROGRAMME,
        "shell_id": "trips",
        "label": label("trips"),
        "dimensions": (axis("mode", "metro", "other"), axis("district", "east", "rest")),
        "quantities": (
            Quantity(
                name="people", label=label("p"), unit="people", per_cell_max=1,
                rho_millionths=1_000_000,
            ),
            Quantity(
                name="distance", label=label("m"), unit="m", per_cell_max=METRES,
                rho_millionths=1_000_000,
            ),
        ),
        "first_epoch": FIRST,
        "period_epochs": 1,
        "periods": 3,
        "contribute_window_s": WINDOW_S,
        "cells_max": 2,
        "partners_max": 3,
        "partners_min": 3,
        "members_min": 10,
        "people_min": 10,
        "rho_year_millionths": 3_000_000,
    }  # fmt: skip
    return TableShell(**{**fields, **changes})


@cache
def prover(key: ProofKey) -> ProverTables:
    """Return the one set of tables of the tests."""
    return table_tables(key, 4)


class KnownNoise(NoiseSource):
    """Noise that the test reads, too."""

    def __init__(self, seed: int) -> None:
        self._chance = seeded(seed)
        self.columns: list[list[int]] = []

    @override
    def draw(self, scale: int, count: int) -> list[int]:
        self.columns.append([self._chance.randint(-scale, scale) for _ in range(count)])
        return self.columns[-1]

    def vector(self, shell: TableShell, drawn_before: int = 0) -> list[int]:
        """Return the noise of one period in the order of a table's values."""
        width = len(shell.quantities)
        columns = self.columns[drawn_before * width : (drawn_before + 1) * width]
        return [value for cell in zip(*columns, strict=True) for value in cell]


class TableWorld(World):
    """A hub that releases tables, and whoever contributes."""

    partner_wait_s = 20.0
    """A partner's node is at work; tests in which it is not say less."""

    def __init__(self, folder: Path, *, seed: int = 3, database: str | None = None) -> None:
        self.known_noise: dict[PartyId, KnownNoise] = {}
        super().__init__(folder, seed=seed, database=database)

    @override
    def _connect(self) -> None:
        super()._connect()
        self.desk = WatchedDesk(self.hub, self.port, partner_wait_s=self.partner_wait_s)
        self.hub.witnesses = self.desk
        self.folded = FoldedRecord(self.hub)
        self.intake = ContributionIntake(self.hub, self.folded)
        self.releases = ReleaseDriver(self.hub, self.desk, self.folded)

    @override
    def noise(self, trustee_id: PartyId) -> NoiseSource:
        return self.known_noise.setdefault(trustee_id, KnownNoise(TRUSTEES.index(trustee_id)))

    def begin_table(self, table: TableShell | None = None) -> TableWorld:
        """Admit everyone, publish the shell, enrol ten people at three partners."""
        self.begin()
        self.publish(root_signed(table or shell()))
        self.enrol_early(PEOPLE)
        return self

    def publish(self, message: bytes) -> bytes:
        return self.hub.write_now(
            lambda session: publish_shell(session, self.hub, self.folded, message)
        )

    @property
    def shell_leaf(self) -> int:
        """Leaf of the only shell."""
        ((leaf, _),) = self.leaves(LeafType.TABLE_SHELL)
        return leaf

    def leaves(self, leaf_type: LeafType) -> list[tuple[int, bytes]]:
        return self.hub.read_now(lambda session: self.hub.record.bodies_of_type(session, leaf_type))

    def ref(self, period: int = 1) -> PeriodRef:
        return PeriodRef(self.shell_leaf, period)

    def contribution(
        self,
        partner: PartyId,
        values: Sequence[int] = EXACT,
        *,
        period: int = 1,
        bounds: Sequence[int] | None = None,
        purpose: RangePurpose = RangePurpose.TABLE,
        as_partner: PartyId | None = None,
        members: int = len(PEOPLE),
    ) -> bytes:
        """Return the file of a partner's vector.

        Args:
            partner: who.
            values: its cells.
            period: of which period.
            bounds: by default those of the record.
            purpose: what the proofs are for.
            as_partner: in whose name they are made.
            members: how many accounts bound the values.
        """
        logged = self.logged_shell()
        return proved_file(
            prover(self.hub.parameters.proof_key),
            table_ref(logged, period, as_partner or partner, purpose),
            values,
            bounds or logged.statement.value_bounds(members),
            self.chance.randrange,
        )

    def logged_shell(self) -> Logged[TableShell]:
        leaf = self.shell_leaf

        def look(session: Session) -> Logged[TableShell]:
            with self.folded.at(session) as view:
                return view.tables.shells[leaf]

        return self.hub.read_now(look)

    def signed_for(self, partner: PartyId, file: bytes, **changes: Any) -> bytes:
        """Return what a partner signs over its file."""
        fields: dict[str, Any] = {
            "parameter_id": self.hub.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "shell_leaf": self.shell_leaf,
            "period": 1,
            "partner_id": partner,
            "members": len(PEOPLE),
            "file_sha256": hashlib.sha256(file).digest(),
        }
        return signed(TableContribution(**{**fields, **changes}), partner)

    def contribute(
        self, partner: PartyId, values: Sequence[int] = EXACT, *, period: int = 1
    ) -> bytes:
        """Hand in a contribution and return its receipt."""
        file = self.contribution(partner, values, period=period)
        return self.intake.admit(partner, self.signed_for(partner, file, period=period), file)

    def contribute_all(self, period: int = 1) -> None:
        for partner in PARTNERS:
            self.contribute(partner, period=period)

    def advance_releases(self) -> ReleaseProgress:
        return run(self.releases.advance())

    def seen(self, period: int = 1) -> SeenPeriod:
        """Return where a period stands, as everybody may see it."""
        (table,) = self.hub.read_now(
            lambda session: list_tables(session, self.hub, self.folded, None)
        )
        return table.periods[period - 1]

    def found(self, period: int = 1) -> FoundTable:
        ref = self.ref(period)
        return self.hub.read_now(lambda session: get_table(session, self.hub, self.folded, ref))

    def table(self, period: int = 1) -> ReleasedTable:
        return statements.decode(ReleasedTable, self.found(period).table)

    def starts(self) -> list[ReleaseStart]:
        return [opened(ReleaseStart, body) for _, body in self.leaves(LeafType.RELEASE_START)]

    def expected(
        self, start: ReleaseStart, exact: Sequence[int], drawn_before: int = 0
    ) -> list[int]:
        """Return the exact sums of a table with the noise that its start names."""
        noise = [
            self.known_noise[part.trustee_id].vector(self.logged_shell().statement, drawn_before)
            for part in start.noise
        ]
        return [value + sum(of_all) for value, *of_all in zip(exact, *noise, strict=True)]


def cells_of(table: ReleasedTable) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Return the noisy values of the shown cells by their codes; margins are left out."""
    return {
        row.codes: tuple(value.noisy for value in row.values)
        for row in table.rows
        if row.cells == 1 and row.shown
    }
