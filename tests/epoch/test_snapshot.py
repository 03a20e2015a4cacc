"""The enrolment snapshot: who is enrolled where, by the record alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.canonical.hashing import digest
from fedcarbon.epoch.snapshot import (
    LoggedEntry,
    Place,
    Snapshot,
    places_digest,
    snapshot_of,
)
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.registry.enrolment import EnrolmentAction
from fedcarbon.units import MicrogramsCO2e

METRO, BIKES = PartyId("metro"), PartyId("bikes")
ENROL, WITHDRAW = EnrolmentAction.ENROL, EnrolmentAction.WITHDRAW
ANNA, BO, CHEN = b"a" * 32, b"b" * 32, b"c" * 32
PLACES = {ANNA: Place(4, 1), BO: Place(4, 3), CHEN: Place(2, 0)}


def at(
    leaf: int, partner: PartyId, token: bytes, action: EnrolmentAction, epoch: int
) -> LoggedEntry:
    return LoggedEntry(leaf, partner, token, action, epoch)


def snapshot(entries: list[LoggedEntry], epoch: int = 2, size: int = 100) -> Snapshot:
    return snapshot_of(
        entries,
        PLACES,
        epoch=EpochIndex(epoch),
        snapshot_size=size,
        slots=4,
        cap_ug=MicrogramsCO2e(7),
    )


def test_blocks_and_caps_follow_from_the_enrolled_accounts() -> None:
    entries = [at(10, METRO, token, ENROL, 1) for token in (ANNA, BO, CHEN)]
    entries.append(at(11, BIKES, BO, ENROL, 2))

    found = snapshot(entries)

    assert list(found.partners) == [BIKES, METRO]
    assert found.partners[METRO].blocks() == (2, 4)
    assert found.partners[METRO].accounts == 3
    assert found.partners[METRO].caps_ug(4) == (0, 7, 0, 7)
    assert found.partners[METRO].caps_ug(2) == (7, 0, 0, 0)
    assert found.partners[METRO].caps_ug(3) == (0, 0, 0, 0)
    assert found.partners[BIKES].caps_ug(4) == (0, 0, 0, 7)


def test_the_places_digest_is_a_hash_over_sorted_tokens_with_their_places() -> None:
    items = ANNA + bytes([0, 0, 0, 4, 0, 0, 0, 1]) + CHEN + bytes([0, 0, 0, 2, 0, 0, 0, 0])
    entries = [at(10, METRO, token, ENROL, 1) for token in (CHEN, ANNA)]

    found = snapshot(entries).partners[METRO]

    assert found.places_digest == digest(b"fedcarbon/v1/places", items)
    assert found.places_digest == places_digest({CHEN: PLACES[CHEN], ANNA: PLACES[ANNA]})


@pytest.mark.parametrize(
    "changed",
    [
        {ANNA: Place(4, 3), BO: Place(4, 1)},
        {ANNA: Place(4, 1), BO: Place(5, 3)},
        {ANNA: Place(4, 1), CHEN: Place(4, 3)},
        {ANNA: Place(4, 1)},
        {ANNA: Place(4, 1), BO: Place(4, 3), CHEN: Place(2, 0)},
    ],
    ids=["swapped", "another block", "another account", "one missing", "one more"],
)
def test_the_places_digest_changes_with_every_account_and_place(
    changed: dict[bytes, Place],
) -> None:
    told = {token: PLACES[token] for token in (ANNA, BO)}

    assert places_digest(changed) != places_digest(told)


def test_an_enrolment_counts_from_the_epoch_it_names() -> None:
    entries = [at(10, METRO, ANNA, ENROL, 3)]

    assert not snapshot(entries, epoch=2).partners
    assert snapshot(entries, epoch=3).partners[METRO].accounts == 1


def test_a_withdrawal_stops_the_epoch_it_names_and_all_later_ones() -> None:
    entries = [at(10, METRO, ANNA, ENROL, 1), at(20, METRO, ANNA, WITHDRAW, 3)]

    assert METRO in snapshot(entries, epoch=2).partners
    assert METRO not in snapshot(entries, epoch=3).partners
    assert METRO not in snapshot(entries, epoch=4).partners


def test_a_withdrawal_at_one_partner_leaves_the_other() -> None:
    entries = [
        at(10, METRO, ANNA, ENROL, 1),
        at(11, BIKES, ANNA, ENROL, 1),
        at(20, METRO, ANNA, WITHDRAW, 2),
    ]

    assert list(snapshot(entries).partners) == [BIKES]


def test_an_account_can_be_enrolled_again() -> None:
    entries = [
        at(10, METRO, ANNA, ENROL, 1),
        at(20, METRO, ANNA, WITHDRAW, 2),
        at(30, METRO, ANNA, ENROL, 2),
    ]

    assert METRO in snapshot(entries).partners
    assert METRO not in snapshot(entries, size=30).partners


def test_a_later_withdrawal_for_a_later_epoch_does_not_undo_this_one() -> None:
    entries = [at(10, METRO, ANNA, ENROL, 1), at(20, METRO, ANNA, WITHDRAW, 9)]

    assert METRO in snapshot(entries).partners


def test_entries_after_the_plan_do_not_count() -> None:
    entries = [at(10, METRO, ANNA, ENROL, 1), at(50, METRO, BO, ENROL, 1)]

    assert snapshot(entries, size=50).partners[METRO].accounts == 1
    assert snapshot(entries, size=51).partners[METRO].accounts == 2


def test_an_account_enrolled_twice_counts_once() -> None:
    entries = [at(10, METRO, ANNA, ENROL, 1), at(11, METRO, ANNA, ENROL, 1)]

    assert snapshot(entries).partners[METRO].accounts == 1


LOGGED = st.builds(
    LoggedEntry,
    leaf_index=st.integers(0, 8),
    partner_id=st.sampled_from([METRO, BIKES]),
    account_token=st.sampled_from([ANNA, BO, CHEN]),
    action=st.sampled_from([ENROL, WITHDRAW]),
    from_epoch=st.integers(1, 4),
)


@given(st.lists(LOGGED, max_size=12), st.integers(1, 4), st.integers(0, 9))
def test_the_snapshot_is_what_the_rule_says_word_for_word(
    entries: list[LoggedEntry], epoch: int, size: int
) -> None:
    entries.sort(key=lambda entry: entry.leaf_index)
    counted = [e for e in entries if e.leaf_index < size and e.from_epoch <= epoch]
    enrolled = {
        (e.partner_id, e.account_token)
        for i, e in enumerate(counted)
        if e.action is ENROL
        and not any(
            later.action is WITHDRAW
            and (later.partner_id, later.account_token) == (e.partner_id, e.account_token)
            for later in counted[i + 1 :]
        )
    }

    found = snapshot(entries, epoch=epoch, size=size)

    places = {
        (partner, Place(block, slot))
        for partner, own in found.partners.items()
        for block, slots in own.slots_of.items()
        for slot in slots
    }
    assert places == {(partner, PLACES[token]) for partner, token in enrolled}
