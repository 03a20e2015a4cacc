"""Parties, programmes and methodologies in the database, in core types."""

from __future__ import annotations

from sqlalchemy import insert, or_
from sqlmodel import Session, col, select

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.registry.admission import PartyAdmission
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.registry.programme import Programme
from hub.storage.registry_rows import MethodologyRow, PartyRow, ProgrammeRow


class PartyStore:
    """Admitted parties, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, admission: PartyAdmission, leaf_index: int) -> None:
        """Keep an admission."""
        self._session.exec(
            insert(PartyRow).values(
                party_id=admission.party_id,
                role=admission.role.value,
                admission=statements.encode(admission),
                leaf_index=leaf_index,
            )
        )

    def find(self, party_id: PartyId) -> PartyAdmission | None:
        """Return the newest admission of a party, if it has one."""
        data = self._session.exec(
            select(PartyRow.admission)
            .where(PartyRow.party_id == party_id)
            .order_by(col(PartyRow.leaf_index).desc())
        ).first()
        return None if data is None else statements.decode(PartyAdmission, data)

    def in_role(self, role: Role) -> dict[PartyId, PartyAdmission]:
        """Return the newest admissions of all parties in a role, by id."""
        return {
            party_id: admission
            for party_id, admission in self.all().items()
            if admission.role is role
        }

    def all(self) -> dict[PartyId, PartyAdmission]:
        """Return the newest admissions of all parties, by id."""
        rows = self._session.exec(select(PartyRow.admission).order_by(col(PartyRow.leaf_index)))
        admissions = (statements.decode(PartyAdmission, data) for data in rows)
        return {admission.party_id: admission for admission in admissions}


class ProgrammeStore:
    """Programmes, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, programme: Programme, leaf_index: int) -> None:
        """Keep a programme."""
        self._session.exec(
            insert(ProgrammeRow).values(
                programme_id=programme.programme_id,
                exclusivity_domain=programme.exclusivity_domain,
                programme=statements.encode(programme),
                leaf_index=leaf_index,
            )
        )

    def find(self, programme_id: ProgrammeId) -> Programme | None:
        """Return a programme, if it exists."""
        data = self._session.exec(
            select(ProgrammeRow.programme).where(ProgrammeRow.programme_id == programme_id)
        ).first()
        return None if data is None else statements.decode(Programme, data)

    def of_domain(self, exclusivity_domain: str) -> list[Programme]:
        """Return the programmes of an exclusivity domain by their ids."""
        rows = self._session.exec(
            select(ProgrammeRow.programme)
            .where(ProgrammeRow.exclusivity_domain == exclusivity_domain)
            .order_by(col(ProgrammeRow.programme_id))
        )
        return [statements.decode(Programme, data) for data in rows]

    def all(self) -> list[Programme]:
        """Return all programmes in the order of the record."""
        rows = self._session.exec(
            select(ProgrammeRow.programme).order_by(col(ProgrammeRow.leaf_index))
        )
        return [statements.decode(Programme, data) for data in rows]


class MethodologyStore:
    """Admitted methodologies, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def add(self, admission: MethodologyAdmission, leaf_index: int) -> None:
        """Keep an admission; its document stands in the record alone."""
        self._session.exec(
            insert(MethodologyRow).values(
                leaf_index=leaf_index,
                programme_id=admission.programme_id,
                methodology_id=admission.methodology_id,
                version=admission.version,
                content_hash=admission.content_hash,
                from_epoch=admission.from_epoch,
                until_epoch=admission.until_epoch,
            )
        )

    def versions_of(self, methodology_id: str) -> list[tuple[str, str, bytes]]:
        """Return id, version and content hash of every admission of a methodology, anywhere."""
        rows = self._session.exec(
            select(MethodologyRow).where(MethodologyRow.methodology_id == methodology_id)
        )
        return [(row.methodology_id, row.version, row.content_hash) for row in rows]

    def hashes_between(
        self, programme_id: ProgrammeId, first: EpochIndex, last: EpochIndex
    ) -> frozenset[bytes]:
        """Return the content hashes that a programme has admitted for any of these epochs."""
        rows = self._session.exec(
            select(MethodologyRow.content_hash).where(
                MethodologyRow.programme_id == programme_id,
                MethodologyRow.from_epoch <= last,
                or_(
                    col(MethodologyRow.until_epoch) == 0,
                    col(MethodologyRow.until_epoch) >= first,
                ),
            )
        )
        return frozenset(rows)

    def hashes_for(self, programme_id: ProgrammeId, epoch: EpochIndex) -> set[bytes]:
        """Return the content hashes that a programme has admitted for an epoch."""
        rows = self._session.exec(
            select(MethodologyRow.content_hash).where(
                MethodologyRow.programme_id == programme_id,
                MethodologyRow.from_epoch <= epoch,
                or_(
                    col(MethodologyRow.until_epoch) == 0,
                    col(MethodologyRow.until_epoch) >= epoch,
                ),
            )
        )
        return set(rows)
