"""Tokens: what stands for a person or object where nobody may know it.

A token is an HMAC under a secret output, so that only parties that know the person can compute
it, and tokens of one person for different slots have nothing in common for anyone else.
"""

from __future__ import annotations

import hmac
from typing import Final, NewType

from fedcarbon.canonical.hashing import length_prefixed, u64
from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.labels import KeyLabel, KeyUseRefusedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.units import Seconds

AccountToken = NewType("AccountToken", bytes)
"""32 bytes: an account, to the hub."""

ClaimToken = NewType("ClaimToken", bytes)
"""16 bytes: one exclusive slot of one person or object, to the hub."""

ACCOUNT_TOKEN_BYTES: Final = 32
CLAIM_TOKEN_BYTES: Final = 16


def account_token(output: SecretOutput, programme: ProgrammeId) -> AccountToken:
    """Return a person's account token in `programme`.

    Raises:
        KeyUseRefusedError: `output` does not come from the account key.
    """
    _require(output, KeyLabel.ACCOUNT)
    return AccountToken(_hmac(output, b"fedcarbon/v1/account-token", programme.encode()))


def claim_token(
    output: SecretOutput, exclusivity_domain: str, exclusivity_group: str, slot_start_s: Seconds
) -> ClaimToken:
    """Return a person's claim token for the slot that starts at `slot_start_s`.

    Args:
        output: of the claim key.
        exclusivity_domain: the domain in which programmes share one claim round.
        exclusivity_group: what excludes each other, for example `movement`.
        slot_start_s: instant in seconds since 1970-01-01T00:00:00Z, not negative.

    Raises:
        KeyUseRefusedError: `output` does not come from the claim key.
    """
    _require(output, KeyLabel.CLAIM)
    return _slot_token(output, exclusivity_domain, exclusivity_group, u64(slot_start_s))


def object_token(
    output: SecretOutput,
    exclusivity_domain: str,
    exclusivity_group: str,
    slot_start_s: Seconds | None,
) -> ClaimToken:
    """Return a meter's claim token for a slot, or a receipt's for its only one.

    Args:
        output: of the object key, over the meter or receipt itself.
        exclusivity_domain: see `claim_token`.
        exclusivity_group: for example `meter`.
        slot_start_s: start of the meter's local month; None for what has one slot and no time.

    Raises:
        KeyUseRefusedError: `output` does not come from the object key.
    """
    _require(output, KeyLabel.OBJECT)
    slot = b"" if slot_start_s is None else u64(slot_start_s)
    return _slot_token(output, exclusivity_domain, exclusivity_group, slot)


def _slot_token(output: SecretOutput, domain: str, group: str, slot: bytes) -> ClaimToken:
    mac = _hmac(output, b"fedcarbon/v1/claim-token", domain.encode(), group.encode(), slot)
    return ClaimToken(mac[:CLAIM_TOKEN_BYTES])


def _hmac(output: SecretOutput, *items: bytes) -> bytes:
    return hmac.digest(output.value, length_prefixed(*items), "sha256")


def _require(output: SecretOutput, label: KeyLabel) -> None:
    if output.label is not label:
        raise KeyUseRefusedError(f"an output of the {output.label} key makes no {label} token")
