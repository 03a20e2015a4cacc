"""Noise: drawn once per period of a table, encrypted and proved, and known to nobody afterwards.

The trustee forgets it too: its plaintext ends with the proofs. So even a trustee that opens its
files, or joins the others later, cannot take its own noise away again.
"""

from __future__ import annotations

from typing import Final

from fedcarbon.disclosure.block_file import proved_file, table_tables
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.ids import ProgrammeId
from fedcarbon.opening.table_checks import require_open_period, require_shell, table_ref
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.opening.view import RecordView
from fedcarbon.proofs.commitments import ProverTables
from fedcarbon.proofs.range_proof import RangePurpose
from trustee.own_keys import OwnKeys
from trustee.sampling import NoiseSource, noise_within_reach
from trustee.storage.database import Database
from trustee.storage.noise_store import NoiseStore

# Like masks: some hundred blocks per release, small tables cost little memory.
_TABLE_WINDOW_BITS = 6


class Noiser:
    """Draws and keeps this trustee's noise."""

    __slots__ = ("_database", "_keys", "_source", "_store", "_tables", "_view")

    def __init__(
        self, keys: OwnKeys, view: RecordView, database: Database, source: NoiseSource
    ) -> None:
        """Take what is needed to check, to draw and to keep."""
        self._keys: Final = keys
        self._view: Final = view
        self._database: Final = database
        self._source: Final = source
        self._store: Final = NoiseStore(database)
        self._tables: ProverTables | None = None

    def noise(self, programme_id: ProgrammeId, ref: PeriodRef) -> bytes:
        """Return the file of noise of a period; the same period always gets the same bytes.

        Raises:
            ShellNotInRecordError, PeriodNotOverError, ReleaseRepeatedError: see
                `require_open_period`; noise that was drawn before is given without asking again.
        """
        stored = self.stored(programme_id, ref)
        if stored is not None:
            return stored
        shell = require_open_period(self._view, programme_id, ref)
        if self._tables is None:
            key = self._view.parties.parameters.proof_key
            self._tables = table_tables(key, _TABLE_WINDOW_BITS)
        file = proved_file(
            self._tables,
            table_ref(shell, ref.period, self._keys.trustee_id, RangePurpose.NOISE),
            fresh_noise(self._source, shell.statement),
            shell.statement.noise_bounds(),
            self._keys.random_below,
        )
        with self._database.transaction():
            self._store.keep(ref, file)
        return file

    def stored(self, programme_id: ProgrammeId, ref: PeriodRef) -> bytes | None:
        """Return the noise that was drawn for a period, or None.

        Raises:
            ShellNotInRecordError: there is no such period.
        """
        require_shell(self._view, programme_id, ref)
        return self._store.file(ref)


def fresh_noise(source: NoiseSource, shell: TableShell) -> list[int]:
    """Return noise with its offset for every value of a table: for every cell, every quantity."""
    columns = [
        noise_within_reach(source, shell.sigma(quantity), shell.cell_count)
        for quantity in shell.quantities
    ]
    return [
        noise + offset
        for noise, offset in zip(
            (noise for cell in zip(*columns, strict=True) for noise in cell),
            shell.offsets(),
            strict=True,
        )
    ]
