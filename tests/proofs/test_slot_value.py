"""One slot of a block is shown, exactly that one, with exactly its value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs import sizes, slot_value
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangeContext
from fedcarbon.proofs.range_prover import RangeWitness, encrypt_and_prove
from fedcarbon.proofs.slot_value import (
    SlotProof,
    SlotProofInvalidError,
    SlotStatement,
    prove_slot,
    verify_slot,
)
from fedcarbon.proofs.transcript import Transcript
from fedcarbon.units import Natural
from tests.chance import seeded
from tests.proofs.conftest import CAP_UG

SLOT = 1
VALUE = 970_000_000


@dataclasses.dataclass(frozen=True)
class Shown:
    """A block, and one of its slots shown."""

    key: ProofKey
    statement: SlotStatement
    witness: RangeWitness
    proof: SlotProof

    def verify(self, *, proof: dict[str, Any] | None = None, **changes: Any) -> None:
        verify_slot(
            self.key,
            dataclasses.replace(self.statement, **changes),
            dataclasses.replace(self.proof, **(proof or {})),
        )


@pytest.fixture
def shown(key: ProofKey, tables: ProverTables, context: RangeContext) -> Shown:
    chance, slots = seeded(4), key.layout.slots
    values, bounds = [0] * slots, [CAP_UG] * (slots - 1) + [0]
    values[0], values[SLOT] = 5_000, VALUE
    proved = encrypt_and_prove(
        tables, context, values=values, bounds=bounds, randbelow=chance.randrange
    )
    statement = SlotStatement(
        seal_leaf=bytes(range(34)),
        programme_id=context.programme_id,
        party_id=context.party_id,
        epoch=context.epoch,
        block=context.block,
        slot=SLOT,
        value=VALUE,
        commitment=proved.proof.commitment,
        bounds=tuple(bounds),
    )
    proof = prove_slot(key, statement, proved.witness, chance.randrange)
    return Shown(key, statement, proved.witness, proof)


def check_of(action: Callable[[], object]) -> str:
    with pytest.raises(SlotProofInvalidError) as caught:
        action()
    return caught.value.check.value


def test_every_slot_of_a_block_can_be_shown(shown: Shown) -> None:
    values = shown.witness.numbers.v
    for slot, value in enumerate(values):
        statement = dataclasses.replace(shown.statement, slot=slot, value=value)
        proof = prove_slot(shown.key, statement, shown.witness, seeded(slot).randrange)
        verify_slot(shown.key, statement, proof)


def test_slot_shows_another_value(shown: Shown) -> None:
    """The partner proves honestly by the steps, for a value that the slot does not hold."""
    lying = dataclasses.replace(shown.statement, value=VALUE - 1)
    proof = prove_slot(shown.key, lying, shown.witness, seeded(1).randrange)

    assert check_of(lambda: verify_slot(shown.key, lying, proof)) == "4"


def test_a_value_of_another_slot_is_not_this_slots(shown: Shown) -> None:
    lying = dataclasses.replace(shown.statement, slot=0)
    proof = prove_slot(shown.key, lying, shown.witness, seeded(1).randrange)

    assert check_of(lambda: verify_slot(shown.key, lying, proof)) == "4"


OTHERS: dict[str, dict[str, Any]] = {
    "another seal": {"seal_leaf": bytes(34)},
    "another programme": {"programme_id": ProgrammeId("village")},
    "another party": {"party_id": PartyId("bike")},
    "another epoch": {"epoch": EpochIndex(4)},
    "another block": {"block": 8},
    "another slot": {"slot": 2},
    "another value": {"value": VALUE + 1},
    "another bound": {"bounds": None},
    "another commitment": {"commitment": None},
}


@pytest.mark.parametrize("changes", OTHERS.values(), ids=OTHERS)
def test_slot_proof_replayed(shown: Shown, changes: dict[str, Any]) -> None:
    if "bounds" in changes:
        changes = {"bounds": (CAP_UG + 1, *shown.statement.bounds[1:])}
    if "commitment" in changes:
        square = shown.statement.commitment**2
        changes = {"commitment": shown.key.canonical(square)}

    assert check_of(lambda: shown.verify(**changes)) == "4"


ITEMS = ("seal", "programme", "party", "epoch", "block", "W", "k", "B", "j", "value", "A", "T")


@pytest.mark.parametrize("item", ["version", "parameters", *ITEMS])
def test_slot_transcript_item_left_out(
    shown: Shown, monkeypatch: pytest.MonkeyPatch, item: str
) -> None:
    """A prover that leaves one item out of its transcript is refused by an honest verifier."""
    absorb = Transcript.absorb_bytes

    def forgetful(transcript: Transcript, label: bytes, content: bytes) -> None:
        if label != item.encode():
            absorb(transcript, label, content)

    with monkeypatch.context() as weak:
        weak.setattr(Transcript, "absorb_bytes", forgetful)
        proof = prove_slot(shown.key, shown.statement, shown.witness, seeded(2).randrange)
        verify_slot(shown.key, shown.statement, proof)  # the weak variant accepts itself

    assert check_of(lambda: verify_slot(shown.key, shown.statement, proof)) == "4"


def test_generator_of_the_shown_slot_used(shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mask on g_{v,j} would let the prover move the value: there is no response for it."""
    with monkeypatch.context() as cheating:
        cheating.setattr(
            slot_value, "_with", lambda numbers, j, value: [*numbers[:j], value or 5, *numbers[j:]]
        )
        lying = prove_slot(shown.key, shown.statement, shown.witness, seeded(3).randrange)

    assert check_of(lambda: verify_slot(shown.key, shown.statement, lying)) == "4"


