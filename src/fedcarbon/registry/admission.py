"""Admissions: which parties exist, with which keys, roles and limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, Role, checked_name
from fedcarbon.transparency.envelope import KEY_BYTES, open_signed

S = TypeVar("S", bound=Statement)

TIER_WORST: Final = 2
CLAIM_SLOTS_DEFAULT: Final = 72
"""Slots that a partner may claim per enrolled account and day: six hours of movement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyAdmission(Statement):
    """A party's entry in the registry, signed by t root keys."""

    KIND: ClassVar[str] = "party_admission"

    parameter_id: bytes
    party_id: PartyId
    role: Role
    signing_key: bytes
    """Ed25519 public key for statements; not the TLS key."""
    best_tier: int
    """The best evidence tier a partner may claim: 0 validated, 1 tracked, 2 self-declared."""
    claim_slots_per_account_day: int
    object_quota: int
    """Evaluations under the object key; 0 for none."""

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        checked_name(self.party_id)
        if len(self.parameter_id) != DIGEST_BYTES or len(self.signing_key) != KEY_BYTES:
            raise MalformedError("parameter id and signing key have 32 bytes")
        if self.best_tier > TIER_WORST:
            raise MalformedError("an evidence tier is 0, 1 or 2")


def root_keyid(trustee: str) -> str:
    """Return the key id of a trustee organisation's root key."""
    return f"root:{trustee}"


def open_rooted(cls: type[S], data: bytes, root_keys: Mapping[PartyId, bytes], threshold: int) -> S:
    """Return the statement in `data` if `threshold` root keys signed it.

    Raises:
        MalformedError, SignatureInvalidError: see `open_signed`.
    """
    keyring = {root_keyid(name): key for name, key in root_keys.items()}
    return open_signed(cls, data, keyring, signers=keyring.keys(), at_least=threshold)
