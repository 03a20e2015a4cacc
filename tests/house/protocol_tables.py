"""The tables of the protocol page that are made from the code: leaves, states, codes, limits."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from fedcarbon.epoch import lifecycle
from fedcarbon.errors import (
    CallerError,
    ConfigurationError,
    FedcarbonError,
    PeerError,
    StateError,
)
from fedcarbon.ids import Role
from fedcarbon.redemption import states
from fedcarbon.transparency.leaf import PUBLIC_TYPES, LeafType, may_read
from fedcarbon.wire.status import RemoteError, family_of, status_code_of
from hub.openings import states as opening_states
from tests.audit.tampering import TAMPERINGS

PACKAGES: Final = ("fedcarbon", "hub", "trustee")
"""Whose codes travel between organisations; those of nodes, engines and commands do not."""
LOCAL: Final = ("fedcarbon.cli.", "fedcarbon.engine.", "fedcarbon.methodology.")

SIGNERS: Final[Mapping[LeafType, str]] = {
    LeafType.PARAMETERS: "all root keys",
    LeafType.SELF_TEST: "all root keys",
    LeafType.PARTY_ADMISSION: "t root keys",
    LeafType.PROGRAMME: "t root keys",
    LeafType.METHODOLOGY_ADMISSION: "t root keys",
    LeafType.ENROLMENT_BATCH: "partner",
    LeafType.PLACE_BATCH: "hub",
    LeafType.EVALUATION_REQUEST: "partner or wallet operator",
    LeafType.EPOCH_PLAN: "hub",
    LeafType.CLAIM_COMMITMENT: "partner",
    LeafType.COMMIT_CLOSED: "hub",
    LeafType.BEACON_VALUE: "hub",
    LeafType.CLAIM_LIST: "hub",
    LeafType.VERDICT_LIST: "hub",
    LeafType.CHUNK_HEADER: "partner",
    LeafType.SEAL: "hub",
    LeafType.LINK_PROOF: "partner",
    LeafType.DISPUTE: "partner",
    LeafType.OPERATOR_BINDING: "wallet operator",
    LeafType.PARTNER_BINDING: "partner",
    LeafType.BINDING_OBJECTION: "partner",
    LeafType.UNBINDING: "partner or wallet operator",
    LeafType.OPENING_REQUEST: "wallet operator",
    LeafType.OPENING_START: "every trustee of the subset",
    LeafType.OPENING_RESULT: "hub",
    LeafType.REFUSAL: "trustee",
    LeafType.LEDGER_BATCH: "hub",
    LeafType.REDEMPTION_ORDER: "wallet operator",
    LeafType.PAYOUT_BATCH: "hub",
    LeafType.OFFER: "t root keys",
    LeafType.USE_ORDER: "wallet operator",
    LeafType.GOODS_OUTCOME: "hub",
    LeafType.LOT_RULES: "t root keys",
    LeafType.CREDIT_LOT: "hub",
    LeafType.LOT_VERIFICATION: "t root keys",
    LeafType.LOT_SALE: "hub",
    LeafType.LOT_RETIREMENT: "hub",
    LeafType.EXPIRY_NOTICE: "t root keys",
    LeafType.CAMPAIGN: "t root keys",
    LeafType.MARKET_RULES: "t root keys",
    LeafType.MARKET_PRICE: "hub",
    LeafType.RANKING_RULES: "t root keys",
    LeafType.RANKING_CHOICE: "wallet operator",
    LeafType.RANKING_SALT: "hub",
    LeafType.RANKING: "hub",
    LeafType.TABLE_SHELL: "t root keys",
    LeafType.TABLE_CONTRIBUTION: "partner",
    LeafType.RELEASE_START: "t or more trustees",
    LeafType.TABLE_RELEASE: "hub",
}

# (module, constant, what it limits)
LIMITS: Final[Sequence[tuple[str, str, str]]] = (
    ("canonical.statement", "PROTOCOL_VERSION", "version in every statement"),
    ("canonical.statement", "INTEGER_MAX", "largest JSON number of a statement"),
    ("ids", "NAME_LENGTH_MAX", "characters of a name"),
    ("units", "VALUE_BITS", "bits of a value, and of every sum that is opened"),
    ("transparency.envelope", "SIGNATURES_MAX", "signatures of an envelope"),
    ("transparency.checkpoint", "TIME_TOLERANCE_S", "seconds by which a deadline may be missed"),
    ("paillier.keys", "MODULUS_BITS_MIN", "bits of n and N, unless marked insecure"),
    ("paillier.keys", "HASH_EXCESS_BITS", "bits of a hash beyond what it is reduced to"),
    ("paillier.threshold_key", "TRUSTEES_MAX", "trustees"),
    ("paillier.share_proof", "CHALLENGE_BITS", "lambda: bits of a challenge"),
    ("paillier.share_proof", "HIDING_BITS", "kappa: bits of statistical hiding"),
    ("paillier.share_proof", "WEIGHT_BITS", "bits of a batch weight"),
    ("proofs.square_free", "ALPHA_BITS", "primes below 2 to this are divided out"),
    ("proofs.square_free", "ROOTS", "roots of a square-freeness proof"),
    ("identity.person_id", "NUMBER_CHARACTERS_MAX", "characters of an identity field as written"),
    ("identity.dleq", "BATCH_ELEMENTS_MAX", "elements under one VOPRF proof"),
    ("registry.evaluation", "ELEMENTS_MAX", "elements of an evaluation request"),
    ("registry.enrolment", "BATCH_ENTRIES_MAX", "entries of an enrolment or place batch"),
    ("registry.enrolment", "MESSAGE_ID_BYTES", "bytes of a client-made id"),
    ("registry.enrolment", "BLOCK_MAX", "largest block number"),
    ("registry.admission", "CLAIM_SLOTS_DEFAULT", "default claims per account and day"),
    ("registry.programme", "CAP_DEFAULT_UG", "default cap per person and day, in ug"),
    ("registry.programme", "SLOT_DEFAULT_S", "default length of a time slot, in seconds"),
    ("registry.programme", "SLOT_MIN_S", "shortest time slot, in seconds"),
    ("registry.methodology", "DOCUMENT_BYTES_MAX", "bytes of a methodology's document"),
    ("registry.methodology", "VERSION_LENGTH_MAX", "characters of a methodology's version"),
    ("registry.methodology", "METHODOLOGIES_MAX", "methodologies of one commitment"),
    ("methodology.activity", "DURATION_S_MAX", "longest activity, in seconds"),
    ("methodology.activity", "DISTANCE_M_MAX", "farthest activity, in metres"),
    ("identity.claims", "RANK_MAX", "worst rank"),
    ("identity.claims", "CLAIMS_MAX", "claims of one list"),
    ("epoch.dispute", "WINDOW_S", "seconds after the verdicts in which they may be disputed"),
    ("epoch.dispute", "LOSSES_PER_CLAIM", "losses per claim that may be disputed"),
    ("epoch.dispute", "CLAIMS_ALWAYS", "claims that may be disputed however few were lost"),
    ("epoch.statements", "LINK_PROOF_BYTES_MAX", "bytes of a link proof"),
    ("proofs.link", "DELTA_BITS", "bits of what was won and not submitted"),
    ("packing.layout", "SLOT_WIDTH_BITS", "W: bits of a slot of a plaintext"),
    ("submission.chunk_file", "CHUNK_BYTES_MAX", "bytes of a chunk file"),
    ("opening.binding_checks", "WALLET_CLASS_LAST", "last wallet class that may be bound"),
    ("ledger.rules", "BALANCE_MAX", "largest balance"),
    ("redemption.wallet", "WALLET_ID_LENGTH_MAX", "characters of a wallet id"),
    ("redemption.rail", "PAYOUT_ID_BYTES", "bytes of a payout id"),
    ("wire.options", "MESSAGE_BYTES_MAX", "bytes of one gRPC message"),
    ("hub.record.reading", "PAGE_LEAVES_MAX", "leaves of one answer"),
    ("hub.record.reading", "FILE_PAGE_BYTES_MAX", "bytes of a file in one answer"),
    ("hub.intake.lost_claims", "PAGE_TOKENS_MAX", "lost claims of one answer"),
    ("trustee.trustee", "ORDER_ID_BYTES", "bytes of an order id"),
    ("trustee.trustee", "DETAIL_LENGTH_MAX", "characters of a refusal's sentence"),
    ("trustee.evaluating", "QUOTA_PERCENT", "evaluations per 100 accounts"),
    ("trustee.evaluating", "QUOTA_BASE", "evaluations beyond that"),
)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def leaf_types() -> str:
    """Return number, kind, signer and readers of every type of leaf."""
    return table(
        ("type", "kind", "signed by", "body goes to"),
        [
            (str(int(kind)), f"`{kind.kind}`", SIGNERS[kind], _readers(kind))
            for kind in sorted(LeafType)
        ],
    )


def _readers(kind: LeafType) -> str:
    if kind in PUBLIC_TYPES:
        assert all(may_read(role, kind) for role in Role)
        return "every admitted party"
    return "trustees, auditors" if may_read(Role.TRUSTEE, kind) else "auditors"


def transitions(rows: Mapping[Any, Mapping[Any, Any]]) -> str:
    """Return a state table: what event leads where; every other event is refused."""
    return table(
        ("state", "event", "next state"),
        [
            (_upper(state), _upper(event), _upper(following))
            for state, events in rows.items()
            for event, following in events.items()
        ],
    )


def diagram(rows: Mapping[Any, Mapping[Any, Any]]) -> str:
    """Return the same table as a Mermaid diagram."""
    first = next(iter(rows))
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {_upper(first)}"]
    for state, events in rows.items():
        lines += [
            f"    {_upper(state)} --> {_upper(to)}: {event.value}" for event, to in events.items()
        ]
        if not events:
            lines.append(f"    {_upper(state)} --> [*]")
    return "\n".join([*lines, "```"])


def _upper(member: StrEnum) -> str:
    return member.name


def error_classes() -> list[type[FedcarbonError]]:
    """Return every error class of the protocol, by code and then by module."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        for found in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not found.name.endswith("__main__") and not found.name.startswith(LOCAL):
                importlib.import_module(found.name)
    kept = [cls for cls in set(_descendants(FedcarbonError)) if _is_of_the_protocol(cls)]
    return sorted(kept, key=lambda cls: (cls.code, cls.__module__))


