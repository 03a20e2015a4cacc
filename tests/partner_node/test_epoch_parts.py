"""An epoch's work in parts: killed anywhere it goes on, decides nothing twice, and holds little."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typing_extensions import override

from fedcarbon.identity.claims import TokenList
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.parameters.parameter_set import ParameterSet
from partner_node.storage.database import Database
from partner_node.storage.outbox import MessageKind, Outbox
from partner_node.storage.progress import ProgressStore, Stage
from tests.partner_node.fake_record import NODE
from tests.partner_node.interruptions import Killed, KillPlan, LossyHub, MortalDatabase
from tests.partner_node.world import World, at, new_world, person, restarted, ride

RIDERS = 7
_DRAFT = "token, rank, person_id, slot_start_s, piece_ug, blinding, salt, commitment"


@pytest.fixture
def many_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of one person, one or two claims, one block."""
    monkeypatch.setattr("partner_node.epochs.claiming.OWNERS_PER_PART", 2)
    monkeypatch.setattr("partner_node.epochs.claiming.PADS_PER_PART", 1)
    monkeypatch.setattr("partner_node.epochs.claiming.POSITIONS_PER_PART", 8)
    monkeypatch.setattr("partner_node.epochs.claiming.ROWS_PER_BATCH", 3)
    monkeypatch.setattr("partner_node.storage.epochs.LIST_PAGE_ROWS", 5)
    monkeypatch.setattr("partner_node.storage.submissions.PAGE_ROWS", 5)
    monkeypatch.setattr("fedcarbon.submission.chunk_file.entries_max", lambda _: 1)
    monkeypatch.setattr("partner_node.epochs.submitting.BLOCKS_PER_PAGE", 1)
    # Checked by every other test; a fresh process per write would spend its time on it.
    monkeypatch.setattr(ParameterSet, "check", lambda _: None)


@pytest.fixture
def city(tmp_path: Path, many_parts: None) -> Iterator[World]:  # noqa: ARG001 - it patches
    """Seven enrolled riders with a ride each, at the end of the day."""
    world = new_world(tmp_path)
    world.link(*(person(serial) for serial in range(1, RIDERS + 1)))
    world.settle()
    world.record(*(ride(f"r{n}", n, at(8), minutes=5 * n, km=n + 1) for n in range(1, RIDERS + 1)))
    world.clock.at_s = at(1, day=2)
    world.hub.plan(1)
    yield world
    world.database.close()


def reopened(world: World, hub: Any = None) -> World:
    """Return the world after its process has ended."""
    world.database.close()
    return restarted(world.path, world.hub, world.clock, wrapped=hub)


def to_submission(world: World) -> None:
    world.settle()
    world.hub.close_commitments(1)
    world.hub.witness()
    world.settle()
    lost = [ClaimToken(token) for token in list(world.claim_tokens(1, 5).values())[:1]]
    world.hub.judge(1, [(token, 0) for token in lost])
    world.hub.open_submissions(1)


# --- killed -------------------------------------------------------------------------------------


