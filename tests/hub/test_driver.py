"""The driver: epochs move by the table, protocol time and what has come in."""

from __future__ import annotations

import datetime as dt
from typing import Any

import phe
import pytest
from sqlmodel import Session

from fedcarbon.engine.local import LocalEngine
from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.snapshot import Place
from fedcarbon.epoch.statements import (
    CommitClosed,
    EpochPlan,
    Seal,
    planned_deadlines,
    product_entry,
)
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.packing.layout import unpack
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.merkle import root_of
from fedcarbon.wire.processes import ProcessMap
from hub.context import Hub, NoWitnesses
from hub.epochs import judging
from hub.epochs.planning import phase_end_s
from hub.epochs.products import products
from hub.storage.epoch_store import EpochStore
from hub.storage.record_store import RecordStore
from hub.storage.submission_store import ProductStore
from tests.hub.federation import (
    BIKES,
    FIRST,
    HUB,
    METRO,
    PARTNERS,
    PROGRAMME,
    SECOND,
    TAXIS,
    WINDOW_S,
    Federation,
    admission,
    encryptor,
    genesis,
    key_of,
    opened,
    programme,
    root_signed,
)
from tests.keys.primes import TINY, load_primes

THIRD = EpochIndex(3)


def decrypted(federation: Federation, epoch: EpochIndex) -> dict[Place, int]:
    """Return every non-zero sum up to `epoch`, with the full key that nobody holds in earnest."""
    primes = load_primes(TINY)
    private = phe.PaillierPrivateKey(phe.PaillierPublicKey(primes.n), primes.p, primes.q)
    products = federation.hub.read_now(lambda session: ProductStore(session, PROGRAMME).at(epoch))
    sums: dict[Place, int] = {}
    for block, ciphertext in products.items():
        plaintext = private.raw_decrypt(int.from_bytes(ciphertext, "big"))
        values = unpack(federation.hub.parameters.layout, plaintext)
        sums |= {Place(block, slot): value for slot, value in enumerate(values) if value}
    return sums


def seal_of(federation: Federation, epoch: EpochIndex = FIRST) -> Seal:
    leaf = federation.epoch(epoch).seal_leaf
    assert leaf is not None
    body = federation.hub.read_now(lambda session: federation.hub.record.body(session, leaf))
    return opened(Seal, body)


@pytest.fixture
def enrolled(federation: Federation) -> Federation:
    """Five people at metro and bikes, three of them at the taxis too."""
    federation.enrol_people(METRO, range(5))
    federation.enrol_people(BIKES, range(5))
    federation.enrol_people(TAXIS, range(3))
    return federation


def test_an_epoch_is_planned_when_its_last_day_is_over_and_not_before(
    enrolled: Federation,
) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.wait(-1)
    assert enrolled.advance().moved == []

    enrolled.wait(1)
    moved = enrolled.advance().moved

    assert [(move.epoch, move.state) for move in moved] == [(FIRST, EpochState.COMMITTING)]
    assert enrolled.advance().moved == []


def plan_of(federation: Federation, epoch: EpochIndex = FIRST) -> EpochPlan:
    leaf = federation.epoch(epoch).plan_leaf
    body = federation.hub.read_now(lambda session: federation.hub.record.body(session, leaf))
    return opened(EpochPlan, body)


def test_the_plan_fixes_the_snapshot_and_the_deadlines(enrolled: Federation) -> None:
    size = enrolled.hub.read_now(enrolled.hub.record.head).size
    enrolled.wait_until_end_of(FIRST)
    enrolled.wait(TIME_TOLERANCE_S)
    enrolled.advance()

    plan = plan_of(enrolled)

    assert (plan.snapshot_size, enrolled.epoch().plan_leaf) == (size, size)
    deadlines = (plan.commit_until_s, plan.reveal_until_s, plan.submit_until_s)
    assert deadlines == planned_deadlines(programme(), FIRST)


def test_a_hub_that_was_down_gives_everyone_their_whole_time(enrolled: Federation) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.wait(50_000)
    now_s = enrolled.clock.now_s()
    enrolled.advance()

    plan = plan_of(enrolled)

    assert plan.commit_until_s == now_s + WINDOW_S
    assert plan.submit_until_s == now_s + 3 * WINDOW_S