def _is_of_the_protocol(cls: type[FedcarbonError]) -> bool:
    if cls.__module__.partition(".")[0] not in PACKAGES or cls.__module__.startswith(LOCAL):
        return False
    families = (CallerError, PeerError, StateError, ConfigurationError)
    return cls not in families and not issubclass(cls, RemoteError)


def _descendants(cls: type[FedcarbonError]) -> Iterator[type[FedcarbonError]]:
    for child in cls.__subclasses__():
        yield child
        yield from _descendants(child)


def codes_of(family: type[FedcarbonError]) -> str:
    """Return the codes of one family: gRPC status, meaning, and where they come from."""
    return table(
        ("code", "status", "meaning", "raised in"),
        [
            (f"`{cls.code}`", status_code_of(cls).name, _meaning(cls), f"`{_home(cls)}`")
            for cls in error_classes()
            if family_of(cls) is family
        ],
    )


def _meaning(cls: type[FedcarbonError]) -> str:
    paragraph = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def _home(cls: type[FedcarbonError]) -> str:
    return cls.__module__.removeprefix("fedcarbon.")


def limits() -> str:
    """Return the named limits with their values."""
    return table(
        ("limit", "value", "of what"),
        [
            (f"`{name}`", _number(getattr(_module(module), name)), meaning)
            for module, name, meaning in LIMITS
        ],
    )


