"""Noise is drawn once per period, for a shell of the record, and nobody can read it anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from fedcarbon.disclosure.block_file import entries_of, file_bytes, invalid_blocks
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.v1 import trustee_pb2
from tests.chance import seeded
from tests.trustee.counting import Counting
from tests.trustee.founded import BIKE, DAY_S, METRO, PROGRAMME, SHAM
from tests.trustee.noise_sources import Chosen
from tests.trustee.release_steps import Release
from trustee.noising import Noiser
from trustee.storage.database import Database
from trustee.storage.noise_store import NoiseStore
from trustee.work import WorkLoop


def test_noise_is_a_file_of_proved_blocks_bound_to_trustee_shell_and_period(
    counting: Counting,
) -> None:
    file = Release(counting).noise_of("trustee-1")

    shell, key = counting.shell_at(counting.shells[0]), counting.parameters.proof_key
    assert len(file) == file_bytes(key, shell.values)
    entries = entries_of(key, file, shell.values)
    own = counting.table_ref(counting.ref(), "trustee-1", RangePurpose.NOISE)
    anothers = counting.table_ref(counting.ref(), "trustee-2", RangePurpose.NOISE)
    chance = seeded(1)
    assert not invalid_blocks(key, [(own, entries, shell.noise_bounds())], chance.randrange)
    assert invalid_blocks(key, [(anothers, entries, shell.noise_bounds())], chance.randrange)


def test_the_same_period_always_gets_the_same_noise(counting: Counting) -> None:
    first = Release(counting).noise_of("trustee-1")
    counting.kill("trustee-1")

    again = Release(counting).noise_of("trustee-1")

    assert again == first


def test_every_trustee_and_every_period_has_noise_of_its_own(counting: Counting) -> None:
    counting.contribute_all(counting.ref(2))

    files = {
        Release(counting, counting.ref(period)).noise_of(name)
        for period in (1, 2)
        for name in counting.trustee_ids
    }

    assert len(files) == 2 * len(counting.trustee_ids)


def test_noise_is_given_again_when_the_period_was_started(counting: Counting) -> None:
    release = Release(counting).start_witnessed()

    assert release.noise_of("trustee-1") == release.noise["trustee-1"]


def test_a_trustee_that_lost_its_noise_draws_none_after_the_start(counting: Counting) -> None:
    """Fresh noise over the same cells, with the old one, would be half as much noise."""
    release = Release(counting).start_witnessed()
    counting.wipe("trustee-1")

    assert release.noise_code("trustee-1") == "RELEASE_REPEATED"


@pytest.mark.parametrize(
    "asked",
    [
        {"programme_id": "another"},
        {"shell_leaf": 0},
        {"shell_leaf": 2**64 - 1},
        {"period": 0},
        {"period": 3},
        {"period": 2**32 - 1},
    ],
    ids=str,
)
def test_there_is_no_noise_for_what_is_no_period_of_a_shell(
    counting: Counting, asked: dict[str, Any]
) -> None:
    fields = {"programme_id": PROGRAMME, "shell_leaf": counting.shells[0], "period": 1}
    order = trustee_pb2.NoiseOrder(**{**fields, **asked})

    assert counting.ask("trustee-1", noise=order).refused.code == "SHELL_NOT_IN_RECORD"


def test_there_is_no_noise_before_the_period_is_sealed(sealed: Counting) -> None:
    later = sealed.log_shell(shell_id="later", first_epoch=4, periods=1)
    sealed.plan(4)
    sealed.witness()

    assert Release(sealed, PeriodRef(later, 1)).noise_code() == "PERIOD_NOT_OVER"


def test_partners_have_their_time_before_noise_is_drawn(sealed: Counting) -> None:
    """Epoch 3, the period of the second shell, was sealed just now: tram may still contribute."""
    ref = PeriodRef(sealed.shells[1], 1)
    for name in (METRO, BIKE, SHAM):
        sealed.contribute(ref, name)
    sealed.witness()
    assert Release(sealed, ref).noise_code() == "PERIOD_NOT_OVER"

    sealed.wait(seconds=DAY_S)
    sealed.witness()

    assert Release(sealed, ref).noise_of("trustee-1")


def test_a_crash_before_the_noise_is_stored_shows_none_of_it(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash_in(monkeypatch, counting)

    noise = Release(counting).noise_of("trustee-1")

    counting.kill("trustee-1")
    assert Release(counting).noise_of("trustee-1") == noise


class PowerCutError(Exception):
    """The machine stops here."""


def crash_in(monkeypatch: pytest.MonkeyPatch, counting: Counting) -> None:
    """Let trustee-1 die while it stores its noise."""
    keep = NoiseStore.keep

    def cut(self: NoiseStore, ref: PeriodRef, file: bytes) -> None:
        keep(self, ref, file)
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(NoiseStore, "keep", cut)
        with pytest.raises(PowerCutError):
            Release(counting).noise_of("trustee-1")
    counting.kill("trustee-1")


def test_a_crash_after_the_noise_is_stored_changes_nothing(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between the store and the answer; the noise that it stored is the noise."""
    made: list[bytes] = []
    draw = Noiser.noise

    def cut(self: Noiser, *args: Any) -> bytes:
        made.append(draw(self, *args))
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(Noiser, "noise", cut)
        with pytest.raises(PowerCutError):
            Release(counting).noise_of("trustee-1")
    counting.kill("trustee-1")

    assert Release(counting).noise_of("trustee-1") == made[0]


def test_neither_the_store_nor_the_log_holds_noise_or_what_would_tell_it(
    counting: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values in any form, and the randomness that would decrypt them or open their proofs."""
    path, drawn = tmp_path / "trustee.db", list[int]()
    database = counting.databases[counting.trustee_ids[0]] = Database(path)
    counting.noise_sources["trustee-1"] = Chosen(lambda scale: 7 * scale + 3)
    chance = seeded(3)

    class Listening:
        def randrange(self, bound: int) -> int:
            drawn.append(chance.randrange(bound))
            return drawn[-1]

        def randbytes(self, count: int) -> bytes:
            return chance.randbytes(count)

    monkeypatch.setattr(counting, "_chance", Listening())
    loop = WorkLoop(counting.trustee("trustee-1"), NoHub())

    with capture_logs() as lines:
        answer = loop._handled(counting.order(noise=Release(counting).noise_order))

    assert answer.WhichOneof("answer") == "noise"
    database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    content = path.read_bytes() + repr(lines).encode()
    assert answer.noise.file in content
    # A response of a proof is the mask itself where it hides a zero: that tells nothing.
    content = content.replace(answer.noise.file, b"")
    secrets = [number for number in drawn if number.bit_length() > 40]
    assert len(secrets) > 10
    shell = counting.shell_at(counting.shells[0])
    scale = shell.sigma(shell.quantities[1])
    noise, offset = 7 * scale + 3, shell.offset(shell.quantities[1])
    for number in (*secrets, noise, noise + offset):
        for form in forms(number):
            assert form not in content


class NoHub:
    """Nobody to dial."""

    def work(self, answers: Any) -> Any:
        raise AssertionError(answers)


def forms(number: int) -> list[bytes]:
    """Return how a number could lie in a file."""
    width = (number.bit_length() + 7) // 8
    text = str(number).encode()
    bodies = [number.to_bytes(width, "big"), number.to_bytes(width, "little")]
    return [form for form in (text, b"%x" % number, *bodies) if len(form) > 3]