@pytest.mark.parametrize(
    ("planned_s", "begun_s", "end_s"),
    [(1000, 900, 1000), (1000, 100, 1000), (1000, 1200, 1000), (1000, 1201, 1301)],
    ids=["in time", "early", "late within the tolerance", "later"],
)
def test_a_phase_ends_as_planned_unless_it_began_late(
    planned_s: int, begun_s: int, end_s: int
) -> None:
    assert phase_end_s(planned_s, begun_s, window_s=100) == end_s


def test_phase_1a_ends_as_soon_as_everyone_has_committed(enrolled: Federation) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    for partner in PARTNERS:
        assert enrolled.state() is EpochState.COMMITTING
        enrolled.commit(partner)
        enrolled.advance()

    assert enrolled.state() is EpochState.REVEALING
    closed = closing_of(enrolled)
    assert [item.partner_id for item in closed.lists] == list(PARTNERS)
    assert closed.missed == ()


def closing_of(federation: Federation) -> CommitClosed:
    leaf = federation.epoch().closed_leaf
    assert leaf is not None
    body = federation.hub.read_now(lambda session: federation.hub.record.body(session, leaf))
    return opened(CommitClosed, body)


def test_who_does_not_commit_in_time_has_missed(enrolled: Federation) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    enrolled.commit(METRO)
    enrolled.wait(WINDOW_S)
    enrolled.advance()
    assert enrolled.state() is EpochState.COMMITTING

    enrolled.wait(1)
    enrolled.advance()

    assert [item.partner_id for item in closing_of(enrolled).missed] == [BIKES, TAXIS]
    assert [item.partner_id for item in closing_of(enrolled).lists] == [METRO]


def test_the_closing_leaf_is_witnessed_before_anybody_reveals(enrolled: Federation) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.commit(partner)
    enrolled.advance()

    head = enrolled.hub.read_now(enrolled.hub.record.latest_checkpoint)

    assert head is not None
    assert head.size > (enrolled.epoch().closed_leaf or 0)


def test_the_sums_are_those_of_all_partners_and_epochs(enrolled: Federation) -> None:
    place = enrolled.enrol_people(METRO, range(5))
    telling = {METRO: 1, BIKES: 10, TAXIS: 100}
    for epoch, factor in ((FIRST, 1), (SECOND, 1000)):
        enrolled.run_claims(PARTNERS, epoch)
        for partner, value in telling.items():
            enrolled.submit(partner, {place[1]: value * factor, place[2]: value * factor}, epoch)
        enrolled.advance()

    # Person 1 and 2 are enrolled everywhere: each partner's amount is there exactly once.
    assert decrypted(enrolled, FIRST) == {place[1]: 111, place[2]: 111}
    assert decrypted(enrolled, SECOND) == {place[1]: 111_111, place[2]: 111_111}


def test_the_seal_commits_to_headers_and_cumulative_products(enrolled: Federation) -> None:
    enrolled.run_claims()
    for partner in PARTNERS:
        enrolled.submit(partner)
    enrolled.advance()

    seal = seal_of(enrolled)
    products = enrolled.hub.read_now(lambda session: ProductStore(session, PROGRAMME).at(FIRST))

    assert [part.partner_id for part in seal.parts] == list(PARTNERS)
    assert not any(part.missing for part in seal.parts)
    assert seal.blocks == len(products)
    assert seal.products_root == root_of(
        product_entry(block, data) for block, data in sorted(products.items())
    )
    one = next(iter(products))
    of_block = enrolled.hub.read_now(
        lambda session: ProductStore(session, PROGRAMME).of_block(one, SECOND)
    )
    assert of_block == products[one]


def test_a_partner_that_does_not_submit_is_sealed_missing(enrolled: Federation) -> None:
    place = enrolled.enrol_people(METRO, range(5))
    enrolled.run_claims()
    enrolled.submit(METRO, {place[0]: 7})
    (first, *_rest) = enrolled.submission(BIKES, {place[0]: 9}, entries_per_chunk=1)
    enrolled.send_chunk(BIKES, *first)  # the rest never comes
    enrolled.wait(3 * WINDOW_S + 1)
    enrolled.advance()

    seal = seal_of(enrolled)

    assert [(part.partner_id, part.missing) for part in seal.parts] == [
        (BIKES, True),
        (METRO, False),
        (TAXIS, True),
    ]
    assert decrypted(enrolled, FIRST) == {place[0]: 7}


