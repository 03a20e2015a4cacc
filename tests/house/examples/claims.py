"""The claims of the example record: three rides, two lists, one contested slot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from fedcarbon.epoch.conflict_file import conflict_file_bytes
from fedcarbon.epoch.lost_positions import position_file_bytes, positions_of
from fedcarbon.epoch.snapshot import Place
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconPartial,
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    CommitClosed,
    CommittedList,
    EpochPlan,
    PartnerVerdict,
    VerdictList,
    beacon_input,
    planned_deadlines,
)
from fedcarbon.epoch.verdict_file import verdict_file_bytes
from fedcarbon.evidence.leaf import EVIDENCE_KEY_BYTES
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.claims import SALT_BYTES, ClaimEntry, TokenList, pad
from fedcarbon.identity.commitment_list import CommitmentList, piece_commitment
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import Scalar, element, random_scalar
from fedcarbon.identity.shares import evaluate_input
from fedcarbon.identity.threshold import PartialEvaluation
from fedcarbon.identity.tokens import ClaimToken, claim_token
from fedcarbon.identity.verdicts import Verdicts, judge
from fedcarbon.ids import Claimant, EpochIndex, PartyId
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.crediting import earned_by
from fedcarbon.methodology.definition import ActivityType, Methodology
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece, claims_of, pieces_of
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.slots import SlotGrid
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.registry.programme import midnight_s, zone
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.epochs.evidence import EpochEvidence, EvidenceSources
from partner_node.storage.activities import StoredActivity
from partner_node.storage.epochs import ClaimRow, CreditedActivity
from tests.house.examples import parties
from tests.house.examples.chance import NamedChance
from tests.house.examples.parties import BIKES, METRO, PROGRAMME_ID
from tests.house.examples.registry import (
    ALICE,
    BOB,
    FIRST_EPOCH,
    PLACES,
    epoch_end_s,
    token_of,
)
from tests.house.examples.tiny_record import TinyRecord
from tests.trips import trip


def _at(hour: int, minute: int, second: int = 0) -> Seconds:
    """Return a local time of the epoch's day as an instant."""
    day = parties.programme().days_of(FIRST_EPOCH)[0]
    return Seconds(midnight_s(day, "Asia/Shanghai") + hour * 3600 + minute * 60 + second)


def _ride(
    name: str, mode: str, started_at_s: Seconds, ended_at_s: Seconds, distance_m: int
) -> Activity:
    return trip(
        name,
        "user-1",
        started_at_s,
        ended_at_s,
        mode=mode,
        distance_m=distance_m,
        methodology_id="example",
    )


TRAIN: Final = _ride("ride-1", "rail", _at(8, 52, 20), _at(9, 33), 19_437)
HOP: Final = _ride("ride-2", "rail", _at(12, 3), _at(12, 6, 30), 1_200)
BIKE: Final = _ride("trip-1", "bike", _at(9, 31), _at(9, 47), 3_100)
RIDES: Final[Mapping[PartyId, Mapping[int, Activity]]] = {
    BIKES: {ALICE: BIKE},
    METRO: {ALICE: TRAIN, BOB: HOP},
}

METHODOLOGY_FILE: Final = b"""\
schema: fedcarbon/v2/methodology
id: example
version: 2026-11-21
title: {zh: example, en: Example}
issuer: example
status: academic
scope: {regions: [], subject: person}
result: {kind: grams, unit: ug, negative: clamp}
activity:
  type: trip
  fields: {mode: {enum: [rail, bike]}, distance_m: {unit: m, min: 50, max: 150000}}
sources: {text: {cite: example, tag: S, read: 2026-11-21}}
tables:
  FACTOR:
    {unit: ug/m, key: [mode], source: text, rows: [{mode: rail, value: 97000},
      {mode: bike, value: 98000}]}
amount: FACTOR[mode] * distance_m
rounding: {stage: activity, mode: floor}
exclusivity: {group: movement}
examples:
  - {name: rail, values: {mode: rail, distance_m: 1000}, expect: 97000000}
  - {name: bike, values: {mode: bike, distance_m: 1000}, expect: 98000000}
"""


@cache
def methodology() -> Methodology:
    """Return the methodology of the examples: two factors and no more than it must have."""
    return parse_methodology(METHODOLOGY_FILE)


def methodology_admission() -> MethodologyAdmission:
    """Return what root keys say of it: it counts from the first epoch on."""
    return MethodologyAdmission(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        methodology_id=methodology().methodology_id,
        version=methodology().version,
        content_hash=methodology().content_hash,
        document=METHODOLOGY_FILE,
        kind=Measure.GRAMS,
        from_epoch=FIRST_EPOCH,
        until_epoch=EpochIndex(0),
    )


