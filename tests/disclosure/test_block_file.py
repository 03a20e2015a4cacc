"""Files of encrypted tables: whose they are, and what nobody can prove who does not know it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from fedcarbon.disclosure.block_file import (
    FILE_MAGIC,
    TableBlocksMalformedError,
    TableEntry,
    TableRef,
    entries_of,
    file_bytes,
    invalid_blocks,
    noised_sha256,
    product_of,
    proved_file,
    rows_of,
    table_tables,
    vector_of,
)
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.combine import combine
from fedcarbon.paillier.shares import decryption_share
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangeProofInvalidError, RangePurpose
from tests.chance import seeded
from tests.disclosure.shells import DISTANCE, PEOPLE_COUNTED, PROGRAMME_ID, one_way
from tests.keys.ceremonies import dealt

SHELL = one_way(3, quantities=(PEOPLE_COUNTED, DISTANCE))
"""Six values: a block and a half under the tests' key of four slots."""
MEMBERS = 100
BOUNDS = SHELL.value_bounds(MEMBERS)
VECTOR = [7, 90_000, 0, 0, 100, 4_000_000]
METRO = TableRef(
    purpose=RangePurpose.TABLE,
    programme_id=PROGRAMME_ID,
    shell_leaf=b"s" * 34,
    period=2,
    party_id=PartyId("metro"),
)
NOISE = dataclasses.replace(METRO, purpose=RangePurpose.NOISE, party_id=PartyId("trustee-1"))


@pytest.fixture(scope="module")
def key() -> ProofKey:
    return dealt().parameters.proof_key


@pytest.fixture(scope="module")
def tables(key: ProofKey) -> ProverTables:
    return table_tables(key, window_bits=4)


@pytest.fixture(scope="module")
def data(tables: ProverTables) -> bytes:
    """The file of metro's contribution."""
    return proved_file(tables, METRO, VECTOR, BOUNDS, seeded(1).randrange)


@pytest.fixture(scope="module")
def noise(tables: ProverTables) -> bytes:
    """The file of a trustee's noise."""
    drawn = [offset + at - 3 for at, offset in enumerate(SHELL.offsets())]
    return proved_file(tables, NOISE, drawn, SHELL.noise_bounds(), seeded(2).randrange)


def failures(
    key: ProofKey, ref: TableRef, entries: Sequence[TableEntry], bounds: Sequence[int]
) -> list[int]:
    """Return which blocks fail, each for a reason with its code."""
    found = invalid_blocks(key, [(ref, entries, bounds)], seeded(3).randrange)
    assert {error.code for error in found} <= {"RANGE_PROOF_INVALID"}
    assert {error.context.party_id for error in found} <= {ref.party_id}
    return [error.context.block for error in found]


def entries(key: ProofKey, data: bytes) -> list[TableEntry]:
    return entries_of(key, data, SHELL.values)


def test_an_honest_file_holds_block_by_block(key: ProofKey, data: bytes) -> None:
    assert len(data) == file_bytes(key, SHELL.values)
    assert len(entries(key, data)) == 2
    assert failures(key, METRO, entries(key, data), BOUNDS) == []


def test_noise_holds_within_its_bounds(key: ProofKey, noise: bytes) -> None:
    assert failures(key, NOISE, entries(key, noise), SHELL.noise_bounds()) == []


ELSEWHERE = {
    "as noise": dataclasses.replace(METRO, purpose=RangePurpose.NOISE),
    "of another partner": dataclasses.replace(METRO, party_id=PartyId("bike")),
    "of another period": dataclasses.replace(METRO, period=3),
    "of another shell": dataclasses.replace(METRO, shell_leaf=b"t" * 34),
    "of another programme": dataclasses.replace(METRO, programme_id=ProgrammeId("another")),
}


