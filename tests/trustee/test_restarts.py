"""Killed at any point, or with its store gone: what a trustee promised still holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from fedcarbon.v1 import trustee_pb2
from tests.trustee.city import City
from tests.trustee.founded import ALICE, refused
from tests.trustee.opening_steps import Opening
from trustee.storage.answers import AnswerStore
from trustee.storage.database import Database, TrusteeStoreError

SUBSET = ("trustee-1", "trustee-2")
STEPS: dict[str, Callable[[Opening], object]] = {
    "mask": Opening.commit,
    "sign": Opening.log,
    "witness": lambda opening: opening.federation.have_witnessed(),
    "reveal": Opening.reveal,
    "share": Opening.share,
}


@pytest.fixture
def opening(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request], SUBSET)


@pytest.mark.parametrize("killed_after", STEPS)
def test_an_opening_survives_a_kill_after_any_step(opening: Opening, killed_after: str) -> None:
    federation = opening.federation

    for name, step in STEPS.items():
        step(opening)
        if name == killed_after:
            for trustee in federation.trustee_ids:
                federation.kill(trustee)

    assert opening.values() == {federation.places[ALICE][1]: 660}


@pytest.mark.parametrize("step", ["mask", "sign", "share"])
def test_an_answer_that_was_lost_in_a_crash_is_given_again(
    opening: Opening, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies after the work was done and before the answer was stored."""
    federation = opening.federation
    fail_once(monkeypatch, STEPS[step], opening)

    for work in STEPS.values():
        work(opening)

    assert opening.values() == {federation.places[ALICE][1]: 660}


class PowerCutError(Exception):
    """The machine stops here."""


def fail_once(
    monkeypatch: pytest.MonkeyPatch, step: Callable[[Opening], object], opening: Opening
) -> None:
    """Let every trustee die at the end of `step`, once, and be started again."""
    federation = opening.federation
    original, ask = AnswerStore.keep, federation.ask
    struck: set[str] = set()
    active: list[bool] = []

    def keep(self: AnswerStore, order_id: bytes, stored: object) -> None:
        if active:
            raise PowerCutError
        original(self, order_id, stored)  # type: ignore[arg-type]  # passed through

    def asked(name: str, **order: object) -> trustee_pb2.WorkRequest:
        if name not in struck and any(order.get(key) for key in keys_of(step)):
            struck.add(name)
            active.append(True)
            with pytest.raises(PowerCutError):
                ask(name, **order)
            active.clear()
            federation.kill(name)
        return ask(name, **order)

    monkeypatch.setattr(AnswerStore, "keep", keep)
    monkeypatch.setattr(federation, "ask", asked)


def keys_of(step: Callable[[Opening], object]) -> tuple[str, ...]:
    names = {"mask": "mask", "sign": "sign_start", "share": "share"}
    return tuple(names[name] for name, work in STEPS.items() if work is step)


def test_a_trustee_without_its_store_rebuilds_what_was_opened(opening: Opening, city: City) -> None:
    federation = opening.federation
    opening.start_witnessed()
    for name in SUBSET:
        federation.wipe(name)
    sooner = federation.request(ALICE, 3, city.alice)
    federation.witness()

    answer = federation.ask("trustee-1", mask=Opening(federation, [sooner]).mask_order())

    assert refused(answer) == "OPENING_TOO_SOON"


def test_a_lost_mask_costs_an_attempt_and_nothing_else(opening: Opening) -> None:
    federation = opening.federation
    opening.start_witnessed()
    federation.wipe("trustee-1")

    lost = federation.ask("trustee-1", reveal_mask=opening.reveal_order())
    again = Opening(federation, [opening.draft.targets[0].request_leaf], SUBSET, attempt=2)

    assert refused(lost) == "MASK_UNKNOWN"
    assert again.run() == {federation.places[ALICE][1]: 660}


def test_a_mask_that_was_shown_before_the_loss_is_enough_for_a_share(opening: Opening) -> None:
    federation = opening.federation
    opening.start_witnessed().reveal()
    federation.wipe("trustee-1")

    opening.share()

    assert opening.values() == {federation.places[ALICE][1]: 660}


def test_what_was_signed_is_remembered_though_it_was_never_logged(
    opening: Opening, city: City
) -> None:
    federation = opening.federation
    opening.commit()
    federation.ask("trustee-1", sign_start=opening.sign_order())
    federation.kill("trustee-1")
    sooner = federation.request(ALICE, 3, city.alice)
    federation.witness()

    answer = federation.ask("trustee-1", mask=Opening(federation, [sooner]).mask_order())

    assert refused(answer) == "OPENING_TOO_SOON"


def test_what_was_signed_and_never_logged_can_be_tried_again(opening: Opening) -> None:
    federation = opening.federation
    opening.commit()
    federation.ask("trustee-1", sign_start=opening.sign_order())

    again = Opening(federation, [opening.draft.targets[0].request_leaf], SUBSET, attempt=2)

    assert again.run() == {federation.places[ALICE][1]: 660}


def test_the_store_on_disk_is_the_whole_memory(
    city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trustee-1 is killed without closing its file, after every single order."""
    federation = city.federation
    path, opened = tmp_path / "trustee.db", []
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    ask = federation.ask

    def asked(name: str, **order: object) -> trustee_pb2.WorkRequest:
        if name == "trustee-1":
            federation.kill(name)
            opened.append(Database(path))
            federation.databases[federation.trustee_ids[0]] = opened[-1]
        return ask(name, **order)

    monkeypatch.setattr(federation, "ask", asked)

    values = Opening(federation, [request], SUBSET).run()

    assert values == {federation.places[ALICE][1]: 660}
    for database in opened:
        database.close()


def test_an_erased_mask_is_not_in_the_file_any_more(city: City, tmp_path: Path) -> None:
    federation = city.federation
    path = tmp_path / "trustee.db"
    database = Database(path)
    federation.databases[federation.trustee_ids[0]] = database
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request], SUBSET).start_witnessed()
    mask = federation.stored_mask("trustee-1", opening.draft)
    opening.reveal().share()
    database.run("PRAGMA wal_checkpoint(TRUNCATE)")

    content = path.read_bytes()

    assert mask not in content
    assert opening.shares["trustee-1"].proof in content
    database.close()


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trustee.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(TrusteeStoreError):
        Database(path)


def test_old_answers_are_forgotten_and_what_they_promised_is_not(
    opening: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trustee.storage.answers.ANSWERS_KEPT", 1)
    opening.start_witnessed().reveal().share()
    federation = opening.federation
    federation.ask("trustee-1", mask=opening.mask_order())

    again = federation.ask("trustee-1", share=opening.share_order())

    assert list(again.share.shares) == list(opening.shares["trustee-1"].shares)
