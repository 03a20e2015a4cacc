"""Intake: every numbered rule has the attack that it stops, and the first that fails is named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.submission import intake
from fedcarbon.submission.block_proofs import block_context, verify_blocks
from fedcarbon.submission.chunk_file import FILE_MAGIC, ChunkEntry, ChunkFile, EntryShape
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.intake import (
    AdmittedChunk,
    IntakeContext,
    SubmissionPhase,
    none_received,
)
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.units import MicrogramsCO2e
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.keys.primes import TINY, load_primes
from tests.proving import proved_entry

PROOF_KEY = dealt().parameters.proof_key
KEY = PROOF_KEY.public_key
WIDTH = KEY.ciphertext_bytes
CAP_UG = MicrogramsCO2e(50_000_000_000)
BOUNDS_UG = (CAP_UG,) * (PROOF_KEY.layout.slots - 1) + (MicrogramsCO2e(0),)
SHAPE = EntryShape.of(PROOF_KEY, CAP_UG)
METRO, BIKES = PartyId("metro"), PartyId("bikes")
SIGNERS = {METRO: SigningKey(b"m" * 32), BIKES: SigningKey(b"b" * 32)}
KEYS = {name: key.public for name, key in SIGNERS.items()}
PARAMETER_ID = b"p" * 32
BLOCKS = (3, 5, 8, 9)


def entry_of(block: int, value: int = 7, *, of: int | None = None, **where: Any) -> ChunkEntry:
    """Return an entry of `block`, proved for block `of` and, with `where`, for somebody else."""
    context = block_context(ProgrammeId("shanghai"), METRO, EpochIndex(2), block)
    proved = proved_entry(
        PROOF_KEY,
        replace(context, **({"block": of} if of is not None else {}), **where),
        values=(value,) + (0,) * (len(BOUNDS_UG) - 1),
        bounds=BOUNDS_UG,
        cap_ug=CAP_UG,
        randbelow=seeded(block).randrange,
    )
    return proved._replace(block=block)


ENTRIES = {block: entry_of(block) for block in (*BLOCKS, 11)}


def chunk_of(*blocks: int, **other: bytes | ChunkEntry) -> ChunkFile:
    """Return a chunk of `blocks`; `b5=...` replaces the ciphertext or the entry of block 5."""

    def entry(block: int) -> ChunkEntry:
        given = other.get(f"b{block}", ENTRIES[block])
        return ENTRIES[block]._replace(ciphertext=given) if isinstance(given, bytes) else given

    return ChunkFile.from_entries(map(entry, blocks), SHAPE)


WHOLE = chunk_of(*BLOCKS)
CONTEXT = IntakeContext(
    key=PROOF_KEY,
    phase=SubmissionPhase.OPEN,
    plan_leaf=40,
    expected_blocks=BLOCKS,
    places_digest=b"d" * 32,
    bounds_ug=lambda _: BOUNDS_UG,
    cap_ug=CAP_UG,
    evidence_root=b"e" * 32,
    methodology_bundle=b"m" * 32,
    admitted={},
    received=none_received,
)


def header_of(chunk: ChunkFile, /, **changes: Any) -> ChunkHeader:
    fields: dict[str, Any] = {
        "parameter_id": PARAMETER_ID,
        "programme_id": ProgrammeId("shanghai"),
        "epoch": EpochIndex(2),
        "partner_id": METRO,
        "plan_leaf": 40,
        "chunk": 0,
        "chunks": 1,
        "entries": len(chunk),
        "slot_width_bits": 112,
        "slots": PROOF_KEY.layout.slots,
        "places_digest": CONTEXT.places_digest,
        "entries_root": chunk.root(),
        "file_sha256": chunk.sha256(),
        "evidence_root": b"e" * 32,
        "methodology_bundle": b"m" * 32,
    }
    return ChunkHeader(**{**fields, **changes})


def message_of(header: ChunkHeader, *signers: PartyId) -> bytes:
    return sign(header, {name: SIGNERS[name] for name in signers or (METRO,)}).to_bytes()


def admit(
    message: bytes,
    file: bytes,
    context: IntakeContext | None = CONTEXT,
    caller: PartyId = METRO,
) -> bool:
    """Apply all rules in order; return whether the submission is complete."""
    header = intake.open_header(
        message, caller=caller, partner_keys=KEYS, parameter_id=PARAMETER_ID
    )
    found = intake.require_context(header, context)
    if intake.is_replay(header, message, found):
        return False
    intake.check_header(header, found)
    chunk = intake.check_file(header, file, found)
    check = partial(verify_blocks, randbelow=seeded(9).randrange)
    intake.check_proofs(header, chunk, found, check)
    return intake.is_complete(header, chunk.blocks(), found)


def test_an_honest_submission_is_admitted_and_complete() -> None:
    assert admit(message_of(header_of(WHOLE)), WHOLE.to_bytes())


def test_the_first_of_two_chunks_is_admitted_and_leaves_the_submission_open() -> None:
    first = chunk_of(3, 5)

    assert not admit(message_of(header_of(first, chunks=2)), first.to_bytes())


def test_the_second_of_two_chunks_completes_it() -> None:
    second = chunk_of(8, 9)
    known = AdmittedChunk(header_sha256=b"h" * 32, chunks=2)
    context = replace(CONTEXT, admitted={0: known}, received={3, 5}.intersection)

    assert admit(message_of(header_of(second, chunk=1, chunks=2)), second.to_bytes(), context)


Attack = Callable[[], object]


def sent(
    chunk: ChunkFile = WHOLE, /, context: IntakeContext | None = CONTEXT, **changes: Any
) -> bool:
    """Send `chunk` under a well-signed header with other fields."""
    return admit(message_of(header_of(chunk, **changes)), chunk.to_bytes(), context)


def with_context(chunk: ChunkFile = WHOLE, /, **changes: Any) -> bool:
    return sent(chunk, replace(CONTEXT, **changes))


def forged() -> bool:
    """Metro's header with a signature by another key, under Metro's name."""
    message = sign(header_of(WHOLE), {METRO: SIGNERS[BIKES]}).to_bytes()
    return admit(message, WHOLE.to_bytes())


def one_byte_changed() -> bool:
    file = bytearray(WHOLE.to_bytes())
    file[-1] ^= 1
    return admit(message_of(header_of(WHOLE)), bytes(file))


def raw(entries: bytes) -> bool:
    """Send a file that `ChunkFile` would not make, under a header that names it."""
    file = FILE_MAGIC + entries
    header = header_of(WHOLE, file_sha256=hashlib.sha256(file).digest())
    return admit(message_of(header), file)


def other_bytes_of_an_admitted_chunk() -> bool:
    known = AdmittedChunk(header_sha256=b"h" * 32, chunks=1)
    return with_context(admitted={0: known}, received=set(BLOCKS).intersection)


def earlier(**changes: Any) -> dict[int, AdmittedChunk]:
    fields: dict[str, Any] = {"header_sha256": b"h" * 32, "chunks": 2}
    return {0: AdmittedChunk(**{**fields, **changes})}


def number(value: int) -> bytes:
    return value.to_bytes(WIDTH, "big")


def times_encrypted_one(block: int) -> bytes:
    return number(int.from_bytes(ENTRIES[block].ciphertext, "big") * (1 + KEY.n) % KEY.n_squared)


P = load_primes(TINY).p
ATTACKS: dict[str, tuple[Attack, str]] = {
    "(1) the caller is not admitted": (
        lambda: admit(message_of(header_of(WHOLE)), WHOLE.to_bytes(), caller=PartyId("ghost")),
        "NOT_ADMITTED",
    ),
    "(2) a forged signature": (forged, "SIGNATURE_INVALID"),
    "(2) signed by another partner": (
        lambda: admit(message_of(header_of(WHOLE), BIKES), WHOLE.to_bytes()),
        "SIGNATURE_INVALID",
    ),
    "(2) a second signature beside the good one": (
        lambda: admit(message_of(header_of(WHOLE), METRO, BIKES), WHOLE.to_bytes()),
        "SIGNATURE_INVALID",
    ),
    "(3) another partner's chunk": (lambda: sent(partner_id=BIKES), "SENDER_DIFFERS"),
    "(4) another parameter set": (lambda: sent(parameter_id=b"x" * 32), "PARAMETERS_DIFFER"),
    "(5) an epoch without a plan": (lambda: sent(context=None), "WRONG_EPOCH"),
    "(6) other bytes of an admitted chunk": (other_bytes_of_an_admitted_chunk, "CHUNK_DIFFERS"),
    "(7) a sealed epoch": (lambda: with_context(phase=SubmissionPhase.SEALED), "EPOCH_SEALED"),
    "(8) before the verdicts": (
        lambda: with_context(phase=SubmissionPhase.EARLY),
        "SUBMISSION_NOT_OPEN",
    ),
    "(9) no account in the snapshot": (lambda: with_context(expected_blocks=()), "NOT_IN_SNAPSHOT"),
    "(10) another plan": (lambda: sent(plan_leaf=41), "PLAN_DIFFERS"),
    "(11) another slot width": (lambda: sent(slot_width_bits=111), "LAYOUT_DIFFERS"),
    "(11) another number of slots": (lambda: sent(slots=3), "LAYOUT_DIFFERS"),
    "(12) an account elsewhere than in the record": (
        lambda: sent(places_digest=b"q" * 32),
        "HEADER_PLACES_DIFFER",
    ),
    "(13) evidence swapped after the verdicts": (
        lambda: sent(evidence_root=b"f" * 32),
        "EVIDENCE_ROOT_DIFFERS",
    ),
    "(13) evidence of a partner that missed phase 1a": (
        lambda: with_context(evidence_root=bytes(32)),
        "EVIDENCE_ROOT_DIFFERS",
    ),
    "(13) other methodologies than were committed to": (
        lambda: sent(methodology_bundle=b"n" * 32),
        "METHODOLOGY_BUNDLE_DIFFERS",
    ),
    "(13) methodologies of a partner that missed phase 1a": (
        lambda: with_context(methodology_bundle=bytes(32)),
        "METHODOLOGY_BUNDLE_DIFFERS",
    ),
    "(14) another number of chunks": (
        lambda: sent(chunk=1, chunks=3, context=replace(CONTEXT, admitted=earlier())),
        "CHUNK_COUNT_DIFFERS",
    ),
    "(15) more than 4 MiB": (lambda: raw(bytes(5 << 20)), "CHUNK_TOO_LARGE"),
    "(16) a corrupted chunk": (one_byte_changed, "FILE_HASH_DIFFERS"),
    "(17) half an entry": (lambda: raw(WHOLE.entries[:-1]), "MALFORMED_CHUNK"),
    "(17) blocks out of order": (
        lambda: raw(chunk_of(5).entries + chunk_of(3).entries),
        "BLOCK_ORDER",
    ),
    "(17) a block twice": (lambda: raw(chunk_of(5).entries * 2), "BLOCK_ORDER"),
    "(18) another root": (lambda: sent(entries_root=b"r" * 32), "ENTRIES_ROOT_DIFFERS"),
    "(18) another number of entries": (lambda: sent(entries=3), "ENTRIES_ROOT_DIFFERS"),
    "(19) a block without accounts": (lambda: sent(chunk_of(*BLOCKS, 11)), "BLOCK_NOT_EXPECTED"),
    "(20) a block of another chunk": (
        lambda: sent(
            chunk=1,
            chunks=2,
            context=replace(CONTEXT, admitted=earlier(), received={5}.intersection),
        ),
        "BLOCK_SENT_TWICE",
    ),
    "(21) ciphertext_zero": (lambda: sent(chunk_of(*BLOCKS, b5=number(0))), "CIPHERTEXT_RANGE"),
    "(21) the ciphertext is n": (
        lambda: sent(chunk_of(*BLOCKS, b5=number(KEY.n))),
        "CIPHERTEXT_NOT_UNIT",
    ),
    "(21) ciphertext_multiple_of_n": (
        lambda: sent(chunk_of(*BLOCKS, b9=number(7 * KEY.n))),
        "CIPHERTEXT_NOT_UNIT",
    ),
    "(21) a ciphertext with a factor of n": (
        lambda: sent(chunk_of(*BLOCKS, b3=number(P * 12345))),
        "CIPHERTEXT_NOT_UNIT",
    ),
    "(21) ciphertext_plus_n2": (
        lambda: sent(chunk_of(*BLOCKS, b8=number(KEY.n_squared + 1))),
        "CIPHERTEXT_RANGE",
    ),
    "(22) slot_cap_plus_one": (
        lambda: sent(chunk_of(*BLOCKS, b5=entry_of(5, CAP_UG + 1))),
        "RANGE_PROOF_INVALID",
    ),
    "(22) replay_other_block": (
        lambda: sent(chunk_of(*BLOCKS, b5=entry_of(5, of=3))),
        "RANGE_PROOF_INVALID",
    ),
    "(22) replay_other_party": (
        lambda: sent(chunk_of(*BLOCKS, b8=entry_of(8, party_id=BIKES))),
        "RANGE_PROOF_INVALID",
    ),
    "(22) replay_other_epoch": (
        lambda: sent(chunk_of(*BLOCKS, b8=entry_of(8, epoch=EpochIndex(1)))),
        "RANGE_PROOF_INVALID",
    ),
    "(22) replay_other_programme": (
        lambda: sent(chunk_of(*BLOCKS, b8=entry_of(8, programme_id=ProgrammeId("beijing")))),
        "RANGE_PROOF_INVALID",
    ),
    "(22) a mask passed off as a block": (
        lambda: sent(chunk_of(*BLOCKS, b8=entry_of(8, purpose=RangePurpose.MASK))),
        "RANGE_PROOF_INVALID",
    ),
    "(22) a challenge passed off as a block": (
        lambda: sent(chunk_of(*BLOCKS, b8=entry_of(8, purpose=RangePurpose.CHALLENGE))),
        "RANGE_PROOF_INVALID",
    ),
    "(22) caps_supplied_by_prover": (
        lambda: with_context(bounds_ug=lambda _: (MicrogramsCO2e(6), *BOUNDS_UG[1:])),
        "RANGE_PROOF_INVALID",
    ),
    "(22) ciphertext_times_enc_one": (
        lambda: sent(chunk_of(*BLOCKS, b9=times_encrypted_one(9))),
        "RANGE_PROOF_INVALID",
    ),
    "(23) a block left out": (lambda: sent(chunk_of(3, 5, 9)), "BLOCK_MISSING"),
}


@pytest.mark.parametrize(("attack", "code"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_fails_by_its_rule(attack: Attack, code: str) -> None:
    with pytest.raises(FedcarbonError) as caught:
        attack()

    assert caught.value.code == code


@pytest.mark.parametrize("guilty", BLOCKS)
def test_the_block_of_a_bad_ciphertext_is_named(guilty: int) -> None:
    chunk = chunk_of(*BLOCKS, **{f"b{guilty}": number(KEY.n)})

    with pytest.raises(FedcarbonError, match=f"^block {guilty}: "):
        sent(chunk)


def test_a_replay_needs_neither_state_nor_file() -> None:
    message = message_of(header_of(WHOLE))
    known = AdmittedChunk(header_sha256=hashlib.sha256(message).digest(), chunks=1)
    context = replace(CONTEXT, admitted={0: known}, phase=SubmissionPhase.SEALED)

    assert intake.is_replay(header_of(WHOLE), message, context)


def test_a_partner_that_missed_phase_1a_submits_with_no_evidence_and_no_methodology() -> None:
    none = bytes(32)
    context = replace(CONTEXT, evidence_root=none, methodology_bundle=none)

    assert sent(context=context, evidence_root=none, methodology_bundle=none)


def test_every_numbered_rule_of_the_module_has_an_attack() -> None:
    documented = {
        line.split(")")[0] + ")"
        for line in (intake.__doc__ or "").replace(" (", "(").splitlines()
        if line.startswith("(")
    }

    assert {name.split()[0] for name in ATTACKS} == documented