def test_a_response_for_the_shown_slot_is_one_too_many(shown: Shown) -> None:
    extra = (*shown.proof.responses, Natural(0))

    assert check_of(lambda: shown.verify(proof={"responses": extra})) == "1"


def test_a_response_that_is_too_long_is_refused(shown: Shown) -> None:
    """Adding the group's order times anything would still satisfy the equation."""
    position = len(shown.proof.responses) - 1  # z of the last slot, whose bound is 0
    long = [*shown.proof.responses]
    long[position] = Natural(long[position] + (1 << sizes.value_response_bits(0)))

    assert check_of(lambda: shown.verify(proof={"responses": tuple(long)})) == "3"
    blinding = 1 << sizes.blinding_response_bits(shown.key.commitment_modulus)
    assert check_of(lambda: shown.verify(proof={"blinding_response": blinding})) == "3"
    assert check_of(lambda: shown.verify(proof={"blinding_response": -1})) == "3"


def test_elements_have_one_form(shown: Shown) -> None:
    modulus = shown.key.commitment_modulus
    other = modulus - shown.proof.mask_commitment

    assert check_of(lambda: shown.verify(proof={"mask_commitment": other})) == "2"
    assert check_of(lambda: shown.verify(proof={"mask_commitment": 0})) == "2"
    assert check_of(lambda: shown.verify(commitment=modulus - shown.statement.commitment)) == "2"


@pytest.mark.parametrize(
    "changes",
    [{"slot": 99}, {"slot": -1}, {"value": -1}, {"value": CAP_UG + 1}, {"bounds": ()}],
    ids=str,
)
def test_a_statement_that_cannot_be_is_refused(shown: Shown, changes: dict[str, Any]) -> None:
    assert check_of(lambda: shown.verify(**changes)) == "1"


def test_two_proofs_of_one_slot_share_no_mask(shown: Shown) -> None:
    again = prove_slot(shown.key, shown.statement, shown.witness, seeded(5).randrange)

    assert again.mask_commitment != shown.proof.mask_commitment
    assert not set(again.responses) & set(shown.proof.responses)
