"""The part of a fake hub that takes contributions to tables, and looks into them."""

from __future__ import annotations

import hashlib
from typing import Any

import phe
from typing_extensions import override

from fedcarbon.ceremony.dealer import Dealt
from fedcarbon.disclosure.block_file import (
    TableEntry,
    entries_of,
    invalid_blocks,
    vector_of,
)
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import TableContribution
from fedcarbon.epoch.snapshot import snapshot_of
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import table_ref
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import open_signed, sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import statistics_pb2
from fedcarbon.wire.status import RemoteStateError
from tests.keys.primes import TINY, load_primes
from tests.partner_node.fake_record import NODE, FakeRecord


class FakeStatistics(FakeRecord):
    """Shells that root keys signed, and what the node contributes to them."""

    places: Any
    entries: Any
    epochs: Any

    def __init__(self, dealt: Dealt, programme: Programme, clock: Any, best_tier: int) -> None:
        super().__init__(dealt, programme, clock, best_tier)
        self.forget_tables()

    def forget_tables(self) -> None:
        """Start without contributions."""
        self.tables: dict[tuple[int, int], tuple[TableContribution, list[TableEntry]]] = {}
        self.late = False

    def publish(self, shell: TableShell) -> Logged[TableShell]:
        """Log a shell that all root keys sign, under a witnessed head."""
        index = self.log(LeafType.TABLE_SHELL, sign(shell, self.roots).to_bytes())
        self.witness()
        return Logged(index=index, leaf=self.leaves[index][0], statement=shell)

    def contributed(self, shell: Logged[TableShell], period: int) -> list[int]:
        """Return the numbers that the node contributed, decrypted with the tiny private key."""
        primes = load_primes(TINY)
        private = phe.PaillierPrivateKey(phe.PaillierPublicKey(primes.n), primes.p, primes.q)
        _, entries = self.tables[shell.index, period]
        plaintexts = [private.raw_decrypt(int.from_bytes(e.ciphertext, "big")) for e in entries]
        return vector_of(self.parameters.layout, plaintexts, shell.statement.values)

    @override
    def submit_contribution(
        self, request: statistics_pb2.SubmitContributionRequest
    ) -> statistics_pb2.SubmitContributionResponse:
        self._keep(request)
        data = request.signed_contribution
        item = self._signed(TableContribution, data)
        if data not in self.receipts:
            if self.late:
                raise RemoteStateError("CONTRIBUTION_LATE", "the window of the period is over")
            shell = self._shell(item.shell_leaf)
            assert item.partner_id == NODE
            assert (item.shell_leaf, item.period) not in self.tables
            assert item.file_sha256 == hashlib.sha256(request.file).digest()
            assert item.members == self.members(shell.statement, item.period)
            key = self.parameters.proof_key
            entries = entries_of(key, request.file, shell.statement.values)
            ref = table_ref(shell, item.period, NODE, RangePurpose.TABLE)
            bounds = shell.statement.value_bounds(item.members)
            for invalid in invalid_blocks(key, [(ref, entries, bounds)], self.chance.randrange):
                raise invalid
            self.tables[item.shell_leaf, item.period] = (item, entries)
        receipt = self._answered(LeafType.TABLE_CONTRIBUTION, data)
        return statistics_pb2.SubmitContributionResponse(receipt=receipt)

    def members(self, shell: TableShell, period: int) -> int:
        """Return how many accounts the node had in the snapshots of a period."""
        found: set[Any] = set()
        for epoch in shell.epochs_of(period):
            snapshot = snapshot_of(
                self.entries,
                self.places,
                epoch=EpochIndex(epoch),
                snapshot_size=self.epochs[epoch].snapshot_size,
                slots=self.parameters.layout.slots,
                cap_ug=self.programme.epoch_cap_ug,
            )
            if NODE in snapshot.partners:
                taken = snapshot.partners[NODE].slots_of
                found |= {(block, slot) for block in taken for slot in taken[block]}
        return len(found)

    def _shell(self, index: int) -> Logged[TableShell]:
        leaf, _, body = self.leaves[index]
        keys = {name: key.public for name, key in self.roots.items()}
        shell = open_signed(TableShell, body, keys, signers=keys.keys(), at_least=3)
        return Logged(index=index, leaf=leaf, statement=shell)
