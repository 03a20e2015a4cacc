"""Seals that count a partner whose submission is not bound to the claims that it won.

Epoch 5 is the one under attack; hub and metro may do it together. Metro owes one block in it and
submits 100 000 ug, bike 500 000. No trustee sees a token.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fedcarbon.epoch.lost_positions import position_file_bytes
from fedcarbon.epoch.statements import ClaimList, LinkProof, VerdictList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.ids import PartyId
from fedcarbon.submission.chunk_file import ChunkEntry, ChunkFile
from fedcarbon.submission.header import ChunkHeader
from tests.listed import Listed
from tests.trustee.city import City
from tests.trustee.claiming import rich_token
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BIKE, METRO
from tests.trustee.test_seals_refused import code_of

VALUES = {METRO: {ALICE: 100_000}, BIKE: {ALICE: 500_000}}
LOST = rich_token(PartyId("a-lost-one"), 5)
WON = rich_token(PartyId("a-won-one"), 5)


def metro_list(federation: Federation, *, won: int = 60_000, lost: int = 40_000) -> Listed:
    """Return a list of two claims, of which one will be lost."""
    return federation.list_of({WON: 2, LOST: 2}, {WON: won, LOST: lost})


def lists(federation: Federation, metro: Listed | None = None) -> dict[PartyId, Listed]:
    return {
        METRO: federation.rich_list(METRO, 5) if metro is None else metro,
        BIKE: federation.rich_list(BIKE, 5),
    }


def chunks(
    federation: Federation, plan: int, metro: Mapping[bytes, int] = VALUES[METRO]
) -> dict[PartyId, list[int]]:
    """Log the chunks of both, and bike's honest link proof; metro's is left to the attack."""
    federation.linking = False
    sent = {METRO: federation.submit(METRO, 5, plan, metro)}
    federation.linking = True
    return {**sent, BIKE: federation.submit(BIKE, 5, plan, VALUES[BIKE])}


def entries(federation: Federation, headers: list[int]) -> list[ChunkEntry]:
    files = [
        federation.record.files[federation.statement_at(leaf, ChunkHeader).file_sha256]
        for leaf in headers
    ]
    return [entry for file in files for entry in ChunkFile.from_bytes(file, federation.entry_shape)]


def linked(
    federation: Federation,
    plan: int,
    sent: Mapping[PartyId, list[int]],
    own: Listed | None,
    **changes: Any,
) -> None:
    """Log metro's link proof over what it sent, as it would count."""
    blocks = entries(federation, sent[METRO])
    federation.log_own(federation.link_proof(METRO, 5, plan, blocks, own, **changes), METRO)


def position_of_lost(own: Listed) -> int:
    return own.tokens.tokens().index(LOST)


def honest(federation: Federation, plan: int) -> None:
    """Metro loses a claim and submits what the other one was worth."""
    own = metro_list(federation, won=100_000)
    federation.claim(5, lists(federation, own), lost={METRO: [LOST]})
    sent = chunks(federation, plan)
    linked(federation, plan, sent, own, lost=[position_of_lost(own)])
    federation.seal(5, plan, sent)


def nothing_claimed(federation: Federation, plan: int) -> None:
    federation.claim(5, {BIKE: federation.rich_list(BIKE, 5)}, missed=[METRO])
    sent = chunks(federation, plan, {})
    linked(federation, plan, sent, None)
    federation.seal(5, plan, sent)


def committed_and_not_revealed(federation: Federation, plan: int) -> None:
    both = lists(federation)
    federation.claim(5, both, revealed={BIKE: both[BIKE]})
    sent = chunks(federation, plan, {})
    linked(federation, plan, sent, None)
    federation.seal(5, plan, sent)


@pytest.mark.parametrize("record", [honest, nothing_claimed, committed_and_not_revealed])
def test_a_trustee_opens_over(city: City, record: Callable[[Federation, int], None]) -> None:
    record(city.federation, city.federation.plan(5))

    assert code_of(city) == ""


def no_link_proof(federation: Federation, plan: int) -> None:
    federation.seal(5, plan, chunks(federation, plan))


