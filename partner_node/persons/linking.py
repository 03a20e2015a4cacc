"""Linking: the platform's users become persons with an identity and two consents.

Identity documents are put into canonical form and refused here if malformed: such a number never
leaves the node, not even blinded. A person without both consents is remembered, so that the
platform learns why its activities do not count, but is neither enrolled nor claimed for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from typing_extensions import override

from fedcarbon.clock import Clock
from fedcarbon.identity.person_id import (
    CHINA,
    MalformedIdError,
    SyntheticIdRefusedError,
    canonical_identity,
)
from fedcarbon.methodology.activity import InvalidActivityError, checked_reference
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Seconds
from partner_node.persons.consent import parse_consent
from partner_node.storage.database import Database
from partner_node.storage.persons import NewLink, PersonStore, Standing

PERSONS_PER_BATCH_MAX: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PersonRecord:
    """A person as the platform states it, unchecked."""

    person_ref: str
    id_type: str
    id_number: str
    issuing_country: str = ""
    """ISO 3166-1 alpha-2; empty for CN."""
    consent_data: str
    consent_claim: str

    @override
    def __repr__(self) -> str:
        """Return a text without the person."""
        return "PersonRecord(<redacted>)"


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedLink:
    """A person that was not linked, and why."""

    person_ref: str
    reason: RejectReason
    detail: str
    """A sentence for people, without the number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOutcome:
    """What became of a batch of persons."""

    linked: int
    """Those that are linked with both consents now, whether newly or before."""
    rejected: tuple[RejectedLink, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    link: NewLink
    consents: tuple[Seconds, Seconds] | None


class PersonLinking:
    """Links persons; idempotent on `person_ref`."""

    def __init__(self, database: Database, programme: Programme, clock: Clock) -> None:
        """Link into `database` under the rules of `programme`."""
        self._database = database
        self._persons = PersonStore(database)
        self._programme = programme
        self._clock = clock

    def link(self, records: Sequence[PersonRecord]) -> LinkOutcome:
        """Link a batch; each record is judged for itself, in order."""
        rejected: list[RejectedLink] = []
        checked: list[_Checked] = []
        for record in records:
            result = self._checked(record)
            if isinstance(result, RejectedLink):
                rejected.append(result)
            else:
                checked.append(result)
        with self._database.transaction():
            linked = self._store(checked, rejected)
        return LinkOutcome(linked=linked, rejected=tuple(rejected))

    def _checked(self, record: PersonRecord) -> _Checked | RejectedLink:
        def rejected(reason: RejectReason, detail: object) -> RejectedLink:
            return RejectedLink(person_ref=record.person_ref, reason=reason, detail=str(detail))

        try:
            checked_reference(record.person_ref)
        except InvalidActivityError as error:
            return rejected(error.reason, error)
        try:
            identity = canonical_identity(
                record.id_type,
                record.id_number,
                issuing_country=record.issuing_country or CHINA,
                allow_test=self._programme.test_identities,
            )
            data_at_s = parse_consent(record.consent_data, self._programme.time_zone)
            claim_at_s = parse_consent(record.consent_claim, self._programme.time_zone)
        except SyntheticIdRefusedError as error:
            return rejected(RejectReason.SYNTHETIC_IDENTITY, error)
        except MalformedIdError as error:
            return rejected(RejectReason.MALFORMED_IDENTITY, error)
        except InvalidActivityError as error:
            return rejected(error.reason, "a consent is an ISO 8601 time, true, or empty")
        both = None if data_at_s is None or claim_at_s is None else (data_at_s, claim_at_s)
        return _Checked(
            link=NewLink(person_ref=record.person_ref, identity=identity), consents=both
        )

    def _store(self, checked: Sequence[_Checked], rejected: list[RejectedLink]) -> int:
        """Append what is new; return how many of `checked` count."""
        standings = self._persons.standings(item.link.person_ref for item in checked)
        identities = self._persons.identities([item.person_id for item in standings.values()])
        identity_of = {ref: identities[item.person_id] for ref, item in standings.items()}
        new_links: list[NewLink] = []
        new_consents: dict[str, tuple[str, int, Seconds, Seconds]] = {}
        linked = 0
        for item in checked:
            ref = item.link.person_ref
            known = identity_of.get(ref)
            if known is None:
                identity_of[ref] = item.link.identity
                new_links.append(item.link)
            elif known != item.link.identity:
                rejected.append(_rejected(ref, RejectReason.PERSON_REF_TAKEN))
                continue
            reason = _judge_consent(item, standings.get(ref), new_consents)
            if reason is None:
                linked += 1
            else:
                rejected.append(_rejected(ref, reason))
        now_s = self._clock.now_s()
        self._persons.add(new_links, now_s=now_s)
        self._persons.add_consents(list(new_consents.values()), now_s=now_s)
        return linked


_DETAILS: Final = {
    RejectReason.PERSON_REF_TAKEN: "this reference is linked to another identity document",
    RejectReason.MISSING_CONSENT: "both consents are needed: data use and claiming",
    RejectReason.CONSENT_WITHDRAWN: "the consents were withdrawn; new ones must be given later",
}


def _rejected(person_ref: str, reason: RejectReason) -> RejectedLink:
    return RejectedLink(person_ref=person_ref, reason=reason, detail=_DETAILS[reason])


def _judge_consent(
    item: _Checked,
    standing: Standing | None,
    new_consents: dict[str, tuple[str, int, Seconds, Seconds]],
) -> RejectReason | None:
    """Note a new consent period in `new_consents`, or say why there is none."""
    ref = item.link.person_ref
    if ref in new_consents or (standing is not None and standing.consented):
        return None
    if item.consents is None:
        return RejectReason.MISSING_CONSENT
    periods = standing.periods if standing is not None else ()
    if periods:
        withdrawn_at_s = periods[-1].withdrawn_at_s
        if withdrawn_at_s is not None and min(item.consents) <= withdrawn_at_s:
            return RejectReason.CONSENT_WITHDRAWN
    new_consents[ref] = (ref, len(periods) + 1, *item.consents)
    return None