def test_a_node_that_dies_at_every_write_of_every_part_sends_each_of_them_once(
    city: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write fails, and a write is done but its process is gone: both, for every write."""
    monkeypatch.setattr("tests.partner_node.world.Database", MortalDatabase)
    requests = LossyHub(city.hub, lost=Killed, reads_too=False)
    plan, worlds = KillPlan(), [city]

    def advance() -> None:
        idle = 0
        while idle < 2:
            worlds.append(reopened(worlds[-1], requests))
            database = worlds[-1].database
            assert isinstance(database, MortalDatabase)
            database.plan = plan
            try:
                while idle < 2:
                    progress = worlds[-1].node.step()
                    assert not progress.problems
                    idle = 0 if progress.acted else idle + 1
            except Killed:
                idle = 0
            finally:
                database.plan = None

    advance()
    city.hub.close_commitments(1)
    city.hub.witness()
    advance()
    city.hub.judge(1)
    city.hub.open_submissions(1)
    advance()

    world = worlds[-1]
    assert plan.kills > 60
    assert world.submitted(1) == {f"rider-{n}": (n + 1) * 97_000_000 for n in range(1, RIDERS + 1)}
    sent = {name: len(found) for name, found in requests.requests.items()}
    chunks = len(world.hub.snapshot_blocks(1))
    assert sent["create_claim_commitment"] == sent["create_claim_list"] == 1
    assert sent["create_chunk"] == len(world.hub.epochs[1].chunks) == chunks
    assert sent["create_link_proof"] == 1
    world.database.close()


def test_what_was_drawn_for_a_claim_is_never_drawn_again(
    city: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []
    world = city
    for stage in (Stage.CLAIMING, Stage.PADDING):
        with monkeypatch.context() as patched:
            stop_after(patched, stage, 1)
            with pytest.raises(Killed):
                world.node.step()
        world = reopened(world)
        drawn += world.database.rows(f"SELECT {_DRAFT} FROM claim_drafts")  # noqa: S608

    world.settle()

    listed = set(world.database.rows(f"SELECT {_DRAFT} FROM claims"))  # noqa: S608
    assert len(drawn) > 5
    assert set(drawn) <= listed
    assert world.database.rows("SELECT * FROM claim_drafts") == []
    assert world.database.rows("SELECT * FROM evidence_leaves") == []
    world.database.close()


def test_a_chunk_that_is_stored_is_never_encrypted_again(
    city: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_submission(city)
    with monkeypatch.context() as patched:
        stop_after(patched, Stage.PROVING, 1)
        with pytest.raises(Killed):
            city.node.step()
    world = reopened(city)
    stored = Outbox(world.database).message(MessageKind.CHUNK, "1")

    world.settle()

    assert stored is not None
    assert world.hub.epochs[1].chunks[0][1] == stored.content
    assert Outbox(world.database).message(MessageKind.CHUNK, "1") == stored
    assert len(world.hub.epochs[1].chunks) == 2
    assert ProgressStore(world.database).finished(1, Stage.PROVING)
    world.database.close()


def test_the_list_that_is_sent_is_the_list_that_was_committed(city: World) -> None:
    to_submission(city)

    found: TokenList = city.hub.epochs[1].lists[NODE]
    committed = city.hub.epochs[1].commitments[NODE][1]
    assert len(found) == committed.count
    pieces = city.hub.epochs[1].commitments_of_pieces
    assert pieces is not None
    assert pieces.root() == committed.list_root


BEGUN_OTHERWISE = {
    "under other methodologies": ("UPDATE epoch_methodologies SET content_hash = ?", bytes(32)),
    "by a version that committed otherwise": ("UPDATE epoch_work SET part_sizes = ?", "2 1 8"),
}


@pytest.mark.parametrize("begun", BEGUN_OTHERWISE.values(), ids=BEGUN_OTHERWISE)
def test_claims_that_were_begun_otherwise_are_begun_anew(
    city: World, monkeypatch: pytest.MonkeyPatch, begun: tuple[str, object]
) -> None:
    """Half of a list under another rule would be committed, and could not be proved."""
    with monkeypatch.context() as patched:
        stop_after(patched, Stage.CLAIMING, 1)
        with pytest.raises(Killed):
            city.node.step()
    world = reopened(city)
    world.database.run(begun[0], begun[1:])
    drawn = set(world.database.rows("SELECT salt FROM claim_drafts"))

    world.settle()

    assert drawn
    assert not drawn & set(world.database.rows("SELECT salt FROM claims"))
    assert NODE in world.hub.epochs[1].commitments
    world.database.close()


# --- what people see ----------------------------------------------------------------------------


def test_the_status_of_an_epoch_names_its_work_with_what_is_done_and_what_is_left(
    city: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        stop_after(patched, Stage.CLAIMING, 2)
        with pytest.raises(Killed):
            city.node.step()
    world = reopened(city)

    (epoch,) = world.node.status().epochs

    assert (epoch.stage, epoch.work) == ("committing", "claiming")
    assert (epoch.parts_done, epoch.parts) == (2, 4)
    assert epoch.parts_per_s > 0
    world.database.close()


# --- how much is held ---------------------------------------------------------------------------


class CountingDatabase(Database):
    """A store that notes the longest answer that it gave."""

    longest = 0

    @override
    def rows(self, *args: Any, **named: Any) -> list[Any]:
        found = super().rows(*args, **named)
        self.longest = max(self.longest, len(found))
        return found

    @override
    def table(self, *args: Any) -> Any:
        found = super().table(*args)
        self.longest = max(self.longest, len(found))
        return found


@pytest.mark.usefixtures("many_parts")
def test_no_answer_of_the_store_grows_with_the_number_of_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.partner_node.world.Database", CountingDatabase)
    monkeypatch.setattr("partner_node.storage.claim_work.LEAVES_PER_PAGE", 5)
    monkeypatch.setattr("partner_node.storage.accounts._PAGE_ROWS", 5)
    longest = []
    for riders in (4, 16):
        folder = tmp_path / str(riders)
        folder.mkdir()
        world = new_world(folder)
        world.link(*(person(serial) for serial in range(1, riders + 1)))
        world.settle()
        world.record(*(ride(f"r{n}", n, at(8), minutes=20) for n in range(1, riders + 1)))
        world.clock.at_s = at(1, day=2)
        world.hub.plan(1)
        world.database.longest = 0  # type: ignore[attr-defined]
        world.settle()
        longest.append(world.database.longest)  # type: ignore[attr-defined]
        world.database.close()

    assert longest[0] == longest[1]


def stop_after(patch: pytest.MonkeyPatch, stage: Stage, parts: int) -> None:
    """Let the process die as soon as so many parts of a stage are stored."""
    honest = ProgressStore.add

    def add(store: ProgressStore, epoch: int, done: Stage, part: int) -> None:
        if done is stage and part == parts:
            raise Killed
        honest(store, epoch, done, part)

    patch.setattr(ProgressStore, "add", add)
