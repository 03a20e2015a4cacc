"""Challenges: a good build passes, every broken one is named, and nothing of them ever counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.audit.challenge import ChallengeCheck, ChallengeFinding, challenge_findings
from fedcarbon.canonical import statement as statements
from fedcarbon.cli.main import app
from fedcarbon.ids import EpochIndex
from fedcarbon.proofs import range_prover
from fedcarbon.proofs.range_proof import RangeCheck, RangeProofInvalidError, RangePurpose
from fedcarbon.proofs.range_prover import RangeJob, ValueOutOfRangeError
from fedcarbon.submission.block_proofs import ProvedBlocks, block_context, verify_blocks
from fedcarbon.submission.challenge import Challenge, challenge_context
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e, Natural
from fedcarbon.wire.power_tables import prover_tables
from partner_node.epochs import challenging
from partner_node.epochs.challenging import ChallengeValuesError
from partner_node.epochs.proving import BlockProver
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.partner_node.world import World, at, ride

PARAMETERS = dealt().parameters
SLOTS = PARAMETERS.layout.slots
VALUES = [[MicrogramsCO2e(value) for value in line] for line in ((1, 20, 300), (0,), (50_000,))]
Break = Callable[[pytest.MonkeyPatch], object]


def found(*challenges: Challenge, cap_ug: int | None = None) -> list[ChallengeFinding]:
    cap = None if cap_ug is None else MicrogramsCO2e(cap_ug)
    return challenge_findings(challenges, PARAMETERS, cap)


def checks(*challenges: Challenge, cap_ug: int | None = None) -> set[ChallengeCheck]:
    return {finding.check for finding in found(*challenges, cap_ug=cap_ug)}


def altered(challenge: Challenge, **changes: Any) -> Challenge:
    """Return a challenge with fields of its first block changed."""
    first = dataclasses.replace(challenge.blocks[0], **changes)
    return dataclasses.replace(challenge, blocks=(first, *challenge.blocks[1:]))


def test_a_good_build_passes(world: World) -> None:
    first, second = world.node.challenge(VALUES), world.node.challenge(VALUES)

    assert found(first, second, cap_ug=world.node.programme.epoch_cap_ug) == []
    assert first.blocks[0].values_ug == (1, 20, 300, *[0] * (SLOTS - 3))
    assert statements.decode(Challenge, statements.encode(first)) == first


def test_a_challenge_goes_through_the_prover_of_submissions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    used: list[BlockProver] = []
    honest = BlockProver.prove

    def prove(self: BlockProver, jobs: Any) -> Any:
        used.append(self)
        return honest(self, jobs)

    monkeypatch.setattr(BlockProver, "prove", prove)
    world.node.challenge(VALUES)
    world.settle()
    world.node.challenge(VALUES)

    assert used[0] is used[1]


# --- broken builds ------------------------------------------------------------------------------


def changes_jobs(monkeypatch: pytest.MonkeyPatch, change: Callable[[RangeJob], RangeJob]) -> None:
    honest = range_prover.encrypt_and_prove_all
    monkeypatch.setattr(
        "partner_node.epochs.proving.encrypt_and_prove_all",
        lambda tables, jobs: honest(tables, [change(job) for job in jobs]),
    )


def packs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    changes_jobs(monkeypatch, lambda job: job._replace(values=tuple(reversed(job.values))))


def adds_a_gram(monkeypatch: pytest.MonkeyPatch) -> None:
    def generous(job: RangeJob) -> RangeJob:
        return job._replace(values=(job.values[0] + 1, *job.values[1:]))

    changes_jobs(monkeypatch, generous)


def proves_another_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partner_node.epochs.proving.verify_all", lambda *_: None)
    changes_jobs(
        monkeypatch, lambda job: job._replace(bounds=tuple(bound - 2 for bound in job.bounds))
    )


def encrypts_for_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table holds powers of another number than H."""
    monkeypatch.setattr("partner_node.epochs.proving.verify_all", lambda *_: None)
    monkeypatch.setattr("fedcarbon.paillier.cipher.blinding_base", lambda _: 4)
    built_anew = prover_tables.__wrapped__  # none that were kept from before
    monkeypatch.setattr("partner_node.epochs.proving.prover_tables", built_anew)


def draws(monkeypatch: pytest.MonkeyPatch, randomisers: Callable[[], int]) -> None:
    """Have the prover take s from another source than everything else."""
    bound_of_s = 1 << PARAMETERS.public_key.randomiser_bits

    def drawing(job: RangeJob) -> RangeJob:
        def below(bound: int) -> int:
            return randomisers() if bound == bound_of_s else job.randbelow(bound)

        return job._replace(randbelow=below)

    changes_jobs(monkeypatch, drawing)


S = seeded(4).getrandbits(PARAMETERS.public_key.randomiser_bits)


