"""A party's own files: who it is, its TLS certificate, and its signing key.

The identity file is TOML; paths in it are relative to it:

    party_id = "sz-metro"
    role = "partner"
    trust_domain = "fedcarbon.test"
    tls_certificate = "tls.pem"
    tls_key = "tls.key"
    tls_ca = "ca.pem"
    signing_seed = "signing.seed"

TLS keys say who is at the other end of a connection; the signing key is admitted to the record by
root keys and outlives certificates. They are never the same key.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError, FedcarbonError
from fedcarbon.ids import PartyId, Role, party_id
from fedcarbon.transparency.envelope import SEED_BYTES, SigningKey
from fedcarbon.wire import certificates
from fedcarbon.wire.certificates import DEFAULT_TRUST_DOMAIN, CertificateError, PartyName

IDENTITY_FILE: Final = "party.toml"
_FIELDS: Final = frozenset({
    "party_id", "role", "trust_domain", "tls_certificate", "tls_key", "tls_ca", "signing_seed",
})  # fmt: skip
_OTHERS: Final = 0o077
"""Permission bits that a secret file must not have."""


class PartyFilesError(ConfigurationError):
    """A party's own files are missing, readable by others, or contradict each other."""

    code: ClassVar[str] = "PARTY_FILES"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """Certificate chain, key and trusted CA, as PEM."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)
    ca_pem: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyFiles:
    """A party's identity as its own process needs it; `reload_tls` reads renewed certificates."""

    party_id: PartyId
    role: Role
    trust_domain: str
    signing_key: SigningKey
    tls: TlsFiles
    tls_paths: tuple[Path, Path, Path]
    """Certificate, key, CA."""

    @property
    def name(self) -> PartyName:
        """Who this is, as its certificate says."""
        return PartyName(party_id=self.party_id, role=self.role, trust_domain=self.trust_domain)

    def reload_tls(self) -> TlsFiles:
        """Return the TLS files as they are on disk now.

        Raises:
            PartyFilesError: unreadable, or not (yet) a pair of this party's.
        """
        return _read_tls(self.tls_paths, self.name)


def load_party(path: Path) -> PartyFiles:
    """Read an identity file and everything that it names.

    Raises:
        PartyFilesError: see there; the message says which file and what to do.
    """
    fields = _read_fields(path)
    home = path.parent
    try:
        identity = party_id(fields["party_id"])
        role = Role(fields["role"])
        name = PartyName(party_id=identity, role=role, trust_domain=fields["trust_domain"])
    except (FedcarbonError, ValueError) as error:
        raise PartyFilesError(f"{path.name}: {error}") from error
    paths = tuple(home / fields[key] for key in ("tls_certificate", "tls_key", "tls_ca"))
    certificate, key, ca = paths
    return PartyFiles(
        party_id=identity,
        role=role,
        trust_domain=name.trust_domain,
        signing_key=read_signing_key(home / fields["signing_seed"]),
        tls=_read_tls((certificate, key, ca), name),
        tls_paths=(certificate, key, ca),
    )


def read_signing_key(path: Path) -> SigningKey:
    """Return the Ed25519 key whose 32-byte seed stands in `path` as hexadecimal.

    Raises:
        PartyFilesError: missing, readable by others, or not 64 hexadecimal digits.
    """
    text = _read_secret(path)
    try:
        seed = bytes.fromhex(text.decode("ascii").strip())
    except ValueError:  # without its text: it may be half of a secret
        seed = b""
    if len(seed) != SEED_BYTES:
        raise PartyFilesError(f"{path.name} must hold {2 * SEED_BYTES} hexadecimal digits")
    return SigningKey(seed)


def _read_fields(path: Path) -> dict[str, str]:
    try:
        tree = tomllib.loads(_read(path).decode())
    except (ValueError, RecursionError) as error:
        raise PartyFilesError(f"{path.name} is not TOML: {error}") from error
    tree.setdefault("trust_domain", DEFAULT_TRUST_DOMAIN)
    if tree.keys() != _FIELDS or not all(isinstance(value, str) for value in tree.values()):
        raise PartyFilesError(f"{path.name} needs exactly the texts {sorted(_FIELDS)}")
    return tree


def _read_tls(paths: tuple[Path, Path, Path], name: PartyName) -> TlsFiles:
    certificate, key, ca = paths
    tls = TlsFiles(certificate_pem=_read(certificate), key_pem=_read_secret(key), ca_pem=_read(ca))
    try:
        found = certificates.party_name_of(tls.certificate_pem)
        certificates.check_pair(tls.certificate_pem, tls.key_pem)
    except CertificateError as error:
        raise PartyFilesError(f"{certificate.name}: {error}") from error
    if found != name:
        raise PartyFilesError(f"{certificate.name} was issued to {found.uri}, not to {name.uri}")
    return tls


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise PartyFilesError(f"cannot read {path.name}: {error.strerror}") from error
    except ValueError as error:  # a name that no file can have
        raise PartyFilesError(f"cannot read a file called {path.name!r}") from error


def _read_secret(path: Path) -> bytes:
    data = _read(path)
    if path.stat().st_mode & _OTHERS:
        raise PartyFilesError(f"{path.name} is readable by others: chmod 600 it")
    return data
