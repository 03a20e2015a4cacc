"""A small record with statistics: two sealed days, two shells, and what it takes to release them.

The federation is the simulated one with ten people, the fewest that any shell lets count. Its
contributions, noise, starts and releases are made here, with everybody's keys, so that each of
them can be made wrongly too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import (
    TableRef,
    entries_of,
    noised_sha256,
    product_of,
    proved_file,
    table_tables,
    vector_of,
)
from fedcarbon.disclosure.shell import Category, Dimension, Label, Quantity, TableShell
from fedcarbon.disclosure.statements import (
    Contributor,
    NoisePart,
    ReleaseShareFile,
    ReleaseStart,
    TableContribution,
    TableRelease,
    TableShares,
)
from fedcarbon.disclosure.table import ReleasedTable, noisy_vector, released_table
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.table_checks import release_share_context
from fedcarbon.paillier.combine import combine
from fedcarbon.paillier.shares import share_batch
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.proofs.commitments import ProverTables
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.registry.admission import root_keyid
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType
from tests.audit.good_record import GoodRecord
from tests.audit.kit import Kit
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.simulation.operations import Run
from tests.simulation.world import HUB, PARTNERS, PROGRAMME, World

PEOPLE: Final = 10
DAYS: Final = 3
"""The last one is never planned, so that shells can still be too early, or overlap, for it."""
MEMBERS: Final = (*PARTNERS, PartyId("taxi"))
RHO: Final = 8_000_000
"""With at most one cell, and from four partners, the least noise that there is: sigma = 1."""
YEAR_RHO: Final = 2 * RHO

PEOPLE_IN: Final[Mapping[PartyId, Sequence[int]]] = {
    MEMBERS[0]: (9, 1, 0, 0),
    MEMBERS[1]: (4, 1, 1, 0),
    MEMBERS[2]: (7, 1, 0, 0),
    MEMBERS[3]: (9, 1, 0, 0),
}
"""29, 4, 1 and 0 people in the four cells: all but the first are too few to be shown."""


def make_base_record(folder: Path) -> GoodRecord:
    """Run a federation that counts nothing yet: shells, then two sealed days."""
    world = World(folder, days=DAYS, partners=MEMBERS)
    try:
        run = Run(world, people=PEOPLE)
        _log_shells(world)
        world.loop.run(world.desk.witness())
        run.link_everyone()
        run.enrol()
        world.set_clock(days_before=4)
        world.advance()
        run.seal(0)
        run.seal(1)
        world.loop.run(world.desk.witness())
    finally:
        world.close()
    return GoodRecord.of(world)


def shell(name: str, first_epoch: int, **changes: Any) -> TableShell:
    """Return a shell of two modes by two districts, one epoch long."""
    axes = {"mode": ("rail", "rest"), "district": ("310101", "rest")}
    dimensions = tuple(
        Dimension(
            name=axis,
            label=Label(zh=axis, en=axis),
            code_list="test",
            categories=tuple(
                Category(code=f"{axis}-{code}", label=Label(zh=code, en=code), group="")
                for code in codes
            ),
            groups=(),
        )
        for axis, codes in axes.items()
    )
    people = Quantity(
        name="people",
        label=Label(zh="人", en="people"),
        unit="people",
        per_cell_max=1,
        rho_millionths=RHO,
    )
    fields: dict[str, Any] = {
        "parameter_id": dealt(seed=1).parameters.parameter_id,
        "programme_id": PROGRAMME,
        "shell_id": name,
        "label": Label(zh=name, en=name),
        "dimensions": dimensions,
        "quantities": (people,),
        "first_epoch": EpochIndex(first_epoch),
        "period_epochs": 1,
        "periods": 1,
        "contribute_window_s": 3_600,
        "cells_max": 1,
        "partners_max": len(MEMBERS),
        "partners_min": 3,
        "members_min": PEOPLE,
        "people_min": 10,
        "rho_year_millionths": YEAR_RHO,
    }
    return TableShell(**fields | changes)


def _log_shells(world: World) -> None:
    def log(session: Session) -> None:
        for item in (shell("first", 1), shell("second", 2)):
            body = sign(item, world.root_signers).to_bytes()
            world.hub.record.append(session, LeafType.TABLE_SHELL, body)

    world.hub.write_now(log)


@cache
def _prover_tables() -> ProverTables:
    return table_tables(dealt(seed=1).parameters.proof_key, 4)


@dataclass(slots=True)
class Releaser:
    """Makes what a release of a period consists of, on a copy of the record."""

    kit: Kit
    shell_leaf: int
    period: int = 1

    @classmethod
    def of(cls, kit: Kit, shell_id: str) -> Releaser:
        """Return who releases the one period of a shell of this name."""
        (leaf, _), *_ = kit.of(TableShell, shell_id=shell_id)
        return cls(kit, leaf)

    @property
    def parameters(self) -> ParameterSet:
        return self.kit.parameters

    @property
    def shell(self) -> TableShell:
        return next(item for leaf, item in self.kit.of(TableShell) if leaf == self.shell_leaf)

    @property
    def trustees(self) -> tuple[PartyId, ...]:
        return self.parameters.trustee_ids[: self.parameters.threshold]

    def released(self) -> int:
        """Release the period as everybody should, and return the leaf of its release."""
        self.contribute()
        self.start()
        return self.release()

    # --- files ------------------------------------------------------------------------------

    def blocks(
        self,
        party_id: PartyId,
        purpose: RangePurpose,
        values: Sequence[int],
        bounds: Sequence[int],
        **other: Any,
    ) -> bytes:
        """Return a file of encrypted values; `other` says what else its proofs are bound to."""
        ref = TableRef(
            purpose=purpose,
            programme_id=PROGRAMME,
            shell_leaf=self.kit.entries()[self.shell_leaf].leaf,
            period=self.period,
            party_id=party_id,
        )
        chance = seeded(len(party_id) + self.shell_leaf)
        ref = dataclasses.replace(ref, **other)
        return proved_file(_prover_tables(), ref, values, bounds, chance.randrange)

    def noise_of(self, trustee_id: PartyId, **other: Any) -> bytes:
        """Return the noise of a trustee: a different small number for every cell."""
        number = self.parameters.trustee_index(trustee_id)
        offsets = self.shell.offsets()
        values = [offset + (number + at) % 3 - 1 for at, offset in enumerate(offsets)]
        bounds = self.shell.noise_bounds()
        return self.blocks(trustee_id, RangePurpose.NOISE, values, bounds, **other)

    # --- leaves -----------------------------------------------------------------------------

    def contribute(self, **changes: Any) -> None:
        """Have every partner contribute, the first one with changes to its statement."""
        for name in MEMBERS:
            self.contribute_as(name, **(changes if name == MEMBERS[0] else {}))

    def contribute_as(self, name: PartyId, **changes: Any) -> int:
        bounds = self.shell.value_bounds(changes.get("members", PEOPLE))
        file = self.blocks(name, RangePurpose.TABLE, PEOPLE_IN[name], bounds)
        fields: dict[str, Any] = {
            "parameter_id": self.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "shell_leaf": self.shell_leaf,
            "period": self.period,
            "partner_id": name,
            "members": PEOPLE,
            "file_sha256": self.kit.put(file),
        }
        return self.kit.append(TableContribution(**fields | changes), name)

    def contributions(self) -> list[tuple[int, TableContribution]]:
        found = self.kit.of(TableContribution, shell_leaf=self.shell_leaf, period=self.period)
        return sorted(found, key=lambda item: item[1].partner_id)

    def start(
        self,
        noise: Mapping[PartyId, bytes] | None = None,
        signers: Sequence[PartyId] | None = None,
        without: Sequence[PartyId] = (),
        **changes: Any,
    ) -> int:
        """Log the start of the period.

        Args:
            noise: trustee to its file, by default that of t trustees.
            signers: by default those whose noise it is.
            without: partners whose contributions are left out.
            changes: to the statement.
        """
        files = {name: self.noise_of(name) for name in self.trustees} if noise is None else noise
        counted = [
            (leaf, item) for leaf, item in self.contributions() if item.partner_id not in without
        ]
        spent = sum(item.rho_millionths for _, item in self.kit.of(ReleaseStart))
        key, values = self.parameters.proof_key, self.shell.values
        opened = product_of(
            self.parameters.public_key,
            [
                *(
                    entries_of(key, self.kit.file(item.file_sha256).read_bytes(), values)
                    for _, item in counted
                ),
                *(entries_of(key, file, values) for file in files.values()),
            ],
        )
        fields: dict[str, Any] = {
            "parameter_id": self.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "shell_leaf": self.shell_leaf,
            "period": self.period,
            "contributors": tuple(
                Contributor(partner_id=item.partner_id, contribution_leaf=leaf)
                for leaf, item in counted
            ),
            "noise": tuple(
                NoisePart(trustee_id=name, file_sha256=self.kit.put(file))
                for name, file in sorted(files.items())
            ),
            "noised_sha256": noised_sha256(opened),
            "year": 2026,
            "rho_millionths": self.shell.rho_millionths,
            "spent_millionths": spent,
        }
        start = ReleaseStart(**fields | changes)
        return self.kit.append(start, *(sorted(files) if signers is None else signers))

    def release(self, **changes: Any) -> int:
        """Log the release of the last start of the period."""
        start_leaf, start = self.started()
        shares = self.shares()
        fields: dict[str, Any] = {
            "parameter_id": self.parameters.parameter_id,
            "programme_id": PROGRAMME,
            "shell_leaf": self.shell_leaf,
            "period": self.period,
            "start_leaf": start_leaf,
            "table_sha256": self.kit.put(statements.encode(self.table(start, shares))),
            "shares": tuple(
                TableShares(trustee_id=name, file_sha256=self.kit.put(statements.encode(file)))
                for name, file in sorted(shares.items())
            ),
        }
        return self.kit.append(TableRelease(**fields | changes), HUB)

    def shares(self) -> dict[PartyId, ReleaseShareFile]:
        """Return what t trustees give for the last start."""
        start_leaf, start = self.started()
        opened = self._opened(start)
        return {name: self._share_file(name, start_leaf, opened) for name in self.trustees}

    def started(self) -> tuple[int, ReleaseStart]:
        found = self.kit.of(ReleaseStart, shell_leaf=self.shell_leaf, period=self.period)
        return found[-1]

    def _opened(self, start: ReleaseStart) -> tuple[bytes, ...]:
        by_leaf = dict(self.kit.of(TableContribution))
        hashes = [by_leaf[item.contribution_leaf].file_sha256 for item in start.contributors]
        hashes += [part.file_sha256 for part in start.noise]
        key, values = self.parameters.proof_key, self.shell.values
        return product_of(
            self.parameters.public_key,
            [entries_of(key, self.kit.file(name).read_bytes(), values) for name in hashes],
        )

    def _share_file(
        self, name: PartyId, start_leaf: int, opened: Sequence[bytes]
    ) -> ReleaseShareFile:
        key = self.parameters.threshold_key
        secrets = next(item for item in self.kit.good.dealt.secrets if item.trustee_id == name)
        batch = share_batch(
            key,
            secrets.paillier,
            [int.from_bytes(item, "big") for item in opened],
            parameter_id=self.parameters.parameter_id,
            context=release_share_context(self.kit.entries()[start_leaf].leaf, opened),
            randbelow=seeded(start_leaf).randrange,
        )
        width = self.parameters.public_key.ciphertext_bytes
        return ReleaseShareFile(
            parameter_id=self.parameters.parameter_id,
            trustee_id=name,
            start_leaf=start_leaf,
            shares=tuple(share.to_bytes(width, "big") for share in batch.shares),
            proof=batch.proof.to_bytes(key),
        )

    def table(
        self, start: ReleaseStart, shares: Mapping[PartyId, ReleaseShareFile]
    ) -> ReleasedTable:
        blocks = range(len(next(iter(shares.values())).shares))
        plaintexts = [
            combine(
                self.parameters.threshold_key,
                {
                    self.parameters.trustee_index(name): int.from_bytes(file.shares[at], "big")
                    for name, file in shares.items()
                },
            )
            for at in blocks
        ]
        digits = vector_of(self.parameters.layout, plaintexts, self.shell.values)
        (_, programme), *_ = self.kit.of(Programme)
        noisy = noisy_vector(self.shell, start, digits)
        return released_table(self.shell_leaf, self.shell, programme, start, noisy)


def root_names(kit: Kit) -> list[str]:
    """Return the names of enough root keys."""
    names = kit.parameters.trustee_ids[: kit.parameters.threshold]
    return [root_keyid(name) for name in names]
