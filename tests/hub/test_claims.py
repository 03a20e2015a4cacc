"""Claims at the hub: commitments, revealed lists, verdicts, and tokens that come twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from fedcarbon.epoch.conflict_file import conflicting_claims
from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.statements import ClaimList, VerdictList
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.claims import TokenList, padded_size
from fedcarbon.identity.commitment_list import CommitmentInvalidError, CommitmentList
from fedcarbon.identity.ristretto import element
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import Claimant, EpochIndex, PartyId, Role
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.receipt import Receipt
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from hub.epochs import judging
from hub.intake.lost_claims import lost_claims
from hub.storage.token_store import TokenStore
from tests.chance import seeded
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PROGRAMME,
    SECOND,
    TAXIS,
    Federation,
    admission,
    claim_token,
    claims,
    genesis,
    opened,
    root_signed,
    signed,
)
from tests.listed import committed


def lost(federation: Federation, partner: PartyId, epoch: EpochIndex = FIRST) -> list[ClaimToken]:
    found = federation.hub.read_now(
        lambda session: lost_claims(session, federation.hub, partner, PROGRAMME, epoch)
    )
    own = federation.lists[partner, epoch].tokens.tokens()
    assert len(found.claims) == found.total
    assert [own[item.position] for item in found.claims] == [item.token for item in found.claims]
    return [item.token for item in found.claims]


def sorted_tokens(*numbers: int) -> list[ClaimToken]:
    return sorted(claim_token(number) for number in numbers)


Sent = Callable[[Federation], object]


def recommitted(federation: Federation) -> object:
    federation.commit(METRO, claims({1: 0}))
    return federation.commit(METRO, claims({2: 0}))


def late(federation: Federation) -> object:
    federation.commit(METRO)
    federation.commit(BIKES)
    federation.advance()
    federation.enrol_people(TAXIS, [1])
    return federation.commit(TAXIS)


def commitment_with(**changes: object) -> Sent:
    def send(federation: Federation) -> object:
        statement = federation.commitment(METRO, claims({}), **changes)  # type: ignore[arg-type]
        return federation.send_commitment(METRO, signed(statement, METRO))

    return send


def all_slots_probe(federation: Federation) -> object:
    """288 slots for two people and a day; the quota is 72 each, padded."""
    return federation.commit(METRO, claims(dict.fromkeys(range(2 * 288), 0)))


COMMITMENTS: dict[str, tuple[Sent, str]] = {
    "a partner that is not admitted": (
        lambda f: f.send_commitment(
            PartyId("ghost"), signed(f.commitment(METRO, claims({})), METRO)
        ),
        "NOT_ADMITTED",
    ),
    "signed by another partner": (
        lambda f: f.send_commitment(METRO, signed(f.commitment(METRO, claims({})), BIKES)),
        "SIGNATURE_INVALID",
    ),
    "another partner's commitment": (commitment_with(partner_id=BIKES), "SENDER_DIFFERS"),
    "another parameter set": (commitment_with(parameter_id=b"x" * 32), "PARAMETERS_DIFFER"),
    "another programme": (commitment_with(programme_id="chengdu"), "WRONG_EPOCH"),
    "an epoch without a plan": (commitment_with(epoch=SECOND), "WRONG_EPOCH"),
    "a second list": (recommitted, "CLAIM_COMMITMENT_DIFFERS"),
    "after the closing leaf": (late, "EPOCH_STATE"),
    "a partner without accounts": (lambda f: f.commit(TAXIS), "NOT_IN_SNAPSHOT"),
    "a count that is not padded": (
        commitment_with(count=5, evidence_count=7),
        "LIST_NOT_PADDED",
    ),
    "evidence for an account less": (commitment_with(evidence_count=1), "EVIDENCE_COUNT_DIFFERS"),
    "evidence for a day more": (commitment_with(evidence_count=3), "EVIDENCE_COUNT_DIFFERS"),
    "all_slots_probe_hits_quota": (all_slots_probe, "CLAIM_QUOTA_EXCEEDED"),
}


@pytest.mark.parametrize(("sent", "code"), COMMITMENTS.values(), ids=COMMITMENTS)
def test_a_commitment_against_the_rules_is_refused(
    committing: Federation, sent: Sent, code: str
) -> None:
    with pytest.raises(FedcarbonError) as caught:
        sent(committing)

    assert caught.value.code == code


def test_a_commitment_sent_again_gets_its_receipt_in_any_state(committing: Federation) -> None:
    first = committing.commit(METRO)
    committing.commit(BIKES)
    committing.advance()

    assert committing.state() is EpochState.REVEALING
    assert committing.commit(METRO) == first


@pytest.fixture
def revealing(committing: Federation) -> Federation:
    """Metro claims slots 1 to 4, bikes 3 to 6; both roots are under a witnessed head."""
    committing.commit(METRO, claims({1: 0, 2: 0, 3: 0, 4: 4}, seed=1))
    committing.commit(BIKES, claims({3: 2, 4: 2, 5: 0, 6: 0}, seed=2))
    committing.advance()
    assert committing.state() is EpochState.REVEALING
    return committing


def test_lists_are_judged_by_rank(revealing: Federation) -> None:
    revealing.reveal(METRO)
    revealing.reveal(BIKES)
    revealing.advance()

    assert revealing.state() is EpochState.SUBMITTING
    assert lost(revealing, METRO) == sorted_tokens(4)
    assert lost(revealing, BIKES) == sorted_tokens(3)


def test_the_receipt_of_a_list_is_for_its_file(revealing: Federation) -> None:
    receipt = opened(Receipt, revealing.reveal(METRO))

    assert (
        receipt.message_sha256 == hashlib.sha256(revealing.lists[METRO, FIRST].to_bytes()).digest()
    )
    body = revealing.hub.read_now(
        lambda session: revealing.hub.record.body(session, receipt.leaf_index)
    )
    logged = opened(ClaimList, body)
    assert (logged.partner_id, logged.file_sha256) == (METRO, receipt.message_sha256)


def test_a_list_sent_again_gets_its_receipt_in_any_state(revealing: Federation) -> None:
    first = revealing.reveal(METRO)
    assert revealing.reveal(METRO) == first
    revealing.reveal(BIKES)
    revealing.advance()

    assert revealing.reveal(METRO) == first


def list_with(change: Callable[[bytes], bytes]) -> Sent:
    return lambda f: f.reveal(METRO, file=change(f.lists[METRO, FIRST].to_bytes()))


def copied_token(federation: Federation) -> object:
    """Metro has seen the bikes' list and adds a token of it."""
    stolen = claims({1: 0, 2: 0, 3: 0, 5: 0}, seed=1)
    return federation.reveal(METRO, file=stolen.to_bytes())


