"""Worked examples of sections 8 to 10: identities, tokens, parties, enrolments, snapshots."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.epoch.snapshot import LoggedEntry, Place, snapshot_of
from fedcarbon.identity import dleq, oprf
from fedcarbon.identity.dleq import CompositeRule, DleqProof
from fedcarbon.identity.labels import KeyLabel, evaluation_input
from fedcarbon.identity.person_id import canonical_identity
from fedcarbon.identity.ristretto import ORDER, Element
from fedcarbon.identity.threshold import lagrange_at_zero
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.registry.enrolment import EnrolmentBatch, EnrolmentEntry
from fedcarbon.registry.evaluation import EvaluationRequest
from fedcarbon.registry.programme import midnight_s
from fedcarbon.transparency.leaf import LeafType
from tests.house.examples import claims, parties, registry
from tests.house.examples.block import Example
from tests.house.examples.parties import BIKES, METRO
from tests.house.examples.registry import ALICE, BOB
from tests.house.examples.whole import leaf
from trustee.evaluating import QUOTA_BASE, QUOTA_PERCENT


def examples() -> Iterator[Example]:
    """Yield the examples in the order of the page."""
    yield _person()
    yield _evaluation()
    yield _proof()
    yield _tokens()
    yield _request()
    yield _shown("admission", LeafType.PARTY_ADMISSION, parties.admission(METRO))
    yield _shown("programme", LeafType.PROGRAMME, parties.programme())
    yield _days()
    yield _enrolment()
    yield _snapshot()


def _person() -> Example:
    # Two full-width digits and a space: what a form may hand over.
    written = "\uff19\uff190000180001010017 "
    identity = canonical_identity("test", written, issuing_country="cn", allow_test=True)
    assert identity.to_bytes() == parties.person(ALICE)
    return Example(
        name="person",
        values={
            "written as": f"type 'test', country 'cn', number '{written}'",
            "number": identity.number,
            "canonical": identity.to_bytes(),
        },
    )


def _shown(name: str, leaf_type: LeafType, statement: Statement) -> Example:
    assert any(item.type is leaf_type for item in [leaf(leaf_type)])
    return Example(name=name, values={"statement": statements.encode(statement).decode()})


def _evaluation() -> Example:
    batch = parties.blinded(KeyLabel.ACCOUNT, ALICE)
    answers = parties.partials(KeyLabel.ACCOUNT, ALICE)
    indices = [answer.trustee_index for answer in answers]
    return Example(
        name="evaluation",
        values={
            "input": evaluation_input(KeyLabel.ACCOUNT, parties.person(ALICE)),
            "point of the input": oprf.hash_to_group(batch.inputs[0]),
            "blind (little-endian)": batch.blinds[0].to_bytes(32, "little"),
            "blinded": batch.blinded[0],
            **{f"Z of trustee {answer.trustee_index}": answer.elements[0] for answer in answers},
            "lambda_1, lambda_2, lambda_3": ", ".join(
                str(value if value < 100 else value - ORDER) for value in lagrange_at_zero(indices)
            ),
            "output": parties.output(KeyLabel.ACCOUNT, ALICE).value,
        },
    )


def _proof() -> Example:
    key = parties.parameters().voprf_key(KeyLabel.ACCOUNT)
    batch = parties.blinded(KeyLabel.ACCOUNT, ALICE)
    answer = parties.partials(KeyLabel.ACCOUNT, ALICE)[0]
    public = key.public_of(answer.trustee_index)
    evaluated = [Element(item) for item in answer.elements]
    weight = dleq.composite_weights(
        public, batch.blinded, evaluated, rule=CompositeRule.WHOLE_BATCH
    )[0]
    proof = DleqProof.from_bytes(answer.proof)
    dleq.verify_proof(public, batch.blinded, evaluated, proof)
    return Example(
        name="voprf-proof",
        values={
            "K_1": public,
            "d_0 (little-endian)": weight.to_bytes(32, "little"),
            "proof c | s": answer.proof,
        },
    )


def _tokens() -> Example:
    programme = parties.programme()
    slot = claims.pieces(claims.BIKE)[0].slot
    return Example(
        name="tokens",
        values={
            "programme": programme.programme_id,
            "account token": registry.token_of(ALICE),
            "domain, group": f"{programme.exclusivity_domain}, {programme.exclusivity_group}",
            "slot start": slot.start_s,
            "claim output": parties.output(KeyLabel.CLAIM, ALICE).value,
            "claim token": claims.slot_token(ALICE, slot),
        },
    )


def _request() -> Example:
    found: EvaluationRequest = leaf(LeafType.EVALUATION_REQUEST).statement(EvaluationRequest)
    enrolled = 2
    return Example(
        name="evaluation-request",
        values={
            "statement": statements.encode(found).decode(),
            "accounts enrolled": enrolled,
            "quota": enrolled * QUOTA_PERCENT // 100 + QUOTA_BASE,
        },
    )


def _days() -> Example:
    programme = parties.programme()
    spring = dt.date(2026, 3, 29)
    return Example(
        name="days",
        values={
            "epoch 1": programme.days_of(EpochIndex(1))[0].isoformat(),
            "begins": midnight_s(programme.days_of(EpochIndex(1))[0], programme.time_zone),
            "ends": programme.epoch_end_s(EpochIndex(1)),
            "Europe/Berlin 2026-03-29 begins": midnight_s(spring, "Europe/Berlin"),
            "Europe/Berlin 2026-03-30 begins": midnight_s(
                spring + dt.timedelta(days=1), "Europe/Berlin"
            ),
        },
    )


def _enrolment() -> Example:
    batch: EnrolmentBatch = leaf(LeafType.ENROLMENT_BATCH, 1).statement(EnrolmentBatch)
    return Example(
        name="enrolment",
        values={
            "consent salt": registry.consent_salt(BIKES, ALICE),
            "consents given at": registry.CONSENTED_AT_S,
            "batch": statements.encode(batch).decode(),
        },
    )


def _snapshot() -> Example:
    logged = [
        _logged(13, METRO, registry.enrolment(METRO, ALICE, BOB).entries[0]),
        _logged(13, METRO, registry.enrolment(METRO, ALICE, BOB).entries[1]),
        _logged(15, BIKES, registry.enrolment(BIKES, ALICE).entries[0]),
        _logged(30, METRO, registry.withdrawal(BOB)),
    ]
    found = {
        (epoch, size): snapshot_of(
            logged,
            {registry.token_of(serial): Place(*registry.PLACES[serial]) for serial in (ALICE, BOB)},
            epoch=EpochIndex(epoch),
            snapshot_size=size,
            slots=parties.parameters().layout.slots,
            cap_ug=parties.programme().epoch_cap_ug,
        ).partners[METRO]
        for epoch, size in ((1, 40), (2, 30), (2, 40))
    }
    return Example(
        name="snapshot",
        values={
            f"sz-metro, epoch {epoch}, snapshot_size {size}": "caps of block 0: "
            + ", ".join(map(str, own.caps_ug(0)))
            for (epoch, size), own in found.items()
        },
    )


def _logged(leaf_index: int, partner: PartyId, entry: EnrolmentEntry) -> LoggedEntry:
    return LoggedEntry(
        leaf_index=leaf_index,
        partner_id=partner,
        account_token=entry.account_token,
        action=entry.action,
        from_epoch=entry.from_epoch,
    )
