"""A small certificate authority for development, tests and the demo.

Elliptic-curve P-256, short leaves, one SPIFFE URI per leaf. A production federation uses a real
one (step-ca, SPIRE); nothing else in the project knows the difference. Time is handed in; keys are
made by the cryptography library.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedcarbon.errors import ConfigurationError
from fedcarbon.transparency.envelope import SEED_BYTES, SigningKey
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from fedcarbon.wire.certificates import DEFAULT_TRUST_DOMAIN, PartyName
from fedcarbon.wire.party import IDENTITY_FILE

AUTHORITY_DAYS: Final = 365
LEAF_DAYS: Final = 30
_BACKDATED_S: Final = 300
"""Leaves begin a little in the past, for machines whose clocks disagree."""
_SECRET_MODE: Final = 0o600

CERTIFICATE_FILE: Final = "tls.pem"
KEY_FILE: Final = "tls.key"
CA_FILE: Final = "ca.pem"
CA_KEY_FILE: Final = "ca.key"
SEED_FILE: Final = "signing.seed"


class AuthorityFilesError(ConfigurationError):
    """The authority's files are missing, unreadable, or would be overwritten."""

    code: ClassVar[str] = "AUTHORITY_FILES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """A party's certificate and its private key, as PEM."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A development CA."""

    certificate_pem: bytes
    key_pem: bytes = field(repr=False)
    trust_domain: str

    @classmethod
    def create(
        cls, now_s: Seconds, *, trust_domain: str = DEFAULT_TRUST_DOMAIN, days: int = AUTHORITY_DAYS
    ) -> Authority:
        """Return a new authority for one trust domain, valid for `days` from `now_s`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = _subject(f"fedcarbon development CA of {trust_domain}")
        certificate = (
            _builder(subject, subject, key.public_key(), now_s, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([_uri(f"spiffe://{trust_domain}")]), critical=False
            )
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)  # noqa: FBT003
            .sign(key, hashes.SHA256())
        )
        return cls(
            certificate_pem=certificate.public_bytes(Encoding.PEM),
            key_pem=_pem(key),
            trust_domain=trust_domain,
        )

    def issue(self, name: PartyName, now_s: Seconds, *, days: int = LEAF_DAYS) -> Leaf:
        """Return a new certificate for `name`, valid for `days` from `now_s`.

        Raises:
            AuthorityFilesError: the authority's key is not usable, or `name` is of another domain.
        """
        if name.trust_domain != self.trust_domain:
            raise AuthorityFilesError(
                f"this authority is for {self.trust_domain}, {name.uri} is elsewhere"
            )
        issuer = x509.load_pem_x509_certificate(self.certificate_pem)
        signer = load_pem_private_key(self.key_pem, password=None)
        if not isinstance(signer, ec.EllipticCurvePrivateKey):
            raise AuthorityFilesError("the authority's key must be an elliptic-curve key")
        key = ec.generate_private_key(ec.SECP256R1())
        hosts = [x509.DNSName(name.host), x509.DNSName("localhost")]
        address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        names = x509.SubjectAlternativeName([_uri(name.uri), *hosts, address])
        uses = x509.ExtendedKeyUsage(
            [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
        )
        certificate = (
            _builder(_subject(name.party_id), issuer.subject, key.public_key(), now_s, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(uses, critical=False)
            .add_extension(names, critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()),
                critical=False,
            )
            .sign(signer, hashes.SHA256())
        )
        return Leaf(certificate_pem=certificate.public_bytes(Encoding.PEM), key_pem=_pem(key))

    def write(self, folder: Path) -> None:
        """Write certificate and key to `folder`.

        Raises:
            AuthorityFilesError: an authority is there already; it is never overwritten.
        """
        if (folder / CA_KEY_FILE).exists():
            raise AuthorityFilesError(f"{CA_KEY_FILE} is there already; choose another folder")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CA_FILE).write_bytes(self.certificate_pem)
        write_secret(folder / CA_KEY_FILE, self.key_pem)

    @classmethod
    def read(cls, folder: Path) -> Authority:
        """Return the authority that `write` left in `folder`.

        Raises:
            AuthorityFilesError: there is none.
        """
        try:
            certificate_pem = (folder / CA_FILE).read_bytes()
            key_pem = (folder / CA_KEY_FILE).read_bytes()
            certificate = x509.load_pem_x509_certificate(certificate_pem)
            names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        except (OSError, ValueError, x509.ExtensionNotFound) as error:
            raise AuthorityFilesError(
                f"no authority in {folder.name}: run `fedcarbon dev-ca init`"
            ) from error
        uri = names.value.get_values_for_type(x509.UniformResourceIdentifier)[0]
        return cls(
            certificate_pem=certificate_pem,
            key_pem=key_pem,
            trust_domain=uri.removeprefix("spiffe://"),
        )


def write_party(
    folder: Path,
    authority: Authority,
    name: PartyName,
    *,
    now_s: Seconds,
    seed: bytes,
    days: int = LEAF_DAYS,
) -> Path:
    """Write everything that a party's process needs to `folder` and return its identity file.

    TLS files are renewed; a signing seed that is there already is kept, for it is admitted.

    Args:
        folder: where; made if it is not there.
        authority: who issues.
        name: the party.
        now_s: the machine's time, which TLS goes by.
        seed: 32 fresh random bytes for a signing key, used only if the folder has none.
        days: how long the certificate is valid.
    """
    leaf = authority.issue(name, now_s, days=days)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CERTIFICATE_FILE).write_bytes(leaf.certificate_pem)
    write_secret(folder / KEY_FILE, leaf.key_pem)
    (folder / CA_FILE).write_bytes(authority.certificate_pem)
    if not (folder / SEED_FILE).exists():
        write_seed(folder / SEED_FILE, seed)
    identity = folder / IDENTITY_FILE
    fields = {
        "party_id": name.party_id,
        "role": name.role.value,
        "trust_domain": name.trust_domain,
        "tls_certificate": CERTIFICATE_FILE,
        "tls_key": KEY_FILE,
        "tls_ca": CA_FILE,
        "signing_seed": SEED_FILE,
    }
    identity.write_text("".join(f'{key} = "{value}"\n' for key, value in fields.items()))
    return identity


def write_seed(path: Path, seed: bytes) -> bytes:
    """Write a signing seed as hexadecimal, readable by its owner alone; return the public key."""
    if len(seed) != SEED_BYTES:
        raise AuthorityFilesError(f"a signing seed has {SEED_BYTES} bytes")
    write_secret(path, seed.hex().encode() + b"\n")
    return SigningKey(seed).public


def write_secret(path: Path, data: bytes) -> None:
    """Write `data` to a file that is never readable by others, not even for a moment."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _SECRET_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now_s: Seconds,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(_instant(now_s - _BACKDATED_S))
        .not_valid_after(_instant(now_s + days * SECONDS_PER_DAY))
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


def _instant(at_s: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_s, tz=dt.UTC)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
