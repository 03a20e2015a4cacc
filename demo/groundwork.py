"""What must exist before the first process starts: keys, certificates, admissions, configurations.

The demo plays every organisation here: it runs the ceremony, keeps all share files, and signs as
every root key holder. In a real federation these are different people on different machines.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from demo.processes import ProcessGroup, free_port
from demo.scenario import ProgrammeEntry, Scenario
from fedcarbon.ceremony.share_file import open_share_file
from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.cli.ceremony import read_passphrase
from fedcarbon.cli.registry import methodology_of, programme_of
from fedcarbon.cli.registry_tables import shell_from_toml
from fedcarbon.clock import SystemClock
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.registry.admission import CLAIM_SLOTS_DEFAULT, PartyAdmission, root_keyid
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.envelope import SEED_BYTES, SigningKey, sign
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority, write_party
from fedcarbon.wire.party import PartyFiles, load_party

HUB_ID: Final = PartyId("hub")
AUDITOR_ID: Final = PartyId("auditor")
REGULATOR_ID: Final = PartyId("regulator")
RAIL_ID: Final = PartyId("sandbox-rail")
"""Operator of the wallets' rail: no party to the record, the hub knows it by configuration."""
OBJECTS_MAX: Final = 100_000
"""Meters, receipts and vehicles that a partner may have evaluated."""
# METHODOLOGIES section 13 where a source is known; class 1 has no cap, so its row is high.
WALLET_LIMITS_FEN: Final = (
    (1, 1_000_000_000, 1_000_000_000),
    (2, 5_000_000, 10_000_000),
    (3, 500_000, 1_000_000),
)
"""Wallet class, fen at once and fen a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Groundwork:
    """The files of one federation, and what the demo remembers of them."""

    folder: Path
    clock: Path
    limits: Path
    """What the hub's operator lets redemptions take: figures of the demo, not of any rule."""
    keys: Path
    roots: TrustRoots
    programmes: Mapping[ProgrammeId, Programme]
    hub_port: int
    rail_port: int
    notices_port: int
    """Where the hub takes what the rail has to say by itself."""
    node_ports: Mapping[str, int]
    """By seat."""
    parties: Mapping[PartyId, Path]
    """Identity file of every party."""
    signed_programmes: tuple[bytes, ...]
    signed_methodologies: tuple[bytes, ...]
    signed_shells: tuple[bytes, ...]
    admissions: tuple[bytes, ...]

    def party(self, name: PartyId) -> PartyFiles:
        """Return the files of a party that the demo plays."""
        return load_party(self.parties[name])

    def home(self, seat: str) -> Path:
        """Return the folder of a party's process."""
        return self.folder / seat


def lay_groundwork(scenario: Scenario, folder: Path, processes: ProcessGroup) -> Groundwork:
    """Run the ceremony and write everything that the processes of `scenario` need."""
    keys = folder / "keys"
    if not (keys / "roots.toml").exists():
        processes.run("ceremony", _ceremony_arguments(scenario, keys))
    roots = parse_roots((keys / "roots.toml").read_bytes())
    signers = root_signers(keys, roots)
    roles = {HUB_ID: Role.HUB, AUDITOR_ID: Role.AUDITOR, REGULATOR_ID: Role.REGULATOR}
    roles |= dict.fromkeys(roots.root_keys, Role.TRUSTEE)
    roles |= {entry.id: Role.PARTNER for entry in scenario.partners}
    roles |= {entry.id: Role.WALLET_OPERATOR for entry in scenario.wallet_operators}
    parties = _write_parties(folder / "parties", roles | {RAIL_ID: Role.WALLET_OPERATOR})
    tiers = {entry.id: entry.best_tier for entry in scenario.partners}
    programmes = {entry.id: signed_rules_of(entry, roots) for entry in scenario.programmes}
    admissions = tuple(
        sign(
            PartyAdmission(
                parameter_id=roots.parameter_id,
                party_id=name,
                role=role,
                signing_key=load_party(parties[name]).signing_key.public,
                best_tier=tiers.get(name, 0),
                claim_slots_per_account_day=CLAIM_SLOTS_DEFAULT,
                object_quota=OBJECTS_MAX if role is Role.PARTNER else 0,
            ),
            signers,
        ).to_bytes()
        for name, role in roles.items()
    )
    return Groundwork(
        folder=folder,
        clock=folder / "clock",
        limits=_write_limits(folder / "limits.toml", list(programmes)),
        keys=keys,
        roots=roots,
        programmes=programmes,
        hub_port=free_port(),
        rail_port=free_port(),
        notices_port=free_port(),
        node_ports={entry.seat: free_port() for entry in scenario.partners},
        parties=parties,
        signed_programmes=tuple(
            sign(programme, signers).to_bytes() for programme in programmes.values()
        ),
        signed_methodologies=tuple(
            sign(methodology_of(catalogue_bytes(name), programme, roots), signers).to_bytes()
            for programme, name in methodologies_of(scenario)
        ),
        signed_shells=tuple(
            sign(shell_from_toml(tree, programmes[entry.id]), signers).to_bytes()
            for entry in scenario.programmes
            for tree in entry.tables
        ),
        admissions=admissions,
    )


