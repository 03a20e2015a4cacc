"""The register of parsers: every function that makes something of foreign bytes or text.

Each stands here with the one error, or the few documented ones, that it promises, and with valid
examples that the fuzzer bends. `test_register` fails when a parser is missing. Readers of whole
files lie in `test_files`, because they need a disk.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Final

from fedcarbon.audit.source import LeafLine, LeafLineMalformedError
from fedcarbon.audit.view import head_times
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError, SignatureInvalidError
from fedcarbon.identity.dleq import DleqProof
from fedcarbon.identity.ristretto import (
    ElementInvalidError,
    Scalar,
    ScalarInvalidError,
    element,
    multiply_base,
    scalar_from_bytes,
)
from fedcarbon.ledger.batch import LedgerBatchInvalidError, replay
from fedcarbon.opening.violations import LeafInvalidError
from fedcarbon.paillier.cipher import (
    CiphertextLengthError,
    CiphertextNotUnitError,
    CiphertextRangeError,
    ciphertext_from_bytes,
)
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.proofs.commitments import SlotNumbers
from fedcarbon.proofs.link import LinkProofShape
from fedcarbon.proofs.range_proof import RangeProofShape
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.redemption.rail_day_json import rail_day_from_json, rail_day_json
from fedcarbon.redemption.suspense import (
    Destination,
    Operators,
    OperatorUnknownError,
    SuspenseRelease,
    opened_release,
)
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.signed_message import (
    NotAdmittedError,
    ParametersDifferError,
    SenderDiffersError,
    open_message,
)
from fedcarbon.transparency.checkpoint import (
    QuorumMissingError,
    TreeHead,
    WitnessKeys,
    head_in,
    witnessed,
)
from fedcarbon.transparency.envelope import Envelope, open_signed, sign
from fedcarbon.transparency.leaf import Leaf, LeafType
from fedcarbon.transparency.merkle import leaf_hash, root_of
from fedcarbon.transparency.merkle_proofs import (
    InclusionProofInvalidError,
    inclusion_proof,
    verify_inclusion,
)
from fedcarbon.transparency.note import NoteSignature, SignedNote
from fedcarbon.transparency.tiles import entries_in, entry_bundle
from tests.fuzz.file_parsers import of_files
from tests.fuzz.parser import Errors, Parser, simple
from tests.fuzz.rail_parsers import of_rails
from tests.fuzz.release_parsers import of_releases
from tests.fuzz.statement_examples import payloads, statement_classes
from tests.fuzz.text_parsers import of_money, of_names, of_values
from tests.house.examples import parties
from tests.house.examples.parties import METRO
from tests.house.examples.whole import opening, record
from tests.redemption.drawn_days import HONEST, DrawnDay

RELEASERS: Final = Operators(
    parameter_id=b"p" * 32, keys={parties.BANK: parties.key_of(parties.BANK).public}
)
LINK_SHAPE: Final = LinkProofShape(
    slots=3,
    element_bytes=64,
    response_bytes=40,
    delta_bytes=35,
    blinding_bytes=90,
    delta_blinding_bytes=80,
)
SHAPE: Final = RangeProofShape(
    slots=3,
    element_bytes=64,
    ciphertext_bytes=128,
    response_bytes=31,
    blinding_bytes=110,
    randomiser_bytes=60,
)


def some_envelopes() -> list[bytes]:
    """Return one signed body of every type of leaf."""
    return list({item.type: item.body for item in record().leaves}.values())


def headers() -> list[bytes]:
    """Return the metro's signed chunk headers."""
    signed = [item.body for item in record().of_type(LeafType.CHUNK_HEADER)]
    return [body for body in signed if Envelope.from_bytes(body).signatures[0].keyid == METRO]


def opened_header(data: bytes) -> ChunkHeader:
    """Open what came as the signed chunk header of the metro."""
    return open_message(
        ChunkHeader,
        data,
        sender=METRO,
        keys={METRO: parties.key_of(METRO).public},
        named_in=lambda header: header.partner_id,
        parameter_id=parties.parameters().parameter_id,
    )


def leaf_lines() -> list[bytes]:
    """Return the lines of `leaves.txt`."""
    return [
        LeafLine(
            index=item.index,
            leaf=item.leaf,
            salt=item.salt,
            body_sha256=hashlib.sha256(item.body).digest(),
        ).to_bytes()
        for item in record().leaves
    ]


def notes() -> list[bytes]:
    """Return the checkpoints of the record."""
    return [head.note for head in record().heads]