def test_epochs_are_sealed_in_their_order(enrolled: Federation) -> None:
    enrolled.run_claims()
    enrolled.run_claims(PARTNERS, SECOND)
    for partner in PARTNERS:
        enrolled.submit(partner, epoch=SECOND)
    enrolled.advance()
    # The first epoch's time is over since the second began: it is sealed first, with nobody.
    first, second = seal_of(enrolled, FIRST), seal_of(enrolled, SECOND)

    assert all(part.missing for part in first.parts)
    assert not any(part.missing for part in second.parts)
    assert (enrolled.epoch(FIRST).seal_leaf or 0) < (enrolled.epoch(SECOND).seal_leaf or 0)


def test_a_later_epoch_waits_for_the_seal_of_the_one_before(enrolled: Federation) -> None:
    enrolled.wait_until_end_of(SECOND)
    enrolled.advance()  # both are planned late, so the first keeps its whole time
    for epoch in (FIRST, SECOND):
        for partner in PARTNERS:
            enrolled.commit(partner, epoch=epoch)
    enrolled.advance()
    for epoch in (FIRST, SECOND):
        for partner in PARTNERS:
            enrolled.reveal(partner, epoch)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.submit(partner, epoch=SECOND)
    enrolled.advance()
    assert enrolled.state(SECOND) is EpochState.SUBMITTING

    for partner in PARTNERS:
        enrolled.submit(partner, epoch=FIRST)
    enrolled.advance()

    assert enrolled.state(FIRST) is enrolled.state(SECOND) is EpochState.SEALED


def test_accounts_enrolled_after_the_plan_count_from_the_next_epoch(enrolled: Federation) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    before = accounts(enrolled, FIRST)
    enrolled.enrol_people(METRO, range(5, 9))
    enrolled.withdraw_people(BIKES, range(5), from_epoch=2)

    assert accounts(enrolled, FIRST) == before == {BIKES: 5, METRO: 5, TAXIS: 3}
    enrolled.restart()
    assert accounts(enrolled, FIRST) == before
    enrolled.wait_until_end_of(SECOND)
    enrolled.advance()
    assert accounts(enrolled, SECOND) == {METRO: 9, TAXIS: 3}


def accounts(federation: Federation, epoch: EpochIndex) -> dict[PartyId, int]:
    stored = federation.epoch(epoch)
    snapshot = federation.hub.read_now(
        lambda session: federation.hub.snapshots.of(session, programme(), stored)
    )
    return {partner: own.accounts for partner, own in snapshot.partners.items()}


def test_too_few_trustees_stall_an_epoch_and_more_of_them_move_it_on(
    enrolled: Federation,
) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.commit(partner)
    enrolled.trustees.down = {PartyId("trustee-1"), PartyId("trustee-2")}
    progress = enrolled.advance()
    assert [(item.epoch, item.error.code) for item in progress.stalled] == [
        (FIRST, "QUORUM_MISSING")
    ]
    assert enrolled.state() is EpochState.REVEALING

    # A day later: nobody has lost the time in which nothing could be revealed.
    enrolled.wait(12 * WINDOW_S)
    enrolled.trustees.down = {PartyId("trustee-1")}
    assert enrolled.advance().stalled == []
    assert enrolled.state() is EpochState.REVEALING
    for partner in PARTNERS:
        enrolled.reveal(partner)
    enrolled.advance()

    assert enrolled.state() is EpochState.SUBMITTING


def test_a_seal_that_was_not_witnessed_is_witnessed_later(enrolled: Federation) -> None:
    enrolled.run_claims()
    for partner in PARTNERS:
        enrolled.submit(partner)
    enrolled.trustees.down = set(enrolled.hub.parameters.trustee_ids)
    assert [item.error.code for item in enrolled.advance().stalled] == ["QUORUM_MISSING"]
    assert enrolled.state() is EpochState.SEALED
    enrolled.restart()

    enrolled.advance()

    head = enrolled.hub.read_now(enrolled.hub.record.latest_checkpoint)
    assert head is not None
    assert head.size > (enrolled.epoch().seal_leaf or 0)
    assert enrolled.advance().stalled == []


def test_a_hub_without_trustees_says_so(enrolled: Federation) -> None:
    enrolled.hub.witnesses = NoWitnesses()
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.commit(partner)

    assert [item.error.code for item in enrolled.advance().stalled] == ["QUORUM_MISSING"]


