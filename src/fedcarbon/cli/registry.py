"""`fedcarbon registry`: admissions, programmes, methodologies and tables, signed and logged.

Root keys lie in the trustees' share files. Each trustee organisation signs for itself: the file
travels from one to the next, and counts once `threshold` of them have signed.
"""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

from cyclopts import App
from rich.console import Console

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.share_file import open_share_file
from fedcarbon.cli.catalogue import checked_methodology
from fedcarbon.cli.ceremony import read_passphrase
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import EpochIndex, ProgrammeId, Role, party_id, programme_id
from fedcarbon.methodology.definition import Basis
from fedcarbon.packing.layout import check_headroom
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.registry.admission import CLAIM_SLOTS_DEFAULT, PartyAdmission, root_keyid
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.registry.programme import CAP_DEFAULT_UG, SLOT_DEFAULT_S, Policy, Programme
from fedcarbon.transparency.envelope import (
    Envelope,
    SigningKey,
    add_signature,
    payload_type_of,
    sign_payload,
)
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.market import MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer
from fedcarbon.uses.ranking import RankingRules
from fedcarbon.v1 import registry_pb2, statistics_pb2, use_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import load_party
from fedcarbon.wire.tls import dial

app = App(
    name="registry",
    help="Admit parties, programmes, methodologies and tables, signed by t root keys.",
)

UNIT_DEFAULT_UG: Final = MicrogramsCO2e(1_250_000_000)
"""1250 g for one fen: the e-CNY service; sources in docs/programmes/ecny-shanghai.md."""
DAYS_MAX_DEFAULT: Final = 366
PARTNERS_MAX_DEFAULT: Final = 16


RootSigned = (
    PartyAdmission
    | Programme
    | MethodologyAdmission
    | TableShell
    | Offer
    | Campaign
    | MarketRules
    | LotRules
    | LotVerification
    | ExpiryNotice
    | RankingRules
)
_ABOUT_USES: Final = (
    Offer,
    Campaign,
    MarketRules,
    LotRules,
    LotVerification,
    ExpiryNotice,
    RankingRules,
)
_USES: Final = frozenset(cls.KIND for cls in _ABOUT_USES)
_SIGNABLE: Final[Mapping[str, type[RootSigned]]] = {
    payload_type_of(cls.KIND): cls for cls in typing.get_args(RootSigned)
}


class RegistryFileError(ConfigurationError):
    """A file of the registry commands is missing or wrong."""

    code: ClassVar[str] = "REGISTRY_FILE"


class FootprintNotAdmittedError(ConfigurationError):
    """A methodology that counts emissions was to be admitted; choose one that counts reductions."""

    code: ClassVar[str] = "FOOTPRINT_NOT_ADMITTED"


@app.command
def admission(
    *,
    party: str,
    role: Role,
    signing_key: str,
    roots: Path,
    out: Path,
    best_tier: int = 0,
    claim_slots: int = CLAIM_SLOTS_DEFAULT,
    object_quota: int = 0,
) -> None:
    """Write an unsigned admission for PARTY to OUT; root key holders then sign it.

    Args:
        party: the party's id, as in its certificate.
        role: what it may do.
        signing_key: its Ed25519 public key in hexadecimal, as `fedcarbon keygen` printed it.
        roots: roots.toml.
        out: file to write.
        best_tier: the best evidence tier that it may claim (0 validated, 1 tracked, 2 declared).
        claim_slots: time slots that it may claim per enrolled account and day.
        object_quota: evaluations under the object key.
    """
    write_unsigned(
        out,
        PartyAdmission(
            parameter_id=_roots(roots).parameter_id,
            party_id=party_id(party),
            role=role,
            signing_key=bytes.fromhex(signing_key),
            best_tier=best_tier,
            claim_slots_per_account_day=claim_slots,
            object_quota=object_quota,
        ),
    )


@app.command
def programme(*, config: Path, roots: Path, out: Path) -> None:
    """Write an unsigned programme from the TOML file CONFIG to OUT; root key holders then sign it.

    The file has the fields of a programme: `programme_id`, `time_zone`, `first_day`, `last_day`,
    and, where the defaults do not fit, `epoch_days`, `cap_ug`, `unit_ug`, `unit_fen`,
    `partners_max`, `days_max`, `exclusivity_domain`, `measure` (`grams`, `points` or `money`),
    `test_identities` and a table `[policy]`.

    Args:
        config: the TOML file.
        roots: roots.toml.
        out: file to write.
    """
    try:
        tree = tomllib.loads(config.read_text(encoding="utf-8"))
        built = programme_of(tree, _roots(roots))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RegistryFileError(f"{config.name}: {error}") from error
    write_unsigned(out, built)


def programme_of(tree: dict[str, Any], roots: TrustRoots) -> Programme:
    """Return the programme that a TOML tree describes, with defaults filled in.

    Raises:
        KeyError, TypeError: a field is missing or unknown.
        HeadroomError: partners, days and cap could outgrow a slot.
    """
    name = programme_id(tree["programme_id"])
    fields = {
        "exclusivity_domain": name,
        "exclusivity_group": "movement",
        "token_epoch": 1,
        "epoch_days": 1,
        "slot_s": SLOT_DEFAULT_S,
        "cap_ug": CAP_DEFAULT_UG,
        "partners_max": PARTNERS_MAX_DEFAULT,
        "days_max": DAYS_MAX_DEFAULT,
        "unit_ug": UNIT_DEFAULT_UG,
        "unit_fen": Fen(1),
        "test_identities": False,
        **tree,
        "programme_id": name,
        "measure": Measure(tree.get("measure", Measure.GRAMS)),
        "policy": Policy(**tree.get("policy", {})),
        "parameter_id": roots.parameter_id,
    }
    built = Programme(**fields)
    check_headroom(partners_max=built.partners_max, days_max=built.days_max, cap_ug=built.cap_ug)
    return built


