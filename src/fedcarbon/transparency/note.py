"""Signed notes: a text, an empty line, and one line per signature (C2SP signed-note).

A signature line names its key by a name and four bytes of a hash; two types of signature are used
here: plain Ed25519 by the log (0x01), and timestamped Ed25519 by a witness (0x04, C2SP
tlog-cosignature). Lines of keys that a reader does not know mean nothing to it; a false signature
of a key that it does know makes the whole note worthless.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fedcarbon.errors import MalformedError, SignatureInvalidError
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.units import Seconds

NOTE_SIGNATURES_MAX: Final = 512
"""The log, 15 trustees and 256 partners sign; the rest is room for keys that were replaced."""
NOTE_BYTES_MAX: Final = 256 * NOTE_SIGNATURES_MAX
LINE_BYTES_MAX: Final = 1_024
ED25519_TYPE: Final = 0x01
COSIGNATURE_TYPE: Final = 0x04
_KEY_ID_BYTES: Final = 4
_TIME_BYTES: Final = 8
_TIME_MAX: Final = (1 << 63) - 1
_SIGNATURE_BYTES: Final = 64
_DASH: Final = "— "  # em dash and space


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteSignature:
    """One signature line."""

    name: str
    key_id: bytes
    """4 bytes; with the name it says which key signed, and how."""
    blob: bytes
    """What the type of signature puts behind the key id."""

    def __post_init__(self) -> None:
        """Refuse a name that would break the line, and another size of key id."""
        unfit = not self.name or "+" in self.name or any(map(str.isspace, self.name))
        if unfit or not self.name.isprintable() or len(self.key_id) != _KEY_ID_BYTES:
            raise MalformedError("a signature line has a name without spaces and a 4-byte key id")

    @property
    def line(self) -> bytes:
        """The line with its newline."""
        data = base64.b64encode(self.key_id + self.blob).decode()
        return f"{_DASH}{self.name} {data}\n".encode()

    @classmethod
    def from_line(cls, line: bytes) -> NoteSignature:
        """Parse one line with its newline, or raise `MalformedError`."""
        try:
            dash, name, data = line[:LINE_BYTES_MAX].decode().removesuffix("\n").split(" ")
            decoded = base64.b64decode(data, validate=True)
        except (ValueError, binascii.Error) as error:
            raise MalformedError("not a signature line of a note") from error
        parsed = cls(name=name, key_id=decoded[:_KEY_ID_BYTES], blob=decoded[_KEY_ID_BYTES:])
        if f"{dash} " != _DASH or parsed.line != line:
            raise MalformedError("not the canonical bytes of a signature line")
        return parsed

    @property
    def timestamp_s(self) -> Seconds:
        """When a witness says that it signed; only cosignatures have a time.

        Raises:
            MalformedError: the blob is no time and signature.
        """
        time_s = int.from_bytes(self.blob[:_TIME_BYTES], "big")
        if len(self.blob) != _TIME_BYTES + _SIGNATURE_BYTES or time_s > _TIME_MAX:
            raise MalformedError(f"the cosignature of {self.name!r} is no time and signature")
        return Seconds(time_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedNote:
    """A text with its signatures, none of them verified."""

    text: bytes
    """Ends with a newline."""
    signatures: tuple[NoteSignature, ...]

    def to_bytes(self) -> bytes:
        """Return text, empty line, signature lines."""
        return self.text + b"\n" + b"".join(item.line for item in self.signatures)

    @classmethod
    def from_bytes(cls, data: bytes) -> SignedNote:
        """Parse a note.

        Raises:
            MalformedError: not a note, not its canonical bytes, or a note without or with too many
                signatures.
        """
        if len(data) > NOTE_BYTES_MAX or any(byte < 0x20 and byte != 0x0A for byte in data):  # noqa: PLR2004
            raise MalformedError("a note is short text without control characters")
        text, empty, lines = data.rpartition(b"\n\n")
        if not empty or not text:
            raise MalformedError("a note is a text, an empty line and signature lines")
        signatures = tuple(map(NoteSignature.from_line, lines.splitlines(keepends=True)))
        if not 1 <= len(signatures) <= NOTE_SIGNATURES_MAX:
            raise MalformedError(f"a note has 1 to {NOTE_SIGNATURES_MAX} signatures")
        return cls(text=text + b"\n", signatures=signatures)

    def of(self, name: str, public_key: bytes, signature_type: int) -> NoteSignature | None:
        """Return the first signature line of a key, not verified; None if there is none."""
        key_id = key_id_of(name, public_key, signature_type)
        return next(
            (item for item in self.signatures if (item.name, item.key_id) == (name, key_id)), None
        )


def key_id_of(name: str, public_key: bytes, signature_type: int) -> bytes:
    """Return SHA-256(name | 0x0A | type | public key), its first 4 bytes."""
    preimage = name.encode() + b"\n" + bytes((signature_type,)) + public_key
    return hashlib.sha256(preimage).digest()[:_KEY_ID_BYTES]


def sign_text(text: bytes, name: str, key: SigningKey) -> NoteSignature:
    """Return the plain Ed25519 signature of `key` under the name `name` (type 0x01)."""
    key_id = key_id_of(name, key.public, ED25519_TYPE)
    return NoteSignature(name=name, key_id=key_id, blob=key.sign(text))


def cosign_text(text: bytes, name: str, key: SigningKey, at_s: int) -> NoteSignature:
    """Return the timestamped signature of a witness (type 0x04).

    Args:
        text: the text of a checkpoint.
        name: the witness's party id.
        key: its signing key.
        at_s: its protocol time.
    """
    time = at_s.to_bytes(_TIME_BYTES, "big")
    key_id = key_id_of(name, key.public, COSIGNATURE_TYPE)
    return NoteSignature(name=name, key_id=key_id, blob=time + key.sign(_cosigned(text, at_s)))


def verify_text(note: SignedNote, name: str, public_key: bytes) -> bool:
    """Tell whether `note` has a plain signature of a key; a false one raises.

    Raises:
        SignatureInvalidError: it has one, and it does not hold.
    """
    found = note.of(name, public_key, ED25519_TYPE)
    if found is not None:
        _verify(public_key, found.blob, note.text, name)
    return found is not None


def verify_cosignature(note: SignedNote, name: str, public_key: bytes) -> NoteSignature | None:
    """Return the cosignature of a key under `note`, or None if there is none; a false one raises.

    Raises:
        SignatureInvalidError: there is one, and it does not hold.
        MalformedError: it has no time.
    """
    found = note.of(name, public_key, COSIGNATURE_TYPE)
    if found is not None:
        message = _cosigned(note.text, found.timestamp_s)
        _verify(public_key, found.blob[_TIME_BYTES:], message, name)
    return found


def _cosigned(text: bytes, at_s: int) -> bytes:
    """Return what a witness signs."""
    return b"cosignature/v1\ntime %d\n%b" % (at_s, text)


def _verify(public_key: bytes, signature: bytes, message: bytes, name: str) -> None:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureInvalidError(f"the signature of {name!r} does not hold") from error
