"""Seals that a trustee does not open over: it multiplies only what was owed, and all of it.

Epoch 5 is the one under attack. Metro owes two blocks in it, bike one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId
from fedcarbon.opening.products import products_root_of
from fedcarbon.submission.chunk_file import ChunkFile
from tests.proving import unproved_entry
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BIKE, METRO, SHAM, refused
from tests.trustee.opening_steps import Opening

OTHERS = [bytes([letter]) * 32 for letter in b"CDEF"]
VALUES = {METRO: {ALICE: 100_000}, BIKE: {ALICE: 500_000}}


@pytest.fixture
def wide(city: City) -> City:
    """A city in which metro has accounts in two blocks."""
    city.federation.enrol(METRO, OTHERS)
    return city


def submitted(federation: Federation, plan: int, **changes: Any) -> dict[PartyId, list[int]]:
    """Log what both partners owe, and what metro sends otherwise."""
    blocks = changes.pop("blocks", (0, 1))
    return {
        METRO: federation.submit(METRO, 5, plan, VALUES[METRO], blocks, **changes),
        BIKE: federation.submit(BIKE, 5, plan, VALUES[BIKE]),
    }


def product_sha256(federation: Federation) -> bytes:
    """Return the hash of block 0 up to epoch 5, if it can be multiplied at all."""
    try:
        return hashlib.sha256(federation.products(5)[0]).digest()
    except FedcarbonError:
        return b"p" * 32


def code_of(city: City) -> str:
    """Return why a trustee does not open Alice's account up to epoch 5; empty if it does."""
    federation = city.federation
    federation.witness()
    request = federation.request(ALICE, 5, city.alice)
    federation.witness()
    opening = Opening(federation, [request], product_sha256=product_sha256(federation))

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    return "" if answer.WhichOneof("answer") == "mask" else refused(answer)


def test_what_is_owed_is_multiplied(wide: City) -> None:
    federation = wide.federation
    plan = federation.plan(5)
    federation.seal(5, plan, submitted(federation, plan))

    assert code_of(wide) == ""