def commitment_after_verdict(federation: Federation) -> object:
    """Metro would now like its claims to have been worth more."""
    richer = committed(
        federation.lists[METRO, FIRST].tokens,
        {claim_token(1): 10**9},
        element(genesis().parameters.ristretto_generator),
        seeded(9),
    )
    return federation.reveal(METRO, commitments=richer.commitments.to_bytes())


def commitments_of_other_claims(federation: Federation) -> object:
    """A root over commitments alone would let tokens be exchanged."""
    own = federation.lists[BIKES, FIRST]
    tokens = TokenList.from_entries([*list(own.tokens)[:3], *list(claims({9: 0}).tokens)])
    return federation.reveal(BIKES, file=tokens.to_bytes())


def other_list_again(federation: Federation) -> object:
    federation.reveal(METRO)
    return federation.reveal(METRO, file=claims({9: 0}).to_bytes())


def duplicated(data: bytes) -> bytes:
    head, first = data[:20], data[20:53]
    return head + first + first + data[86:]


def closed(federation: Federation) -> object:
    federation.reveal(BIKES)
    federation.wait(10 * 3600)
    federation.advance()
    return federation.reveal(METRO)


def uncommitted(federation: Federation) -> object:
    federation.lists[TAXIS, FIRST] = claims({})
    return federation.reveal(TAXIS)


REVEALS: dict[str, tuple[Sent, str]] = {
    "list_without_logged_root": (uncommitted, "LIST_WITHOUT_LOGGED_ROOT"),
    "list_differs_from_root": (list_with(lambda data: data[:-1] + b"\0"), "LIST_DIFFERS_FROM_ROOT"),
    "a claim dropped": (list_with(lambda data: data[:-33]), "LIST_DIFFERS_FROM_ROOT"),
    "copied_token_after_reveal": (copied_token, "LIST_DIFFERS_FROM_ROOT"),
    "duplicate_token_in_list": (list_with(duplicated), "DUPLICATE_TOKEN_IN_LIST"),
    "no claim list at all": (list_with(lambda _: b"tokens"), "MALFORMED_CLAIM_LIST"),
    "another list after the first": (other_list_again, "LIST_DIFFERS_FROM_ROOT"),
    "commitment_after_verdict": (commitment_after_verdict, "LIST_DIFFERS_FROM_ROOT"),
    "commitments of other claims": (commitments_of_other_claims, "LIST_DIFFERS_FROM_ROOT"),
    "no commitment file": (
        lambda f: f.reveal(METRO, commitments=b"commitments"),
        "MALFORMED_COMMITMENTS",
    ),
    "half a commitment": (
        lambda f: f.reveal(METRO, commitments=f.lists[METRO, FIRST].commitments.to_bytes()[:-1]),
        "MALFORMED_COMMITMENTS",
    ),
    "after the verdicts": (closed, "EPOCH_STATE"),
}


