"""Who takes part in the worked examples: a ceremony of 512 bits, and parties with named seeds."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from typing import Final

from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.dealer import CeremonyPrimes, Dealt, deal
from fedcarbon.identity.blinding import BlindedBatch, SecretOutput, blind_batch, finalize_batch
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.person_id import canonical_identity, make_test_id
from fedcarbon.identity.shares import evaluate
from fedcarbon.identity.threshold import PartialEvaluation, verify
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.paillier.cipher import Encryptor
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import CLAIM_SLOTS_DEFAULT, PartyAdmission, root_keyid
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Policy, Programme
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.units import SECONDS_PER_DAY, Fen, MicrogramsCO2e
from tests.house.examples.chance import NamedChance
from tests.keys.primes import TINY, load_primes

TRUSTEES: Final = tuple(PartyId(f"trustee-{index}") for index in range(1, 6))
THRESHOLD: Final = 3
HUB: Final = PartyId("hub-sz")
BIKES, METRO, BANK = PartyId("sz-bike"), PartyId("sz-metro"), PartyId("bank-a")
PROGRAMME_ID: Final = ProgrammeId("carbon-sz")

ROLES: Final[Mapping[PartyId, Role]] = {
    HUB: Role.HUB,
    **dict.fromkeys(TRUSTEES, Role.TRUSTEE),
    BIKES: Role.PARTNER,
    METRO: Role.PARTNER,
    BANK: Role.WALLET_OPERATOR,
}


@cache
def ceremony() -> Dealt:
    """Return what the ceremony of the examples deals: 3 of 5, INSECURE moduli of 512 bits."""
    chance = NamedChance("ceremony")
    primes = load_primes(TINY)
    return deal(
        CeremonyPrimes(
            paillier_p=primes.p,
            paillier_q=primes.q,
            commitment_p=primes.big_p,
            commitment_q=primes.big_q,
        ),
        TRUSTEES,
        THRESHOLD,
        random_below=chance.below,
        random_bytes=chance.octets,
    )


def parameters() -> ParameterSet:
    """Return the public parameter set."""
    return ceremony().parameters


@cache
def roots() -> TrustRoots:
    """Return what `roots.toml` holds."""
    found = parameters()
    return TrustRoots(
        parameter_id=found.parameter_id, threshold=found.threshold, root_keys=found.root_keys
    )


@cache
def encryptor() -> Encryptor:
    """Return the one encryptor of the examples."""
    return Encryptor(parameters().public_key, window_bits=4)


def key_of(name: PartyId) -> SigningKey:
    """Return a party's signing key: its seed is SHA-256 of `example seed ` and its id."""
    return SigningKey(hashlib.sha256(b"example seed " + name.encode()).digest())


def signed(statement: Statement, *names: PartyId) -> bytes:
    """Return a statement signed by parties, in that order."""
    return sign(statement, {name: key_of(name) for name in names}).to_bytes()


def root_signed(statement: Statement) -> bytes:
    """Return a statement signed by the first `THRESHOLD` root keys."""
    keys = {
        root_keyid(secret.trustee_id): SigningKey(secret.root_key_seed)
        for secret in ceremony().secrets[:THRESHOLD]
    }
    return sign(statement, keys).to_bytes()


def admission(name: PartyId) -> PartyAdmission:
    """Return a party's admission."""
    return PartyAdmission(
        parameter_id=parameters().parameter_id,
        party_id=name,
        role=ROLES[name],
        signing_key=key_of(name).public,
        best_tier=0,
        claim_slots_per_account_day=CLAIM_SLOTS_DEFAULT,
        object_quota=0,
    )


@cache
def programme() -> Programme:
    """Return the programme: two local days, and a binding that need not wait."""
    return Programme(
        parameter_id=parameters().parameter_id,
        programme_id=PROGRAMME_ID,
        exclusivity_domain="carbon-sz",
        exclusivity_group="movement",
        measure=Measure.GRAMS,
        token_epoch=1,
        time_zone="Asia/Shanghai",
        first_day="2026-11-02",
        last_day="2026-11-03",
        epoch_days=1,
        slot_s=300,
        cap_ug=MicrogramsCO2e(50_000_000_000),
        partners_max=16,
        days_max=366,
        unit_ug=MicrogramsCO2e(1_250_000_000),
        unit_fen=Fen(1),
        test_identities=True,
        policy=Policy(opening_interval_days=1, binding_wait_s=0, enrolment_age_s=SECONDS_PER_DAY),
    )


def person(serial: int) -> bytes:
    """Return the canonical bytes of the TEST person with this serial number."""
    return canonical_identity("TEST", make_test_id(serial), allow_test=True).to_bytes()


@cache
def blinded(label: KeyLabel, serial: int) -> BlindedBatch:
    """Return a person blinded for one key."""
    return blind_batch(label, [person(serial)], NamedChance(f"blind {label} {serial}").below)


@cache
def partials(label: KeyLabel, serial: int) -> tuple[PartialEvaluation, ...]:
    """Return the answers of the first `THRESHOLD` trustees."""
    return tuple(
        evaluate(
            secret.voprf[label],
            blinded(label, serial).blinded,
            NamedChance(f"evaluate {label} {serial} {secret.trustee_id}").below,
        )
        for secret in ceremony().secrets[:THRESHOLD]
    )


@cache
def output(label: KeyLabel, serial: int) -> SecretOutput:
    """Return a person's output under one key, computed as a partner does."""
    key, batch = parameters().voprf_key(label), blinded(label, serial)
    verified = [verify(key, batch.blinded, partial) for partial in partials(label, serial)]
    (found,) = finalize_batch(batch, verified)
    return found
