"""Worked examples of sections 1 to 5 of the protocol page: bytes, statements, leaves, heads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.hashing import digest, expand_integer, length_prefixed, natural_bytes, u32
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.checkpoint import quorum_of
from fedcarbon.transparency.envelope import Envelope, pre_authentication_encoding
from fedcarbon.transparency.leaf import LeafType, may_read
from fedcarbon.transparency.merkle import leaf_hash, node_hash, root_of
from fedcarbon.transparency.note import SignedNote
from fedcarbon.transparency.receipt import MERGE_DELAY_S, Receipt
from tests.house.examples import parties
from tests.house.examples.block import Example
from tests.house.examples.parties import HUB, METRO, THRESHOLD, TRUSTEES
from tests.house.examples.tiny_record import CLOCK_OFFSETS_S, WITNESSES
from tests.house.examples.whole import leaf, record

LABEL = b"fedcarbon/v1/example"


def examples() -> Iterator[Example]:
    """Yield the examples in the order of the page."""
    yield Example(
        name="hashing",
        values={
            "label": LABEL.decode(),
            "item 1": b"\x01\x02",
            "item 2": b"",
            "joined": length_prefixed(LABEL, b"\x01\x02", b""),
            "hash": digest(LABEL, b"\x01\x02", b""),
            "expanded to 12 bits": expand_integer(LABEL, b"\x01\x02", b"", bits=12),
            "u32(260)": u32(260),
            "shortest(260)": natural_bytes(260),
            "shortest(0)": natural_bytes(0),
        },
    )
    yield Example(name="statement", values={"bytes": _plan().payload.decode()})
    yield _envelope()
    yield _leaf()
    yield _root()
    yield _checkpoint_example()
    yield _receipt()


def _plan() -> Envelope:
    return Envelope.from_bytes(leaf(LeafType.EPOCH_PLAN).body)


def _envelope() -> Example:
    envelope, signer = _plan(), HUB
    data = envelope.to_bytes()
    covered = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    return Example(
        name="envelope",
        values={
            "seed": hashlib.sha256(b"example seed " + signer.encode()).digest(),
            "public key": parties.key_of(signer).public,
            "covered": covered.decode(),
            "signature": envelope.signatures[0].sig,
            "stored": data.decode(),
            "SHA-256 of stored": hashlib.sha256(data).digest(),
        },
    )


def _leaf() -> Example:
    plan = leaf(LeafType.EPOCH_PLAN)
    readers = [role.value for role in Role if may_read(role, plan.type)]
    return Example(
        name="leaf",
        values={
            "index": plan.index,
            "type": int(plan.type),
            "salt": plan.salt,
            "body": plan.body,
            "leaf": plan.leaf,
            "readers": ", ".join(readers),
            "line of leaves.txt": " ".join(
                (
                    str(plan.index),
                    plan.leaf.hex(),
                    plan.salt.hex(),
                    hashlib.sha256(plan.body).hexdigest(),
                )
            ),
        },
    )


def _root() -> Example:
    leaves = [item.leaf for item in record().leaves[:3]]
    hashes = [leaf_hash(data) for data in leaves]
    pair = node_hash(hashes[0], hashes[1])
    root = root_of(leaves)
    assert root == node_hash(pair, hashes[2])
    return Example(
        name="root",
        values={
            **{f"leaf {index}": data for index, data in enumerate(leaves)},
            **{f"h{index}": data for index, data in enumerate(hashes)},
            "h01": pair,
            "root of 3": root,
            "root of none": root_of([]),
        },
    )


def _checkpoint_example() -> Example:
    head = record().heads[0]
    note = SignedNote.from_bytes(head.note)
    first = next(item for item in note.signatures if item.name == WITNESSES[0])
    signed = [item.timestamp_s for item in note.signatures if item.name in WITNESSES]
    assert len(CLOCK_OFFSETS_S) == len(signed)
    return Example(
        name="checkpoint",
        values={
            "trustees": len(TRUSTEES),
            "threshold": THRESHOLD,
            "quorum": quorum_of(len(TRUSTEES), THRESHOLD),
            "signed by": ", ".join(WITNESSES),
            "size": head.size,
            "root": head.root,
            "note": head.note.decode(),
            "first witness": first.name,
            "seed": hashlib.sha256(b"example seed " + first.name.encode()).digest(),
            "public key": parties.key_of(PartyId(first.name)).public,
            "key id": first.key_id,
            "covered": f"cosignature/v1\ntime {first.timestamp_s}\n{note.text.decode()}",
            "signature": first.blob[8:],
            "their times": ", ".join(map(str, signed)),
            "time": head.timestamp_s,
            "wait time": max(head.timestamp_s, head.wait_from_s),
        },
    )


def _receipt() -> Example:
    found = leaf(LeafType.CLAIM_COMMITMENT, 1)
    receipt = Receipt(
        parameter_id=parties.parameters().parameter_id,
        message_sha256=hashlib.sha256(found.body).digest(),
        leaf_index=found.index,
        leaf=found.leaf,
        salt=found.salt,
        accepted_at_s=record().heads[4].timestamp_s,
        merge_by_s=record().heads[4].timestamp_s + MERGE_DELAY_S,
    )
    return Example(
        name="receipt",
        values={
            "to": METRO,
            "statement": statements.encode(receipt).decode(),
            "envelope": parties.signed(receipt, HUB),
        },
    )