def link_proof_after_the_seal(federation: Federation, plan: int) -> None:
    sent = chunks(federation, plan)
    federation.seal(5, plan, sent)
    linked(federation, plan, sent, federation.rich_list(METRO, 5))


def for_other_verdicts(federation: Federation, plan: int) -> None:
    sent = chunks(federation, plan)
    own = federation.rich_list(METRO, 5)
    linked(federation, plan, sent, own, verdict_leaf=plan + 1)
    federation.seal(5, plan, sent)


def other_epoch(federation: Federation, plan: int) -> None:
    """Metro logs the proof of the epoch before once more."""
    old = next(
        item.proof for item in federation.logged(LinkProof, 4).values() if item.partner_id == METRO
    )
    sent = chunks(federation, plan)
    linked(federation, plan, sent, federation.rich_list(METRO, 5), proof=old)
    federation.seal(5, plan, sent)


def of_another_partner(federation: Federation, plan: int) -> None:
    sent = chunks(federation, plan)
    bike = next(iter(federation.logged(LinkProof, 5).values())).proof
    linked(federation, plan, sent, federation.rich_list(METRO, 5), proof=bike)
    federation.seal(5, plan, sent)


def drop_lost_claim_keep_total(federation: Federation, plan: int) -> None:
    own = metro_list(federation)
    federation.claim(5, lists(federation, own), lost={METRO: [LOST]})
    sent = chunks(federation, plan)
    linked(federation, plan, sent, own)
    federation.seal(5, plan, sent)


def block_left_out(federation: Federation, plan: int) -> None:
    """The proof is about a block that metro proved beside the one that it submitted."""
    own = metro_list(federation, won=50)
    federation.claim(5, lists(federation, own))
    sent = chunks(federation, plan)
    other = federation.entry(METRO, 5, federation.snapshot_of(plan)[METRO], 0, {})
    federation.log_own(federation.link_proof(METRO, 5, plan, [other], own), METRO)
    federation.seal(5, plan, sent)


def worth_too_little(federation: Federation, plan: int) -> None:
    own = metro_list(federation, won=59_999)
    federation.claim(5, lists(federation, own))
    sent = chunks(federation, plan)
    linked(federation, plan, sent, own)
    federation.seal(5, plan, sent)


def something_for_nothing_claimed(federation: Federation, plan: int) -> None:
    federation.claim(5, {BIKE: federation.rich_list(BIKE, 5)}, missed=[METRO])
    sent = chunks(federation, plan)
    linked(federation, plan, sent, None)
    federation.seal(5, plan, sent)


def commitment_after_verdict(federation: Federation, plan: int) -> None:
    """The hub logs a list whose commitments are worth more than those of phase 1a."""
    poor = metro_list(federation, won=1, lost=1)
    rich = metro_list(federation, won=100_000)
    federation.claim(5, lists(federation, poor), revealed=lists(federation, rich))
    sent = chunks(federation, plan)
    linked(federation, plan, sent, rich)
    federation.seal(5, plan, sent)


def revealed_without_commitment(federation: Federation, plan: int) -> None:
    both = lists(federation)
    federation.claim(5, {BIKE: both[BIKE]}, revealed=both, missed=[METRO])
    sent = chunks(federation, plan)
    linked(federation, plan, sent, both[METRO])
    federation.seal(5, plan, sent)


def no_element(federation: Federation, plan: int) -> None:
    own = metro_list(federation)
    records = own.commitments.records[:-32] + b"\xff" * 32
    bad = dataclasses.replace(own, commitments=CommitmentList(records=records))
    federation.claim(5, lists(federation, bad))
    sent = chunks(federation, plan)
    linked(federation, plan, sent, own)
    federation.seal(5, plan, sent)


def changed_commitment_file(federation: Federation, plan: int) -> None:
    honest(federation, plan)
    listed = next(
        item for item in federation.logged(ClaimList, 5).values() if item.partner_id == METRO
    )
    data = federation.record.files[listed.commitments_sha256]
    federation.record.files[listed.commitments_sha256] = data[:-1] + bytes([data[-1] ^ 1])


