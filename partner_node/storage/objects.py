"""Objects that own slots, and their outputs of the object key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.labels import KeyLabel
from partner_node.storage.database import Database

# An object is worth an evaluation only for what can still be claimed.
_LACKING = """FROM objects o ANTI JOIN object_secrets s USING (object_id)
    WHERE EXISTS (SELECT 1 FROM activities a
                  WHERE a.object_ref = o.object_ref AND a.last_day >= ? AND a.first_day < ?)"""


class ObjectStore:
    """Reads and appends objects."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def add(self, object_refs: Iterable[str]) -> None:
        """Append the objects that are not known yet."""
        wanted = sorted({ref for ref in object_refs if ref})
        if not wanted:
            return
        with self._database.transaction():
            rows = self._database.rows(
                "SELECT object_ref FROM objects JOIN given USING (object_ref)",
                given={"object_ref": wanted},
            )
            known = {row[0] for row in rows}
            fresh = [ref for ref in wanted if ref not in known]
            following = self._database.number("SELECT max(object_id) FROM objects") + 1
            self._database.insert(
                "objects",
                {"object_id": range(following, following + len(fresh)), "object_ref": fresh},
            )

    def references(self, object_ids: Sequence[int]) -> dict[int, str]:
        """Return the references of objects that exist."""
        if not object_ids:
            return {}
        rows = self._database.rows(
            "SELECT object_id, object_ref FROM objects JOIN given USING (object_id)",
            given={"object_id": object_ids},
        )
        return dict(rows)

    def lacking(self, *, days: tuple[str, str], limit: int) -> list[int]:
        """Return objects without an output that own slots of some days, at most `limit`.

        Args:
            days: ISO 8601; the first day that is not cut off, and the first that is not over.
            limit: how many.
        """
        rows = self._database.rows(
            f"SELECT o.object_id {_LACKING} ORDER BY o.object_id LIMIT ?",
            [*days, limit],
        )
        return [row[0] for row in rows]

    def lacking_count(self, *, days: tuple[str, str]) -> int:
        """Return how many objects `lacking` would return without a limit."""
        return self._database.number(f"SELECT count(*) {_LACKING}", list(days))

    def outputs(self, object_refs: Iterable[str]) -> dict[str, SecretOutput]:
        """Return the outputs of those objects that have one."""
        wanted = sorted({ref for ref in object_refs if ref})
        if not wanted:
            return {}
        rows = self._database.rows(
            "SELECT o.object_ref, s.object_output FROM objects o "
            "JOIN object_secrets s USING (object_id) JOIN given USING (object_ref)",
            given={"object_ref": wanted},
        )
        return {row[0]: SecretOutput(label=KeyLabel.OBJECT, value=row[1]) for row in rows}
