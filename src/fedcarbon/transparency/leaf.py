"""Leaves of the record: one clear byte of type, a version, and a salted commitment to a body.

A body is given only to parties whose role may read it, so the list of leaves itself shows neither
who is enrolled where nor what anybody owns (DESIGN "The record").
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest
from fedcarbon.errors import MalformedError
from fedcarbon.ids import Role

SALT_BYTES: Final = 32
LEAF_VERSION: Final = 1
LEAF_BYTES: Final = 2 + DIGEST_BYTES
_LABEL: Final = b"fedcarbon/v1/leaf"


class LeafType(IntEnum):
    """What a leaf's body is; the lower-case name is the kind of the statement inside."""

    PARAMETERS = 1
    SELF_TEST = 2
    PARTY_ADMISSION = 3
    PROGRAMME = 4
    METHODOLOGY_ADMISSION = 5
    ENROLMENT_BATCH = 16
    PLACE_BATCH = 17
    EVALUATION_REQUEST = 18
    EPOCH_PLAN = 32
    CLAIM_COMMITMENT = 33
    COMMIT_CLOSED = 34
    BEACON_VALUE = 35
    CLAIM_LIST = 36
    VERDICT_LIST = 37
    CHUNK_HEADER = 38
    SEAL = 39
    LINK_PROOF = 40
    DISPUTE = 41
    OPERATOR_BINDING = 48
    PARTNER_BINDING = 49
    BINDING_OBJECTION = 50
    UNBINDING = 51
    OPENING_REQUEST = 64
    OPENING_START = 65
    OPENING_RESULT = 66
    REFUSAL = 67
    LEDGER_BATCH = 96
    REDEMPTION_ORDER = 97
    PAYOUT_BATCH = 98
    OFFER = 99
    USE_ORDER = 100
    GOODS_OUTCOME = 101
    LOT_RULES = 102
    CREDIT_LOT = 103
    LOT_VERIFICATION = 104
    LOT_SALE = 105
    LOT_RETIREMENT = 106
    EXPIRY_NOTICE = 107
    CAMPAIGN = 108
    MARKET_RULES = 109
    MARKET_PRICE = 110
    RANKING_RULES = 111
    RANKING_CHOICE = 112
    RANKING_SALT = 113
    RANKING = 114
    TABLE_SHELL = 128
    TABLE_CONTRIBUTION = 129
    RELEASE_START = 130
    TABLE_RELEASE = 131

    @property
    def kind(self) -> str:
        """The kind of the statement in the body."""
        return self.name.lower()


PUBLIC_TYPES: Final = frozenset(
    {
        LeafType.PARAMETERS,
        LeafType.SELF_TEST,
        LeafType.PARTY_ADMISSION,
        LeafType.PROGRAMME,
        LeafType.METHODOLOGY_ADMISSION,
        LeafType.EPOCH_PLAN,
        LeafType.COMMIT_CLOSED,
        LeafType.BEACON_VALUE,
        LeafType.OFFER,
        LeafType.LOT_RULES,
        LeafType.EXPIRY_NOTICE,
        LeafType.CAMPAIGN,
        LeafType.MARKET_RULES,
        LeafType.MARKET_PRICE,
        LeafType.RANKING_RULES,
        LeafType.RANKING,
        LeafType.TABLE_SHELL,
        LeafType.TABLE_RELEASE,
    }
)
"""Bodies that every admitted party may read."""

USE_TYPES: Final = frozenset(
    {
        LeafType.OFFER,
        LeafType.USE_ORDER,
        LeafType.GOODS_OUTCOME,
        LeafType.LOT_RULES,
        LeafType.CREDIT_LOT,
        LeafType.LOT_VERIFICATION,
        LeafType.LOT_SALE,
        LeafType.LOT_RETIREMENT,
        LeafType.EXPIRY_NOTICE,
        LeafType.CAMPAIGN,
        LeafType.MARKET_RULES,
        LeafType.MARKET_PRICE,
        LeafType.RANKING_RULES,
        LeafType.RANKING_CHOICE,
        LeafType.RANKING_SALT,
        LeafType.RANKING,
    }
)
"""Leaves about uses of grams besides cash."""

TRUSTEE_TYPES: Final = frozenset(
    set(LeafType)
    - USE_TYPES
    - {
        LeafType.DISPUTE,
        LeafType.LEDGER_BATCH,
        LeafType.REDEMPTION_ORDER,
        LeafType.PAYOUT_BATCH,
    }
)
"""Bodies that a trustee must process, in order and without a gap.

No money; and no claim token stands in any of them: those are in files that `may_read_file` keeps
from trustees.
"""


def may_read(role: Role, leaf_type: LeafType) -> bool:
    """Tell whether `role` may read every body of `leaf_type`; own bodies are always readable."""
    if role in {Role.HUB, Role.AUDITOR}:
        return True
    if role is Role.TRUSTEE:
        return leaf_type in TRUSTEE_TYPES | PUBLIC_TYPES
    return leaf_type in PUBLIC_TYPES


def may_read_file(role: Role, leaf_type: LeafType, *, holds_tokens: bool) -> bool:
    """Tell whether `role` may read a file that bodies of `leaf_type` name.

    Args:
        role: who asks.
        leaf_type: of the leaf whose body names the file.
        holds_tokens: whether claim tokens stand in the file: hub and auditors only.
    """
    return may_read(role, leaf_type) and (not holds_tokens or role in {Role.HUB, Role.AUDITOR})


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One entry of the list: 34 bytes."""

    type: LeafType
    version: int
    commitment: bytes
    """SHA-256(label | type | salt | body)."""

    def __post_init__(self) -> None:
        """Refuse an unknown version or a commitment of another size."""
        if self.version != LEAF_VERSION or len(self.commitment) != DIGEST_BYTES:
            raise MalformedError("a leaf has version 1 and a 32-byte commitment")

    def to_bytes(self) -> bytes:
        """Return type byte, version byte, commitment."""
        return bytes((self.type, self.version)) + self.commitment

    @classmethod
    def from_bytes(cls, data: bytes) -> Leaf:
        """Parse the 34 bytes, or raise `MalformedError`."""
        if len(data) != LEAF_BYTES:
            raise MalformedError(f"a leaf has {LEAF_BYTES} bytes, got {len(data)}")
        try:
            leaf_type = LeafType(data[0])
        except ValueError as error:
            raise MalformedError(f"leaf type {data[0]} is unknown") from error
        return cls(type=leaf_type, version=data[1], commitment=data[2:])


def commit(leaf_type: LeafType, salt: bytes, body: bytes) -> Leaf:
    """Return the leaf that commits to `body` under a fresh 32-byte `salt`."""
    if len(salt) != SALT_BYTES:
        raise MalformedError(f"a salt has {SALT_BYTES} bytes")
    commitment = digest(_LABEL, bytes((leaf_type,)), salt, body)
    return Leaf(type=leaf_type, version=LEAF_VERSION, commitment=commitment)
