"""A federation that counts: a table shell, sealed periods, and partners that contribute."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fedcarbon.disclosure.block_file import TableRef, proved_file
from fedcarbon.disclosure.shell import Category, Dimension, Label, Quantity, TableShell
from fedcarbon.disclosure.statements import TableContribution
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.packing.layout import FULL_SLOT_MAX
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.transparency.leaf import LeafType
from tests.proving import tables_of
from tests.trustee.federation import Federation
from tests.trustee.founded import BIKE, DAY_S, METRO, PROGRAMME, SHAM

TRAM = PartyId("tram")
MEMBERS = {METRO: 12, BIKE: 10, SHAM: 10, TRAM: 2}
"""Accounts per partner; tram has too few to be counted among the partners that are needed."""
PERIODS = 3
"""Sealed periods: two of the first shell, one of the second."""


def label(text: str) -> Label:
    return Label(zh=text, en=text)


def shell_of(parameter_id: bytes, **changes: Any) -> TableShell:
    """Three modes, people and distances; one release a year and no second one."""
    modes = [Category(code=code, label=label(code), group="") for code in ("bus", "bike", "rest")]
    fields: dict[str, Any] = {
        "parameter_id": parameter_id,
        "programme_id": PROGRAMME,
        "shell_id": "modes",
        "label": label("modes"),
        "dimensions": (
            Dimension(
                name="mode",
                label=label("mode"),
                code_list="modes",
                categories=tuple(modes),
                groups=(),
            ),
        ),
        "quantities": (
            Quantity(
                name="people",
                label=label("people"),
                unit="people",
                per_cell_max=1,
                rho_millionths=20_000,
            ),
            Quantity(
                name="distance",
                label=label("distance"),
                unit="m",
                per_cell_max=50_000_000,
                rho_millionths=20_000,
            ),
        ),
        "first_epoch": EpochIndex(1),
        "period_epochs": 1,
        "periods": 2,
        "contribute_window_s": DAY_S,
        "cells_max": 2,
        "partners_max": 4,
        "partners_min": 3,
        "members_min": 10,
        "people_min": 10,
        "rho_year_millionths": 79_999,
    }
    return TableShell(**{**fields, **changes})


class Counting(Federation):
    """One method per thing that partners do for a table."""

    shells: list[int]
    """Leaves of the shells."""

    def log_shell(self, **changes: Any) -> int:
        shell = shell_of(self.parameters.parameter_id, **changes)
        return self.log(LeafType.TABLE_SHELL, self.rooted(shell))

    def shell_at(self, leaf: int) -> TableShell:
        shell: TableShell = self.statement_at(leaf, TableShell)
        return shell

    def ref(self, period: int = 1) -> PeriodRef:
        """Return a period of the first shell."""
        return PeriodRef(self.shells[0], period)

    def run_counted(self, epoch: int) -> None:
        """Plan, submit and seal an epoch in which everybody's accounts earn nothing."""
        plan = self.plan(epoch)
        blocks = {place[0] for place in self.places.values()}
        parts = {
            name: self.submit(name, epoch, plan, {}, blocks, entries_per_chunk=len(blocks))
            for name in MEMBERS
        }
        self.wait(seconds=DAY_S // 2)
        self.seal(epoch, plan, parts)
        self.witness()

    def table_ref(self, ref: PeriodRef, party: str, purpose: RangePurpose) -> TableRef:
        return TableRef(
            purpose=purpose,
            programme_id=PROGRAMME,
            shell_leaf=self.record.leaves[ref.shell_leaf].leaf,
            period=ref.period,
            party_id=PartyId(party),
        )

    def proved(
        self, of: TableRef, values: Sequence[int], bounds: Sequence[int], **changes: Any
    ) -> bytes:
        """Return a file of values; `changes` bend what its proofs are bound to."""
        tables = tables_of(self.parameters.proof_key, FULL_SLOT_MAX)
        of = dataclasses.replace(of, **changes)
        return proved_file(tables, of, values, bounds, self._chance.randrange)

    def contribute(
        self,
        ref: PeriodRef,
        partner: PartyId,
        values: Sequence[int] | None = None,
        *,
        bounded_by: int | None = None,
        data: bytes | None = None,
        **changes: Any,
    ) -> int:
        """Log a partner's cells and keep their file; return the leaf.

        Args:
            ref: of which period.
            partner: whose.
            values: what is counted, by default `cells_of`.
            bounded_by: proves under the bounds of so many members.
            data: another file.
            changes: fields of the statement that are to be others.
        """
        shell = self.shell_at(ref.shell_leaf)
        members = MEMBERS[partner] if bounded_by is None else bounded_by
        file = data or self.proved(
            self.table_ref(ref, partner, RangePurpose.TABLE),
            cells_of(partner) if values is None else values,
            shell.value_bounds(members),
        )
        contribution = TableContribution(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            shell_leaf=ref.shell_leaf,
            period=ref.period,
            partner_id=partner,
            members=MEMBERS[partner],
            file_sha256=self.keep(file),
        )
        return self.log_own(dataclasses.replace(contribution, **changes), partner)

    def contribute_all(self, ref: PeriodRef) -> None:
        for name in MEMBERS:
            self.contribute(ref, name)
        self.witness()


def cells_of(partner: PartyId) -> list[int]:
    """Return telling cells: people and metres per mode."""
    unit = 10 ** list(MEMBERS).index(partner)
    return [min(MEMBERS[partner], 7), unit, 2, 2 * unit, 0, 0]


def exact_cells(cells: Mapping[PartyId, Sequence[int]] | None = None) -> list[int]:
    """Return the sums that nobody may see."""
    told = {name: cells_of(name) for name in MEMBERS} if cells is None else cells
    return [sum(column) for column in zip(*told.values(), strict=True)]


def counted(**settings: Any) -> Counting:
    """Return a federation with two shells and `PERIODS` sealed epochs; nobody has contributed."""
    federation = Counting(**settings)
    federation.begin()
    federation.admit(TRAM, Role.PARTNER)
    tokens = [hashlib.sha256(bytes([number])).digest() for number in range(max(MEMBERS.values()))]
    for name, members in MEMBERS.items():
        federation.enrol(name, tokens[:members])
    federation.shells = [
        federation.log_shell(),
        federation.log_shell(
            shell_id="wider",
            first_epoch=EpochIndex(3),
            periods=1,
            partners_max=3,
            rho_year_millionths=10_000_000,
        ),
    ]
    federation.witness()
    for epoch in range(1, PERIODS + 1):
        federation.run_counted(epoch)
    return federation
