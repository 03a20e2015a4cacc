"""A valid example of every statement of the project."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from fedcarbon.audit.claim_table import ClaimTable
from fedcarbon.audit.evidence_sample import EvidenceSample, SampledDay
from fedcarbon.audit.opened_evidence import (
    LeafOpening,
    OpenedClaim,
    OpenedDay,
    OpenedEvidence,
    OpenedSlot,
)
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.share_file import _Plain
from fedcarbon.epoch.statements import Dispute
from fedcarbon.evidence.leaf import (
    ActivityEvidence,
    ClaimEvidence,
    EvidencePiece,
    PersonDayEvidence,
    SlotEvidence,
)
from fedcarbon.ids import EpochIndex
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.opening.statements import BindingObjection, Refusal, Unbinding
from fedcarbon.proofs.slot_value import SlotProof
from fedcarbon.redemption.suspense import Destination, SuspenseRelease
from fedcarbon.registry.enrolment import PlaceEntry, PlacesAnswer
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.submission.challenge import Challenge, ChallengedBlock
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.units import MicrogramsCO2e, Natural, Seconds
from tests.fuzz.table_examples import TABLES
from tests.fuzz.use_examples import USES
from tests.house.examples import parties
from tests.house.examples.parties import METRO
from tests.house.examples.whole import record
from tests.house.protocol_examples import examples as page_examples
from tests.house.protocol_tables import error_classes
from tests.meters import month

SAMPLE: Final = EvidenceSample(
    parameter_id=b"p" * 32,
    programme_id=parties.PROGRAMME_ID,
    epoch=EpochIndex(1),
    partner_id=METRO,
    commitment_leaf=20,
    seal_leaf=30,
    beacon_leaf=31,
    size=1,
    person_days=(SampledDay(leaf=4, block=0, slot=1, day="2026-10-30"),),
    kept_claims=(1,),
    lost_claims=(),
)
RIDE: Final = ActivityEvidence.of(
    month("march", "home-1", 1_793_000_000, 1_793_001_000, 7),
    ActivityType.METER_PERIOD,
    b"m" * 32,
    (9, None),
    MicrogramsCO2e(7),
)
_SLOT: Final[Any] = {
    "owner": RIDE.object_ref,
    "group": "meter",
    "slot_start_s": Seconds(1_793_000_100),
}
CLAIM_OPENED: Final = OpenedClaim(
    opening=LeafOpening(number=1, salt=bytes(32), path=(bytes(32),)),
    evidence=ClaimEvidence(
        token=b"t" * 16,
        rank=0,
        commitment=b"k" * 32,
        pieces=(EvidencePiece(activity=RIDE, piece_ug=MicrogramsCO2e(7), **_SLOT),),
    ),
)
DAY_OPENED: Final = OpenedDay(
    opening=LeafOpening(number=4, salt=bytes(32), path=()),
    evidence=PersonDayEvidence(
        account_token=b"a" * 32,
        day="2026-10-30",
        reduction_ug=MicrogramsCO2e(7),
        activities=(RIDE,),
        slots=(SlotEvidence(claim=1, reduction_ug=MicrogramsCO2e(7), **_SLOT),),
    ),
)
SLOT_OPENED: Final = OpenedSlot(
    block=0,
    slot=1,
    value_ug=MicrogramsCO2e(7),
    proof=SlotProof(
        mask_commitment=Natural(5), responses=(Natural(6),), blinding_response=Natural(7)
    ),
)
UNSHOWN: Final[tuple[Statement, ...]] = (
    SAMPLE,
    OpenedEvidence(
        partner_id=METRO,
        sample=SAMPLE,
        claims=(CLAIM_OPENED,),
        person_days=(DAY_OPENED,),
        slots=(SLOT_OPENED,),
        table=ClaimTable(pieces_ug=(MicrogramsCO2e(7),), blinding=bytes(32)),
    ),
    Dispute(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        epoch=EpochIndex(1),
        partner_id=METRO,
        verdict_leaf=25,
        positions=(2, 5),
    ),
    MethodologyAdmission(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        methodology_id="some-rides",
        version="2026-01-01",
        content_hash=b"m" * 32,
        document=b"a document",
        kind=Measure.GRAMS,
        from_epoch=EpochIndex(1),
        until_epoch=EpochIndex(0),
    ),
    BindingObjection(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        binding_id=b"b" * 16,
        account_token=b"t" * 32,
        partner_id=METRO,
    ),
    Unbinding(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        binding_id=b"b" * 16,
        account_token=b"t" * 32,
        party_id=parties.BANK,
    ),
    Refusal(
        parameter_id=b"p" * 32,
        trustee_id=parties.TRUSTEES[0],
        refusal_code="BINDING_WAITS",
        subject=b"s" * 32,
        detail="wait",
    ),
    SuspenseRelease(
        parameter_id=b"p" * 32,
        item_id=b"i" * 16,
        destination=Destination.FLOAT,
        reason="the rail has returned it",
        operator="desk-1",
    ),
    PlacesAnswer(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        partner_id=METRO,
        batch_id=b"b" * 16,
        places=(PlaceEntry(account_token=b"t" * 32, block=4, slot=1),),
    ),
    Challenge(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        partner_id=METRO,
        challenge_id=b"c" * 32,
        cap_ug=MicrogramsCO2e(50_000_000_000),
        blocks=(
            ChallengedBlock(
                values_ug=(MicrogramsCO2e(7), MicrogramsCO2e(0)),
                randomiser=Natural(1 << 200),
                ciphertext=bytes(8),
                proof=bytes(8),
            ),
        ),
    ),
    *TABLES,
    *USES,
    _Plain(
        trustee_index=1,
        paillier_share=Natural(1 << 700),
        voprf_shares=(bytes(32),) * 4,
        root_key_seed=b"r" * 32,
    ),
)
"""Statements without a worked example on the page."""


@cache
def payloads() -> dict[str, tuple[bytes, ...]]:
    """Return the canonical bytes of statements by kind: every class has one."""
    found: dict[str, list[bytes]] = {}
    shown = [value for example in page_examples().values() for value in example.values.values()]
    texts = [
        value.encode()
        for value in shown
        if isinstance(value, str) and value.startswith("{") and '"statement":' in value
    ]
    texts += [Envelope.from_bytes(item.body).payload for item in record().leaves]
    texts += [statements.encode(statement) for statement in UNSHOWN]
    for text in texts:
        found.setdefault(statements.kind_of(text), []).append(text)
    return {kind: tuple(all_of_it) for kind, all_of_it in found.items()}


def statement_classes() -> dict[str, type[Statement]]:
    """Return kind to class of every statement of the project."""
    error_classes()  # imports everything
    waiting, found = [Statement], {}
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        found.update({cls.KIND: cls for cls in children if cls.__module__.startswith("fedcarbon.")})
    return found
