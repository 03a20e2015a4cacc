"""Signing and opening the letters between a hub and a rail operator.

A letter is taken for what it says only if, in this order:

1. it is the canonical envelope of a statement of an expected kind (RAIL_LETTER_MALFORMED);
2. the correspondent's admitted key has signed it (SIGNATURE_INVALID);
3. its letterhead names the correspondent as the sender (RAIL_SENDER_DIFFERS)
4. and this party as the receiver (RAIL_RECEIVER_DIFFERS);
5. it was sent within `LETTER_AGE_MAX_S` of now (RAIL_LETTER_EXPIRED);
6. it answers this very request (RAIL_ANSWER_DIFFERS), or, for a request, nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, ClassVar, Final, TypeVar

from fedcarbon.canonical.hashing import digest
from fedcarbon.canonical.statement import Statement
from fedcarbon.clock import Clock
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.ids import PartyId
from fedcarbon.transparency.envelope import Envelope, SigningKey, open_signed, payload_type_of, sign
from fedcarbon.units import Seconds
from fedcarbon.wire.certificates import PartyName
from hub.rails.messages import LETTER_ID_BYTES, Letterhead

LETTER_AGE_MAX_S: Final = 300
"""How far the clocks of two parties may be apart, a letter's way included."""
LETTER_BYTES_MAX: Final = 8 << 20
"""The longest letter: a page of a settlement file."""
_LETTER_LABEL: Final = b"fedcarbon/v1/rail-letter"

S = TypeVar("S", bound=Statement)


class RailLetterMalformedError(PeerError):
    """The bytes are no letter of an expected kind in its canonical form."""

    code: ClassVar[str] = "RAIL_LETTER_MALFORMED"


class RailSenderDiffersError(PeerError):
    """The letter names another sender than the party whose key or certificate it came with."""

    code: ClassVar[str] = "RAIL_SENDER_DIFFERS"


class RailReceiverDiffersError(PeerError):
    """The letter was written to another party."""

    code: ClassVar[str] = "RAIL_RECEIVER_DIFFERS"


class RailLetterExpiredError(PeerError):
    """The letter is too old, or comes from the future: clocks disagree, or it was kept back."""

    code: ClassVar[str] = "RAIL_LETTER_EXPIRED"


class RailAnswerDiffersError(PeerError):
    """The letter answers another request than the one that was sent."""

    code: ClassVar[str] = "RAIL_ANSWER_DIFFERS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Correspondent:
    """A party at the other end, as this end's operator has written it down."""

    name: PartyName
    """What its TLS certificate must say."""
    signing_key: bytes
    """Its 32-byte Ed25519 public key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secretary:
    """Writes and opens the letters of one party."""

    party_id: PartyId
    key: SigningKey
    clock: Clock
    random_bytes: Callable[[int], bytes]
    """Returns that many fresh random bytes, as `secrets.token_bytes` does."""

    def head(self, receiver: PartyId, answers: bytes | None = None) -> Letterhead:
        """Return the letterhead of a new letter.

        Args:
            receiver: to whom.
            answers: the exact bytes of the request that it answers.
        """
        return Letterhead(
            letter_id=self.random_bytes(LETTER_ID_BYTES),
            sender=self.party_id,
            receiver=receiver,
            sent_s=self.clock.now_s(),
            answers=None if answers is None else letter_digest(answers),
        )

    def sealed(self, letter: Statement) -> bytes:
        """Return the letter, signed."""
        return sign(letter, {self.party_id: self.key}).to_bytes()

    def opened(
        self,
        kinds: Collection[type[S]],
        data: bytes,
        sender: Correspondent,
        *,
        answers: bytes | None = None,
    ) -> S:
        """Return the letter in `data`, after every check in the module's list.

        Args:
            kinds: classes that are expected.
            data: what came.
            sender: who must have signed it.
            answers: the exact bytes of the request, if an answer is expected.

        Raises:
            PeerError: one of the classes above, or `SignatureInvalidError`.
        """
        letter, head = _signed_by(kinds, data, sender)
        if head.sender != sender.name.party_id:  # (3)
            raise RailSenderDiffersError("a letter names another sender than the one who signed it")
        if head.receiver != self.party_id:  # (4)
            raise RailReceiverDiffersError("a letter was written to another party")
        if abs(self.clock.now_s() - Seconds(head.sent_s)) > LETTER_AGE_MAX_S:  # (5)
            raise RailLetterExpiredError(
                f"a letter was sent more than {LETTER_AGE_MAX_S} s before or after now"
            )
        if head.answers != (None if answers is None else letter_digest(answers)):  # (6)
            raise RailAnswerDiffersError("a letter answers another request")
        return letter


def letter_digest(letter: bytes) -> bytes:
    """Return the 32 bytes by which an answer names the request with these exact bytes."""
    return digest(_LETTER_LABEL, letter)


def _signed_by(
    kinds: Collection[type[S]], data: bytes, sender: Correspondent
) -> tuple[S, Letterhead]:
    signer = sender.name.party_id
    try:
        payload_type = Envelope.from_bytes(data).payload_type
        cls = next((kind for kind in kinds if payload_type_of(kind.KIND) == payload_type), None)
        if cls is None:  # (1)
            raise RailLetterMalformedError("a letter is of a kind that was not expected")
        letter: Any = open_signed(cls, data, {signer: sender.signing_key}, signers=[signer])  # (2)
    except MalformedError as error:  # (1)
        raise RailLetterMalformedError(f"a letter is malformed: {error}") from error
    return letter, letter.head