def test_a_hub_restarted_in_every_state_goes_on(enrolled: Federation) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    enrolled.restart()
    for partner in PARTNERS:
        enrolled.commit(partner)
    enrolled.advance()
    enrolled.restart()
    for partner in PARTNERS:
        enrolled.reveal(partner)
    enrolled.advance()
    enrolled.restart()
    for partner in PARTNERS:
        enrolled.submit(partner)
    enrolled.restart()
    enrolled.advance()

    assert enrolled.state() is EpochState.SEALED
    leaves = enrolled.hub.read_now(lambda session: RecordStore(session).leaves(0, 1000))
    once = [leaf.type for leaf in leaves if leaf.type >= LeafType.EPOCH_PLAN]
    assert once == [
        LeafType.EPOCH_PLAN,
        *[LeafType.CLAIM_COMMITMENT] * 3,
        LeafType.COMMIT_CLOSED,
        *[LeafType.CLAIM_LIST] * 3,
        LeafType.BEACON_VALUE,
        LeafType.VERDICT_LIST,
        *[LeafType.CHUNK_HEADER, LeafType.LINK_PROOF] * 3,
        LeafType.SEAL,
        LeafType.BEACON_VALUE,
    ]


@pytest.mark.parametrize("persisted", [False, True], ids=["not committed", "committed"])
def test_a_crash_between_the_files_of_a_join_and_the_database_is_made_good(
    enrolled: Federation, monkeypatch: pytest.MonkeyPatch, *, persisted: bool
) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.commit(partner)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.reveal(partner)
    keep_verdicts = judging.keep_verdicts
    with monkeypatch.context() as patch:

        def dies(session: Session, hub: Hub, *rest: Any) -> None:
            if persisted:
                keep_verdicts(session, hub, *rest)
                session.commit()
            _crash()

        patch.setattr(judging, "keep_verdicts", dies)
        with pytest.raises(ZeroDivisionError):
            enrolled.advance()
    assert enrolled.state() is (EpochState.JUDGED if persisted else EpochState.REVEALING)
    files = enrolled.hub.record.files.hashes()

    enrolled.restart()
    enrolled.advance()

    assert enrolled.state() is EpochState.SUBMITTING
    # The same files again, and the conflict file that comes with their leaf.
    assert len(enrolled.hub.record.files.hashes() - files) == 1


def test_a_crash_between_verdicts_and_their_leaf_is_made_good(
    enrolled: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled.wait_until_end_of(FIRST)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.commit(partner)
    enrolled.advance()
    for partner in PARTNERS:
        enrolled.reveal(partner)
    with monkeypatch.context() as patch:
        patch.setattr("hub.epochs.judging.VerdictList", _crash)
        with pytest.raises(ZeroDivisionError):
            enrolled.advance()
    assert enrolled.state() is EpochState.JUDGED

    enrolled.restart()
    enrolled.advance()

    assert enrolled.state() is EpochState.SUBMITTING


def _crash(*_: object, **__: object) -> object:
    raise ZeroDivisionError


def test_a_programme_without_anybody_still_seals_its_epochs(federation: Federation) -> None:
    federation.wait_until_end_of(THIRD)
    federation.advance()

    begun = federation.hub.read_now(lambda session: EpochStore(session).begun(PROGRAMME))

    assert [stored.state for stored in begun] == [EpochState.SEALED] * 3
    assert seal_of(federation, THIRD).parts == ()


def test_days_are_those_of_the_programmes_zone() -> None:
    midnight = dt.datetime(2026, 3, 3, tzinfo=dt.timezone(dt.timedelta(hours=8)))

    assert programme().epoch_end_s(FIRST) == midnight.timestamp()


def test_many_products_are_made_in_several_processes_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = genesis().parameters.public_key
    width = key.ciphertext_bytes
    factors = {
        block: [
            encryptor().encrypt(value, value + 1).to_bytes(width, "big") for value in (block, 5)
        ]
        for block in range(1, 8)
    }
    monkeypatch.setattr("hub.epochs.products.BATCH_BLOCKS", 3)

    with LocalEngine(ProcessMap(1)) as alone, LocalEngine(ProcessMap(2)) as several:
        made = products(key, factors.items(), several)
        assert made == products(key, factors.items(), alone)


def test_a_hub_that_may_not_sign_stalls_and_goes_on_when_it_may(enrolled: Federation) -> None:
    enrolled.admit(root_signed(admission(HUB, Role.HUB, signing_key=key_of("hub-2").public)))
    enrolled.wait_until_end_of(FIRST)

    stalled = enrolled.advance().stalled

    assert [(stall.epoch, stall.error.code) for stall in stalled] == [(FIRST, "HUB_NOT_ADMITTED")]

    enrolled.admit(root_signed(admission(HUB, Role.HUB, best_tier=1)))
    enrolled.advance()
    assert enrolled.state() is EpochState.COMMITTING
