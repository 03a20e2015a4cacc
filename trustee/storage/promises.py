"""What this trustee did once and may not do again otherwise: evaluations and beacons."""

from __future__ import annotations

from typing import Final, NamedTuple

from fedcarbon.identity.labels import KeyLabel
from fedcarbon.ids import PartyId
from fedcarbon.opening.epochs import BeaconKey
from trustee.storage.database import Database


class GivenBeacon(NamedTuple):
    """A beacon evaluation that was given."""

    leaf_index: int
    element: bytes
    proof: bytes


class PromiseStore:
    """Counted evaluations and given beacons."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        """Take the store."""
        self._database: Final = database

    def request_sha256(self, asker: PartyId, request_id: bytes) -> bytes | None:
        """Return the hash of the signed request that was counted under an id."""
        found: bytes | None = self._database.value(
            "SELECT request_sha256 FROM evaluations WHERE asker_id = ? AND request_id = ?",
            asker,
            request_id,
        )
        return found

    def evaluated(self, asker: PartyId, label: KeyLabel) -> dict[bytes, int]:
        """Return request id to number of elements, of what was evaluated for an asker."""
        rows = self._database.each(
            "SELECT request_id, elements FROM evaluations WHERE asker_id = ? AND key_label = ?",
            asker,
            label.value,
        )
        return dict(rows)

    def count(
        self,
        asker: PartyId,
        request_id: bytes,
        *,
        label: KeyLabel,
        elements: int,
        request_sha256: bytes,
    ) -> None:
        """Count a request before it is answered."""
        self._database.run(
            "INSERT INTO evaluations VALUES (?, ?, ?, ?, ?)",
            asker,
            request_id,
            label.value,
            elements,
            request_sha256,
        )

    def beacon(self, key: BeaconKey) -> GivenBeacon | None:
        """Return the beacon evaluation that was given for a label, scope and epoch."""
        row = self._database.one(
            "SELECT leaf_index, element, proof FROM beacons "
            "WHERE label = ? AND scope = ? AND epoch = ?",
            key.label.value,
            key.scope,
            key.epoch,
        )
        return None if row is None else GivenBeacon._make(row)

    def keep_beacon(self, key: BeaconKey, beacon: GivenBeacon) -> None:
        """Store a beacon evaluation before it is given."""
        self._database.run(
            "INSERT INTO beacons VALUES (?, ?, ?, ?, ?, ?)",
            key.label.value,
            key.scope,
            key.epoch,
            *beacon,
        )