def head_of(data: bytes) -> object:
    """Take bytes as the checkpoint that a quorum signed."""
    return witnessed(
        data,
        WitnessKeys(
            hubs={parties.HUB: parties.key_of(parties.HUB).public},
            trustees={name: parties.key_of(name).public for name in parties.TRUSTEES},
            partners={METRO: parties.key_of(METRO).public},
        ),
        parameter_id=parties.parameters().parameter_id,
        threshold=parties.THRESHOLD,
    )


def proof_of_leaf() -> bytes:
    """Return the hashes of the proof that `leaf_of` checks."""
    leaves = [item.leaf for item in record().leaves]

    def subtree(level: int, index: int) -> bytes:
        return root_of(leaves[index << level : (index + 1) << level])

    return b"".join(inclusion_proof(subtree, 3, len(leaves)))


def leaf_of(data: bytes) -> None:
    """Take bytes as the proof that leaf 3 stands among the leaves of the record."""
    leaves = [item.leaf for item in record().leaves]
    verify_inclusion(
        [data[start : start + 32] for start in range(0, len(data), 32)],
        index=3,
        size=len(leaves),
        leaf_hash=leaf_hash(leaves[3]),
        root=root_of(leaves),
    )


def signed_envelope(data: bytes) -> object:
    """Open what came as a chunk header of anybody."""
    keys = {name: parties.key_of(name).public for name in parties.ROLES}
    return open_signed(ChunkHeader, data, keys, signers=keys.keys())


def opened_suspense_release(data: bytes) -> object:
    """Open what came as the bank's release of money from suspense."""
    return opened_release(data, RELEASERS)


def releases() -> list[bytes]:
    """Return a release that the bank has signed."""
    release = SuspenseRelease(
        parameter_id=RELEASERS.parameter_id,
        item_id=bytes(16),
        destination=Destination.FLOAT,
        reason="returned",
        operator=parties.BANK,
    )
    return [sign(release, {parties.BANK: parties.key_of(parties.BANK)}).to_bytes()]


def rail_days() -> list[bytes]:
    """Return a day of a rail with every kind of line."""
    day = DrawnDay()
    for story in HONEST.values():
        story(day, 100)
    return [rail_day_json(day.rail())]


def share_proofs() -> list[bytes]:
    """Return the proofs of the record's opening."""
    key = parties.parameters().threshold_key
    return [batch.proof.to_bytes(key) for batch in opening().shares]


def _statement(kind: str, cls: type[Statement]) -> Parser:
    return Parser(
        name=f"fedcarbon.canonical.statement:decode {kind}",
        parse=partial(statements.decode, cls),
        errors=(MalformedError,),
        examples=lambda: payloads()[kind],
    )


def parsers() -> list[Parser]:
    """Return the register."""
    return [
        *(_statement(kind, cls) for kind, cls in sorted(statement_classes().items())),
        *_of_the_record(),
        *of_files(),
        *of_releases(),
        *_of_numbers(),
        *of_names(),
        *of_money(),
        *of_values(),
        *of_rails(),
    ]


def _of_the_record() -> list[Parser]:
    unsigned: Errors = (MalformedError, SignatureInvalidError)
    return [
        Parser(
            name="fedcarbon.canonical.statement:kind_of",
            parse=statements.kind_of,
            errors=(MalformedError,),
            examples=lambda: [texts[0] for texts in payloads().values()],
        ),
        Parser(
            name="fedcarbon.transparency.envelope:Envelope.from_bytes",
            parse=Envelope.from_bytes,
            errors=(MalformedError,),
            examples=some_envelopes,
        ),
        Parser(
            name="fedcarbon.transparency.envelope:open_signed",
            parse=signed_envelope,
            errors=unsigned,
            examples=headers,
        ),
        Parser(
            name="fedcarbon.redemption.rail_day_json:rail_day_from_json",
            parse=rail_day_from_json,
            errors=(MalformedError,),
            examples=rail_days,
        ),
        Parser(
            name="fedcarbon.redemption.suspense:opened_release",
            parse=opened_suspense_release,
            errors=(*unsigned, OperatorUnknownError, ParametersDifferError),
            examples=releases,
        ),
        Parser(
            name="fedcarbon.submission.signed_message:open_message",
            parse=opened_header,
            errors=(*unsigned, NotAdmittedError, SenderDiffersError, ParametersDifferError),
            examples=headers,
        ),
        *_of_heads(),
        Parser(
            name="fedcarbon.transparency.leaf:Leaf.from_bytes",
            parse=Leaf.from_bytes,
            errors=(MalformedError,),
            examples=lambda: [item.leaf for item in record().leaves],
        ),
        Parser(
            name="fedcarbon.audit.source:LeafLine.parse",
            parse=LeafLine.parse,
            errors=(LeafLineMalformedError,),
            examples=leaf_lines,
        ),
        Parser(
            name="fedcarbon.ledger.batch:replay",
            parse=lambda data: replay([data], parties.parameters().parameter_id),
            errors=(LedgerBatchInvalidError,),
            examples=lambda: payloads()["ledger_batch"],
        ),
    ]