def methodologies_of(scenario: Scenario) -> list[tuple[ProgrammeId, str]]:
    """Return which methodologies each programme admits: those that its partners use."""
    pairs = {
        (partner.programme, name) for partner in scenario.partners for name in partner.methodologies
    }
    return sorted(pairs)


def _ceremony_arguments(scenario: Scenario, keys: Path) -> list[str]:
    wanted = scenario.keys
    return [
        "fedcarbon.cli",
        "ceremony",
        *("--trustees", str(wanted.trustees)),
        *("--threshold", str(wanted.threshold)),
        *("--bits", str(wanted.bits)),
        *("--out", str(keys)),
        *(["--insecure"] if wanted.bits < 2048 else []),  # noqa: PLR2004 - the command says why
    ]


def root_signers(keys: Path, roots: TrustRoots) -> dict[str, SigningKey]:
    """Return t root keys, as their holders would each use one."""
    signers = {}
    for name in list(roots.root_keys)[: roots.threshold]:
        share = (keys / f"{name}.share").read_bytes()
        opened = open_share_file(share, read_passphrase(keys / f"{name}.passphrase"))
        signers[root_keyid(name)] = SigningKey(opened.root_key_seed)
    return signers


def _write_parties(folder: Path, roles: Mapping[PartyId, Role]) -> dict[PartyId, Path]:
    now_s = SystemClock().now_s()
    authority = Authority.create(now_s)
    return {
        name: write_party(
            folder / name,
            authority,
            PartyName(party_id=name, role=role),
            now_s=now_s,
            seed=secrets.token_bytes(SEED_BYTES),
        )
        for name, role in roles.items()
    }


def _write_limits(path: Path, programmes: Iterable[ProgrammeId]) -> Path:
    """Write the limits of the demo's hub: a real one's operator decides on each figure."""
    classes = (
        f'[[wallet_class]]\nclass = {level}\nvalid_from = "1970-01-01"\n'
        f"per_exchange_fen = {at_once}\nper_day_fen = {a_day}\n"
        f'per_year_fen = "none"\nbalance_fen = "none"\nsource = "the demo"\n'
        for level, at_once, a_day in WALLET_LIMITS_FEN
    )
    of_programmes = (
        f'[[programme]]\nprogramme = "{programme}"\nvalid_from = "1970-01-01"\n'
        'units_per_exchange = "none"\naccount_per_day_fen = "none"\nsource = "the demo"\n'
        for programme in programmes
    )
    path.write_text("\n".join([*classes, *of_programmes]), encoding="utf-8")
    return path


def signed_rules_of(entry: ProgrammeEntry, roots: TrustRoots) -> Programme:
    """Return the programme that root keys sign for an entry."""
    one_day = dt.timedelta(days=1)
    days = (entry.last_day - entry.first_day) // one_day + 1
    return programme_of(
        {
            "programme_id": entry.id,
            "time_zone": entry.time_zone,
            "first_day": entry.first_day.isoformat(),
            "last_day": entry.last_day.isoformat(),
            "epoch_days": entry.epoch_days,
            "days_max": max(366, days),
            "test_identities": True,
            "policy": asdict(entry.policy),
            **entry.rest,
        },
        roots,
    )
