"""What parties of a small federation sign: the same keys, people and statements in every test."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final, TypeVar

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.identity.ristretto import element
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.paillier.cipher import Encryptor
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission, root_keyid
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.registry.programme import Policy, Programme
from fedcarbon.transparency.envelope import Envelope, SigningKey, sign
from fedcarbon.units import Fen, MicrogramsCO2e
from hub.genesis import Genesis, checked_genesis
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.listed import Listed, listed

S = TypeVar("S", bound=Statement)

HUB: Final = PartyId("hub")
METRO, BIKES, TAXIS = PartyId("metro"), PartyId("bikes"), PartyId("taxis")
PARTNERS: Final = (BIKES, METRO, TAXIS)
AUDITOR: Final = PartyId("auditor")
PROGRAMME: Final = ProgrammeId("shanghai")
FIRST, SECOND = EpochIndex(1), EpochIndex(2)
WINDOW_S: Final = 3600


def trust_roots() -> TrustRoots:
    """Return what everybody starts from."""
    parameters = dealt().parameters
    return TrustRoots(
        parameter_id=parameters.parameter_id,
        threshold=parameters.threshold,
        root_keys=parameters.root_keys,
    )


@cache
def genesis() -> Genesis:
    """Return what the record begins with; the trustees' set of 512 bits."""
    keys = dealt()
    return checked_genesis(
        trust_roots(), keys.signed_parameters.to_bytes(), keys.signed_self_test.to_bytes()
    )


@cache
def encryptor() -> Encryptor:
    """Return the one encryptor of the tests."""
    return Encryptor(genesis().parameters.public_key, window_bits=4)


def key_of(name: str) -> SigningKey:
    """Return a party's signing key, the same in every run."""
    return SigningKey(hashlib.sha256(name.encode()).digest())


def token(number: int) -> bytes:
    """Return the account token of person `number`."""
    return hashlib.sha256(b"account %d" % number).digest()


def claim_token(number: int) -> ClaimToken:
    """Return the claim token of slot `number`."""
    return ClaimToken(hashlib.sha256(b"slot %d" % number).digest()[:16])


def claims(
    ranks: Mapping[int, int], seed: int = 1, *, worth: Mapping[int, int] | None = None
) -> Listed:
    """Return the padded list that claims slot numbers with ranks, worth 0 or so many ug."""
    return listed(
        {claim_token(number): rank for number, rank in ranks.items()},
        {claim_token(number): piece_ug for number, piece_ug in (worth or {}).items()},
        generator=element(genesis().parameters.ristretto_generator),
        chance=seeded(seed),
    )


def rich_claims(partner: PartyId, epoch: EpochIndex) -> Listed:
    """Return a list of one claim that nobody contests and that covers any sum of a test."""
    number = 10_000 + 100 * epoch + sum(partner.encode())
    return claims({number: 4}, seed=number, worth={number: 1 << 50})


def root_signed(statement: Statement, roots: int = 3) -> bytes:
    """Return a statement signed by the first `roots` root keys."""
    keys = {
        root_keyid(secret.trustee_id): SigningKey(secret.root_key_seed)
        for secret in dealt().secrets[:roots]
    }
    return sign(statement, keys).to_bytes()


def signed(statement: Statement, name: str) -> bytes:
    """Return a statement signed by a party."""
    return sign(statement, {name: key_of(name)}).to_bytes()


def admission(name: str, role: Role, **changes: Any) -> PartyAdmission:
    """Return a party's admission."""
    fields: dict[str, Any] = {
        "parameter_id": genesis().parameters.parameter_id,
        "party_id": PartyId(name),
        "role": role,
        "signing_key": key_of(name).public,
        "best_tier": 0,
        "claim_slots_per_account_day": 72,
        "object_quota": 0,
    }
    return PartyAdmission(**{**fields, **changes})


def programme(**changes: Any) -> Programme:
    """Return the programme of the tests: three epochs of one day."""
    fields: dict[str, Any] = {
        "parameter_id": genesis().parameters.parameter_id,
        "programme_id": PROGRAMME,
        "exclusivity_domain": "cn-east",
        "exclusivity_group": "movement",
        "measure": Measure.GRAMS,
        "token_epoch": 1,
        "time_zone": "Asia/Shanghai",
        "first_day": "2026-03-02",
        "last_day": "2026-03-04",
        "epoch_days": 1,
        "slot_s": 300,
        "cap_ug": MicrogramsCO2e(50_000_000_000),
        "partners_max": 3,
        "days_max": 30,
        "unit_ug": MicrogramsCO2e(1_250_000_000),
        "unit_fen": Fen(1),
        "test_identities": True,
        "policy": Policy(
            commit_window_s=WINDOW_S, reveal_window_s=WINDOW_S, submit_window_s=WINDOW_S
        ),
    }
    return Programme(**{**fields, **changes})


METHODOLOGY: Final = hashlib.sha256(b"methodology").digest()
"""The content hash that every commitment names."""


def methodology(**changes: Any) -> MethodologyAdmission:
    """Return the methodology of the tests, whose document the hub cannot read."""
    fields: dict[str, Any] = {
        "parameter_id": genesis().parameters.parameter_id,
        "programme_id": PROGRAMME,
        "methodology_id": "some-rides",
        "version": "2026-01-01",
        "content_hash": METHODOLOGY,
        "document": b"a document",
        "kind": Measure.GRAMS,
        "from_epoch": FIRST,
        "until_epoch": EpochIndex(0),
    }
    return MethodologyAdmission(**{**fields, **changes})


def opened(cls: type[S], body: bytes) -> S:
    """Return the statement in a body, its signature unchecked."""
    return statements.decode(cls, Envelope.from_bytes(body).payload)


def altered(message: bytes, cls: type[S], name: str, **changes: Any) -> bytes:
    """Return a party's message with other fields, signed again by `name`."""
    return signed(replace(opened(cls, message), **changes), name)  # type: ignore[type-var]