def never_draws_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, lambda: S)


def draws_short_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, partial(seeded(5).getrandbits, 100))


def counts_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A counter in the lowest bits of a number that was drawn once."""
    numbers = count(S)
    draws(monkeypatch, lambda: next(numbers))


def draws_bits_that_lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three of four bits are ones."""
    chance, bits = seeded(6), PARAMETERS.public_key.randomiser_bits
    draws(monkeypatch, lambda: chance.getrandbits(bits) | chance.getrandbits(bits))


BROKEN: dict[str, tuple[Break, set[ChallengeCheck]]] = {
    "packs the slots backwards": (packs_backwards, {ChallengeCheck.PACKING}),
    "adds a microgram": (adds_a_gram, {ChallengeCheck.PACKING}),
    "proves under another cap": (proves_another_cap, {ChallengeCheck.PROOF}),
    "encrypts with another base": (
        encrypts_for_somebody_else,
        {ChallengeCheck.ENCRYPTION, ChallengeCheck.PROOF},
    ),
    "repeats its randomness": (never_draws_anew, {ChallengeCheck.RANDOMISER_REPEATED}),
    "draws short randomness": (
        draws_short_numbers,
        {ChallengeCheck.RANDOMISER_BIASED, ChallengeCheck.RANDOMISER_REPEATED},
    ),
    "draws bits that lean": (draws_bits_that_lean, {ChallengeCheck.RANDOMISER_BIASED}),
    "counts instead of drawing": (counts_up, {ChallengeCheck.RANDOMISER_REPEATED}),
}


@pytest.mark.parametrize("build", BROKEN)
def test_a_broken_build_is_found_out(
    world: World, monkeypatch: pytest.MonkeyPatch, build: str
) -> None:
    breaks, expected = BROKEN[build]
    breaks(monkeypatch)

    assert checks(world.node.challenge(VALUES)) == expected


