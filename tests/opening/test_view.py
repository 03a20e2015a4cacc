"""The view of an honest record; what it refuses is tested with the trustees that refuse it."""

from __future__ import annotations

import pytest

from fedcarbon.errors import PeerError
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.view import _FOLDS, RecordView
from fedcarbon.opening.violations import RecordViolationError
from fedcarbon.registry.enrolment import EnrolmentAction
from fedcarbon.transparency.leaf import TRUSTEE_TYPES, LeafType
from tests.trustee.city import City
from tests.trustee.founded import ALICE, BIKE, BORA, METRO, PROGRAMME, SHAM


def test_every_type_that_a_trustee_must_process_is_folded() -> None:
    assert _FOLDS.keys() == TRUSTEE_TYPES


def test_the_view_knows_parties_programmes_places_and_seals(city: City) -> None:
    view = city.federation.view()

    assert set(view.parties.admissions) >= {METRO, BIKE, SHAM}
    assert view.parties.programme(PROGRAMME).epochs == 10
    assert view.accounts.place_of(city.federation.account(BORA)) == (0, 1)
    assert sorted(ref.epoch for ref in view.epochs.seals) == [1, 2, 3, 4]


def test_a_leaf_out_of_turn_is_refused(city: City) -> None:
    view = RecordView(city.federation.roots)
    built = city.federation.record.leaves[1]

    with pytest.raises(RecordViolationError):
        view.apply(1, built.leaf, built.salt, built.body)


def test_a_refused_leaf_changes_nothing(city: City) -> None:
    federation = city.federation
    view = federation.view()
    federation.enrol(METRO, [b"C" * 32])
    good = federation.record.leaves[-2]
    before = (view.size, view.heads.root_at(view.size), view.accounts.enrolled_accounts(METRO))

    with pytest.raises(PeerError):
        view.apply(view.size, good.leaf, good.salt, good.body[:-1])

    after = (view.size, view.heads.root_at(view.size), view.accounts.enrolled_accounts(METRO))
    assert before == after
    view.apply(view.size, good.leaf, good.salt, good.body)
    assert view.accounts.enrolled_accounts(METRO) == 3


def test_an_enrolment_begins_anew_after_a_withdrawal(city: City) -> None:
    federation = city.federation
    account = federation.account(ALICE)
    first = federation.view().accounts.enrolled_since(account, BIKE, 1_000)
    left = federation.enrol(BIKE, [ALICE], EnrolmentAction.WITHDRAW, from_epoch=5)
    again = federation.enrol(BIKE, [ALICE], from_epoch=6)
    accounts = federation.view().accounts

    assert first is not None
    assert accounts.enrolled_since(account, BIKE, left) == first
    assert accounts.enrolled_since(account, BIKE, again) is None
    assert accounts.enrolled_since(account, BIKE, 1_000) == again
    assert accounts.enrolled_since(account, SHAM, 1_000) is None


def test_the_snapshot_of_an_account_is_that_of_the_programme(city: City) -> None:
    federation = city.federation
    federation.enrol(BIKE, [ALICE], EnrolmentAction.WITHDRAW, from_epoch=5)
    federation.enrol(SHAM, [BORA], from_epoch=6)
    for epoch in (5, 6):
        federation.plan(epoch)
    view = federation.view()

    for epoch in (4, 5, 6):
        plan = view.epochs.plans[EpochRef(PROGRAMME, EpochIndex(epoch))].statement
        snapshot = view.accounts.snapshot(plan)
        for token in (ALICE, BORA):
            block, slot = federation.places[token]
            assert view.accounts.partners_of(federation.account(token), plan) == {
                name
                for name, own in snapshot.partners.items()
                if slot in own.slots_of.get(block, ())
            }


def test_the_members_of_a_period_are_those_of_any_of_its_epochs(city: City) -> None:
    """Who moves, leaves or comes within the period counts wherever the account was enrolled."""
    federation = city.federation
    federation.enrol(BIKE, [ALICE], EnrolmentAction.WITHDRAW, from_epoch=6)
    federation.enrol(SHAM, [BORA], from_epoch=6)
    federation.plan(5)
    federation.plan(6)
    federation.enrol(METRO, [b"C" * 32])
    federation.plan(7)
    view = federation.view()

    for first, last in ((5, 5), (5, 6), (6, 6), (6, 7), (5, 7)):
        plans = [
            view.epochs.plans[EpochRef(PROGRAMME, EpochIndex(epoch))].statement
            for epoch in range(first, last + 1)
        ]
        places: dict[str, set[tuple[int, int]]] = {}
        for plan in plans:
            for name, own in view.accounts.snapshot(plan).partners.items():
                here = {(block, slot) for block in own.slots_of for slot in own.slots_of[block]}
                places[name] = places.get(name, set()) | here
        expected = {name: len(found) for name, found in places.items()}
        assert view.accounts.members(plans) == expected
        assert view.accounts.members(plans) == expected


def test_bodies_of_other_types_are_not_looked_at(city: City) -> None:
    federation = city.federation
    view = federation.view()
    index = federation.log(LeafType.LEDGER_BATCH, b"whatever")
    built = federation.record.leaves[index]

    view.apply(index, built.leaf, None, None)

    assert view.size == index + 1


def test_an_admission_may_change_a_key_from_its_leaf_on(city: City) -> None:
    federation = city.federation
    old = federation.enrol(METRO, [b"C" * 32])
    federation.admit(METRO, federation.view().parties.admissions[METRO].role, signing_key=b"n" * 32)
    stale = federation.enrol(METRO, [b"D" * 32])
    view = RecordView(federation.roots)
    for index, built in enumerate(federation.record.leaves[:stale]):
        view.apply(index, built.leaf, built.salt, built.body)
    built = federation.record.leaves[stale]

    assert old < stale
    with pytest.raises(RecordViolationError):
        view.apply(stale, built.leaf, built.salt, built.body)
