"""Enrolments and places: who claims for which account, and where its sum is kept."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId, checked_name

BATCH_ENTRIES_MAX: Final = 2_000
MESSAGE_ID_BYTES: Final = 16
TOKEN_BYTES: Final = 32
BLOCK_MAX: Final = (1 << 32) - 1


class EnrolmentAction(StrEnum):
    """What an entry does."""

    ENROL = "enrol"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentEntry:
    """One account's entry; a withdrawal stops the epoch it names and all later ones."""

    account_token: bytes
    action: EnrolmentAction
    from_epoch: int
    consent_data_hash: bytes
    """Salted hash of the recorded consent to data use; zeros in a withdrawal."""
    consent_claim_hash: bytes
    """Salted hash of the recorded consent to claiming; zeros in a withdrawal."""

    def __post_init__(self) -> None:
        """Check sizes: an enrolment without both consents cannot be written down."""
        sizes = (len(self.account_token), len(self.consent_data_hash), len(self.consent_claim_hash))
        if sizes != (TOKEN_BYTES, DIGEST_BYTES, DIGEST_BYTES) or self.from_epoch < 1:
            raise MalformedError("an enrolment entry has 32-byte fields and an epoch from 1")
        missing = bytes(DIGEST_BYTES) in {self.consent_data_hash, self.consent_claim_hash}
        if missing and self.action is EnrolmentAction.ENROL:
            raise MalformedError("an enrolment needs the hashes of both consents")


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentBatch(Statement):
    """Signed by the partner; created once per client-made batch id."""

    KIND: ClassVar[str] = "enrolment_batch"

    parameter_id: bytes
    programme_id: ProgrammeId
    partner_id: PartyId
    batch_id: bytes
    entries: tuple[EnrolmentEntry, ...]

    def __post_init__(self) -> None:
        """Check names, sizes and that no account stands twice."""
        checked_name(self.partner_id)
        checked_name(self.programme_id)
        if len(self.batch_id) != MESSAGE_ID_BYTES or len(self.parameter_id) != DIGEST_BYTES:
            raise MalformedError("a batch id has 16 bytes, a parameter id 32")
        if not 1 <= len(self.entries) <= BATCH_ENTRIES_MAX:
            raise MalformedError(f"a batch has 1 to {BATCH_ENTRIES_MAX} entries")
        if len({entry.account_token for entry in self.entries}) != len(self.entries):
            raise MalformedError("an account stands twice in one batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceEntry:
    """Where an account's sum is kept, for ever."""

    account_token: bytes
    block: int
    slot: int

    def __post_init__(self) -> None:
        """Check ranges."""
        if len(self.account_token) != TOKEN_BYTES or self.block > BLOCK_MAX:
            raise MalformedError("a place names a 32-byte token and a 32-bit block")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceBatch(Statement):
    """New places, signed by the hub; each token and each (block, slot) stands once in the log.

    One follows every enrolment batch, empty if no account of it is new: the types of leaves are
    public, and a batch without one would tell that its accounts are enrolled elsewhere.
    """

    KIND: ClassVar[str] = "place_batch"

    parameter_id: bytes
    programme_id: ProgrammeId
    enrolment_leaf: int
    """Index of the enrolment batch whose new accounts are placed."""
    entries: tuple[PlaceEntry, ...]

    def __post_init__(self) -> None:
        """Check the batch size."""
        if len(self.entries) > BATCH_ENTRIES_MAX:
            raise MalformedError(f"a batch has at most {BATCH_ENTRIES_MAX} entries")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacesAnswer(Statement):
    """Where the accounts of a batch are kept, signed by the hub for the partner that sent it.

    It is no leaf: the partner keeps it. If a chunk header made from it is refused because the
    record has other places, it proves that the hub lied to the partner.
    """

    KIND: ClassVar[str] = "places_answer"

    parameter_id: bytes
    programme_id: ProgrammeId
    partner_id: PartyId
    batch_id: bytes
    places: tuple[PlaceEntry, ...]
    """One per entry of the batch, in its order."""

    def __post_init__(self) -> None:
        """Check names and sizes."""
        checked_name(self.partner_id)
        checked_name(self.programme_id)
        if len(self.batch_id) != MESSAGE_ID_BYTES or len(self.parameter_id) != DIGEST_BYTES:
            raise MalformedError("a batch id has 16 bytes, a parameter id 32")
        if not 1 <= len(self.places) <= BATCH_ENTRIES_MAX:
            raise MalformedError(f"a batch has 1 to {BATCH_ENTRIES_MAX} places")
