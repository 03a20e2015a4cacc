"""The register of parsers: every function that makes something of foreign bytes or text.

Each stands here with the one error, or the few documented ones, that it promises, and with valid
examples that the fuzzer bends. `test_register` fails when a parser is missing. Readers of whole
files lie in `test_files`, because they need a disk.
"""

from __future__ import annotations

import hashlib
from functools import cache, partial
from importlib import resources
from typing import Final

from fedcarbon.audit.source import LeafLine, LeafLineMalformedError
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.share_file import _Plain
from fedcarbon.epoch.verdict_file import MalformedVerdictFileError, lost_tokens
from fedcarbon.errors import ConfigurationError, MalformedError, SignatureInvalidError
from fedcarbon.identity.claims import MalformedClaimListError, TokenList
from fedcarbon.identity.dleq import DleqProof
from fedcarbon.identity.ristretto import (
    ElementInvalidError,
    Scalar,
    ScalarInvalidError,
    element,
    multiply_base,
    scalar_from_bytes,
)
from fedcarbon.ids import Role
from fedcarbon.ledger.batch import LedgerBatchInvalidError, replay
from fedcarbon.methodology.definition import InvalidMethodologyError, Methodology
from fedcarbon.opening.statements import BindingObjection, Refusal, Unbinding
from fedcarbon.paillier.cipher import (
    CiphertextLengthError,
    CiphertextNotUnitError,
    CiphertextRangeError,
    ciphertext_from_bytes,
)
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.proofs.commitments import SlotNumbers
from fedcarbon.proofs.range_proof import RangeProofShape
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.registry.enrolment import PlaceEntry, PlacesAnswer
from fedcarbon.submission.challenge import Challenge, ChallengedBlock
from fedcarbon.submission.chunk_file import (
    ChunkFile,
    ChunkTooLargeError,
    EntryShape,
    MalformedChunkError,
)
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.signed_message import (
    NotAdmittedError,
    ParametersDifferError,
    SenderDiffersError,
    open_message,
)
from fedcarbon.transparency.checkpoint import ForkedRecordError, QuorumMissingError, witnessed
from fedcarbon.transparency.envelope import Envelope, open_signed
from fedcarbon.transparency.leaf import Leaf, LeafType
from fedcarbon.units import MicrogramsCO2e, Natural, Seconds
from fedcarbon.wire.certificates import CertificateError, PartyName, party_name_of
from fedcarbon.wire.dev_ca import Authority
from partner_node.importing.methodology_file import catalogue_names
from tests.fuzz.parser import Errors, Parser, simple
from tests.fuzz.text_parsers import of_names, of_values
from tests.house.examples import parties
from tests.house.examples.parties import METRO
from tests.house.examples.tiny_record import WITNESSES
from tests.house.examples.whole import opening, record
from tests.house.protocol_examples import examples as page_examples
from tests.house.protocol_tables import error_classes

SHAPE: Final = RangeProofShape(
    slots=3,
    element_bytes=64,
    ciphertext_bytes=128,
    response_bytes=31,
    blinding_bytes=110,
    randomiser_bytes=60,
)
UNSHOWN: Final[tuple[Statement, ...]] = (
    BindingObjection(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        binding_id=b"b" * 16,
        account_token=b"t" * 32,
        partner_id=METRO,
    ),
    Unbinding(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        binding_id=b"b" * 16,
        account_token=b"t" * 32,
        party_id=parties.BANK,
    ),
    Refusal(
        parameter_id=b"p" * 32,
        trustee_id=parties.TRUSTEES[0],
        refusal_code="BINDING_WAITS",
        subject=b"s" * 32,
        detail="wait",
    ),
    PlacesAnswer(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        partner_id=METRO,
        batch_id=b"b" * 16,
        places=(PlaceEntry(account_token=b"t" * 32, block=4, slot=1),),
    ),
    Challenge(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        partner_id=METRO,
        challenge_id=b"c" * 32,
        cap_ug=MicrogramsCO2e(50_000_000_000),
        blocks=(
            ChallengedBlock(
                values_ug=(MicrogramsCO2e(7), MicrogramsCO2e(0)),
                randomiser=Natural(1 << 200),
                ciphertext=bytes(8),
                proof=bytes(8),
            ),
        ),
    ),
    _Plain(
        trustee_index=1,
        paillier_share=Natural(1 << 700),
        voprf_shares=(bytes(32),) * 4,
        root_key_seed=b"r" * 32,
    ),
)
"""Statements without a worked example on the page."""


