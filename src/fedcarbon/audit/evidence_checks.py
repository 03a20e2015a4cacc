"""From opened evidence to the ciphertext: what an auditor on site recomputes (check V24).

Numbered as in docs/PROTOCOL.md; all of it is done, whatever fails before, except after (1):

(1) the partner signed it, for the sample that the record draws           SAMPLE_NOT_DRAWN
(2) there is a leaf per claim, account and day, and all that the          EVIDENCE_COUNT_DIFFERS,
    sample asks for are opened                                            EVIDENCE_NOT_OPENED
(3) every leaf is under the evidence root                                 EVIDENCE_LEAF_DIFFERS
(4) a person-day is that of its place and day                             EVIDENCE_MISPLACED
(5) every methodology is one of the bundle in the headers                 METHODOLOGY_UNKNOWN
(6) every activity counts, its tier is allowed, none overlaps another     ACTIVITY_NOT_ELIGIBLE,
    of its type and owner, an object's      TIER_ABOVE_ALLOWED, ACTIVITIES_OVERLAP, OBJECT_SHARED
    slot holds one activity
(7) every activity is credited on the day, with what its methodology      DAY_OUTSIDE_EPOCH,
    and the limits of the day give, and the pieces follow from it         REDUCTION_DIFFERS,
                                                                          LIMIT_EXCEEDED
(8) a claim is the one of the list and holds the pieces of its slot       CLAIM_DIFFERS
(9) no pad is claimed by another partner too                              CLAIM_WITHOUT_ACTIVITY
(10) verdicts, half-lost rule and cap give the submitted value            SLOT_VALUE_DIFFERS
(11) which is what the block holds in this slot                           SLOT_PROOF_INVALID
(12) the commitments of all claims hold what the node's table says        PIECE_COMMITMENTS_DIFFER

What it cannot find: an activity that never happened. A leaf shows what the partner says; whether
somebody rode, and whether a meter stood where it is said to have stood in earlier years, is for the
auditor to compare with the platform's own records. Limits per month are an upper bound here: they
are held against all days of the epoch, what other epochs were credited with stands elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.claim_table import PieceCommitmentsDifferError, check_claim_table
from fedcarbon.audit.evidence_amounts import EvidenceAmounts
from fedcarbon.audit.evidence_record import EvidenceRecord
from fedcarbon.audit.evidence_sample import EvidenceSample, sample_of
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.opened_evidence import LeafOpening, OpenedClaim, OpenedDay, OpenedEvidence
from fedcarbon.epoch.snapshot import Place
from fedcarbon.evidence.leaf import ActivityEvidence
from fedcarbon.identity.claims import ClaimEntry
from fedcarbon.identity.ristretto import ScalarInvalidError
from fedcarbon.methodology.definition import Methodology
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece, claims_of, settle_day
from fedcarbon.proofs.slot_value import SlotProofInvalidError, SlotStatement, verify_slot
from fedcarbon.registry.methodology import bundle_hash
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.merkle import leaf_hash
from fedcarbon.transparency.merkle_proofs import InclusionProofInvalidError, verify_inclusion
from fedcarbon.units import MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceReport:
    """What an audit of evidence did and found."""

    sample: EvidenceSample
    findings: tuple[Finding, ...]
    person_days: int
    """Opened, with every day of a drawn account."""
    activities: int
    claims: int
    slots: int
    """Accounts whose submitted value was compared with the ciphertext."""


def check_evidence(
    record: EvidenceRecord, opened: bytes, methodologies: Iterable[Methodology]
) -> EvidenceReport:
    """Recompute everything that a node has opened.

    Args:
        record: what the record says.
        opened: the envelope that the node wrote.
        methodologies: those of the partner's bundle, from their published files.

    Raises:
        MalformedError, SignatureInvalidError: the file is not what this partner signed.
        SampleSizeError: it names a size that no sample has.
    """
    partner = record.basis.partner_id
    evidence = open_signed(OpenedEvidence, opened, {partner: record.signing_key}, signers={partner})
    return _EvidenceAudit(record, evidence, tuple(methodologies)).run()


class _EvidenceAudit:
    """One run over one file."""

    def __init__(
        self,
        record: EvidenceRecord,
        evidence: OpenedEvidence,
        methodologies: tuple[Methodology, ...],
    ) -> None:
        self._record: Final = record
        self._evidence: Final = evidence
        self._methodologies: Final = {item.content_hash: item for item in methodologies}
        self._amounts: Final = EvidenceAmounts(record, self._methodologies, self._find)
        self._days: Final = set(record.basis.numbering.days)
        self._entries: Final[list[ClaimEntry]] = list(record.claims)
        self._claims: Final[dict[int, OpenedClaim]] = {}
        self._opened_days: Final[dict[int, OpenedDay]] = {}
        self._findings: Final[list[Finding]] = []

    def run(self) -> EvidenceReport:
        record, evidence = self._record, self._evidence
        # (1) the sample that the record draws
        if (
            evidence.partner_id != record.basis.partner_id
            or sample_of(record.basis, evidence.sample.size) != evidence.sample
        ):
            self._find("SAMPLE_NOT_DRAWN", "the file", "it answers another sample than is drawn")
            return self._report()
        if record.evidence_count != record.basis.numbering.leaves:
            self._find(  # (2)
                "EVIDENCE_COUNT_DIFFERS",
                "the commitment",
                f"it counts {record.evidence_count} leaves, the record gives "
                f"{record.basis.numbering.leaves}: the hub must not have taken it",
            )
        if bundle_hash(self._methodologies) != record.methodology_bundle:
            self._find(  # (5)
                "METHODOLOGY_UNKNOWN",
                "the bundle",
                "the given methodology files are not the bundle that the chunk headers name",
            )
        for claim in evidence.claims:
            if self._is_under_root(claim.opening, claim.evidence.leaf(claim.opening.salt)):
                self._claims[claim.opening.number] = claim
        for day in evidence.person_days:
            if self._is_under_root(day.opening, day.evidence.leaf(day.opening.salt)):
                self._opened_days[day.opening.number] = day
        self._check_complete()
        self._check_persons()
        self._check_accounts()
        for number, claim in self._claims.items():
            self._check_claim(number, claim)
        self._check_table()
        worth_ug = {number: self._worth_of(number) for number in self._opened_days}
        self._check_slots(worth_ug)
        return self._report()

    # --- leaves ---------------------------------------------------------------------------

    def _is_under_root(self, opening: LeafOpening, leaf: bytes) -> bool:
        """(3) Check the way from a recomputed leaf to the root."""
        try:
            verify_inclusion(
                opening.path,
                index=opening.number,
                size=self._record.basis.numbering.leaves,
                leaf_hash=leaf_hash(leaf),
                root=self._record.evidence_root,
            )
        except InclusionProofInvalidError as error:
            self._find("EVIDENCE_LEAF_DIFFERS", f"leaf {opening.number}", str(error))
            return False
        return True

    def _check_complete(self) -> None:
        """(2) Everything that was drawn is there, and what belongs to it."""
        sample, numbering = self._evidence.sample, self._record.basis.numbering
        days = {
            number
            for drawn in sample.person_days
            for number in numbering.days_of_account(drawn.leaf)
        }
        named = [slot.claim for day in self._opened_days.values() for slot in day.evidence.slots]
        if len(set(named)) != len(named):
            self._find("CLAIM_DIFFERS", "the days", "two slots name one claim")
        claims = {*sample.kept_claims, *sample.lost_claims, *named}
        places = {(drawn.block, drawn.slot) for drawn in sample.person_days}
        shown = {(item.block, item.slot) for item in self._evidence.slots}
        for missing, what in (
            (days - self._opened_days.keys(), "person-day"),
            (claims - self._claims.keys(), "claim"),
            (places - shown, "slot"),
        ):
            for subject in sorted(missing):
                self._find(
                    "EVIDENCE_NOT_OPENED",
                    f"{what} {subject}",
                    "the partner did not open it, or opened something else; it counts as false",
                )

    def _check_persons(self) -> None:
        """(6) An account is one person's, a person has one account, and a claim is one person's."""
        persons_of: defaultdict[bytes, set[str]] = defaultdict(set)
        for day in self._opened_days.values():
            persons_of[day.evidence.account_token] |= {
                activity.person_ref for activity in day.evidence.activities
            }
        for token, persons in sorted(persons_of.items()):
            others = set().union(*(persons_of[name] for name in persons_of if name != token))
            if len(persons) > 1 or persons & others:
                self._find(
                    "PERSON_DIFFERS",
                    f"account {token.hex()[:12]}",
                    "it holds activities of several persons, or of one who has another account",
                )
        for number, claim in sorted(self._claims.items()):
            if len({item.activity.person_ref for item in claim.evidence.pieces}) > 1:
                self._find("PERSON_DIFFERS", f"claim {number}", "its pieces are several persons'")

    def _check_accounts(self) -> None:
        """(6) and (7) Over all opened days of an account: overlaps, and limits beyond a day."""
        of_account: defaultdict[bytes, dict[str, ActivityEvidence]] = defaultdict(dict)
        for day in self._opened_days.values():
            of_account[day.evidence.account_token] |= {
                activity.activity_id: activity for activity in day.evidence.activities
            }
        for token, activities in sorted(of_account.items()):
            subject = f"account {token.hex()[:12]}"
            self._amounts.check_together(subject, activities.values())
            self._amounts.check_limits(subject, activities.values())

    # --- claims ---------------------------------------------------------------------------

    def _check_claim(self, number: int, opened: OpenedClaim) -> None:
        """(8) and (9) A claim is the one of the list; its pieces follow from their activities."""
        subject, evidence = f"claim {number}", opened.evidence
        if not 0 <= number < len(self._entries):
            self._find("CLAIM_DIFFERS", subject, "the list has no such claim")
            return
        entry = self._entries[number]
        if (entry.token, entry.rank) != (evidence.token, evidence.rank):
            self._find("CLAIM_DIFFERS", subject, "token or rank are not those of the list")
        if evidence.commitment != self._record.commitments[number]:
            self._find("CLAIM_DIFFERS", subject, "its piece commitment is not that of the list")
        table_ug = self._evidence.table.pieces_ug
        if number < len(table_ug) and table_ug[number] != evidence.reduction_ug:
            self._find(  # (12)
                PieceCommitmentsDifferError.code,
                subject,
                f"the claim table says {table_ug[number]} ug, the evidence gives "
                f"{evidence.reduction_ug} ug",
            )
        if not evidence.pieces:
            if number in self._record.contested:
                self._find(  # (9)
                    "CLAIM_WITHOUT_ACTIVITY",
                    subject,
                    "another partner claims the same token, so it is no random pad",
                )
            return
        found = [
            piece
            for item in evidence.pieces
            for piece in self._amounts.pieces(subject, item.activity)
            if piece.slot == item.slot and piece.piece_ug == item.piece_ug
        ]
        if len(found) != len(evidence.pieces):
            self._find("REDUCTION_DIFFERS", subject, "a piece does not follow from its activity")
            return
        self._amounts.check_shared(subject, found)
        slots = {(piece.slot, piece.day) for piece in found}
        if len(slots) != 1 or min(piece.rank for piece in found) != evidence.rank:
            self._find("CLAIM_DIFFERS", subject, "its pieces have another slot or rank")
        if not {day for _, day in slots} <= self._days:
            self._find("DAY_OUTSIDE_EPOCH", subject, "its slot lies on a day of another epoch")

    def _check_table(self) -> None:
        """(12) All piece commitments of the list hold what the claim table says."""
        record = self._record
        try:
            check_claim_table(
                record.basis.source,
                self._evidence.table,
                record.commitments,
                record.generator,
                record.programme.cap_ug,
            )
        except (PieceCommitmentsDifferError, ScalarInvalidError) as error:
            self._find(PieceCommitmentsDifferError.code, "the claim table", str(error))

    # --- person-days ----------------------------------------------------------------------

    def _worth_of(self, number: int) -> MicrogramsCO2e:
        """Return what an opened person-day is worth by its evidence and the verdicts."""
        subject, evidence = f"person-day {number}", self._opened_days[number].evidence
        numbering = self._record.basis.numbering
        if not numbering.claims <= number < numbering.leaves:
            self._find("EVIDENCE_MISPLACED", subject, "the leaf is no person-day")
            return MicrogramsCO2e(0)
        place, day = numbering.person_day(number)
        expected = (self._record.tokens[place], day.isoformat())
        if (evidence.account_token, evidence.day) != expected:  # (4)
            self._find("EVIDENCE_MISPLACED", subject, "it is about another account or day")
        pieces = self._amounts.pieces_of_day(subject, evidence.activities, day)
        self._compare_slots(subject, number, pieces)
        lost = {
            slot.slot for slot in evidence.slots if slot.claim in self._record.basis.lost_claims
        }
        return settle_day(pieces, lost, self._record.programme.cap_ug).submitted_ug

    def _compare_slots(self, subject: str, number: int, pieces: list[Piece]) -> None:
        """(7) and (8) Slots and sum follow from the activities, and so do the claims."""
        evidence = self._opened_days[number].evidence
        worth_ug = {claim.slot: claim.reduction_ug for claim in claims_of(pieces)}
        stated_ug = {slot.slot: slot.reduction_ug for slot in evidence.slots}
        if stated_ug != worth_ug or evidence.reduction_ug != sum(worth_ug.values()):
            self._find(
                "REDUCTION_DIFFERS",
                subject,
                f"the leaf says {evidence.reduction_ug} ug, its activities give "
                f"{sum(worth_ug.values())} ug",
            )
        by_slot: defaultdict[SlotKey, set[tuple[str, int]]] = defaultdict(set)
        for piece in pieces:
            by_slot[piece.slot].add((piece.activity_id, piece.piece_ug))
        for slot in evidence.slots:
            claim = self._claims.get(slot.claim)
            if claim is None:
                continue  # said already
            held = {(p.activity.activity_id, p.piece_ug) for p in claim.evidence.pieces}
            slots = {piece.slot for piece in claim.evidence.pieces}
            if held != by_slot[slot.slot] or slots != {slot.slot}:
                self._find("CLAIM_DIFFERS", subject, f"claim {slot.claim} is about something else")

    # --- slots ----------------------------------------------------------------------------

    def _check_slots(self, worth_ug: Mapping[int, MicrogramsCO2e]) -> None:
        """(10) and (11) What was submitted is what the days are worth, and in the ciphertext."""
        numbering = self._record.basis.numbering
        sums: defaultdict[Place, int] = defaultdict(int)
        for number, mass_ug in worth_ug.items():
            if numbering.claims <= number < numbering.leaves:
                sums[numbering.person_day(number).place] += mass_ug
        for item in self._evidence.slots:
            place = Place(item.block, item.slot)
            subject = f"slot {item.slot} of block {item.block}"
            if item.value_ug != sums[place]:
                self._find(
                    "SLOT_VALUE_DIFFERS",
                    subject,
                    f"{item.value_ug} ug were submitted, the evidence gives {sums[place]} ug",
                )
            commitment = self._record.block_commitments.get(item.block)
            if commitment is None:
                self._find("SLOT_PROOF_INVALID", subject, "the partner submitted no such block")
                continue
            statement = SlotStatement(
                seal_leaf=self._record.seal,
                programme_id=self._record.basis.programme_id,
                party_id=self._record.basis.partner_id,
                epoch=self._record.basis.epoch,
                block=item.block,
                slot=item.slot,
                value=item.value_ug,
                commitment=commitment,
                bounds=self._record.snapshot.caps_ug(item.block),
            )
            try:
                verify_slot(self._record.key, statement, item.proof)
            except SlotProofInvalidError as error:
                self._find(error.code, subject, str(error))

    # --- results --------------------------------------------------------------------------

    def _find(self, code: str, subject: str, text: str) -> None:
        basis = self._record.basis
        self._findings.append(
            Finding(
                check=CheckId.SAMPLES,
                code=code,
                subject=f"{basis.partner_id}, epoch {basis.epoch}, {subject}",
                text=text,
                leaf=basis.commitment_leaf,
            )
        )

    def _report(self) -> EvidenceReport:
        return EvidenceReport(
            sample=self._evidence.sample,
            findings=tuple(dict.fromkeys(self._findings)),
            person_days=len(self._opened_days),
            activities=len(
                {
                    activity.activity_id
                    for day in self._opened_days.values()
                    for activity in day.evidence.activities
                }
            ),
            claims=len(self._claims),
            slots=len(self._evidence.slots),
        )