def _of_heads() -> list[Parser]:
    texts = [SignedNote.from_bytes(note) for note in notes()]
    return [
        Parser(
            name="fedcarbon.transparency.note:SignedNote.from_bytes",
            parse=SignedNote.from_bytes,
            errors=(MalformedError,),
            examples=notes,
        ),
        simple(
            "fedcarbon.transparency.note:NoteSignature.from_line",
            NoteSignature.from_line,
            (MalformedError,),
            *(item.line for item in texts[-1].signatures),
        ),
        simple(
            "fedcarbon.transparency.checkpoint:TreeHead.from_text",
            TreeHead.from_text,
            (MalformedError,),
            *(item.text for item in texts),
        ),
        Parser(
            name="fedcarbon.transparency.checkpoint:head_in",
            parse=head_in,
            errors=(MalformedError,),
            examples=notes,
        ),
        Parser(
            name="fedcarbon.transparency.checkpoint:witnessed",
            parse=head_of,
            errors=(MalformedError, SignatureInvalidError, QuorumMissingError),
            examples=notes,
        ),
        Parser(
            name="fedcarbon.audit.view:head_times",
            parse=partial(head_times, trustees=parties.TRUSTEES, threshold=parties.THRESHOLD),
            errors=(MalformedError, LeafInvalidError),
            examples=notes,
        ),
        simple(
            "fedcarbon.transparency.tiles:entries_in",
            entries_in,
            (MalformedError,),
            entry_bundle(item.leaf for item in record().leaves),
        ),
        simple(
            "fedcarbon.transparency.merkle_proofs:verify_inclusion",
            leaf_of,
            (InclusionProofInvalidError,),
            proof_of_leaf(),
        ),
    ]


def _of_numbers() -> list[Parser]:
    key, cap_ug = parties.parameters().public_key, parties.programme().epoch_cap_ug
    proof_key = parties.parameters().proof_key
    slots = (0,) * proof_key.layout.slots
    witness = RangeWitness(
        numbers=SlotNumbers(v=slots, x=slots, y=slots, z=slots), blinding=1, randomiser=2
    )
    return [
        Parser(
            name="fedcarbon.paillier.cipher:ciphertext_from_bytes",
            parse=partial(ciphertext_from_bytes, key),
            errors=(CiphertextLengthError, CiphertextRangeError, CiphertextNotUnitError),
            examples=lambda: [
                parties.encryptor().encrypt(5, 7).to_bytes(key.ciphertext_bytes, "big")
            ],
        ),
        Parser(
            name="fedcarbon.paillier.share_proof:ShareProof.from_bytes",
            parse=partial(ShareProof.from_bytes, parties.parameters().threshold_key),
            errors=(MalformedError,),
            examples=share_proofs,
        ),
        simple(
            "fedcarbon.proofs.range_proof:RangeProofShape.decode",
            SHAPE.decode,
            (MalformedError,),
            bytes(SHAPE.proof_bytes),
        ),
        simple(
            "fedcarbon.proofs.link:LinkProofShape.decode",
            LINK_SHAPE.decode,
            (MalformedError,),
            bytes(LINK_SHAPE.proof_bytes),
        ),
        simple(
            "fedcarbon.proofs.range_prover:RangeWitness.from_bytes",
            partial(RangeWitness.from_bytes, proof_key, cap_ug),
            (MalformedError,),
            witness.to_bytes(proof_key, cap_ug),
        ),
        simple(
            "fedcarbon.identity.dleq:DleqProof.from_bytes",
            DleqProof.from_bytes,
            (ScalarInvalidError,),
            bytes(range(16)) * 4,
        ),
        simple(
            "fedcarbon.identity.ristretto:scalar_from_bytes",
            scalar_from_bytes,
            (ScalarInvalidError,),
            bytes(range(16)) * 2,
        ),
        simple(
            "fedcarbon.identity.ristretto:element",
            element,
            (ElementInvalidError,),
            multiply_base(Scalar(5)),
        ),
    ]