@app.command
def methodology(
    document: Path,
    *,
    programme: str,
    roots: Path,
    out: Path,
    from_epoch: int = 1,
    until_epoch: int = 0,
) -> None:
    """Write an unsigned admission of the methodology in DOCUMENT to OUT.

    Root key holders then read the document and sign.

    Args:
        document: the methodology's file, worked examples and all.
        programme: id of the programme whose partners may compute by it.
        roots: roots.toml.
        out: file to write.
        from_epoch: the first epoch that it counts in; none that is planned already.
        until_epoch: the last one; 0 for no end.
    """
    try:
        data = document.read_bytes()
    except OSError as error:
        raise RegistryFileError(f"{document.name}: {error}") from error
    window = (from_epoch, until_epoch)
    write_unsigned(out, methodology_of(data, programme_id(programme), _roots(roots), *window))


def methodology_of(
    document: bytes,
    programme: ProgrammeId,
    roots: TrustRoots,
    from_epoch: int = 1,
    until_epoch: int = 0,
) -> MethodologyAdmission:
    """Return what is to be signed of a document.

    Raises:
        InvalidMethodologyError: it is no methodology.
        QuarantinedFactorError: it carries a number that is known to be wrong.
        MethodologyNotUsableError: it is one that refuses to compute.
        FootprintNotAdmittedError: it counts what somebody emitted.
        MalformedError: a window of no epochs, or a document that is too long.
    """
    found = checked_methodology(document, "the document")
    found.require_computing()
    if found.result.basis is Basis.FOOTPRINT:
        raise FootprintNotAdmittedError(
            f"{found.methodology_id} counts a footprint; a programme credits reductions"
        )
    return MethodologyAdmission(
        parameter_id=roots.parameter_id,
        programme_id=programme,
        methodology_id=found.methodology_id,
        version=found.version,
        content_hash=found.content_hash,
        document=document,
        kind=Measure(found.result.kind.value),
        from_epoch=EpochIndex(from_epoch),
        until_epoch=EpochIndex(until_epoch),
    )


@app.command(name="sign")
def root_sign(file: Path, *, share: Path, passphrase: Path) -> None:
    """Add a trustee organisation's root signature to FILE, after showing what is signed.

    Args:
        file: what root keys sign, signed by others or not yet.
        share: this organisation's share file.
        passphrase: the file with its passphrase.
    """
    console = Console(stderr=True)
    secrets = open_share_file(share.read_bytes(), read_passphrase(passphrase))
    envelope = Envelope.from_bytes(file.read_bytes())
    require_signable(envelope, secrets.parameter_id)
    console.print_json(envelope.payload.decode())
    key = SigningKey(secrets.root_key_seed)
    signed = add_signature(envelope, root_keyid(secrets.trustee_id), key)
    file.write_bytes(signed.to_bytes())
    console.print(f"signed by {secrets.trustee_id}: {len(signed.signatures)} signatures in all")


@app.command
def publish(file: Path, *, identity: Path, hub_address: str, hub_id: str) -> None:
    """Have the hub log what enough root keys have signed.

    Args:
        file: the signed envelope.
        identity: identity file of the party that sends it.
        hub_address: host and port of the hub.
        hub_id: the hub's party id.
    """
    party = load_party(identity)
    hub_name = PartyName(party_id=party_id(hub_id), role=Role.HUB, trust_domain=party.trust_domain)
    data = file.read_bytes()
    kind = statements.kind_of(Envelope.from_bytes(data).payload)
    with dial(hub_address, party, hub_name) as channel:
        hub = GrpcHubClient(channel)
        if kind == PartyAdmission.KIND:
            hub.create_admission(registry_pb2.CreateAdmissionRequest(signed_admission=data))
        elif kind == Programme.KIND:
            hub.create_programme(registry_pb2.CreateProgrammeRequest(signed_programme=data))
        elif kind == MethodologyAdmission.KIND:
            hub.create_methodology_admission(
                registry_pb2.CreateMethodologyAdmissionRequest(signed_admission=data)
            )
        elif kind == TableShell.KIND:
            hub.create_table_shell(statistics_pb2.CreateTableShellRequest(signed_shell=data))
        elif kind in _USES:
            hub.publish(use_pb2.PublishRequest(signed_statement=data))
        else:
            raise RegistryFileError(f"{file.name} holds a {kind}, which root keys do not publish")
    Console(stderr=True).print(f"the {kind} in {file.name} is in the record")


def require_signable(envelope: Envelope, parameter_id: bytes) -> None:
    """Check that an envelope holds what a root key is for: what is shown is all that is signed.

    Args:
        envelope: with or without signatures.
        parameter_id: of the share file that the root key lies in.

    Raises:
        RegistryFileError: nothing that root keys sign, or of another federation.
        MalformedError: not its canonical bytes, which nobody would accept later.
    """
    cls = _SIGNABLE.get(envelope.payload_type)
    if cls is None:
        raise RegistryFileError(
            "root keys sign admissions, programmes, methodologies, table shells and what is "
            "published of uses"
        )
    statement = statements.decode(cls, envelope.payload)
    if statement.parameter_id != parameter_id:
        raise RegistryFileError(f"the {statement.KIND} is for another parameter set")


def write_unsigned(out: Path, statement: Statement) -> None:
    """Write the envelope of `statement` without any signature."""
    envelope = sign_payload(statement.KIND, statements.encode(statement), {})
    out.write_bytes(envelope.to_bytes())


def _roots(path: Path) -> TrustRoots:
    return parse_roots(path.read_bytes())
