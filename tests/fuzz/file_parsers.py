"""Parsers of files that one party gets from another."""

from __future__ import annotations

from functools import partial
from importlib import resources

from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.disclosure.block_file import (
    FILE_MAGIC,
    TableBlocksMalformedError,
    entries_of,
    file_bytes,
)
from fedcarbon.epoch.conflict_file import (
    ConflictingClaim,
    MalformedConflictFileError,
    conflict_file_bytes,
    conflicting_claims,
)
from fedcarbon.epoch.lost_positions import MalformedPositionsError, lost_positions
from fedcarbon.epoch.verdict_file import MalformedVerdictFileError, lost_tokens
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.identity.claims import MalformedClaimListError, TokenList
from fedcarbon.identity.commitment_list import (
    CommitmentInvalidError,
    CommitmentList,
    MalformedCommitmentsError,
)
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import Claimant, EpochIndex, Role
from fedcarbon.methodology.definition import InvalidMethodologyError
from fedcarbon.methodology.document import DocumentError, read_document
from fedcarbon.methodology.quarantine import parse_quarantine
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.submission.chunk_file import (
    ChunkFile,
    ChunkTooLargeError,
    EntryShape,
    MalformedChunkError,
)
from fedcarbon.units import Seconds
from fedcarbon.uses.certificate import Certificate
from fedcarbon.wire.certificates import CertificateError, PartyName, party_name_of
from fedcarbon.wire.dev_ca import Authority
from tests.fuzz.parser import Parser, simple
from tests.house.examples import parties
from tests.house.examples.parties import METRO, PROGRAMME_ID
from tests.house.examples.whole import record

TABLE_VALUES = 30


def files(beginning: bytes) -> list[bytes]:
    """Return the files beside the record that begin so."""
    return [data for data in record().files.values() if data.startswith(beginning)]


def entry_shape() -> EntryShape:
    """Return the shape of the entries of the record's chunks."""
    return EntryShape.of(parties.parameters().proof_key, parties.programme().epoch_cap_ug)


def table_files() -> list[bytes]:
    """Return a file of a table's blocks, which says nothing of what lies in them."""
    size = file_bytes(parties.parameters().proof_key, TABLE_VALUES)
    return [FILE_MAGIC.ljust(size, b"b")]


def catalogue() -> list[bytes]:
    """Return small methodologies with tables, a baseline, an unknown number and a curve."""
    names = ("cn-shenzhen-transit", "kr-carbon-grams-gas", "cn-guangzhou-bike")
    return [catalogue_bytes(name) for name in (*names, "cn-guangdong-bike-curve")]


def quarantine_list() -> list[bytes]:
    """Return the list of factors that no methodology may carry."""
    return [(resources.files("fedcarbon.methodology") / "quarantine.yaml").read_bytes()]


def certificates() -> list[bytes]:
    """Return a party's certificate."""
    now_s = Seconds(1_790_000_000)
    name = PartyName(party_id=METRO, role=Role.PARTNER)
    return [Authority.create(now_s).issue(name, now_s).certificate_pem]


def retirements() -> list[bytes]:
    """Return what a holder shows of grams that it has retired."""
    shown = Certificate(
        purpose="my flight of March; 7c1f",
        order=b"{}",
        leaf_index=7,
        salt=b"s" * 32,
        head=b"a head\n",
        hashes=(b"h" * 32, b"i" * 32),
    )
    return [shown.to_json()]


def of_files() -> list[Parser]:
    """Return the parsers of files."""
    return [
        Parser(
            name="fedcarbon.submission.chunk_file:ChunkFile.from_bytes",
            parse=partial(ChunkFile.from_bytes, shape=entry_shape()),
            errors=(MalformedChunkError, ChunkTooLargeError),
            examples=lambda: files(b"fedcarbon/v1/chunk\n"),
        ),
        Parser(
            name="fedcarbon.disclosure.block_file:entries_of",
            parse=lambda data: entries_of(parties.parameters().proof_key, data, TABLE_VALUES),
            errors=(TableBlocksMalformedError,),
            examples=table_files,
        ),
        *_of_claims(),
        Parser(
            name="fedcarbon.methodology.document:read_document",
            parse=read_document,
            errors=(DocumentError,),
            examples=catalogue,
        ),
        Parser(
            name="fedcarbon.methodology.reader:parse_methodology",
            parse=parse_methodology,
            errors=(InvalidMethodologyError,),
            examples=catalogue,
        ),
        Parser(
            name="fedcarbon.methodology.quarantine:parse_quarantine",
            parse=parse_quarantine,
            errors=(InvalidMethodologyError,),
            examples=quarantine_list,
        ),
        Parser(
            name="fedcarbon.parameters.roots:parse_roots",
            parse=parse_roots,
            errors=(ConfigurationError,),
            examples=lambda: [parties.roots().to_toml().encode()],
        ),
        Parser(
            name="fedcarbon.uses.certificate:Certificate.from_json",
            parse=Certificate.from_json,
            errors=(MalformedError,),
            examples=retirements,
        ),
        Parser(
            name="fedcarbon.wire.certificates:party_name_of",
            parse=party_name_of,
            errors=(CertificateError,),
            examples=certificates,
        ),
    ]


def _of_claims() -> list[Parser]:
    return [
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
            name="fedcarbon.identity.commitment_list:CommitmentList.from_bytes",
            parse=CommitmentList.from_bytes,
            errors=(MalformedCommitmentsError,),
            examples=lambda: files(b"fedcarbon/v1/commitments\n"),
        ),
        Parser(
            name="fedcarbon.identity.commitment_list:CommitmentList.check_elements",
            parse=lambda data: CommitmentList.from_bytes(data).check_elements(),
            errors=(MalformedCommitmentsError, CommitmentInvalidError),
            examples=lambda: files(b"fedcarbon/v1/commitments\n"),
        ),
        Parser(
            name="fedcarbon.epoch.lost_positions:lost_positions",
            parse=partial(lost_positions, count=9),
            errors=(MalformedPositionsError,),
            examples=lambda: files(b"fedcarbon/v1/lost-positions\n"),
        ),
        simple(
            "fedcarbon.epoch.conflict_file:conflicting_claims",
            conflicting_claims,
            (MalformedConflictFileError,),
            conflict_file_bytes(
                ConflictingClaim(
                    token=ClaimToken(b"t" * 16),
                    epoch=EpochIndex(epoch),
                    claimant=Claimant(PROGRAMME_ID, METRO),
                    position=3,
                )
                for epoch in (1, 2)
            ),
        ),
    ]
