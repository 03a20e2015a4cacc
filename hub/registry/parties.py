"""Looking up admitted parties."""

from __future__ import annotations

from sqlmodel import Session

from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.admission import PartyAdmission
from fedcarbon.submission.signed_message import NotAdmittedError
from hub.record.reading import Reader
from hub.storage.registry_store import PartyStore


def require_party(session: Session, party_id: PartyId, *roles: Role) -> PartyAdmission:
    """Return the admission of a party in one of `roles`.

    Raises:
        NotAdmittedError: the record has none.
    """
    admission = PartyStore(session).find(party_id)
    if admission is None or admission.role not in roles:
        wanted = " or ".join(roles)
        raise NotAdmittedError(f"{party_id} is not admitted as {wanted}; root keys must admit it")
    return admission


def signing_keys(session: Session, role: Role) -> dict[PartyId, bytes]:
    """Return the signing keys of all parties in a role, by id."""
    admissions = PartyStore(session).in_role(role)
    return {party_id: admission.signing_key for party_id, admission in admissions.items()}


def reader_of(session: Session, party_id: PartyId, role: Role) -> Reader:
    """Return how the record is read by a caller whose certificate names this party and role."""
    admission = PartyStore(session).find(party_id)
    admitted = role is Role.HUB or (admission is not None and admission.role is role)
    return Reader(party_id=party_id, role=role if admitted else None)
