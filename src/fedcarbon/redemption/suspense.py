"""The release of an item from suspense by two persons.

One operator proposes where the money goes, another one approves exactly that. Each signs a
`SuspenseRelease` with a key of their own; the hub's configuration says whose keys those are. The
same person under two names is one person: what counts are two keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import CallerError, MalformedError, StateError
from fedcarbon.ids import checked_name
from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import ITEM_ID_BYTES, SuspenseItem
from fedcarbon.submission.signed_message import ParametersDifferError
from fedcarbon.transparency.envelope import Envelope, open_signed

RELEASE_REASON_LENGTH_MAX: Final = 500


class Destination(StrEnum):
    """Where persons may have money go out of suspense."""

    FLOAT = "FLOAT"
    """It is at the rail again, free to pay out."""
    PAID_OUT = "PAID_OUT"
    """It is in the wallet, rightly."""
    WRITTEN_OFF = "WRITTEN_OFF"
    """It is lost."""

    @property
    def kind(self) -> AccountKind:
        """The account of the programme."""
        return AccountKind[self.name]


DESTINATIONS: Final[Mapping[AccountKind, frozenset[Destination]]] = {
    AccountKind.FLOAT: frozenset(Destination),
    AccountKind.PAID_OUT: frozenset({Destination.FLOAT, Destination.PAID_OUT}),
    AccountKind.FUNDING: frozenset({Destination.FLOAT}),
}
"""By source. What lies at the rail is not lost, and what nobody ordered is nobody's payout."""


class OperatorUnknownError(CallerError):
    """The hub's configuration has no operator of this name."""

    code: ClassVar[str] = "OPERATOR_UNKNOWN"


class SecondPersonMissingError(CallerError):
    """The one who proposed cannot approve: ask a colleague with a key of their own."""

    code: ClassVar[str] = "SECOND_PERSON_MISSING"


class ReleaseDiffersError(CallerError):
    """The approval is for another item or destination than the proposal."""

    code: ClassVar[str] = "RELEASE_DIFFERS"


class DestinationRefusedError(CallerError):
    """Money from this source cannot go there."""

    code: ClassVar[str] = "DESTINATION_REFUSED"


class ItemReleasedError(StateError):
    """The item is not in suspense any more."""

    code: ClassVar[str] = "ITEM_RELEASED"


@dataclass(frozen=True, slots=True, kw_only=True)
class SuspenseRelease(Statement):
    """An operator wants an item of suspense to go to a destination; signed by that operator."""

    KIND: ClassVar[str] = "suspense_release"

    parameter_id: bytes
    item_id: bytes
    destination: Destination
    reason: str
    """Why, for the auditor: 1 to 500 characters."""
    operator: str
    """Who signs."""

    def __post_init__(self) -> None:
        """Check sizes and that there is a reason."""
        checked_name(self.operator)
        if (len(self.parameter_id), len(self.item_id)) != (DIGEST_BYTES, ITEM_ID_BYTES):
            raise MalformedError(
                f"parameter id and item id have {DIGEST_BYTES} and {ITEM_ID_BYTES} bytes"
            )
        if not 1 <= len(self.reason) <= RELEASE_REASON_LENGTH_MAX:
            raise MalformedError(f"a release needs a reason of 1 to {RELEASE_REASON_LENGTH_MAX}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """Who may release money from suspense, and in which federation."""

    parameter_id: bytes
    keys: Mapping[str, bytes]
    """Name to public key, from the hub's configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRelease:
    """A release whose signature holds, and whose key it was."""

    statement: SuspenseRelease
    key: bytes
    """The operator's public key, 32 bytes."""
    envelope: bytes
    """The exact signed bytes."""


def opened_release(envelope: bytes, operators: Operators) -> SignedRelease:
    """Return the release inside an envelope, after checking its signature.

    Args:
        envelope: DSSE bytes.
        operators: whose signatures count.

    Raises:
        MalformedError: no envelope of a canonical `SuspenseRelease`.
        OperatorUnknownError: (1) the hub does not know who signs.
        SignatureInvalidError: (2) that operator has not signed these bytes.
        ParametersDifferError: (3) it was signed for another federation.
    """
    claimed = statements.decode(SuspenseRelease, Envelope.from_bytes(envelope).payload).operator
    key = operators.keys.get(claimed)
    if key is None:
        raise OperatorUnknownError(
            f"there is no operator {claimed} in the hub's configuration ([operators])"
        )
    release = open_signed(SuspenseRelease, envelope, {claimed: key}, signers={claimed})
    if release.parameter_id != operators.parameter_id:
        raise ParametersDifferError("the release is signed for another parameter set")
    return SignedRelease(statement=release, key=key, envelope=envelope)


def check_proposal(item: SuspenseItem, proposal: SignedRelease) -> None:
    """Check that an item may be proposed to go where the proposal says.

    Raises:
        ReleaseDiffersError: (1) the proposal is for another item.
        ItemReleasedError: (2) the item is not in suspense any more.
        DestinationRefusedError: (3) money of its source cannot go there.
    """
    wanted = proposal.statement
    if wanted.item_id != item.item_id:
        raise ReleaseDiffersError(f"the release is for item {wanted.item_id.hex()}")
    if not item.is_open:
        raise ItemReleasedError(
            f"item {item.item_id.hex()} was released to {item.released_to}: {item.explanation}"
        )
    if wanted.destination not in DESTINATIONS[item.source]:
        allowed = ", ".join(sorted(DESTINATIONS[item.source]))
        raise DestinationRefusedError(
            f"money from {item.source} cannot go to {wanted.destination}; it can go to {allowed}"
        )


def check_approval(item: SuspenseItem, proposal: SignedRelease, approval: SignedRelease) -> None:
    """Check that an approval lets an item go where it was proposed to go.

    Raises:
        ReleaseDiffersError: (1) the approval is for another item or destination.
        ItemReleasedError: (2) the item is not in suspense any more.
        DestinationRefusedError: (3) money of its source cannot go there.
        SecondPersonMissingError: (4) the same name or the same key has signed both.
    """
    wanted, approved = proposal.statement, approval.statement
    if (approved.item_id, approved.destination) != (wanted.item_id, wanted.destination):
        raise ReleaseDiffersError(
            f"{wanted.operator} proposed item {wanted.item_id.hex()} to {wanted.destination}; "
            "approve exactly that, or propose anew"
        )
    check_proposal(item, approval)
    if approved.operator == wanted.operator or approval.key == proposal.key:
        raise SecondPersonMissingError(
            f"{wanted.operator} proposed this; another person with another key must approve"
        )