@pytest.mark.parametrize(("sent", "code"), REVEALS.values(), ids=REVEALS)
def test_a_list_against_the_rules_is_refused_and_leaves_nothing(
    revealing: Federation, sent: Sent, code: str
) -> None:
    with pytest.raises(FedcarbonError) as caught:
        sent(revealing)

    assert caught.value.code == code
    kept = {item.hex() for item in revealing.hub.record.files.hashes()}
    on_disk = {path.name for path in (revealing.folder / "record" / "files").iterdir()}
    assert on_disk == kept


@pytest.mark.parametrize(
    "encoding",
    [bytes(32), b"\x01" + bytes(31), b"\xff" * 32],
    ids=["the identity", "a negative field element", "not canonical"],
)
def test_a_commitment_that_is_no_element_is_refused_by_its_position(
    committing: Federation, encoding: bytes
) -> None:
    honest = claims({1: 0, 2: 0})
    records = honest.commitments.records[:-32] + encoding
    bad = replace(honest, commitments=CommitmentList(records=records))
    committing.commit(METRO, bad)
    committing.commit(BIKES)
    committing.advance()

    with pytest.raises(CommitmentInvalidError, match="at 1"):
        committing.reveal(METRO)


def test_tier_above_allowed(federation: Federation) -> None:
    federation.admit(root_signed(admission(METRO, Role.PARTNER, best_tier=1)))
    federation.enrol_people(METRO, [1])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    federation.commit(METRO, claims({1: 1}))
    federation.advance()

    with pytest.raises(FedcarbonError) as caught:
        federation.reveal(METRO)

    assert caught.value.code == "TIER_ABOVE_ALLOWED"


def test_who_reveals_nothing_claims_nothing_and_costs_nobody_anything(
    revealing: Federation,
) -> None:
    revealing.reveal(METRO)
    revealing.advance()
    assert revealing.state() is EpochState.REVEALING
    revealing.wait(3 * 3600)
    revealing.advance()

    assert revealing.state() is EpochState.SUBMITTING
    assert lost(revealing, METRO) == []
    with pytest.raises(FedcarbonError) as caught:
        lost(revealing, BIKES)
    assert caught.value.code == "CLAIMS_FORFEITED"


def test_a_list_that_comes_while_others_are_joined_is_judged_with_them(
    committing: Federation,
) -> None:
    """Auditors judge every list that is logged before the verdicts: the hub leaves none out."""
    committing.commit(METRO, claims({1: 0, 2: 0}))
    committing.commit(BIKES, claims({2: 2, 3: 0}))
    committing.advance()
    committing.reveal(METRO)
    joined = judging.join

    def slow(*given: Any) -> judging.Judged:
        found = joined(*given)
        if len(found.of_programme[PROGRAMME]) == 1:
            committing.reveal(BIKES)
        return found

    committing.clock.at_s = Seconds(committing.clock.at_s + 30 * SECONDS_PER_DAY)
    with patch.object(judging, "join", slow):
        committing.advance()
    committing.advance()

    assert committing.state() is EpochState.SUBMITTING
    assert [item.partner_id for item in verdict_list(committing).verdicts] == [BIKES, METRO]
    assert lost(committing, BIKES) == [claim_token(2)]


def test_losses_are_told_only_when_they_are_logged(revealing: Federation) -> None:
    with pytest.raises(FedcarbonError) as caught:
        lost(revealing, METRO)

    assert caught.value.code == "EPOCH_STATE"


def test_ties_go_by_the_beacon_and_exactly_one_wins(committing: Federation) -> None:
    committing.commit(METRO, claims(dict.fromkeys(range(40), 0), seed=1))
    committing.commit(BIKES, claims(dict.fromkeys(range(40), 0), seed=2))
    committing.advance()
    committing.reveal(METRO)
    committing.reveal(BIKES)
    committing.advance()

    metro, bikes = lost(committing, METRO), lost(committing, BIKES)

    assert sorted([*metro, *bikes]) == sorted_tokens(*range(40))
    assert metro
    assert bikes


def verdict_list(federation: Federation) -> VerdictList:
    record = federation.hub.record
    bodies = federation.hub.read_now(
        lambda session: record.bodies_of_type(session, LeafType.VERDICT_LIST)
    )
    return opened(VerdictList, bodies[-1][1])


def test_the_verdict_list_names_counts_and_files_by_partner(revealing: Federation) -> None:
    revealing.reveal(METRO)
    revealing.reveal(BIKES)
    revealing.advance()

    found = verdict_list(revealing)

    assert [(item.partner_id, item.lost) for item in found.verdicts] == [(BIKES, 1), (METRO, 1)]
    assert found.repeated_tokens == 0
    assert found.beacon_leaf == revealing.epoch().beacon_leaf