def positions_of(federation: Federation) -> bytes:
    (verdicts,) = federation.logged(VerdictList, 5).values()
    return next(item.positions_sha256 for item in verdicts.verdicts if item.partner_id == METRO)


def changed_position_file(federation: Federation, plan: int) -> None:
    """The hub would like trustees to count another claim as lost than the partner does."""
    honest(federation, plan)
    federation.record.files[positions_of(federation)] = position_file_bytes([0, 1])


def positions_beyond_the_list(federation: Federation, plan: int) -> None:
    honest(federation, plan)
    federation.record.files[positions_of(federation)] = position_file_bytes([7])


def fewer_positions_than_losses(federation: Federation, plan: int) -> None:
    own = metro_list(federation)
    listed = lists(federation, own)
    data = position_file_bytes([])
    federation.record.files[hashlib.sha256(data).digest()] = data
    verdicts = tuple(
        dataclasses.replace(
            federation.verdict(name, item, [LOST] if name == METRO else []),
            positions_sha256=hashlib.sha256(data).digest(),
        )
        for name, item in sorted(listed.items())
    )
    federation.claim(5, listed, verdicts=verdicts)
    sent = chunks(federation, plan)
    linked(federation, plan, sent, own)
    federation.seal(5, plan, sent)


def verdicts_on_no_beacon(federation: Federation, plan: int) -> None:
    federation.claim(5, lists(federation), beacon_leaf=plan)
    federation.seal(5, plan, submitted(federation, plan))


def verdicts_without_a_partner(federation: Federation, plan: int) -> None:
    """Metro's verdict is left out, so that all its claims would count for nothing."""
    both = lists(federation)
    federation.claim(5, both, verdicts=(federation.verdict(BIKE, both[BIKE], []),))
    federation.seal(5, plan, submitted(federation, plan))


def submitted(federation: Federation, plan: int) -> dict[PartyId, list[int]]:
    return {name: federation.submit(name, 5, plan, VALUES[name]) for name in (METRO, BIKE)}


SEALS: dict[str, tuple[Callable[[Federation, int], None], str]] = {
    "no link proof": (no_link_proof, "LINK_PROOF_MISSING"),
    "a link proof after the seal": (link_proof_after_the_seal, "LINK_PROOF_MISSING"),
    "a link proof for other verdicts": (for_other_verdicts, "LINK_PROOF_MISSING"),
    "link_proof_other_epoch": (other_epoch, "LINK_PROOF_INVALID"),
    "another partner's proof": (of_another_partner, "LINK_PROOF_INVALID"),
    "drop_lost_claim_keep_total": (drop_lost_claim_keep_total, "LINK_PROOF_INVALID"),
    "block_left_out": (block_left_out, "LINK_PROOF_INVALID"),
    "claims worth too little": (worth_too_little, "LINK_PROOF_INVALID"),
    "something for nothing claimed": (something_for_nothing_claimed, "LINK_PROOF_INVALID"),
    "commitment_after_verdict": (commitment_after_verdict, "CLAIM_FILE_DIFFERS"),
    "a list that was not committed": (revealed_without_commitment, "CLAIM_FILE_DIFFERS"),
    "a commitment that is no element": (no_element, "CLAIM_FILE_DIFFERS"),
    "a changed commitment file": (changed_commitment_file, "CLAIM_FILE_DIFFERS"),
    "a changed position file": (changed_position_file, "CLAIM_FILE_DIFFERS"),
    "positions beyond the list": (positions_beyond_the_list, "CLAIM_FILE_DIFFERS"),
    "fewer positions than losses": (fewer_positions_than_losses, "CLAIM_FILE_DIFFERS"),
    "verdicts on no beacon": (verdicts_on_no_beacon, "VERDICTS_DIFFER"),
    "verdicts that leave a partner out": (verdicts_without_a_partner, "VERDICTS_DIFFER"),
}


@pytest.mark.parametrize("name", SEALS)
def test_a_trustee_does_not_open_over(city: City, name: str) -> None:
    attack, code = SEALS[name]
    attack(city.federation, city.federation.plan(5))

    assert code_of(city) == code
