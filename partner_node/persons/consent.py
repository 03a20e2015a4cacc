"""The two consents: how a platform states them, and what the record sees of them.

The record sees a salted hash per consent. The salt stays with the node, so that an auditor on site
can recompute the hash from the stored consent, and nobody else can try out persons or times.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from fedcarbon.canonical.hashing import digest, u64
from fedcarbon.identity.person_id import CanonicalIdentity
from fedcarbon.units import Seconds
from partner_node.activities.instants import parse_instant

CONSENT_SALT_BYTES: Final = 32
GIVEN_BEFORE: Final = Seconds(0)
"""What `true` stands for: the platform holds the consent since before the programme began."""

_TRUE: Final = "true"
_NONE: Final = frozenset({"", "false"})


class ConsentKind(StrEnum):
    """The two consents that enrolment needs."""

    DATA = "data"
    """To the use of the person's activities."""
    CLAIM = "claim"
    """To claiming reductions on the person's behalf."""


def parse_consent(text: str, time_zone: str) -> Seconds | None:
    """Return when a consent was given, or None if it was not.

    Args:
        text: an ISO 8601 time, `true`, or empty (`false` counts as empty).
        time_zone: for times without an offset.

    Raises:
        InvalidActivityError: anything else; its reason says what is wrong with the time.
    """
    stripped = text.strip()
    if stripped.lower() in _NONE:
        return None
    if stripped.lower() == _TRUE:
        return GIVEN_BEFORE
    return parse_instant(stripped, time_zone)


def consent_hash(
    kind: ConsentKind, salt: bytes, identity: CanonicalIdentity, given_at_s: Seconds
) -> bytes:
    """Return the salted hash of one consent: 32 bytes.

    Args:
        kind: which of the two.
        salt: 32 random bytes kept by the node; the same for both consents of one entry.
        identity: whose consent it is.
        given_at_s: when it was given.
    """
    return digest(
        b"fedcarbon/v1/consent", salt, kind.value.encode(), identity.to_bytes(), u64(given_at_s)
    )
