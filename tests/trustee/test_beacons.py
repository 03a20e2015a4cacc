"""Beacons: one per label, domain and epoch, over the one leaf that may be hashed."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconPartial,
    BeaconValue,
    ClaimCommitment,
    CommitClosed,
    CommittedList,
    MissedClaimant,
    beacon_input,
)
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import evaluate_input
from fedcarbon.identity.threshold import PartialEvaluation
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from tests.chance import seeded
from tests.trustee.federation import Federation
from tests.trustee.founded import BIKE, HUB, METHODOLOGY, METRO, PROGRAMME, SHAM, refused

EPOCH = EpochIndex(5)


def commit(federation: Federation, partner: PartyId) -> CommittedList:
    commitment = ClaimCommitment(
        parameter_id=federation.parameters.parameter_id,
        programme_id=PROGRAMME,
        epoch=EPOCH,
        partner_id=partner,
        count=8,
        list_root=partner.encode().ljust(32, b"."),
        evidence_root=bytes(32),
        evidence_count=16,
        methodologies=(METHODOLOGY,),
    )
    return CommittedList(
        programme_id=PROGRAMME,
        partner_id=partner,
        leaf_index=federation.log_own(commitment, partner),
        count=commitment.count,
        list_root=commitment.list_root,
    )


def close(
    federation: Federation,
    lists: list[CommittedList],
    missed: tuple[str, ...] = (),
    domain: str = "ecny",
) -> int:
    closed = CommitClosed(
        parameter_id=federation.parameters.parameter_id,
        exclusivity_domain=domain,
        epoch=EPOCH,
        lists=tuple(sorted(lists, key=lambda item: item.partner_id)),
        missed=tuple(
            MissedClaimant(programme_id=PROGRAMME, partner_id=PartyId(name)) for name in missed
        ),
    )
    return federation.log_own(closed, HUB)


def closed_by_all(federation: Federation) -> int:
    """Plan epoch 5, let both partners commit, close it, and have it witnessed."""
    federation.plan(EPOCH)
    lists = [commit(federation, METRO), commit(federation, BIKE)]
    leaf = close(federation, lists)
    federation.witness()
    return leaf


def ask(federation: Federation, label: str, leaf: int, name: str = "trustee-1") -> Any:
    return federation.ask(name, beacon=trustee_pb2.BeaconOrder(label=label, leaf_index=leaf))


def value_of(federation: Federation, leaf: int) -> BeaconValue:
    """Return the tie beacon over a closing leaf, from two trustees."""
    partials = []
    for name in ("trustee-1", "trustee-2"):
        answer = ask(federation, "tie", leaf, name).beacon
        partials.append(
            BeaconPartial(trustee_id=PartyId(name), element=answer.element, proof=answer.proof)
        )
    output = combine_beacon(
        federation.parameters.voprf_key(KeyLabel.BEACON),
        beacon_input(BeaconLabel.TIE, "ecny", EPOCH, federation.record.leaves[leaf].leaf),
        [
            PartialEvaluation(trustee_index=index, elements=(item.element,), proof=item.proof)
            for index, item in enumerate(partials, start=1)
        ],
    )
    return BeaconValue(
        parameter_id=federation.parameters.parameter_id,
        label=BeaconLabel.TIE,
        scope="ecny",
        epoch=EPOCH,
        leaf_index=leaf,
        partials=tuple(partials),
        output=output,
    )


def test_a_tie_beacon_is_drawn_over_the_closing_leaf(federation: Federation) -> None:
    leaf = closed_by_all(federation)

    index = federation.log_own(value_of(federation, leaf), HUB)

    assert federation.cosign_code("trustee-3") == ""
    assert federation.view().epochs.beacons.popitem()[1].index == index


def test_a_beacon_that_is_asked_again_is_the_same(federation: Federation) -> None:
    leaf = closed_by_all(federation)

    first = ask(federation, "tie", leaf).beacon
    federation.kill("trustee-1")

    assert ask(federation, "tie", leaf).beacon == first


def test_a_sample_beacon_is_drawn_over_the_seal(federation: Federation) -> None:
    seal = max(federation.view().epochs.seals.values(), key=lambda logged: logged.index)

    assert ask(federation, "sample", seal.index).WhichOneof("answer") == "beacon"


def test_beacon_before_seal(federation: Federation) -> None:
    leaf = closed_by_all(federation)

    assert refused(ask(federation, "sample", leaf)) == "BEACON_LEAF"


@pytest.mark.parametrize("leaf", [0, 20, 10_000])
def test_a_tie_beacon_over_another_leaf_is_refused(federation: Federation, leaf: int) -> None:
    assert refused(ask(federation, "tie", leaf)) == "BEACON_LEAF"


def test_an_unknown_label_is_refused(federation: Federation) -> None:
    assert refused(ask(federation, "lottery", closed_by_all(federation))) == "BEACON_LEAF"


def test_second_tie_beacon_over_another_leaf(federation: Federation) -> None:
    """The hub logs a second closing to draw again."""
    federation.plan(EPOCH)
    lists = [commit(federation, METRO), commit(federation, BIKE)]
    first, second = close(federation, lists), close(federation, lists)
    federation.witness()
    assert ask(federation, "tie", first).WhichOneof("answer") == "beacon"

    assert refused(ask(federation, "tie", second)) == "SECOND_BEACON"
    assert refused(ask(federation, "tie", second, "trustee-2")) == "SECOND_BEACON"


def test_second_beacon_same_epoch(federation: Federation) -> None:
    """A trustee that lost its store still finds the first one in the record."""
    federation.plan(EPOCH)
    lists = [commit(federation, METRO), commit(federation, BIKE)]
    first = close(federation, lists)
    federation.witness()
    federation.log_own(value_of(federation, first), HUB)
    second = close(federation, lists)
    federation.witness()
    federation.wipe("trustee-1")

    assert refused(ask(federation, "tie", second)) == "SECOND_BEACON"
    assert ask(federation, "tie", first).WhichOneof("answer") == "beacon"


def test_a_programme_that_joins_a_planned_domain_stops_the_reader(federation: Federation) -> None:
    """Its claims would have been left out of the rounds before."""
    changed = dataclasses.replace(federation.programme, programme_id=ProgrammeId("other"))
    federation.log(LeafType.PROGRAMME, federation.rooted(changed))

    assert federation.cosign_code("trustee-1") == "LEAF_INVALID"


def test_a_beacon_is_logged_once(federation: Federation) -> None:
    value = value_of(federation, closed_by_all(federation))
    federation.log_own(value, HUB)
    federation.log_own(value, HUB)

    assert federation.cosign_code("trustee-3") == "LOGGED_TWICE"


def test_an_invented_beacon_stops_the_reader(federation: Federation) -> None:
    value = value_of(federation, closed_by_all(federation))
    federation.log_own(dataclasses.replace(value, output=bytes(64)), HUB)

    assert federation.cosign_code("trustee-3") == "LEAF_INVALID"


def test_a_beacon_over_a_later_leaf_stops_the_reader(federation: Federation) -> None:
    value = value_of(federation, closed_by_all(federation))
    federation.log_own(dataclasses.replace(value, leaf_index=10_000), HUB)

    assert federation.cosign_code("trustee-3") == "LEAF_INVALID"


@pytest.mark.parametrize("label", BeaconLabel)
def test_a_beacon_over_a_leaf_that_it_may_not_hash_stops_the_reader(
    federation: Federation, label: BeaconLabel
) -> None:
    """t trustees that play together draw over a leaf of the hub's choice."""
    leaf = federation.plan(EPOCH)
    question = beacon_input(label, "ecny", EPOCH, federation.record.leaves[leaf].leaf)
    key = federation.parameters.voprf_key(KeyLabel.BEACON)
    secrets = federation.dealing.secrets[: key.threshold]
    partials = [
        evaluate_input(item.voprf[KeyLabel.BEACON], question, seeded(3).randrange)
        for item in secrets
    ]
    value = BeaconValue(
        parameter_id=federation.parameters.parameter_id,
        label=label,
        scope="ecny",
        epoch=EPOCH,
        leaf_index=leaf,
        partials=tuple(
            BeaconPartial(
                trustee_id=item.trustee_id, element=partial.elements[0], proof=partial.proof
            )
            for item, partial in zip(secrets, partials, strict=True)
        ),
        output=combine_beacon(key, question, partials),
    )
    federation.log_own(value, HUB)

    assert federation.cosign_code("trustee-3") == "LEAF_INVALID"


