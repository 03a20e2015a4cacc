"""The node as a witness and as a watchman: what it signs, and when it raises an alarm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedcarbon.errors import MalformedError, SignatureInvalidError
from fedcarbon.transparency.checkpoint import (
    TIME_TOLERANCE_S,
    ForkedRecordError,
    TreeHead,
)
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.receipt import MERGE_DELAY_S
from fedcarbon.units import Seconds
from fedcarbon.wire.status import UnreachableError
from partner_node.record.epoch_leaves import LeafNotReadError
from partner_node.record.receipts import PromiseBrokenError
from tests.partner_node.fake_hub import HUB
from tests.partner_node.world import World, at, person


def codes(world: World) -> list[str]:
    return [text.split(":")[0] for text in world.node.status().alarms]


# --- the witness ---------------------------------------------------------------------------------


def test_a_node_signs_every_new_head_that_it_replayed_once(world: World) -> None:
    world.hub.witness()
    world.step()
    world.step()
    first = [note.text for note in world.hub.cosigned]
    world.hub.log(LeafType.SEAL, b"something")
    world.hub.witness()
    world.step()
    world.step()

    assert first == [replace(world.hub.head(), **_earlier(world, 1)).text]
    assert [note.text for note in world.hub.cosigned] == [*first, world.hub.head().text]
    assert world.hub.cosigned[-1].signatures[0].timestamp_s == world.clock.now_s()


def _earlier(world: World, leaves: int) -> dict[str, object]:
    kept = world.hub.leaves[:]
    del world.hub.leaves[-leaves:]
    head = world.hub.head()
    world.hub.leaves = kept
    return {"size": head.size, "root": head.root}


def test_a_head_without_a_quorum_is_not_signed(world: World) -> None:
    world.hub.witness(trustees=3)

    world.node.step()

    assert world.hub.cosigned == []


def test_a_head_over_other_leaves_is_not_signed(world: World) -> None:
    world.hub.log(LeafType.SEAL, b"shown to this partner")
    world.step()
    shown = world.hub.leaves[-1]
    world.hub.leaves[-1] = (commit(LeafType.SEAL, bytes(32), b"x").to_bytes(), bytes(32), b"x")
    world.hub.witness()
    world.hub.leaves[-1] = shown
    before = len(world.hub.cosigned)

    world.node.step()

    assert len(world.hub.cosigned) == before
    assert codes(world) == ["FORKED_RECORD"]


def test_a_smaller_head_is_not_signed_after_a_larger(world: World) -> None:
    world.hub.witness()
    smaller = world.hub.witnessed
    world.hub.log(LeafType.SEAL, b"something")
    world.hub.witness()
    world.step()
    world.hub.witnessed = smaller

    world.step()

    assert [note.text for note in world.hub.cosigned] == [world.hub.head().text]


def test_a_smaller_head_that_is_not_a_prefix_is_a_fork(world: World) -> None:
    world.hub.witness()
    world.step()
    kept = world.hub.leaves[:]
    world.hub.leaves[-2] = (commit(LeafType.SEAL, bytes(32), b"x").to_bytes(), bytes(32), b"x")
    world.hub.leaves.pop()
    world.hub.witness()
    world.hub.leaves = kept

    with pytest.raises(ForkedRecordError, match="differ"):
        world.step()


def test_a_cosignature_that_was_lost_is_handed_in_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.hub.witness()

    def lose(_request: object) -> None:
        raise UnreachableError("the request was lost")

    with monkeypatch.context() as patch:
        patch.setattr(world.hub, "create_cosignature", lose)
        problems = world.node.step().problems
    world.step()

    assert [(item.part, item.error.code) for item in problems][:1] == [
        ("witness", "REMOTE_UNREACHABLE")
    ]
    assert [note.text for note in world.hub.cosigned] == [world.hub.head().text]


# --- promises ------------------------------------------------------------------------------------


@pytest.fixture
def promised(world: World) -> World:
    """A node with receipts for leaves that no witnessed head covers."""
    world.hub.witness()
    world.link(person(1))
    world.settle()
    return world


def pass_time(world: World, seconds: int) -> None:
    world.clock.at_s = Seconds(world.clock.at_s + seconds)


def test_a_promise_is_not_overdue_before_its_time(promised: World) -> None:
    pass_time(promised, MERGE_DELAY_S + TIME_TOLERANCE_S)

    progress = promised.node.step()

    assert progress.alarms == ()
    assert codes(promised) == []


def test_a_leaf_that_is_not_witnessed_in_time_is_an_alarm_once(promised: World) -> None:
    pass_time(promised, MERGE_DELAY_S + TIME_TOLERANCE_S + 1)

    first, second = promised.node.step(), promised.node.step()

    assert [alarm.code for alarm in first.alarms] == ["PROMISE_OVERDUE"]
    assert "no witnessed head covers leaf" in first.alarms[0].detail
    assert second.alarms == ()
    assert codes(promised) == ["PROMISE_OVERDUE"]


def test_work_goes_on_when_the_hub_is_back_after_an_overdue_promise(promised: World) -> None:
    pass_time(promised, MERGE_DELAY_S + TIME_TOLERANCE_S + 1)
    promised.node.step()
    promised.hub.witness()

    assert promised.step().problems == ()
    assert codes(promised) == ["PROMISE_OVERDUE"]


def test_a_node_that_was_away_raises_no_alarm_for_what_was_witnessed(promised: World) -> None:
    promised.hub.witness()
    pass_time(promised, 10 * MERGE_DELAY_S)

    promised.node.step()

    assert codes(promised) == []


def test_a_leaf_that_is_not_what_was_promised_is_an_alarm_once_and_stops_the_node(
    promised: World,
) -> None:
    receipt = promised.database.row("SELECT leaf_index, leaf FROM receipts")
    assert receipt is not None
    other = receipt[1][:-1] + bytes([receipt[1][-1] ^ 1])
    promised.database.run("UPDATE receipts SET leaf = ?", [other])

    first = promised.node.step()
    second = promised.node.step()

    assert [alarm.code for alarm in first.alarms] == ["PROMISE_BROKEN"]
    assert second.alarms == ()
    for progress in (first, second):
        (problem,) = progress.problems
        assert isinstance(problem.error, PromiseBrokenError)
    assert codes(promised) == ["PROMISE_BROKEN"]
    assert len(promised.node.status().incidents) == 1


# --- checkpoints from elsewhere ------------------------------------------------------------------


def signed(world: World, head: TreeHead, key: SigningKey | None = None) -> bytes:
    return head.signed(key or world.hub.keys[HUB]).to_bytes()


def test_a_checkpoint_of_the_same_record_is_consistent(world: World) -> None:
    world.step()
    early = world.hub.head()
    world.hub.log(LeafType.SEAL, b"something")
    world.step()

    assert world.node.compare_checkpoint(signed(world, early)) == early.size
    assert world.node.compare_checkpoint(signed(world, world.hub.head())) == early.size + 1
    assert codes(world) == []


def test_forked_checkpoint_from_another_partner_names_both_roots(world: World) -> None:
    world.step()
    other = replace(world.hub.head(), root=b"f" * 32)

    with pytest.raises(ForkedRecordError) as caught:
        world.node.compare_checkpoint(signed(world, other))

    assert other.root.hex() in str(caught.value)
    assert world.hub.head().root.hex() in str(caught.value)
    assert codes(world) == ["FORKED_RECORD"]


def test_a_checkpoint_that_the_hub_did_not_sign_is_nobodys_word(world: World) -> None:
    world.step()
    other = replace(world.hub.head(), root=b"f" * 32)

    with pytest.raises(SignatureInvalidError):
        world.node.compare_checkpoint(signed(world, other, SigningKey(b"s" * 32)))

    assert codes(world) == []


def test_a_checkpoint_of_another_federation_is_refused(world: World) -> None:
    world.step()
    other = replace(world.hub.head(), parameter_id=bytes(32))

    with pytest.raises(MalformedError, match="another parameter set"):
        world.node.compare_checkpoint(signed(world, other))


def test_a_checkpoint_beyond_what_was_read_is_compared_later(world: World) -> None:
    world.step()
    world.hub.log(LeafType.SEAL, b"something")

    with pytest.raises(LeafNotReadError, match="let it run"):
        world.node.compare_checkpoint(signed(world, world.hub.head()))

    world.clock.at_s = at(13)
    world.step()
    assert world.node.compare_checkpoint(signed(world, world.hub.head())) > 0