def _module(name: str) -> Any:
    full = name if name.startswith(("hub.", "trustee.")) else f"fedcarbon.{name}"
    return importlib.import_module(full)


def _number(value: int) -> str:
    return f"{value:,}".replace(",", " ")


def tampered() -> str:
    """Return what is done to a good record, and the check that catches it."""
    return table(
        ("what is done to a record", "check", "finding"),
        [
            (item.name.replace("_", " "), check, f"`{code}`")
            for item in TAMPERINGS
            for check, code in sorted(item.findings)
        ],
    )


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "leaf-types": leaf_types,
    "epoch-states": lambda: transitions(lifecycle.TRANSITIONS),
    "epoch-diagram": lambda: diagram(lifecycle.TRANSITIONS),
    "opening-states": lambda: transitions(opening_states.TRANSITIONS),
    "redemption-states": lambda: transitions(states.TRANSITIONS),
    "redemption-diagram": lambda: diagram(states.TRANSITIONS),
    "caller-codes": lambda: codes_of(CallerError),
    "peer-codes": lambda: codes_of(PeerError),
    "state-codes": lambda: codes_of(StateError),
    "configuration-codes": lambda: codes_of(ConfigurationError),
    "limits": limits,
    "tampered": tampered,
}
"""Name on the page to what makes the table."""
