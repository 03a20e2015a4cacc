"""Evidence leaves computed from section 11.5 alone, with nothing of the code under test."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

EXAMPLES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "protocol.json").read_text(encoding="utf-8")
)["examples"]


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def joined(*items: bytes) -> bytes:
    return b"".join(u64(len(item)) + item for item in items)


def hashed(label: bytes, *items: bytes) -> bytes:
    return hashlib.sha256(joined(b"fedcarbon/v1/" + label, *items)).digest()


def evidence_activity(example: dict[str, Any]) -> bytes:
    """Return the activity of an evidence example as its leaves hash it."""
    name, person, methodology = example["activity"].split(", ")
    kind, *numbers = example["type, start, end, tier"].split(", ")
    start_s, end_s, tier = map(int, numbers)
    return joined(
        name.encode(),
        person.encode(),
        b"",  # no object: the person owns the slots
        methodology.encode(),
        bytes.fromhex(example["methodology"]),
        kind.encode(),
        u64(start_s),
        u64(end_s),
        u32(tier),
        example["values"].encode(),
        b"",  # no history
        u64(int(example["credited"])),
    )


def evidence_slot(group: str, start_s: int) -> bytes:
    """Return a slot of a person as leaves hash it."""
    return joined(b"", group.encode(), u64(start_s))


def test_the_evidence_of_a_claim_follows_from_what_the_partner_keeps() -> None:
    example = EXAMPLES["evidence"]
    group, *numbers = example["group, slot start, piece"].split(", ")
    slot_start_s, piece_ug = map(int, numbers)
    methodology = bytes.fromhex(example["methodology"])
    leaf = hashed(
        b"evidence-claim",
        bytes.fromhex(example["salt of leaf 0"]),
        bytes.fromhex(example["claim token"]),
        u32(example["rank"]),
        bytes.fromhex(EXAMPLES["claim-list"]["K 0"]),
        joined(evidence_activity(example), evidence_slot(group, slot_start_s), u64(piece_ug)),
    )

    assert leaf.hex() == example["leaf 0, of a claim"]
    assert hashed(b"methodology-bundle", methodology).hex() == example["bundle"]


def test_the_evidence_of_a_day_follows_from_what_the_partner_keeps() -> None:
    example = EXAMPLES["evidence"]
    day, reduction_ug = example["day, reduction"].split(", ")
    slots = []
    for slot in example["slot start, claim, reduction"].split("; "):
        start_s, claim, slot_ug = map(int, slot.split(", "))
        slots.append(joined(evidence_slot("movement", start_s), u64(claim), u64(slot_ug)))
    leaf = hashed(
        b"evidence-person-day",
        bytes.fromhex(example["salt of leaf 3"]),
        bytes.fromhex(example["account token"]),
        day.encode(),
        u64(int(reduction_ug)),
        u32(1),
        evidence_activity(example),
        *slots,
    )

    assert leaf.hex() == example["leaf 3, of a person-day"]
