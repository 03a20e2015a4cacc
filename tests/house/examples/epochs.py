"""Worked examples of sections 11 to 13: slots, claims, verdicts, packing, chunks, seals."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconValue,
    ClaimCommitment,
    LinkProof,
    Seal,
    VerdictList,
    beacon_input,
    product_entry,
)
from fedcarbon.identity import commitment_list
from fedcarbon.identity.claims import FILE_MAGIC, hidden_claim, padded_size
from fedcarbon.identity.commitment_list import list_leaf
from fedcarbon.identity.labels import KeyLabel, evaluation_input
from fedcarbon.identity.ristretto import scalar_to_bytes
from fedcarbon.identity.verdicts import tie_hash
from fedcarbon.methodology.activity import Activity
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece, settle_day
from fedcarbon.opening.links import winnings_of
from fedcarbon.packing.layout import pack
from fedcarbon.proofs.link import delta_generators
from fedcarbon.registry.methodology import bundle_hash
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
    yield _link()
    yield _seal()


def _local(instant_s: int) -> str:
    zone = dt.timezone(dt.timedelta(hours=8))
    return dt.datetime.fromtimestamp(instant_s, tz=zone).strftime("%H:%M:%S")


def _told(ride: Activity) -> str:
    span = f"{_local(ride.started_at_s)} to {_local(ride.ended_at_s)}"
    return f"{ride.values['mode']}, {span}, {ride.values['distance_m']} m"


def _slots() -> Example:
    ride, own = claims.TRAIN, claims.pieces(claims.TRAIN)
    return Example(
        name="slots",
        values={
            "ride": _told(ride),
            "reduction": sum(piece.piece_ug for piece in own),
            "slots": ", ".join(_local(piece.slot.start_s)[:5] for piece in own),
            "pieces": ", ".join(str(piece.piece_ug) for piece in own),
            "rank": own[0].rank,
        },
    )


def _short() -> Example:
    ride, own = claims.HOP, claims.pieces(claims.HOP)
    return Example(
        name="short-ride",
        values={
            "ride": _told(ride),
            "midpoint": _local((ride.started_at_s + ride.ended_at_s) // 2),
            "slots": _local(own[0].slot.start_s)[:5],
            "pieces": own[0].piece_ug,
            "rank": own[0].rank,
        },
    )


def _list() -> Example:
    found, commitments = claims.claimed(BIKES).claims, claims.claimed(BIKES).commitments
    first, row = next(iter(found)), claims.claimed(BIKES).rows[0]
    return Example(
        name="claim-list",
        values={
            "magic line": FILE_MAGIC,
            **{
                f"record {number}": entry.token + bytes((entry.rank,)) + entry.salt
                for number, entry in enumerate(found)
            },
            "hidden 0": hidden_claim(first.token, first.rank, first.salt),
            "piece 0": row.piece_ug,
            "randomness 0": scalar_to_bytes(row.blinding),
            "K 0": commitments.commitments()[0],
            "commitment file's magic line": commitment_list.FILE_MAGIC,
            "leaf 0": list_leaf(commitments.hidden()[0], commitments.commitments()[0]),
            "root": commitments.root(),
        },
    )


def _evidence() -> Example:
    found, ride = claims.claimed(BIKES).evidence, claims.BIKE
    claim, number = found.claim(0), found.numbering.claims
    day, piece = found.person_day(number), found.claim(0).pieces[0]
    return Example(
        name="evidence",
        values={
            "salt of leaf 0": found.salt(0),
            "claim token": claim.token,
            "rank": claim.rank,
            "K": claim.commitment,
            "activity": f"{ride.activity_id}, {ride.person_ref}, {ride.methodology_id}",
            "methodology": piece.activity.methodology,
            "type, start, end, tier": f"{piece.activity.activity_type}, {ride.started_at_s}, "
            f"{ride.ended_at_s}, {ride.evidence}",
            "values": piece.activity.values,
            "credited": piece.activity.credited_ug,
            "group, slot start, piece": f"{piece.group}, {piece.slot_start_s}, {piece.piece_ug}",
            "leaf 0, of a claim": claim.leaf(found.salt(0)),
            f"salt of leaf {number}": found.salt(number),
            "account token": token_of(ALICE),
            "day, reduction": f"{day.day}, {day.reduction_ug}",
            "slot start, claim, reduction": "; ".join(
                f"{slot.slot_start_s}, {slot.claim}, {slot.reduction_ug}" for slot in day.slots
            ),
            f"leaf {number}, of a person-day": day.leaf(found.salt(number)),
            "evidence root": found.root(),
            "bundle": bundle_hash([claims.methodology().content_hash]),
        },
    )


def _commitment() -> Example:
    found: ClaimCommitment = leaf(LeafType.CLAIM_COMMITMENT, 0).statement(ClaimCommitment)
    return Example(name="commitment", values={"statement": statements.encode(found).decode()})


def _beacon() -> Example:
    closing = leaf(LeafType.COMMIT_CLOSED)
    value: BeaconValue = leaf(LeafType.BEACON_VALUE).statement(BeaconValue)
    question = beacon_input(BeaconLabel.TIE, value.scope, value.epoch, closing.leaf)
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
    named = next(item for item in verdict.verdicts if item.partner_id == loser.partner_id)
    return Example(
        name="verdict",
        values={
            "token": contested.token,
            "ranks": ", ".join(f"{name.partner_id} 0" for name in contested.claimants),
            **{
                f"tie hash of {name.partner_id}": tie_hash(beacon.output, contested.token, name)
                for name in contested.claimants
            },
            "winner": contested.winner.partner_id,
            f"file of {loser.partner_id}": record().files[named.file_sha256],
            "its SHA-256": named.file_sha256,
            "positions": record().files[named.positions_sha256],
            "their SHA-256": named.positions_sha256,
            "conflicts": record().files[verdict.conflicts_sha256],
        },
    )


def _half_lost() -> Example:
    def slot(start_s: int) -> SlotKey:
        return SlotKey(owner="", group="movement", start_s=Seconds(start_s))

    def piece(name: str, start_s: int, mass_ug: int) -> Piece:
        return Piece(
            activity_id=name,
            day=dt.date(2026, 11, 2),
            slot=slot(start_s),
            piece_ug=MicrogramsCO2e(mass_ug),
            rank=0,
        )

    own = [piece("a", 0, 10), piece("a", 300, 11), piece("b", 600, 40), piece("b", 900, 41)]
    own.append(piece("b", 1200, 42))
    found = settle_day(own, {slot(0), slot(600)}, MicrogramsCO2e(80))
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


def _link() -> Example:
    beacon: BeaconValue = leaf(LeafType.BEACON_VALUE).statement(BeaconValue)
    lost_by = claims.verdicts(beacon.output).lost
    loser = next(name for name, lost in lost_by.items() if lost)
    proofs = [item.statement(LinkProof) for item in record().of_type(LeafType.LINK_PROOF)]
    found = next(item for item in proofs if item.partner_id == loser.partner_id)
    own = claims.claimed(loser.partner_id)
    positions = [n for n, row in enumerate(own.rows) if row.token in lost_by[loser]]
    return Example(
        name="link",
        values={
            "partner": loser.partner_id,
            "lost positions": ", ".join(map(str, positions)),
            "K": winnings_of(own.commitments, positions),
            "delta generators": ", ".join(
                f"{value:x}" for value in delta_generators(parties.parameters().proof_key)
            ),
            "proof": found.proof,
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
