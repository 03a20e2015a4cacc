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
    name, person, mode, *numbers = example["activity"].split(", ")
    start_s, end_s, distance_m, tier = map(int, numbers)
    return joined(
        name.encode(),
        person.encode(),
        mode.encode(),
        *map(u64, (start_s, end_s, distance_m)),
        u32(tier),
    )


def test_the_evidence_of_a_claim_follows_from_what_the_partner_keeps() -> None:
    example = EXAMPLES["evidence"]
    slot_start_s, piece_ug = map(int, example["slot start, piece"].split(", "))
    methodology = bytes.fromhex(example["methodology"])
    leaf = hashed(
        b"evidence-claim",
        bytes.fromhex(example["salt of leaf 0"]),
        bytes.fromhex(example["claim token"]),
        u32(example["rank"]),
        bytes.fromhex(EXAMPLES["claim-list"]["K 0"]),
        methodology,
        joined(evidence_activity(example), u64(slot_start_s), u64(piece_ug)),
    )

    assert leaf.hex() == example["leaf 0, of a claim"]
    assert hashed(b"methodology-bundle", methodology).hex() == example["bundle"]


def test_the_evidence_of_a_day_follows_from_what_the_partner_keeps() -> None:
    example = EXAMPLES["evidence"]
    day, reduction_ug = example["day, reduction"].split(", ")
    slots = [
        joined(*map(u64, map(int, slot.split(", "))))
        for slot in example["slot start, claim, reduction"].split("; ")
    ]
    leaf = hashed(
        b"evidence-person-day",
        bytes.fromhex(example["salt of leaf 3"]),
        bytes.fromhex(example["account token"]),
        day.encode(),
        bytes.fromhex(example["methodology"]),
        u64(int(reduction_ug)),
        u32(1),
        evidence_activity(example),
        *slots,
    )

    assert leaf.hex() == example["leaf 3, of a person-day"]