def test_token_in_two_epochs_goes_to_audit(federation: Federation) -> None:
    for partner in (METRO, BIKES):
        federation.enrol_people(partner, [1, 2])
    federation.lists[METRO, FIRST] = claims({1: 0, 2: 0}, seed=1)
    federation.run_claims((METRO, BIKES))
    for partner in (METRO, BIKES):
        federation.submit(partner)
    federation.lists[BIKES, SECOND] = claims({2: 4, 3: 0}, seed=2)
    federation.lists[METRO, SECOND] = claims({7: 0}, seed=3)

    federation.run_claims((METRO, BIKES), SECOND)

    # Judged for itself: the bikes keep slot 2 in epoch 2, and the auditors hear of it.
    assert lost(federation, BIKES, SECOND) == []
    assert verdict_list(federation).repeated_tokens == 1
    conflicts = federation.hub.read_now(
        lambda session: TokenStore(session, exclusivity_domain="cn-east", token_epoch=1).conflicts()
    )
    assert conflicts == [(claim_token(2), SECOND, Claimant(PROGRAMME, BIKES), FIRST)]
    # Both claims are in the record, with where their evidence lies.
    logged = federation.hub.record.files.get(verdict_list(federation).conflicts_sha256)
    assert conflicting_claims(logged) == [
        (
            claim_token(2),
            epoch,
            Claimant(PROGRAMME, partner),
            position_of(federation, partner, epoch),
        )
        for epoch, partner in ((FIRST, METRO), (SECOND, BIKES))
    ]


def test_a_token_in_three_epochs_belongs_to_the_first(federation: Federation) -> None:
    for partner in (METRO, BIKES):
        federation.enrol_people(partner, [1, 2])
    epochs = (FIRST, SECOND, EpochIndex(3))
    for epoch in epochs:
        federation.lists[METRO, epoch] = claims({2: 0, 10 + epoch: 0}, seed=epoch)
        federation.lists[BIKES, epoch] = claims({2: 2} if epoch == FIRST else {}, seed=9)
        federation.run_claims((METRO, BIKES), epoch)

    conflicts = federation.hub.read_now(
        lambda session: TokenStore(session, exclusivity_domain="cn-east", token_epoch=1).conflicts()
    )
    metro = Claimant(PROGRAMME, METRO)
    assert conflicts == [(claim_token(2), epoch, metro, FIRST) for epoch in epochs[1:]]
    logged = federation.hub.record.files.get(verdict_list(federation).conflicts_sha256)
    assert [(claim.epoch, claim.claimant.partner_id) for claim in conflicting_claims(logged)] == [
        (FIRST, BIKES),
        (FIRST, METRO),
        (EpochIndex(3), METRO),
    ]


def test_epochs_are_judged_in_their_order(committing: Federation) -> None:
    """Else hub and auditors would not agree which of two epochs a token was in first."""
    committing.commit(METRO, claims({1: 0, 2: 0}))
    committing.commit(BIKES, claims({}))
    committing.wait_until_end_of(SECOND)
    committing.advance()
    for partner, ranks in ((METRO, {2: 0, 3: 0}), (BIKES, {})):
        committing.commit(partner, claims(ranks, seed=7), SECOND)
    committing.reveal(METRO)
    committing.advance()
    for partner in (METRO, BIKES):
        committing.reveal(partner, SECOND)
    committing.advance()

    assert committing.state(FIRST) is committing.state(SECOND) is EpochState.REVEALING

    committing.wait(3 * 3600)
    committing.advance()

    assert committing.state(FIRST) is committing.state(SECOND) is EpochState.SUBMITTING
    assert (verdict_list(committing).epoch, verdict_list(committing).repeated_tokens) == (SECOND, 1)


def position_of(federation: Federation, partner: PartyId, epoch: EpochIndex) -> int:
    return federation.lists[partner, epoch].tokens.tokens().index(claim_token(2))


def test_an_empty_list_is_committed_revealed_and_judged(committing: Federation) -> None:
    committing.lists[METRO, FIRST] = committing.lists[BIKES, FIRST] = claims({})
    committing.run_claims((METRO, BIKES))

    assert len(committing.lists[METRO, FIRST]) == padded_size(0) == 0
    assert lost(committing, METRO) == lost(committing, BIKES) == []


def test_claims_beyond_the_committed_count_are_refused(revealing: Federation) -> None:
    longer = claims(dict.fromkeys(range(1, 7), 0), seed=1)

    with pytest.raises(FedcarbonError) as caught:
        revealing.reveal(METRO, file=longer.to_bytes(), commitments=longer.commitments.to_bytes())

    assert caught.value.code == "LIST_DIFFERS_FROM_ROOT"
