"""Multiplying an epoch in steps: between orders, in an order for some seconds, after a kill."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest

from fedcarbon.engine.tasks.verifying import BlockVerifier
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.products import Multiplying
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.submission.block_proofs import ProvedBlocks
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.v1 import record_pb2, trustee_pb2
from fedcarbon.wire.status import UnreachableError
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BIKE, METRO, PROGRAMME, refused
from tests.trustee.opening_steps import Opening
from trustee import multiplying
from trustee.multiplying import Multiplier, checked_once
from trustee.storage.database import Database
from trustee.trustee import Trustee
from trustee.work import WorkLoop

EPOCHS = 4
"""Sealed in the city, with a chunk of each of two partners."""


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """Whose chunks are checked, as it happens."""
    seen: list[tuple[int, str]] = []
    original = BlockVerifier.__call__

    def check(self: BlockVerifier, key: ProofKey, blocks: ProvedBlocks) -> None:
        seen.append((blocks.epoch, blocks.partner_id))
        original(self, key, blocks)

    monkeypatch.setattr(BlockVerifier, "__call__", check)
    return seen


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No time to multiply anything within an order."""
    monkeypatch.setattr(multiplying, "ORDER_WORK_S", -1)


def reading(federation: Federation) -> Trustee:
    """Return a trustee that has read the record."""
    root = federation.record.root()
    federation.ask("trustee-1", cosign=trustee_pb2.CosignOrder(root=root))
    return federation.trustee("trustee-1")


def asked(city: City, epoch: int = EPOCHS) -> Opening:
    request = city.federation.request(ALICE, epoch, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request])


def asked_over_a_wrong_seal(city: City) -> Opening:
    """Seal one more epoch, with other products, and ask for it."""
    federation = city.federation
    plan = federation.plan(5)
    parts = {name: federation.submit(name, 5, plan, {ALICE: 10**5}) for name in (METRO, BIKE)}
    federation.seal(5, plan, parts, products_root=b"p" * 32)
    federation.witness()
    return asked(city, epoch=5)


def work_off(trustee: Trustee) -> None:
    """Do all steps that there are."""
    while trustee.advance():
        pass


def mask(opening: Opening) -> trustee_pb2.WorkRequest:
    return opening.federation.ask("trustee-1", mask=opening.mask_order())


@pytest.mark.usefixtures("at_once")
def test_sealed_epochs_are_multiplied_before_anybody_asks(
    city: City, checks: list[tuple[int, str]]
) -> None:
    opening, steps = asked(city), 0
    trustee = reading(city.federation)

    while trustee.advance():
        steps += 1

    assert checks == [(epoch, name) for epoch in range(1, EPOCHS + 1) for name in (BIKE, METRO)]
    assert steps > 2 * len(checks)  # a chunk, a list of claims, and the end of an epoch: one each
    assert mask(opening).WhichOneof("answer") == "mask"
    assert not trustee.advance()


@pytest.mark.usefixtures("at_once")
def test_an_order_that_comes_too_early_is_answered_without_a_refusal(city: City) -> None:
    opening = asked(city)
    trustee = reading(city.federation)
    for _ in range(2):  # a chunk of bike, and its list
        assert trustee.advance()

    early = mask(opening)

    assert refused(early) == "PRODUCTS_PENDING"
    assert early.refused.detail == "epoch 1: 1 of 2 chunks are checked"
    assert list(early.refused.positions) == [0]
    assert early.refused.signed_refusal == b""
    database = city.federation.databases["trustee-1"]  # type: ignore[index]
    assert database.value("SELECT count(*) FROM refusals") == 0
    work_off(trustee)
    assert mask(opening).WhichOneof("answer") == "mask"


@pytest.mark.usefixtures("at_once")
def test_the_same_order_is_answered_when_the_epoch_is_multiplied(city: City) -> None:
    opening, federation = asked(city), city.federation
    order = federation.order(mask=opening.mask_order())
    trustee = federation.trustee("trustee-1")

    early = trustee.handle(order)
    work_off(trustee)

    assert (refused(early), early.refused.detail) == (
        "PRODUCTS_PENDING",
        f"epoch {EPOCHS} is not multiplied yet",
    )
    assert trustee.handle(order).WhichOneof("answer") == "mask"


def test_an_order_that_has_the_time_multiplies_what_it_needs_and_no_more(
    city: City, checks: list[tuple[int, str]]
) -> None:
    opening = asked(city, epoch=2)

    answer = mask(opening)

    assert answer.WhichOneof("answer") == "mask"
    assert {epoch for epoch, _ in checks} == {1, 2}