@cache
def payloads() -> dict[str, tuple[bytes, ...]]:
    """Return the canonical bytes of statements by kind: every class has one."""
    found: dict[str, list[bytes]] = {}
    shown = [value for example in page_examples().values() for value in example.values.values()]
    texts = [
        value.encode()
        for value in shown
        if isinstance(value, str) and value.startswith("{") and '"statement":' in value
    ]
    texts += [Envelope.from_bytes(item.body).payload for item in record().leaves]
    texts += [statements.encode(statement) for statement in UNSHOWN]
    for text in texts:
        found.setdefault(statements.kind_of(text), []).append(text)
    return {kind: tuple(all_of_it) for kind, all_of_it in found.items()}


def some_envelopes() -> list[bytes]:
    """Return one signed body of every type of leaf."""
    return list({item.type: item.body for item in record().leaves}.values())


def files(beginning: bytes) -> list[bytes]:
    """Return the files beside the record that begin so."""
    return [data for data in record().files.values() if data.startswith(beginning)]


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


def entry_shape() -> EntryShape:
    """Return the shape of the entries of the record's chunks."""
    return EntryShape.of(parties.parameters().proof_key, parties.programme().epoch_cap_ug)


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


def cosigned(data: bytes) -> object:
    """Take bytes as the signature of the only trustee under a head."""
    return witnessed(
        [data],
        parameter_id=parties.parameters().parameter_id,
        trustee_keys={WITNESSES[0]: parties.key_of(WITNESSES[0]).public},
        threshold=1,
    )


def signed_envelope(data: bytes) -> object:
    """Open what came as a chunk header of anybody."""
    keys = {name: parties.key_of(name).public for name in parties.ROLES}
    return open_signed(ChunkHeader, data, keys, signers=keys.keys())


def share_proofs() -> list[bytes]:
    """Return the proofs of the record's opening."""
    key = parties.parameters().threshold_key
    return [batch.proof.to_bytes(key) for batch in opening().shares]


def catalogue() -> list[bytes]:
    """Return the methodologies that come with the program."""
    folder = resources.files("fedcarbon.methodology") / "catalogue"
    return [(folder / f"{name}.json").read_bytes() for name in catalogue_names()]


def certificates() -> list[bytes]:
    """Return a party's certificate."""
    now_s = Seconds(1_790_000_000)
    name = PartyName(party_id=METRO, role=Role.PARTNER)
    return [Authority.create(now_s).issue(name, now_s).certificate_pem]


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
        *_of_files(),
        *_of_numbers(),
        *of_names(),
        *of_values(),
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
            name="fedcarbon.submission.signed_message:open_message",
            parse=opened_header,
            errors=(*unsigned, NotAdmittedError, SenderDiffersError, ParametersDifferError),
            examples=headers,
        ),
        Parser(
            name="fedcarbon.transparency.checkpoint:witnessed",
            parse=cosigned,
            errors=(*unsigned, QuorumMissingError, ForkedRecordError),
            examples=lambda: [head.cosignatures[0] for head in record().heads],
        ),
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


def _of_files() -> list[Parser]:
    return [
        Parser(
            name="fedcarbon.submission.chunk_file:ChunkFile.from_bytes",
            parse=partial(ChunkFile.from_bytes, shape=entry_shape()),
            errors=(MalformedChunkError, ChunkTooLargeError),
            examples=lambda: files(b"fedcarbon/v1/chunk\n"),
        ),
        Parser(
            name="fedcarbon.identity.claims:TokenList.from_bytes",
            parse=TokenList.from_bytes,
            errors=(MalformedClaimListError,),
            examples=lambda: files(b"fedcarbon/v1/claims\n"),
        ),
        Parser(
            name="fedcarbon.epoch.verdict_file:lost_tokens",
            parse=lost_tokens,
            errors=(MalformedVerdictFileError,),
            examples=lambda: files(b"fedcarbon/v1/verdicts\n"),
        ),
        Parser(
            name="fedcarbon.methodology.definition:Methodology.parse",
            parse=Methodology.parse,
            errors=(InvalidMethodologyError,),
            examples=catalogue,
        ),
        Parser(
            name="fedcarbon.parameters.roots:parse_roots",
            parse=parse_roots,
            errors=(ConfigurationError,),
            examples=lambda: [parties.roots().to_toml().encode()],
        ),
        Parser(
            name="fedcarbon.wire.certificates:party_name_of",
            parse=party_name_of,
            errors=(CertificateError,),
            examples=certificates,
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


def statement_classes() -> dict[str, type[Statement]]:
    """Return kind to class of every statement of the project."""
    error_classes()  # imports everything
    waiting, found = [Statement], {}
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        found.update({cls.KIND: cls for cls in children if cls.__module__.startswith("fedcarbon.")})
    return found