def grid() -> SlotGrid:
    """Return the time slots of the programme."""
    programme = parties.programme()
    return SlotGrid(zone=zone(programme.time_zone), slot_s=programme.slot_s)


def credited(ride: Activity) -> CreditedActivity:
    """Return what is credited for a ride."""
    earned = earned_by(ride, methodology(), grid(), parties.programme().cap_ug)
    return CreditedActivity(
        activity_id=ride.activity_id,
        methodology=methodology().content_hash,
        history=(),
        evidence=ride.evidence,
        credited_ug=earned.amount_ug,
    )


def pieces(ride: Activity) -> tuple[Piece, ...]:
    """Return a ride's pieces."""
    return pieces_of(ride, ActivityType.TRIP, credited(ride).credited_ug, grid())


def slot_token(serial: int, slot: SlotKey) -> ClaimToken:
    """Return a person's claim token for a slot."""
    programme = parties.programme()
    return claim_token(
        parties.output(KeyLabel.CLAIM, serial),
        programme.exclusivity_domain,
        slot.group,
        slot.start_s,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One partner's claims and evidence."""

    claims: TokenList
    commitments: CommitmentList
    rows: tuple[ClaimRow, ...]
    evidence: EpochEvidence


@cache
def claimed(partner: PartyId) -> Claimed:
    """Return what a partner commits to."""
    chance = NamedChance(f"claims {partner}")
    entries, about = [], {}
    for serial, ride in RIDES[partner].items():
        for claim in claims_of(pieces(ride)):
            token = slot_token(serial, claim.slot)
            about[token] = (serial, claim.slot)
            entries.append(ClaimEntry(token=token, rank=claim.rank, salt=chance.octets(SALT_BYTES)))
    claims = pad(entries, chance.octets, lambda: entries[chance.below(len(entries))].rank)
    rows = tuple(
        ClaimRow(
            token=entry.token,
            rank=entry.rank,
            person_id=about.get(entry.token, (None, None))[0],
            slot=about.get(entry.token, (None, None))[1],
            piece_ug=_worth(partner, about.get(entry.token)),
            blinding=blinding,
            commitment=_commitment(_worth(partner, about.get(entry.token)), blinding),
        )
        for entry in claims
        for blinding in (random_scalar(chance.below),)
    )
    commitments = CommitmentList.of(claims.hidden(), [row.commitment for row in rows])
    sources = EvidenceSources(
        evidence_key=chance.octets(EVIDENCE_KEY_BYTES),
        claims=dict(enumerate(rows)),
        pieces={serial: pieces(ride) for serial, ride in RIDES[partner].items()},
        activities={ride.activity_id: stored(n, ride) for n, ride in RIDES[partner].items()},
        persons=persons_of(partner),
        tokens={serial: token_of(serial) for serial in persons_of(partner)},
        numbering=Numbering(
            claims=len(rows),
            places=tuple(sorted(persons_of(partner).values())),
            days=parties.programme().days_of(FIRST_EPOCH),
        ),
        credited={ride.activity_id: credited(ride) for ride in RIDES[partner].values()},
    )
    return Claimed(
        claims=claims, commitments=commitments, rows=rows, evidence=EpochEvidence(sources)
    )


def persons_of(partner: PartyId) -> dict[int, Place]:
    """Return the persons that a partner has enrolled, and their places."""
    return {serial: Place(*PLACES[serial]) for serial in RIDES[partner]}


def _worth(partner: PartyId, about: tuple[int, SlotKey] | None) -> MicrogramsCO2e:
    """Return the sum of the pieces of a claim; a pad is worth nothing."""
    if about is None:
        return MicrogramsCO2e(0)
    serial, slot = about
    own = pieces(RIDES[partner][serial])
    return MicrogramsCO2e(sum(piece.piece_ug for piece in own if piece.slot == slot))


def _commitment(piece_ug: MicrogramsCO2e, blinding: Scalar) -> bytes:
    generator = element(parties.parameters().ristretto_generator)
    return piece_commitment(piece_ug, blinding, generator)


def stored(serial: int, ride: Activity) -> StoredActivity:
    """Return a ride as the node stores it."""
    day = grid().day_of(ride.started_at_s)
    return StoredActivity(
        activity=ride, person_id=serial, activity_type=ActivityType.TRIP, days=(day, day)
    )


def commitment(partner: PartyId) -> ClaimCommitment:
    """Return a partner's commitment of phase 1a."""
    found = claimed(partner)
    return ClaimCommitment(
        parameter_id=parties.parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        epoch=FIRST_EPOCH,
        partner_id=partner,
        count=len(found.claims),
        list_root=found.commitments.root(),
        evidence_root=found.evidence.root(),
        evidence_count=found.evidence.numbering.leaves,
        methodologies=(methodology().content_hash,),
    )


def verdicts(tie_beacon: bytes) -> Verdicts:
    """Return who keeps what."""
    return judge(
        {Claimant(PROGRAMME_ID, partner): claimed(partner).claims for partner in RIDES}, tie_beacon
    )


def add_methodology(record: TinyRecord) -> None:
    """Log what the partners compute by, before the plan of the epoch."""
    record.append(LeafType.METHODOLOGY_ADMISSION, parties.root_signed(methodology_admission()))


def add_claims(record: TinyRecord) -> None:
    """Log plan, commitments, closing, lists, tie beacon and verdicts, with heads in between."""
    parameter_id = parties.parameters().parameter_id
    commit_s, reveal_s, submit_s = planned_deadlines(parties.programme(), FIRST_EPOCH)
    record.append_hub(
        EpochPlan(
            parameter_id=parameter_id,
            programme_id=PROGRAMME_ID,
            epoch=FIRST_EPOCH,
            snapshot_size=len(record.leaves),
            commit_until_s=commit_s,
            reveal_until_s=reveal_s,
            submit_until_s=submit_s,
        )
    )
    committed = {name: record.append_by(name, commitment(name)) for name in RIDES}
    closing = record.append_hub(
        CommitClosed(
            parameter_id=parameter_id,
            exclusivity_domain=parties.programme().exclusivity_domain,
            epoch=FIRST_EPOCH,
            lists=tuple(
                CommittedList(
                    programme_id=PROGRAMME_ID,
                    partner_id=name,
                    leaf_index=leaf.index,
                    count=commitment(name).count,
                    list_root=commitment(name).list_root,
                )
                for name, leaf in committed.items()
            ),
            missed=(),
        )
    )
    record.witness(epoch_end_s() + 600)
    for name in RIDES:
        claims = claimed(name).claims
        record.append_hub(
            ClaimList(
                parameter_id=parameter_id,
                programme_id=PROGRAMME_ID,
                epoch=FIRST_EPOCH,
                partner_id=name,
                file_sha256=record.keep(claims.to_bytes()),
                commitments_sha256=record.keep(claimed(name).commitments.to_bytes()),
                count=len(claims),
            )
        )
    beacon = record.append_hub(tie_beacon(record, closing.index))
    judged = verdicts(beacon.statement(BeaconValue).output)
    record.append_hub(
        VerdictList(
            parameter_id=parameter_id,
            programme_id=PROGRAMME_ID,
            epoch=FIRST_EPOCH,
            beacon_leaf=beacon.index,
            verdicts=tuple(
                PartnerVerdict(
                    partner_id=name,
                    lost=len(lost),
                    file_sha256=record.keep(verdict_file_bytes(lost)),
                    positions_sha256=record.keep(
                        position_file_bytes(positions_of(claimed(name).claims.tokens(), lost))
                    ),
                )
                for (_, name), lost in judged.lost.items()
            ),
            repeated_tokens=0,
            conflicts_sha256=record.keep(conflict_file_bytes(())),
        )
    )


def tie_beacon(record: TinyRecord, closed_leaf: int) -> BeaconValue:
    """Return the beacon over the closing leaf, drawn by the first `THRESHOLD` trustees."""
    domain = parties.programme().exclusivity_domain
    question = beacon_input(BeaconLabel.TIE, domain, FIRST_EPOCH, record.leaves[closed_leaf].leaf)
    answers: dict[PartyId, PartialEvaluation] = {}
    for secret in parties.ceremony().secrets[: parties.THRESHOLD]:
        chance = NamedChance(f"beacon {secret.trustee_id}")
        answers[secret.trustee_id] = evaluate_input(
            secret.voprf[KeyLabel.BEACON], question, chance.below
        )
    key = parties.parameters().voprf_key(KeyLabel.BEACON)
    return BeaconValue(
        parameter_id=parties.parameters().parameter_id,
        label=BeaconLabel.TIE,
        scope=domain,
        epoch=FIRST_EPOCH,
        leaf_index=closed_leaf,
        partials=tuple(
            BeaconPartial(trustee_id=name, element=answer.elements[0], proof=answer.proof)
            for name, answer in answers.items()
        ),
        output=combine_beacon(key, question, list(answers.values())),
    )