def left_out_partner(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    federation.seal(5, plan, {METRO: parts[METRO]})


def invented_partner(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    sham = federation.submit(SHAM, 5, plan, {ALICE: 40_000_000_000})
    federation.seal(5, plan, {**parts, SHAM: sham})


def left_out_chunk(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    federation.seal(5, plan, {**parts, METRO: parts[METRO][:1]})


def left_out_block(federation: Federation, plan: int) -> None:
    federation.seal(5, plan, submitted(federation, plan, blocks=(0,)))


def unexpected_block(federation: Federation, plan: int) -> None:
    federation.seal(5, plan, submitted(federation, plan, blocks=(0, 1, 2)))


def chunk_twice(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    first = parts[METRO][0]
    federation.seal(5, plan, {**parts, METRO: [first, first]})


def chunks_out_of_order(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    federation.seal(5, plan, {**parts, METRO: parts[METRO][::-1]})


def block_in_two_chunks(federation: Federation, plan: int) -> None:
    """Two submissions of metro sewn together, so that the hub chooses between two numbers."""
    chunks = [
        federation.submit(METRO, 5, plan, {}, blocks, 2, chunk=number, chunks=2)[0]
        for number, blocks in enumerate(([0], [0, 1]))
    ]
    bike = federation.submit(BIKE, 5, plan, VALUES[BIKE])
    federation.seal(5, plan, {METRO: chunks, BIKE: bike})


def chunk_of_the_epoch_before(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    old = federation.view().epochs.seals
    earlier = max(old.items(), key=lambda item: item[0].epoch)[1].statement.parts
    bike = next(part for part in earlier if part.partner_id == BIKE)
    federation.seal(5, plan, {**parts, BIKE: list(bike.header_leaves)})


def chunk_of_another_partner(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    federation.seal(5, plan, {**parts, BIKE: parts[METRO][:1]})


def leaf_that_is_no_header(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    federation.seal_as_is(5, plan, {**parts, BIKE: [plan]})


def file_that_is_no_chunk(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    digest = hashlib.sha256(b"no chunk").digest()
    federation.record.files[digest] = b"no chunk"
    bike = federation.submit(BIKE, 5, plan, {}, file_sha256=digest)
    federation.seal_as_is(5, plan, {**parts, BIKE: bike})


def account_without_a_place(federation: Federation, _plan: int) -> None:
    """Nobody could say which block its partner owes."""
    federation.record.leaves.pop()  # the plan
    federation.enrol(METRO, [b"G" * 32])
    federation.record.leaves.pop()  # its place
    plan = federation.plan(5)
    federation.seal(5, plan, submitted(federation, plan))


def chunk_after_the_seal(federation: Federation, plan: int) -> None:
    """The seal names leaves that are yet to come: what they will hold, the hub decides later."""
    draft = submitted(federation, plan)
    products = federation.products(5, draft)
    del federation.record.leaves[min(map(min, draft.values())) :]
    later = {name: [leaf + 1 for leaf in leaves] for name, leaves in draft.items()}
    root = products_root_of(products)
    federation.seal_as_is(5, plan, later, blocks=len(products), products_root=root)
    submitted(federation, plan)


def seal_with_another_plan(federation: Federation, plan: int) -> None:
    federation.seal(5, plan - 1, submitted(federation, plan))


def changed_file(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    federation.seal(5, plan, parts)
    digest = federation.view().epochs.headers[parts[BIKE][0]].statement.file_sha256
    file = federation.record.files[digest]
    federation.record.files[digest] = file[:-1] + bytes([file[-1] ^ 1])


def wrong_entries_root(federation: Federation, plan: int) -> None:
    federation.seal(5, plan, submitted(federation, plan, entries_root=b"r" * 32))


def wrong_layout(federation: Federation, plan: int) -> None:
    federation.seal(5, plan, submitted(federation, plan, slots=1))


def ciphertext_that_is_no_unit(federation: Federation, plan: int) -> None:
    parts = submitted(federation, plan)
    key, cap_ug = federation.parameters.proof_key, federation.programme.epoch_cap_ug
    bad = ChunkFile.from_entries(
        [unproved_entry(key, 0, key.public_key.n, cap_ug)], federation.entry_shape
    )
    federation.record.files[bad.sha256()] = bad.to_bytes()
    root, digest = bad.root(), bad.sha256()
    bike = federation.submit(BIKE, 5, plan, {}, entries_root=root, file_sha256=digest)
    federation.seal_as_is(5, plan, {**parts, BIKE: bike})


def wrong_products(federation: Federation, plan: int) -> None:
    federation.seal(5, plan, submitted(federation, plan), products_root=b"p" * 32)


def wrong_number_of_blocks(federation: Federation, plan: int) -> None:
    federation.seal(5, plan, submitted(federation, plan), blocks=1)


def not_sealed(federation: Federation, plan: int) -> None:
    submitted(federation, plan)


SEALS: dict[str, tuple[Callable[[Federation, int], None], str]] = {
    "a partner is left out": (left_out_partner, "INCOMPLETE_SEAL"),
    "a partner is invented": (invented_partner, "INCOMPLETE_SEAL"),
    "incomplete_seal": (left_out_chunk, "INCOMPLETE_SEAL"),
    "a block is left out": (left_out_block, "INCOMPLETE_SEAL"),
    "a block is not owed": (unexpected_block, "INCOMPLETE_SEAL"),
    "a chunk stands twice": (chunk_twice, "INCOMPLETE_SEAL"),
    "chunks are out of order": (chunks_out_of_order, "INCOMPLETE_SEAL"),
    "a block stands in two chunks": (block_in_two_chunks, "INCOMPLETE_SEAL"),
    "a chunk of the epoch before": (chunk_of_the_epoch_before, "INCOMPLETE_SEAL"),
    "a chunk of another partner": (chunk_of_another_partner, "INCOMPLETE_SEAL"),
    "a leaf is no header": (leaf_that_is_no_header, "INCOMPLETE_SEAL"),
    "a file is no chunk": (file_that_is_no_chunk, "CHUNK_FILE_DIFFERS"),
    "an account has no place": (account_without_a_place, "RECORD_VIOLATION"),
    "a chunk that came after the seal": (chunk_after_the_seal, "INCOMPLETE_SEAL"),
    "another plan": (seal_with_another_plan, "INCOMPLETE_SEAL"),
    "a file was changed": (changed_file, "CHUNK_FILE_DIFFERS"),
    "the entries have another root": (wrong_entries_root, "CHUNK_FILE_DIFFERS"),
    "another layout": (wrong_layout, "CHUNK_FILE_DIFFERS"),
    "a ciphertext is n": (ciphertext_that_is_no_unit, "RANGE_PROOF_INVALID"),
    "the products have another root": (wrong_products, "PRODUCTS_DIFFER"),
    "another number of blocks": (wrong_number_of_blocks, "PRODUCTS_DIFFER"),
    "there is no seal": (not_sealed, "EPOCH_NOT_SEALED"),
}


@pytest.mark.parametrize("name", SEALS)
def test_a_trustee_does_not_open_over(wide: City, name: str) -> None:
    attack, code = SEALS[name]
    plan = wide.federation.plan(5)
    attack(wide.federation, plan)

    assert code_of(wide) == code


def test_an_epoch_is_not_planned_before_it_is_over(wide: City) -> None:
    federation = wide.federation
    before = federation.clock.at_s
    plan = federation.plan(5)
    federation.clock.at_s = before  # the hub's clock is not the trustees'
    federation.seal(5, plan, submitted(federation, plan))

    assert code_of(wide) == "PLAN_TOO_EARLY"


def test_a_file_that_the_hub_does_not_give_is_asked_for_again(wide: City) -> None:
    federation = wide.federation
    plan = federation.plan(5)
    parts = submitted(federation, plan)
    federation.seal(5, plan, parts)
    digest = federation.view().epochs.headers[parts[BIKE][0]].statement.file_sha256
    true_file = federation.record.files[digest]
    federation.record.files[digest] = b""
    assert code_of(wide) == "CHUNK_FILE_DIFFERS"

    federation.record.files[digest] = true_file

    assert code_of(wide) == ""