def test_a_closing_that_is_not_witnessed_is_not_drawn_over(federation: Federation) -> None:
    federation.plan(EPOCH)
    federation.witness()
    leaf = close(federation, [commit(federation, METRO), commit(federation, BIKE)])

    assert refused(ask(federation, "tie", leaf)) == "NOT_WITNESSED"


def test_an_epoch_is_not_closed_on_a_partner_before_its_deadline(federation: Federation) -> None:
    federation.plan(EPOCH)
    leaf = close(federation, [commit(federation, METRO)], (BIKE,))
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "CLOSED_TOO_EARLY"


def test_no_beacon_over_an_epoch_that_was_planned_before_it_was_over(
    federation: Federation,
) -> None:
    before = federation.clock.at_s
    federation.plan(EPOCH)
    federation.clock.at_s = before  # the hub's clock is not the trustees'
    leaf = close(federation, [commit(federation, METRO), commit(federation, BIKE)])
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "PLAN_TOO_EARLY"


def test_a_commitment_after_the_closing_is_not_in_it(federation: Federation) -> None:
    """It came after the list of those that count: the closing stays what it was."""
    federation.plan(EPOCH)
    metro = commit(federation, METRO)
    federation.wait(days=1)
    leaf = close(federation, [metro], (BIKE,))
    commit(federation, BIKE)
    federation.witness()

    assert ask(federation, "tie", leaf).WhichOneof("answer") == "beacon"


