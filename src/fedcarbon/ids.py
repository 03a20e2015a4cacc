"""Names of parties, programmes and epochs: short, lower-case, checked at the border."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final, NamedTuple, NewType

from typing_extensions import override

from fedcarbon.errors import MalformedError

PartyId = NewType("PartyId", str)
"""A party's name, read from its certificate's URI SAN and from its admission leaf."""

ProgrammeId = NewType("ProgrammeId", str)
"""A programme's name, for example `ecny-shanghai`."""

EpochIndex = NewType("EpochIndex", int)
"""1 for the first epoch of a programme; 0 stands for "before any epoch"."""

NAME_LENGTH_MAX: Final = 40
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Role(StrEnum):
    """What a party may do; fixed by its admission leaf."""

    HUB = "hub"
    PARTNER = "partner"
    TRUSTEE = "trustee"
    WALLET_OPERATOR = "wallet_operator"
    AUDITOR = "auditor"
    REGULATOR = "regulator"
    """Reads released statistics, and nothing else that is not public."""


def checked_name(text: str) -> str:
    """Return `text` if it is a valid name.

    Raises:
        MalformedError: it is not lower-case words joined by single hyphens, at most 40 long.
    """
    if len(text) > NAME_LENGTH_MAX or _NAME.fullmatch(text) is None:
        msg = f"{text[:60]!r} is not a name: lower-case words and digits joined by hyphens, at most"
        raise MalformedError(f"{msg} {NAME_LENGTH_MAX} characters")
    return text


def party_id(text: str) -> PartyId:
    """Return `text` as a party id, or raise `MalformedError`."""
    return PartyId(checked_name(text))


def programme_id(text: str) -> ProgrammeId:
    """Return `text` as a programme id, or raise `MalformedError`."""
    return ProgrammeId(checked_name(text))


class Claimant(NamedTuple):
    """Who claims in an exclusivity domain: a partner, for one of its programmes."""

    programme_id: ProgrammeId
    partner_id: PartyId

    @override
    def __str__(self) -> str:
        return f"{self.partner_id} for {self.programme_id}"
