"""Signed envelopes: DSSE with Ed25519, over the exact stored bytes.

The bytes that travel and lie in the record are the DSSE v1 JSON object. A signature covers the
pre-authentication encoding of payload type and payload; nobody re-serialises anything to check it.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from typing_extensions import override

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError, SignatureInvalidError

SIGNATURES_MAX: Final = 32
SEED_BYTES: Final = 32
KEY_BYTES: Final = 32
_PARSED_KEPT: Final = 2
"""Envelopes that were parsed last."""

S = TypeVar("S", bound=Statement)


class SigningKey:
    """An Ed25519 private key; its bytes never show in a repr."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        """Take the 32-byte seed of RFC 8032."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: Final = self._key.public_key().public_bytes_raw()
        """The 32-byte public key."""

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature over `message`."""
        return self._key.sign(message)

    @override
    def __repr__(self) -> str:
        """Return a text without the secret."""
        return "SigningKey(<redacted>)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One signature of an envelope."""

    keyid: str
    """The signing party's id; for a root key `root:` and the trustee's id."""
    sig: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A DSSE v1 envelope."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """Return the DSSE JSON object with sorted keys and no spaces."""
        tree = {
            "payload": base64.b64encode(self.payload).decode(),
            "payloadType": self.payload_type,
            "signatures": [
                {"keyid": item.keyid, "sig": base64.b64encode(item.sig).decode()}
                for item in self.signatures
            ],
        }
        return json.dumps(tree, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Envelope:
        """Parse a DSSE JSON object.

        Raises:
            MalformedError: not such an object, or not its canonical bytes.
        """
        return _parsed(data)


def payload_type_of(kind: str) -> str:
    """Return the DSSE payload type of a statement kind."""
    return f"application/vnd.fedcarbon.{kind.replace('_', '-')}+json"


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return the DSSE v1 PAE: what a signature covers."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(statement: Statement, keys: Mapping[str, SigningKey]) -> Envelope:
    """Return `statement` signed by each of `keys` (key id to key)."""
    return sign_payload(statement.KIND, statements.encode(statement), keys)


def sign_payload(kind: str, payload: bytes, keys: Mapping[str, SigningKey]) -> Envelope:
    """Return the exact `payload` of a statement of `kind`, signed by each of `keys`."""
    payload_type = payload_type_of(kind)
    message = pre_authentication_encoding(payload_type, payload)
    return Envelope(
        payload_type=payload_type,
        payload=payload,
        signatures=tuple(
            Signature(keyid=keyid, sig=key.sign(message)) for keyid, key in keys.items()
        ),
    )


def add_signature(envelope: Envelope, keyid: str, key: SigningKey) -> Envelope:
    """Return `envelope` with one more signature over the same bytes.

    Raises:
        MalformedError: `keyid` has signed it already.
    """
    if any(item.keyid == keyid for item in envelope.signatures):
        raise MalformedError(f"{keyid!r} has signed this envelope already")
    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    added = Signature(keyid=keyid, sig=key.sign(message))
    return replace(envelope, signatures=(*envelope.signatures, added))


def verify(
    envelope: Envelope, keyring: Mapping[str, bytes], *, signers: Collection[str], at_least: int
) -> frozenset[str]:
    """Return the key ids among `signers` whose signature holds.

    Args:
        envelope: what is checked; signatures by others than `signers` are not looked at.
        keyring: key id to 32-byte public key.
        signers: the key ids whose signature counts.
        at_least: how many distinct ones must hold.

    Raises:
        SignatureInvalidError: fewer than `at_least` hold, one of `signers` signed falsely, or one
            signed twice.
    """
    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    good: set[str] = set()
    for signature in envelope.signatures:
        if signature.keyid not in signers:
            continue
        key = keyring.get(signature.keyid)
        if key is None or signature.keyid in good:
            raise SignatureInvalidError(f"no usable key for signer {signature.keyid!r}")
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(signature.sig, message)
        except (InvalidSignature, ValueError) as error:
            raise SignatureInvalidError(
                f"the signature of {signature.keyid!r} does not hold"
            ) from error
        good.add(signature.keyid)
    if len(good) < at_least:
        raise SignatureInvalidError(
            f"{len(good)} of the {at_least} signatures needed from {sorted(signers)} are there"
        )
    return frozenset(good)


def open_signed(
    cls: type[S],
    data: bytes,
    keyring: Mapping[str, bytes],
    *,
    signers: Collection[str],
    at_least: int = 1,
) -> S:
    """Verify the envelope `data` and return the statement of class `cls` inside.

    Raises:
        MalformedError: not an envelope of a canonical `cls` statement.
        SignatureInvalidError: see `verify`.
    """
    envelope = Envelope.from_bytes(data)
    if envelope.payload_type != payload_type_of(cls.KIND):
        raise MalformedError(f"expected a signed {cls.KIND}, got {envelope.payload_type[:80]!r}")
    verify(envelope, keyring, signers=signers, at_least=at_least)
    return statements.decode(cls, envelope.payload)


class EnvelopeReader:
    """Opens envelopes for whoever reads a record; another one may have had them opened before."""

    __slots__ = ()

    def parse(self, data: bytes) -> Envelope:
        """Return an envelope: see `Envelope.from_bytes`."""
        return Envelope.from_bytes(data)

    def open_one(self, cls: type[S], data: bytes, keyring: Mapping[str, bytes], signer: str) -> S:
        """Return the statement that one signer signed: see `open_signed`."""
        return open_signed(cls, data, keyring, signers={signer})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("expected text")
    value.encode()  # a lone surrogate fits into JSON, but neither into a signature nor into a log
    return value


@lru_cache(maxsize=_PARSED_KEPT)
def _parsed(data: bytes) -> Envelope:
    """Return an envelope; one of megabytes is asked for its type, its signer and its statement."""
    try:
        tree = json.loads(data)
        envelope = Envelope(
            payload_type=_text(tree["payloadType"]),
            payload=base64.b64decode(tree["payload"], validate=True),
            signatures=tuple(
                Signature(
                    keyid=_text(item["keyid"]),
                    sig=base64.b64decode(item["sig"], validate=True),
                )
                for item in tree["signatures"][: SIGNATURES_MAX + 1]
            ),
        )
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error) as error:
        raise MalformedError(f"not a DSSE envelope: {type(error).__name__}") from error
    if len(envelope.signatures) > SIGNATURES_MAX or envelope.to_bytes() != data:
        raise MalformedError("not the canonical bytes of a DSSE envelope")
    return envelope
