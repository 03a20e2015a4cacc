"""A valid example of every statement of the project."""

from __future__ import annotations

from functools import cache
from typing import Final

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ceremony.share_file import _Plain
from fedcarbon.opening.statements import BindingObjection, Refusal, Unbinding
from fedcarbon.registry.enrolment import PlaceEntry, PlacesAnswer
from fedcarbon.submission.challenge import Challenge, ChallengedBlock
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.units import MicrogramsCO2e, Natural
from tests.house.examples import parties
from tests.house.examples.parties import METRO
from tests.house.examples.whole import record
from tests.house.protocol_examples import examples as page_examples
from tests.house.protocol_tables import error_classes

UNSHOWN: Final[tuple[Statement, ...]] = (
    BindingObjection(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        binding_id=b"b" * 16,
        account_token=b"t" * 32,
        partner_id=METRO,
    ),
    Unbinding(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        binding_id=b"b" * 16,
        account_token=b"t" * 32,
        party_id=parties.BANK,
    ),
    Refusal(
        parameter_id=b"p" * 32,
        trustee_id=parties.TRUSTEES[0],
        refusal_code="BINDING_WAITS",
        subject=b"s" * 32,
        detail="wait",
    ),
    PlacesAnswer(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        partner_id=METRO,
        batch_id=b"b" * 16,
        places=(PlaceEntry(account_token=b"t" * 32, block=4, slot=1),),
    ),
    Challenge(
        parameter_id=b"p" * 32,
        programme_id=parties.PROGRAMME_ID,
        partner_id=METRO,
        challenge_id=b"c" * 32,
        cap_ug=MicrogramsCO2e(50_000_000_000),
        blocks=(
            ChallengedBlock(
                values_ug=(MicrogramsCO2e(7), MicrogramsCO2e(0)),
                randomiser=Natural(1 << 200),
                ciphertext=bytes(8),
                proof=bytes(8),
            ),
        ),
    ),
    _Plain(
        trustee_index=1,
        paillier_share=Natural(1 << 700),
        voprf_shares=(bytes(32),) * 4,
        root_key_seed=b"r" * 32,
    ),
)
"""Statements without a worked example on the page."""


@cache
def payloads() -> dict[str, tuple[bytes, ...]]:
    """Return the canonical bytes of statements by kind: every class has one."""
    found: dict[str, list[bytes]] = {}
    shown = [value for example in page_examples().values() for value in example.values.values()]
    texts = [
        value.encode()
        for value in shown
        if isinstance(value, str) and value.startswith("{") and '"statement":' in value
    ]
    texts += [Envelope.from_bytes(item.body).payload for item in record().leaves]
    texts += [statements.encode(statement) for statement in UNSHOWN]
    for text in texts:
        found.setdefault(statements.kind_of(text), []).append(text)
    return {kind: tuple(all_of_it) for kind, all_of_it in found.items()}


def statement_classes() -> dict[str, type[Statement]]:
    """Return kind to class of every statement of the project."""
    error_classes()  # imports everything
    waiting, found = [Statement], {}
    while waiting:
        children = waiting.pop().__subclasses__()
        waiting += children
        found.update({cls.KIND: cls for cls in children if cls.__module__.startswith("fedcarbon.")})
    return found