@pytest.mark.parametrize("ref", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_a_file_serves_only_where_it_was_proved_for(
    key: ProofKey, data: bytes, ref: TableRef
) -> None:
    """Noise reused over periods, and blocks copied from another, end here."""
    assert failures(key, ref, entries(key, data), BOUNDS) == [0, 1]


def test_blocks_in_another_order_fail(key: ProofKey, data: bytes) -> None:
    assert failures(key, METRO, entries(key, data)[::-1], BOUNDS) == [0, 1]


def test_fewer_members_in_the_record_than_the_partner_counted_fail(
    key: ProofKey, data: bytes
) -> None:
    assert failures(key, METRO, entries(key, data), SHELL.value_bounds(MEMBERS - 1)) == [0, 1]


def test_a_partner_that_does_not_bound_its_people_cannot_prove_it(
    key: ProofKey, tables: ProverTables
) -> None:
    """A person with a thousand trips, in a cell of all members."""
    too_much = [*VECTOR[:-1], BOUNDS[-1] + 40_000_000]
    own_bounds = [max(pair) for pair in zip(too_much, BOUNDS, strict=True)]
    cheating = proved_file(tables, METRO, too_much, own_bounds, seeded(4).randrange)

    assert failures(key, METRO, entries(key, cheating), BOUNDS) == [1]


def test_a_trustee_that_adds_too_much_cannot_prove_it(key: ProofKey, tables: ProverTables) -> None:
    drawn = SHELL.offsets()
    drawn[0] = 2 * drawn[0] + 1
    bounds = [max(pair) for pair in zip(drawn, SHELL.noise_bounds(), strict=True)]
    cheating = proved_file(tables, NOISE, drawn, bounds, seeded(5).randrange)

    assert failures(key, NOISE, entries(key, cheating), SHELL.noise_bounds()) == [0]


def inverse(key: ProofKey, entry: TableEntry) -> TableEntry:
    """Return the block that takes away what another adds, with the other's proof."""
    modulus = key.public_key.n**2
    value = int(pow(int.from_bytes(entry.ciphertext, "big"), -1, modulus))
    return entry._replace(ciphertext=value.to_bytes(key.public_key.ciphertext_bytes, "big"))


def test_nobody_can_prove_the_inverse_of_anothers_noise(key: ProofKey, noise: bytes) -> None:
    """With the inverse in the product the other's noise would cancel."""
    other = dataclasses.replace(NOISE, party_id=PartyId("trustee-2"))
    cancelling = [inverse(key, entry) for entry in entries(key, noise)]

    assert failures(key, other, cancelling, SHELL.noise_bounds()) == [0, 1]
    assert failures(key, NOISE, cancelling, SHELL.noise_bounds()) == [0, 1]


def test_nobody_can_hand_in_anothers_noise_as_its_own(key: ProofKey, noise: bytes) -> None:
    other = dataclasses.replace(NOISE, party_id=PartyId("trustee-2"))

    assert failures(key, other, entries(key, noise), SHELL.noise_bounds()) == [0, 1]


def test_a_slot_behind_the_end_must_be_empty(key: ProofKey, tables: ProverTables) -> None:
    """Its bound is 0, so what is hidden there cannot be proved."""
    longer = proved_file(tables, METRO, [*VECTOR, 1], [*BOUNDS, 1], seeded(6).randrange)

    assert failures(key, METRO, entries(key, longer), BOUNDS) == [1]


def test_what_was_opened_behind_the_end_is_refused(key: ProofKey) -> None:
    width = SLOT_WIDTH_BITS
    blocks = [
        sum(value << width * at for at, value in enumerate(row))
        for row in rows_of(key.layout, VECTOR)
    ]

    assert vector_of(key.layout, blocks, SHELL.values) == VECTOR
    with pytest.raises(TableBlocksMalformedError) as caught:
        vector_of(key.layout, [blocks[0], blocks[1] + (1 << 2 * width)], SHELL.values)
    assert caught.value.code == "TABLE_BLOCKS_MALFORMED"


@pytest.mark.parametrize("change", ["cut", "longer", "other magic", "empty"])
def test_other_bytes_are_no_file(key: ProofKey, data: bytes, change: str) -> None:
    changed = {
        "cut": data[:-1],
        "longer": data + b"\0",
        "other magic": b"x" + data[1:],
        "empty": FILE_MAGIC,
    }[change]

    with pytest.raises(TableBlocksMalformedError) as caught:
        entries(key, changed)
    assert caught.value.code == "TABLE_BLOCKS_MALFORMED"


def test_one_bad_file_among_many_is_named(key: ProofKey, data: bytes, noise: bytes) -> None:
    swapped = [entries(key, noise)[0], entries(key, data)[1]]

    found = invalid_blocks(
        key,
        [
            (METRO, entries(key, data), BOUNDS),
            (NOISE, swapped, SHELL.noise_bounds()),
        ],
        seeded(7).randrange,
    )

    assert [(error.context.party_id, error.context.block) for error in found] == [("trustee-1", 1)]
    assert isinstance(found[0], RangeProofInvalidError)


def test_the_product_holds_the_sum_of_contributions_and_noise(
    key: ProofKey, data: bytes, noise: bytes
) -> None:
    dealing = dealt()
    threshold_key = dealing.parameters.threshold_key
    ciphertexts = product_of(key.public_key, [entries(key, data), entries(key, noise)])

    opened = []
    for ciphertext in ciphertexts:
        number = int.from_bytes(ciphertext, "big")
        shares = {
            index: decryption_share(threshold_key, secret.paillier, number)
            for index, secret in enumerate(dealing.secrets[:3], start=1)
        }
        opened.append(combine(threshold_key, shares))

    expected = [
        value + offset + at - 3
        for at, (value, offset) in enumerate(zip(VECTOR, SHELL.offsets(), strict=True))
    ]
    assert vector_of(key.layout, opened, SHELL.values) == expected
    assert noised_sha256(ciphertexts) != noised_sha256(ciphertexts[::-1])
