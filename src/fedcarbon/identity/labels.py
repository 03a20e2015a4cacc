"""The four keys of the threshold VOPRF and the input that each of them evaluates.

Every label has a key of its own, with its own quota at the trustees; the label also stands inside
the evaluated input, so that outputs of two keys have nothing in common even if one key were ever
dealt twice.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from fedcarbon.canonical.hashing import length_prefixed
from fedcarbon.errors import CallerError


class KeyLabel(StrEnum):
    """What a key is for; who may ask for which is decided by the trustees."""

    ACCOUNT = "account"
    """Account tokens: partners and wallet operators."""
    CLAIM = "claim"
    """Claim tokens of persons: partners only."""
    OBJECT = "object"
    """Claim tokens of meters and receipts."""
    BEACON = "beacon"
    """Public randomness: trustees hash the input themselves and never take a blinded element."""


class KeyUseRefusedError(CallerError):
    """A key is used for something else than its label says."""

    code: ClassVar[str] = "KEY_USE_REFUSED"


def evaluation_input(label: KeyLabel, subject: bytes) -> bytes:
    """Return the OPRF input of `subject` under the key `label`.

    Args:
        label: the key that will evaluate it.
        subject: canonical bytes of the person, object or beacon question.
    """
    return length_prefixed(b"fedcarbon/v1/voprf", label.encode(), subject)
