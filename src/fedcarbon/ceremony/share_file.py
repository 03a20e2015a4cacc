"""The encrypted file that the dealer hands to one trustee.

Clear header, then AES-256-GCM over the secrets, under a key that scrypt derives from the passphrase
(RFC 7914, N = 2^17, r = 8, p = 1: about 128 MiB and half a second per guess). The header, with
parameter id and trustee, is authenticated too, so that a file cannot be passed off as another's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from typing_extensions import override

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.hashing import length_prefixed
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import scalar_from_bytes, scalar_to_bytes
from fedcarbon.identity.shares import VoprfKeyShare
from fedcarbon.ids import PartyId
from fedcarbon.paillier.shares import KeyShare
from fedcarbon.units import Natural

SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
_SCRYPT_COST: Final = 1 << 17
_SCRYPT_BLOCK: Final = 8


class ShareFileError(ConfigurationError):
    """The share file cannot be opened: wrong passphrase, wrong file, or damaged."""

    code: ClassVar[str] = "SHARE_FILE"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TrusteeSecrets:
    """Everything secret that one trustee holds."""

    trustee_id: PartyId
    trustee_index: int
    """1 to n."""
    parameter_id: bytes
    paillier: KeyShare
    voprf: Mapping[KeyLabel, VoprfKeyShare]
    root_key_seed: bytes
    """Ed25519 seed of the organisation's root key."""

    @override
    def __repr__(self) -> str:
        """Return a text without any secret."""
        return f"TrusteeSecrets({self.trustee_id}, <redacted>)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Plain(Statement):
    """The plaintext of a share file."""

    KIND: ClassVar[str] = "trustee_secrets"

    trustee_index: int
    paillier_share: Natural
    voprf_shares: tuple[bytes, ...]
    """32-byte scalars in the order of `KeyLabel`."""
    root_key_seed: bytes

    def __post_init__(self) -> None:
        """Check that there is one share per key."""
        if len(self.voprf_shares) != len(KeyLabel):
            raise MalformedError("a share file has one VOPRF share per key")

    @override
    def __repr__(self) -> str:
        """Return a text without any secret."""
        return "_Plain(<redacted>)"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sealed(Statement):
    """The file itself."""

    KIND: ClassVar[str] = "trustee_share_file"

    trustee_id: PartyId
    parameter_id: bytes
    salt: bytes
    nonce: bytes
    ciphertext: bytes


def seal_share_file(
    secrets: TrusteeSecrets, passphrase: bytes, random_bytes: Callable[[int], bytes]
) -> bytes:
    """Return the bytes of the encrypted file for `secrets`.

    Args:
        secrets: one trustee's.
        passphrase: handed over by another way than the file.
        random_bytes: source of salt and nonce.
    """
    plain = _Plain(
        trustee_index=secrets.trustee_index,
        paillier_share=Natural(secrets.paillier.value),
        voprf_shares=tuple(scalar_to_bytes(secrets.voprf[label].scalar) for label in KeyLabel),
        root_key_seed=secrets.root_key_seed,
    )
    salt, nonce = random_bytes(SALT_BYTES), random_bytes(NONCE_BYTES)
    ciphertext = AESGCM(_key(passphrase, salt)).encrypt(
        nonce, statements.encode(plain), _header(secrets.trustee_id, secrets.parameter_id)
    )
    return statements.encode(
        _Sealed(
            trustee_id=secrets.trustee_id,
            parameter_id=secrets.parameter_id,
            salt=salt,
            nonce=nonce,
            ciphertext=ciphertext,
        )
    )


def open_share_file(data: bytes, passphrase: bytes) -> TrusteeSecrets:
    """Return the secrets in an encrypted share file.

    Raises:
        ShareFileError: not a share file, wrong passphrase, or changed bytes.
    """
    try:
        sealed = statements.decode(_Sealed, data)
        opened = AESGCM(_key(passphrase, sealed.salt)).decrypt(
            sealed.nonce, sealed.ciphertext, _header(sealed.trustee_id, sealed.parameter_id)
        )
        plain = statements.decode(_Plain, opened)
    except InvalidTag as error:
        raise ShareFileError("wrong passphrase, or the share file was changed") from error
    except (MalformedError, ValueError):
        # `from None`: the cause may repeat a part of what was decrypted.
        raise ShareFileError("not a trustee's share file") from None
    return TrusteeSecrets(
        trustee_id=sealed.trustee_id,
        trustee_index=plain.trustee_index,
        parameter_id=sealed.parameter_id,
        paillier=KeyShare(index=plain.trustee_index, value=plain.paillier_share),
        voprf={
            label: VoprfKeyShare(
                label=label, trustee_index=plain.trustee_index, scalar=scalar_from_bytes(data)
            )
            for label, data in zip(KeyLabel, plain.voprf_shares, strict=True)
        },
        root_key_seed=plain.root_key_seed,
    )


def _key(passphrase: bytes, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=_SCRYPT_COST, r=_SCRYPT_BLOCK, p=1).derive(passphrase)


def _header(trustee_id: PartyId, parameter_id: bytes) -> bytes:
    return length_prefixed(b"fedcarbon/v1/share-file", trustee_id.encode(), parameter_id)