def test_one_s_in_two_challenges_is_found_only_when_both_are_brought(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    never_draws_anew(monkeypatch)
    first, second = world.node.challenge(VALUES[:1]), world.node.challenge(VALUES[:1])

    assert found(first) == found(second) == []
    (finding,) = found(first, second)
    assert finding.check is ChallengeCheck.RANDOMISER_REPEATED
    assert first.challenge_id.hex()[:16] in finding.text
    assert second.challenge_id.hex()[:16] in finding.subject


def test_a_node_under_another_cap_or_parameter_set_is_found_out(world: World) -> None:
    made = world.node.challenge(VALUES)

    assert checks(made, cap_ug=made.cap_ug + 1) == {ChallengeCheck.CAP}
    assert checks(dataclasses.replace(made, parameter_id=b"x" * 32)) == {ChallengeCheck.PARAMETERS}


LIES: dict[str, tuple[Callable[[Challenge], Challenge], set[ChallengeCheck]]] = {
    "other values than were encrypted": (
        lambda made: altered(made, values_ug=(MicrogramsCO2e(7), *made.blocks[0].values_ug[1:])),
        {ChallengeCheck.PACKING},
    ),
    "another s": (
        lambda made: altered(made, randomiser=Natural(made.blocks[0].randomiser ^ 1 << 20)),
        {ChallengeCheck.ENCRYPTION},
    ),
    "an s without end": (
        lambda made: altered(made, randomiser=Natural((1 << 100_000) // 3)),  # half of it ones
        {ChallengeCheck.RANDOMISER_LENGTH, ChallengeCheck.RANDOMISER_BIASED},
    ),
    "a slot too few": (
        lambda made: altered(made, values_ug=made.blocks[0].values_ug[:-1]),
        {ChallengeCheck.LAYOUT},
    ),
    "a proof cut short": (
        lambda made: altered(made, proof=made.blocks[0].proof[:-1]),
        {ChallengeCheck.LAYOUT},
    ),
    "the proof of another block": (
        lambda made: altered(made, proof=made.blocks[1].proof),
        {ChallengeCheck.PROOF},
    ),
    "a ciphertext of zero": (
        lambda made: altered(made, ciphertext=bytes(len(made.blocks[0].ciphertext))),
        {ChallengeCheck.ENCRYPTION, ChallengeCheck.PROOF},
    ),
    "the id of another challenge": (
        lambda made: dataclasses.replace(made, challenge_id=b"y" * 32),
        {ChallengeCheck.PROOF},
    ),
    "a value above the cap": (
        lambda made: altered(
            made, values_ug=(MicrogramsCO2e(made.cap_ug + 1), *made.blocks[0].values_ug[1:])
        ),
        {ChallengeCheck.VALUE, ChallengeCheck.PACKING},
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_challenge_that_lies_is_found_out(world: World, lie: str) -> None:
    change, expected = LIES[lie]

    assert checks(change(world.node.challenge(VALUES))) == expected


# --- what must never count ----------------------------------------------------------------------


def proved_blocks(made: Challenge) -> ProvedBlocks:
    """Return the blocks of a challenge as if they were submitted."""
    entries = [
        ChunkEntry(number, block.ciphertext, block.proof)
        for number, block in enumerate(made.blocks)
    ]
    return ProvedBlocks(
        programme_id=made.programme_id,
        partner_id=made.partner_id,
        epoch=EpochIndex(1),
        cap_ug=made.cap_ug,
        entries=tuple(entries),
        bounds_ug=((made.cap_ug,) * SLOTS,) * len(entries),
    )


def test_a_challenge_replayed_as_blocks_does_not_count(world: World) -> None:
    """Hub, trustees and auditors all check submissions through `verify_blocks`."""
    with pytest.raises(RangeProofInvalidError) as caught:
        verify_blocks(
            PARAMETERS.proof_key, proved_blocks(world.node.challenge(VALUES)), seeded(1).randrange
        )

    assert caught.value.code == "RANGE_PROOF_INVALID"
    assert caught.value.check is RangeCheck.COMMITMENT
    assert caught.value.context.purpose is RangePurpose.BLOCK


def test_a_real_block_passed_off_as_a_challenge_is_found_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its proof is bound to the purpose of a block, whoever knows its s."""

    def of_a_block(programme_id: Any, partner_id: Any, challenge_id: bytes, block: int) -> Any:
        del challenge_id
        return block_context(programme_id, partner_id, EpochIndex(1), block)

    monkeypatch.setattr(challenging, "challenge_context", of_a_block)
    made = world.node.challenge(VALUES)

    verify_blocks(PARAMETERS.proof_key, proved_blocks(made), seeded(1).randrange)  # it is real
    assert checks(made) == {ChallengeCheck.PROOF}


def test_a_challenge_leaves_nothing_in_the_store_and_nothing_at_the_hub(riders: World) -> None:
    riders.record(ride("a", 1, at(8)))
    before = len(riders.hub.received), len(riders.hub.leaves)

    riders.node.challenge(VALUES)

    assert (len(riders.hub.received), len(riders.hub.leaves)) == before
    assert riders.database.number("SELECT count(*) FROM messages WHERE kind = 'chunk'") == 0


def test_the_contexts_of_a_block_and_of_a_challenge_differ_in_purpose(world: World) -> None:
    programme = world.node.programme.programme_id
    context = challenge_context(programme, world.node.party_id, b"c" * 32, 0)

    assert context.purpose is RangePurpose.CHALLENGE
    assert context.epoch == 0


# --- what can be asked --------------------------------------------------------------------------


@pytest.mark.parametrize("blocks", [[], [[MicrogramsCO2e(0)] * (SLOTS + 1)]])
def test_a_vector_that_no_block_can_hold_is_refused(world: World, blocks: list[Any]) -> None:
    with pytest.raises(ChallengeValuesError):
        world.node.challenge(blocks)


def test_a_value_above_the_cap_cannot_be_challenged(world: World) -> None:
    cap_ug = world.node.programme.epoch_cap_ug

    with pytest.raises(ValueOutOfRangeError):
        world.node.challenge([[MicrogramsCO2e(cap_ug + 1)]])


# --- the auditor's command ----------------------------------------------------------------------


def run(tmp_path: Path, *challenges: Challenge, options: tuple[str, ...] = ()) -> int:
    """Run `fedcarbon audit challenge` and return its exit code."""
    parameters = tmp_path / "parameters.dsse.json"
    parameters.write_bytes(dealt().signed_parameters.to_bytes())
    paths = []
    for number, made in enumerate(challenges):
        paths.append(tmp_path / f"challenge-{number}.json")
        paths[-1].write_bytes(statements.encode(made))
    arguments = ["audit", "challenge", *map(str, paths), "--parameters", str(parameters), *options]
    with pytest.raises(SystemExit) as ended:
        app(arguments)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_the_command_accepts_a_good_build(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = world.node.challenge(VALUES)
    options = ("--cap-ug", str(world.node.programme.epoch_cap_ug), "--show-values")

    assert run(tmp_path, made, world.node.challenge(VALUES), options=options) == 0
    shown = capsys.readouterr().out
    assert "6 blocks: packed, encrypted and proved as they should be" in shown
    assert "1,20,300,0" in shown


def test_the_command_says_when_a_file_is_of_no_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 2
    assert "CHALLENGE_INPUT" in capsys.readouterr().out


def test_the_command_names_what_is_wrong(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = altered(world.node.challenge(VALUES), proof=b"")

    assert run(tmp_path, made) == 1
    assert "OTHER_LAYOUT: challenge" in capsys.readouterr().out
