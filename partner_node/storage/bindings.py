"""Bindings of wallets to accounts of this node's people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedcarbon.identity.tokens import AccountToken
from partner_node.storage.database import Database
from partner_node.storage.outbox import MessageKind

_PENDING = f"""FROM bindings b ANTI JOIN closed_bindings c USING (binding_id)
    ANTI JOIN messages m ON m.subject = lower(hex(b.binding_id))
        AND m.kind IN ('{MessageKind.PARTNER_BINDING.value}',
                       '{MessageKind.BINDING_OBJECTION.value}')"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBinding:
    """A wallet operator's half, as the hub showed it."""

    binding_id: bytes
    person_id: int
    account_token: AccountToken
    operator_id: str
    wallet_hint: str
    """What the holder is shown of the wallet, in the hub's words."""
    operator_leaf: bytes
    operator_leaf_index: int


class BindingStore:
    """Reads and appends bindings."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def add(self, bindings: Sequence[StoredBinding]) -> int:
        """Append bindings that are not known yet; return how many there were."""
        if not bindings:
            return 0
        with self._database.transaction():
            known = {row[0] for row in self._database.rows("SELECT binding_id FROM bindings")}
            fresh = [item for item in bindings if item.binding_id not in known]
            self._database.insert(
                "bindings",
                {
                    "binding_id": [item.binding_id for item in fresh],
                    "person_id": [item.person_id for item in fresh],
                    "account_token": [item.account_token for item in fresh],
                    "operator_id": [item.operator_id for item in fresh],
                    "wallet_hint": [item.wallet_hint for item in fresh],
                    "operator_leaf": [item.operator_leaf for item in fresh],
                    "operator_leaf_index": [item.operator_leaf_index for item in fresh],
                },
            )
        return len(fresh)

    def close(self, binding_ids: Sequence[bytes]) -> None:
        """Note bindings that were frozen or ended elsewhere: nobody need answer them."""
        for binding_id in binding_ids:
            self._database.run(
                "INSERT INTO closed_bindings VALUES (?) ON CONFLICT DO NOTHING", [binding_id]
            )

    def closed(self) -> set[bytes]:
        """Return the bindings that nobody need answer."""
        return {bytes(row[0]) for row in self._database.rows("SELECT * FROM closed_bindings")}

    def find(self, binding_id: bytes) -> StoredBinding | None:
        """Return a binding that concerns one of this node's people."""
        found = self._select("FROM bindings b WHERE b.binding_id = ?", [binding_id])
        return found[0] if found else None

    def pending(self) -> list[StoredBinding]:
        """Return bindings that the person has neither confirmed nor objected to, oldest first."""
        return self._select(_PENDING, [])

    def next_leaf(self) -> int:
        """Return the leaf from which on the hub must be asked for bindings."""
        oldest = self._database.row(f"SELECT min(b.operator_leaf_index) {_PENDING}")
        if oldest is not None and oldest[0] is not None:
            return int(oldest[0])
        return self._database.number("SELECT max(operator_leaf_index) + 1 FROM bindings")

    def _select(self, source: str, parameters: Sequence[object]) -> list[StoredBinding]:
        rows = self._database.rows(
            "SELECT b.binding_id, b.person_id, b.account_token, b.operator_id, b.wallet_hint, "
            f"b.operator_leaf, b.operator_leaf_index {source} ORDER BY b.operator_leaf_index",
            parameters,
        )
        return [
            StoredBinding(
                binding_id=row[0],
                person_id=row[1],
                account_token=AccountToken(row[2]),
                operator_id=row[3],
                wallet_hint=row[4],
                operator_leaf=row[5],
                operator_leaf_index=row[6],
            )
            for row in rows
        ]