@pytest.mark.parametrize("steps", range(1, 8))
def test_a_trustee_that_was_killed_checks_nothing_twice(
    city: City, checks: list[tuple[int, str]], steps: int
) -> None:
    opening, federation = asked(city), city.federation
    trustee = reading(federation)
    for _ in range(steps):
        assert trustee.advance()
    before = list(checks)
    federation.kill("trustee-1")

    trustee = reading(federation)
    work_off(trustee)

    assert len(checks) == len(set(checks)) == 2 * EPOCHS
    assert checks[: len(before)] == before
    assert mask(opening).WhichOneof("answer") == "mask"
    assert (
        federation.databases["trustee-1"].value(  # type: ignore[index]
            "SELECT count(*) FROM checked_blocks"
        )
        == 0
    )


class PowerCutError(Exception):
    """The machine stops here."""


@pytest.mark.parametrize("fault", ["failed", "failed but persisted"])
@pytest.mark.parametrize("write", range(1, 3 * EPOCHS + 1))
def test_a_trustee_that_dies_in_any_write_goes_on_behind_it(
    city: City,
    checks: list[tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    write: int,
    fault: str,
) -> None:
    """Of every epoch two chunks and the products are written."""
    opening, federation = asked(city), city.federation
    trustee = reading(federation)
    transaction, writes = Database.transaction, count(1)

    @contextmanager
    def cut(database: Database) -> Iterator[None]:
        dies = next(writes) == write
        with transaction(database):
            yield
            if dies and fault == "failed":
                raise PowerCutError
        if dies:
            raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(Database, "transaction", cut)
        with pytest.raises(PowerCutError):
            work_off(trustee)
    federation.kill("trustee-1")

    trustee = reading(federation)
    work_off(trustee)

    again = 1 if write % 3 and fault == "failed" else 0  # the check whose write was lost
    assert len(checks) == 2 * EPOCHS + again
    assert mask(opening).WhichOneof("answer") == "mask"


def test_a_wrong_seal_is_told_to_who_asks_and_not_worked_on_unasked(
    city: City, checks: list[tuple[int, str]]
) -> None:
    opening = asked_over_a_wrong_seal(city)
    trustee = reading(city.federation)
    work_off(trustee)
    assert len(checks) == 2 * EPOCHS + 2

    assert not trustee.advance()
    answer = mask(opening)

    assert (refused(answer), answer.refused.signed_refusal != b"") == ("PRODUCTS_DIFFER", True)
    assert len(checks) == 2 * EPOCHS + 2  # proofs that hold are not checked again


@pytest.mark.usefixtures("at_once")
def test_what_was_found_wrong_is_told_though_an_order_has_no_time_to_find_it_again(
    city: City,
) -> None:
    opening = asked_over_a_wrong_seal(city)
    trustee = reading(city.federation)
    work_off(trustee)

    assert [refused(mask(opening)) for _ in range(2)] == ["PRODUCTS_DIFFER"] * 2


def played(
    monkeypatch: pytest.MonkeyPatch, steps: Callable[[EpochRef], Multiplying], refs: list[EpochRef]
) -> Multiplier:
    """Return a multiplier of sealed epochs whose steps are played."""
    monkeypatch.setattr(multiplying, "multiplied", lambda _view, ref, *_: steps(ref))
    reader: Any = SimpleNamespace(
        view=SimpleNamespace(epochs=SimpleNamespace(seals=dict.fromkeys(refs))), pieces=None
    )
    return Multiplier(reader, Database(":memory:"), lambda _key, _blocks: None)


def test_a_programme_whose_file_is_lost_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lost, other = (EpochRef(ProgrammeId(name), EpochIndex(1)) for name in ("a", "b"))
    begun: list[EpochRef] = []

    def steps(ref: EpochRef) -> Multiplying:
        begun.append(ref)
        yield 1
        if ref == lost:
            raise UnreachableError("the hub has no such file")
        return {0: b"product"}

    multiplier = played(monkeypatch, steps, [lost, other])

    for _ in range(2):
        while multiplier.advance():
            pass

    assert begun == [lost, other, lost]  # and again with the next order
    assert multiplier.product_of(other, 0) == b"product"


def test_a_hub_that_gives_no_file_is_asked_again(
    city: City, monkeypatch: pytest.MonkeyPatch, checks: list[tuple[int, str]]
) -> None:
    opening, federation = asked(city), city.federation
    trustee = reading(federation)
    give = federation.record.get_file
    lost = iter([True, False, True])

    def get_file(request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        if next(lost, False):
            raise UnreachableError("no connection")
        return give(request)

    monkeypatch.setattr(
        type(federation.record), "get_file", lambda _record, request: get_file(request)
    )

    assert [trustee.advance() for _ in range(3)] == [False, True, False]
    work_off(trustee)
    assert len(checks) == len(set(checks)) == 2 * EPOCHS
    assert mask(opening).WhichOneof("answer") == "mask"


BLOCKS: dict[str, dict[str, Any]] = {
    "another epoch": {"epoch": EpochIndex(2)},
    "another partner": {"partner_id": BIKE},
    "another programme": {"programme_id": ProgrammeId("another")},
    "another cap": {"cap_ug": 7},
    "other bounds": {"bounds_ug": ((5, 6),)},
    "another ciphertext": {"entries": (ChunkEntry(0, b"d", b"p"),)},
    "another proof": {"entries": (ChunkEntry(0, b"c", b"q"),)},
    "another block": {"entries": (ChunkEntry(1, b"c", b"p"),)},
    "bytes of the ciphertext in the proof": {"entries": (ChunkEntry(0, b"", b"cp"),)},
    "a block more": {"entries": (ChunkEntry(0, b"c", b"p"),) * 2, "bounds_ug": ((4, 6),) * 2},
}


@pytest.mark.parametrize("case", BLOCKS)
def test_what_was_checked_stands_for_nothing_else(city: City, case: str) -> None:
    database = Database(":memory:")
    seen: list[ProvedBlocks] = []
    key = city.federation.parameters.proof_key
    ref = EpochRef(PROGRAMME, EpochIndex(1))
    check = checked_once(lambda _key, blocks: seen.append(blocks), database, ref)
    blocks = ProvedBlocks(
        programme_id=PROGRAMME,
        partner_id=METRO,
        epoch=EpochIndex(1),
        cap_ug=MicrogramsCO2e(9),
        entries=(ChunkEntry(0, b"c", b"p"),),
        bounds_ug=((MicrogramsCO2e(4), MicrogramsCO2e(6)),),
    )
    other = dataclasses.replace(blocks, **BLOCKS[case])

    for item in (blocks, blocks, other):
        check(key, item)

    assert seen == [blocks, other]


def test_a_check_that_fails_is_not_remembered(city: City) -> None:
    database = Database(":memory:")
    calls: list[str] = []

    def fail(_key: ProofKey, blocks: ProvedBlocks) -> None:
        calls.append(blocks.partner_id)
        raise UnreachableError("the engine is away")

    ref = EpochRef(PROGRAMME, EpochIndex(1))
    check = checked_once(fail, database, ref)
    blocks = ProvedBlocks(
        programme_id=PROGRAMME,
        partner_id=METRO,
        epoch=EpochIndex(1),
        cap_ug=MicrogramsCO2e(9),
        entries=(),
        bounds_ug=(),
    )

    for _ in range(2):
        with pytest.raises(UnreachableError):
            check(city.federation.parameters.proof_key, blocks)

    assert calls == [METRO, METRO]


def test_an_order_comes_before_the_next_step(
    city: City, checks: list[tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trustee that is busy signs heads all the while, and is busy again without being told."""
    federation = city.federation
    trustee = reading(federation)
    heads = [
        federation.order(cosign=trustee_pb2.CosignOrder(root=federation.record.root()))
        for _ in range(3)
    ]
    done: list[tuple[str, int]] = []
    arrived, step = threading.Semaphore(0), Trustee.advance

    def advance(self: Trustee) -> bool:
        """Do a step, and let the next order come meanwhile."""
        found = step(self)
        if len(done) < len(heads):
            arrived.acquire()
        return found

    class Line:
        def work(
            self, answers: Iterator[trustee_pb2.WorkRequest]
        ) -> Iterator[trustee_pb2.WorkResponse]:
            next(answers)
            for order in heads:
                yield order
                arrived.release()
                done.append((next(answers).WhichOneof("answer") or "", len(checks)))
            arrived.release()
            while len(checks) < 2 * EPOCHS:
                time.sleep(0.01)
            loop.stop()

    monkeypatch.setattr(Trustee, "advance", advance)
    loop = WorkLoop(trustee, Line())
    loop.run()

    assert [kind for kind, _ in done] == ["cosign"] * 3
    assert done[-1][1] < 2 * EPOCHS
    assert len(checks) == 2 * EPOCHS
