"""People: identity documents, the platform's references to them, and their consents."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from fedcarbon.identity.person_id import CanonicalIdentity, IdType
from fedcarbon.units import Seconds
from partner_node.storage.database import Database, Row

_STANDINGS: Final = """
    SELECT l.person_ref, l.person_id, c.period, c.data_at_s, c.claim_at_s,
           w.withdrawn_at_s, w.from_epoch
    FROM links l {filter} LEFT JOIN consents c ON c.person_ref = l.person_ref
    LEFT JOIN withdrawals w ON w.person_ref = c.person_ref AND w.period = c.period
    ORDER BY l.person_ref, c.period"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentPeriod:
    """From both consents to a withdrawal, if there was one."""

    period: int
    data_at_s: Seconds
    claim_at_s: Seconds
    withdrawn_at_s: Seconds | None
    until_epoch: int | None
    """First epoch without this consent; None while it stands."""

    @property
    def since_s(self) -> Seconds:
        """When the later of the two consents was given."""
        return max(self.data_at_s, self.claim_at_s)

    def covers(self, instant_s: Seconds) -> bool:
        """Tell whether an activity that starts at `instant_s` falls under this consent."""
        before_end = self.withdrawn_at_s is None or instant_s < self.withdrawn_at_s
        return self.since_s <= instant_s and before_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What intake needs to know of one `person_ref`."""

    person_id: int
    periods: tuple[ConsentPeriod, ...]
    """In order; empty if a consent has always been missing."""

    @property
    def consented(self) -> bool:
        """Whether both consents stand now."""
        return bool(self.periods) and self.periods[-1].until_epoch is None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewLink:
    """A checked person to store."""

    person_ref: str
    identity: CanonicalIdentity

    @override
    def __repr__(self) -> str:
        """Return a text without the person."""
        return "NewLink(<redacted>)"


class PersonStore:
    """Reads and appends people."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def identity(self, person_id: int) -> CanonicalIdentity:
        """Return the document of a person that exists."""
        return self.identities([person_id])[person_id]

    def identities(self, person_ids: Sequence[int]) -> dict[int, CanonicalIdentity]:
        """Return the documents of `person_ids`."""
        if not person_ids:
            return {}
        rows = self._database.rows(
            "SELECT person_id, id_type, issuing_country, id_number FROM persons "
            "JOIN given USING (person_id)",
            given={"person_id": person_ids},
        )
        return {row[0]: _identity(row[1:]) for row in rows}

    def person_ids(self, identities: Iterable[CanonicalIdentity]) -> dict[CanonicalIdentity, int]:
        """Return the ids of those `identities` that are known."""
        wanted = list(identities)
        if not wanted:
            return {}
        rows = self._database.rows(
            "SELECT p.person_id, p.id_type, p.issuing_country, p.id_number FROM persons p "
            "JOIN given g ON p.id_number = g.id_number AND p.id_type = g.id_type "
            "AND p.issuing_country = g.issuing_country",
            given={
                "id_type": [item.id_type.value for item in wanted],
                "issuing_country": [item.issuing_country for item in wanted],
                "id_number": [item.number for item in wanted],
            },
        )
        return {_identity(row[1:]): row[0] for row in rows}

    def standings(self, person_refs: Iterable[str]) -> dict[str, Standing]:
        """Return person and consents of those `person_refs` that are linked."""
        wanted = sorted(set(person_refs))
        if not wanted:
            return {}
        rows = self._database.rows(
            _STANDINGS.format(filter="JOIN given USING (person_ref)"),
            given={"person_ref": wanted},
        )
        return _standings(rows)

    def all_standings(self) -> dict[str, Standing]:
        """Return person and consents of everybody."""
        rows = self._database.rows(_STANDINGS.format(filter=""))
        return _standings(rows)

    def references(self, person_id: int) -> list[str]:
        """Return the platform's references to a person, sorted."""
        rows = self._database.rows(
            "SELECT person_ref FROM links WHERE person_id = ? ORDER BY person_ref", [person_id]
        )
        return [row[0] for row in rows]

    def attest(self, account_ref: str, member_ref: str, *, now_s: Seconds) -> None:
        """Append a member of a household account; the first attestation counts."""
        self._database.run(
            "INSERT INTO members VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [account_ref, member_ref, now_s],
        )

    def members(self, account_refs: Sequence[str]) -> list[str]:
        """Return the members of a household account under any of its references, sorted."""
        if not account_refs:
            return []
        rows = self._database.rows(
            "SELECT DISTINCT member_ref FROM members JOIN given USING (account_ref) ORDER BY 1",
            given={"account_ref": account_refs},
        )
        return [row[0] for row in rows]

    def add(self, links: Sequence[NewLink], *, now_s: Seconds) -> None:
        """Append persons and links that are new; consents are appended by `add_consents`."""
        if not links:
            return
        with self._database.transaction():
            known = self.person_ids(link.identity for link in links)
            following = self._database.number("SELECT max(person_id) FROM persons") + 1
            fresh: dict[CanonicalIdentity, int] = {}
            for link in links:
                if link.identity not in known and link.identity not in fresh:
                    fresh[link.identity] = following + len(fresh)
            self._database.insert(
                "persons",
                {
                    "person_id": list(fresh.values()),
                    "id_type": [item.id_type.value for item in fresh],
                    "issuing_country": [item.issuing_country for item in fresh],
                    "id_number": [item.number for item in fresh],
                },
            )
            known |= fresh
            self._database.insert(
                "links",
                {
                    "person_ref": [link.person_ref for link in links],
                    "person_id": [known[link.identity] for link in links],
                    "linked_at_s": [now_s] * len(links),
                },
            )

    def add_consents(
        self, consents: Sequence[tuple[str, int, Seconds, Seconds]], *, now_s: Seconds
    ) -> None:
        """Append consent periods: person_ref, period, instant of each consent."""
        if not consents:
            return
        refs, periods, data_at_s, claim_at_s = zip(*consents, strict=True)
        self._database.insert(
            "consents",
            {
                "person_ref": refs,
                "period": periods,
                "data_at_s": data_at_s,
                "claim_at_s": claim_at_s,
                "recorded_at_s": [now_s] * len(refs),
            },
        )

    def withdraw(self, person_ref: str, period: int, *, now_s: Seconds, from_epoch: int) -> None:
        """End a consent period."""
        self._database.run(
            "INSERT INTO withdrawals VALUES (?, ?, ?, ?)", [person_ref, period, now_s, from_epoch]
        )


def _identity(row: Row) -> CanonicalIdentity:
    return CanonicalIdentity(id_type=IdType(row[0]), issuing_country=row[1], number=row[2])


def _standings(rows: Sequence[Row]) -> dict[str, Standing]:
    periods: dict[str, list[ConsentPeriod]] = {}
    persons: dict[str, int] = {}
    for person_ref, person_id, period, data_at_s, claim_at_s, withdrawn_at_s, until_epoch in rows:
        persons[person_ref] = person_id
        of_ref = periods.setdefault(person_ref, [])
        if period is not None:
            of_ref.append(
                ConsentPeriod(
                    period=period,
                    data_at_s=data_at_s,
                    claim_at_s=claim_at_s,
                    withdrawn_at_s=withdrawn_at_s,
                    until_epoch=until_epoch,
                )
            )
    return {
        person_ref: Standing(person_id=persons[person_ref], periods=tuple(items))
        for person_ref, items in periods.items()
    }
