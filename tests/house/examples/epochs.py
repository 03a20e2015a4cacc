"""Worked examples of sections 11 to 13: slots, claims, verdicts, packing, chunks, seals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconValue,
    ClaimCommitment,
    Seal,
    VerdictList,
    beacon_input,
    product_entry,
)
from fedcarbon.identity.claims import FILE_MAGIC, claim_leaf, padded_size
from fedcarbon.identity.labels import KeyLabel, evaluation_input
from fedcarbon.identity.verdicts import tie_hash
from fedcarbon.methodology.definition import bundle_hash
from fedcarbon.methodology.person_day import Piece, settle_day
from fedcarbon.packing.layout import pack
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e, Seconds
from tests.house.examples import claims, parties, submission
from tests.house.examples.block import Example
from tests.house.examples.parties import BIKES, METRO
from tests.house.examples.registry import ALICE, BOB, token_of
from tests.house.examples.whole import leaf, record


def examples() -> Iterator[Example]:
    """Yield the examples in the order of the page."""
    yield _slots()
    yield _short()
    yield Example(
        name="padding",
        values={str(count): padded_size(count) for count in (0, 1, 3, 5, 10, 13, 1_000)},
    )
    yield _list()
    yield _evidence()
    yield _commitment()
    yield _beacon()
    yield _verdict()
    yield _half_lost()
    yield _packing()
    yield _encryption()
    yield _chunk()
    yield _seal()


def _local(instant_s: int) -> str:
    zone = dt.timezone(dt.timedelta(hours=8))
    return dt.datetime.fromtimestamp(instant_s, tz=zone).strftime("%H:%M:%S")


def _slots() -> Example:
    ride, own = claims.TRAIN, claims.pieces(claims.TRAIN)
    return Example(
        name="slots",
        values={
            "ride": f"{ride.mode}, {_local(ride.started_at_s)} to {_local(ride.ended_at_s)}, "
            f"{ride.distance_m} m",
            "reduction": sum(piece.piece_ug for piece in own),
            "slots": ", ".join(_local(piece.slot_start_s)[:5] for piece in own),
            "pieces": ", ".join(str(piece.piece_ug) for piece in own),
            "rank": own[0].rank,
        },
    )


def _short() -> Example:
    ride, own = claims.HOP, claims.pieces(claims.HOP)
    return Example(
        name="short-ride",
        values={
            "ride": f"{ride.mode}, {_local(ride.started_at_s)} to {_local(ride.ended_at_s)}, "
            f"{ride.distance_m} m",
            "midpoint": _local((ride.started_at_s + ride.ended_at_s) // 2),
            "slots": _local(own[0].slot_start_s)[:5],
            "pieces": own[0].piece_ug,
            "rank": own[0].rank,
        },
    )


def _list() -> Example:
    found = claims.claimed(BIKES).claims
    first = next(iter(found))
    return Example(
        name="claim-list",
        values={
            "magic line": FILE_MAGIC,
            **{
                f"record {number}": entry.token + bytes((entry.rank,)) + entry.salt
                for number, entry in enumerate(found)
            },
            "leaf 0": claim_leaf(first.token, first.rank, first.salt),
            "root": found.root(),
        },
    )


def _evidence() -> Example:
    found = claims.claimed(BIKES)
    row, ride = found.rows[0], claims.BIKE
    piece = next(item for item in claims.pieces(ride) if item.slot_start_s == row.slot_start_s)
    return Example(
        name="evidence",
        values={
            "salt": row.evidence_salt,
            "claim token": row.token,
            "rank": row.rank,
            "methodology": claims.methodology().content_hash,
            "activity": f"{ride.activity_id}, {ride.mode}, {ride.started_at_s}, {ride.ended_at_s}, "
            f"{ride.distance_m}, {ride.evidence}",
            "slot start, piece": f"{piece.slot_start_s}, {piece.piece_ug}",
            "leaf of the claim": found.claim_leaves[0],
            "account token": token_of(ALICE),
            "leaf of the person-day": found.day_leaves[0],
            "evidence root": found.evidence_root,
            "bundle": bundle_hash([claims.methodology()]),
        },
    )


def _commitment() -> Example:
    found: ClaimCommitment = leaf(LeafType.CLAIM_COMMITMENT, 0).statement(ClaimCommitment)
    return Example(name="commitment", values={"statement": statements.encode(found).decode()})


def _beacon() -> Example:
    closing = leaf(LeafType.COMMIT_CLOSED)
    value: BeaconValue = leaf(LeafType.BEACON_VALUE).statement(BeaconValue)
    question = beacon_input(BeaconLabel.TIE, value.exclusivity_domain, value.epoch, closing.leaf)
    return Example(
        name="beacon",
        values={
            "leaf": closing.leaf,
            "beacon input": question,
            "VOPRF input": evaluation_input(KeyLabel.BEACON, question),
            "beacon": value.output,
        },
    )


def _verdict() -> Example:
    beacon: BeaconValue = leaf(LeafType.BEACON_VALUE).statement(BeaconValue)
    verdict: VerdictList = leaf(LeafType.VERDICT_LIST).statement(VerdictList)
    (contested,) = claims.verdicts(beacon.output).contested
    loser = next(name for name in contested.claimants if name != contested.winner)
    named = next(item for item in verdict.verdicts if item.partner_id == loser)
    return Example(
        name="verdict",
        values={
            "token": contested.token,
            "ranks": ", ".join(f"{name} 0" for name in contested.claimants),
            **{
                f"tie hash of {name}": tie_hash(beacon.output, contested.token, name)
                for name in contested.claimants
            },
            "winner": contested.winner,
            f"file of {loser}": record().files[named.file_sha256],
            "its SHA-256": named.file_sha256,
        },
    )


def _half_lost() -> Example:
    def piece(name: str, start_s: int, mass_ug: int) -> Piece:
        return Piece(
            activity_id=name,
            day=dt.date(2026, 11, 2),
            slot_start_s=Seconds(start_s),
            piece_ug=MicrogramsCO2e(mass_ug),
            rank=0,
        )

    own = [piece("a", 0, 10), piece("a", 300, 11), piece("b", 600, 40), piece("b", 900, 41)]
    own.append(piece("b", 1200, 42))
    found = settle_day(own, {Seconds(0), Seconds(600)}, MicrogramsCO2e(80))
    return Example(
        name="half-lost",
        values={
            "activity a": "pieces 10, 11; the slot of the first is lost",
            "activity b": "pieces 40, 41, 42; the slot of the first is lost",
            "cap": 80,
            "lost": found.lost_ug,
            "fell with a": found.half_lost_ug,
            "above the cap": found.capped_ug,
            "submitted": found.submitted_ug,
        },
    )


def _packing() -> Example:
    layout = parties.parameters().layout
    values = submission.values_ug(METRO, submission.output_of(record()))
    return Example(
        name="packing",
        values={
            "|n|": layout.modulus_bits,
            "k": layout.slots,
            "values": ", ".join(map(str, values)),
            "M": f"0x{pack(layout, values):x}",
        },
    )


def _encryption() -> Example:
    beacon = submission.output_of(record())
    return Example(
        name="encryption",
        values={
            "s": submission.proved(METRO, beacon).witness.randomiser,
            "ciphertext": submission.ciphertext(METRO, beacon),
        },
    )


def _chunk() -> Example:
    beacon = submission.output_of(record())
    file = submission.chunk(METRO, beacon)
    found: ChunkHeader = leaf(LeafType.CHUNK_HEADER, 1).statement(ChunkHeader)
    return Example(
        name="chunk",
        values={
            "file": file.to_bytes(),
            "entries root": file.root(),
            "SHA-256": file.sha256(),
            "header": statements.encode(found).decode(),
        },
    )


def _seal() -> Example:
    found: Seal = leaf(LeafType.SEAL).statement(Seal)
    product = submission.products(record())[submission.BLOCK]
    assert BOB in claims.RIDES[METRO]
    return Example(
        name="seal",
        values={
            "product of block 0": product,
            "its entry": product_entry(submission.BLOCK, product),
            "products root": found.products_root,
            "seal": statements.encode(found).decode(),
        },
    )