def test_a_closing_that_lists_a_later_commitment_is_not_drawn_over(federation: Federation) -> None:
    """Bike saw metro's list and still got in."""
    federation.plan(EPOCH)
    metro = commit(federation, METRO)
    bike = commit(federation, BIKE)
    federation.record.leaves.pop()
    leaf = close(federation, [metro, dataclasses.replace(bike, leaf_index=bike.leaf_index + 1)])
    commit(federation, BIKE)
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "CLOSING_DIFFERS"


def test_a_closing_before_the_plan_is_not_drawn_over(federation: Federation) -> None:
    federation.wait(days=30)
    leaf = close(federation, [commit(federation, METRO), commit(federation, BIKE)])
    federation.plan(EPOCH)
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "CLOSING_DIFFERS"


def test_an_epoch_is_closed_on_a_partner_after_its_deadline(federation: Federation) -> None:
    federation.plan(EPOCH)
    lists = [commit(federation, METRO)]
    federation.wait(seconds=5 * 3600)
    leaf = close(federation, lists, (BIKE,))
    federation.witness()

    assert ask(federation, "tie", leaf).WhichOneof("answer") == "beacon"


def test_a_partner_that_committed_is_not_left_out(federation: Federation) -> None:
    federation.plan(EPOCH)
    lists = [commit(federation, METRO), commit(federation, BIKE)]
    federation.wait(days=1)
    leaf = close(federation, lists[:1], (BIKE,))
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "CLOSING_DIFFERS"


@pytest.mark.parametrize("field", ["count", "leaf_index", "list_root"])
def test_a_closing_lists_what_was_committed(federation: Federation, field: str) -> None:
    federation.plan(EPOCH)
    metro, bike = commit(federation, METRO), commit(federation, BIKE)
    other: dict[str, Any] = {field: b"?" * 32 if field == "list_root" else 3}
    leaf = close(federation, [dataclasses.replace(metro, **other), bike])
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "CLOSING_DIFFERS"


def test_a_partner_that_owes_nothing_is_not_called_missing(federation: Federation) -> None:
    federation.plan(EPOCH)
    lists = [commit(federation, METRO), commit(federation, BIKE)]
    leaf = close(federation, lists, (SHAM,))
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "CLOSING_DIFFERS"


def test_an_epoch_is_not_closed_without_a_plan(federation: Federation) -> None:
    leaf = close(federation, [commit(federation, METRO), commit(federation, BIKE)])
    federation.witness()

    assert refused(ask(federation, "tie", leaf)) == "CLOSING_DIFFERS"


def test_a_closing_of_a_domain_without_a_programme_stops_the_reader(
    federation: Federation,
) -> None:
    """Another name would be another beacon."""
    federation.plan(EPOCH)
    lists = [commit(federation, METRO), commit(federation, BIKE)]
    close(federation, lists, domain="other")

    assert federation.cosign_code("trustee-1") == "LEAF_INVALID"
