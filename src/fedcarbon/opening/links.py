"""Link proofs as the record tells them: which claims won, and what a submission was proved against.

Hub, partner and auditor put the same statement together; a trustee does it with the record alone,
before it counts a partner's blocks, without ever reading a token:

 (1) the verdicts rest on the tie beacon over the closing leaf,
     and name exactly the partners that revealed                 VERDICTS_DIFFER
 (2) the partner has logged a link proof below the seal, for
     this plan and these verdicts                                LINK_PROOF_MISSING
 (3) its commitment file has the count and root that the closing
     leaf lists, and holds group elements only                   CLAIM_FILE_DIFFERS
 (4) its position file names as many lost claims as the verdict,
     all of them in the list                                     CLAIM_FILE_DIFFERS
 (5) the proof holds                                             LINK_PROOF_INVALID

A partner that committed or revealed nothing has won nothing: K is the identity, and its proof shows
that all its slots are 0.

The commitment file is large and read once, part by part as it comes (`fedcarbon.opening.fetched`),
with the lost claims at hand. Nothing that it holds counts before its end, where its hash, its count
and its root are those of the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from fedcarbon.epoch import lost_positions as position_file
from fedcarbon.epoch.lost_positions import lost_positions
from fedcarbon.epoch.statements import (
    ClaimList,
    CommitClosed,
    CommittedList,
    EpochPlan,
    PartnerVerdict,
    VerdictList,
)
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.identity.commitment_list import (
    LENGTH_MAX,
    CommitmentInvalidError,
    CommitmentList,
    MalformedCommitmentsError,
    checked_parts,
)
from fedcarbon.identity.ristretto import IDENTITY, Point, element, sum_of
from fedcarbon.ids import Claimant, PartyId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.fetched import Fetch, hashed, joined
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.refusals import (
    ClaimFileDiffersError,
    LinkProofMissingError,
    VerdictsDifferError,
)
from fedcarbon.opening.view import RecordView
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.proofs.link import (
    LinkCheck,
    LinkContext,
    LinkProofInvalidError,
    LinkProofShape,
    LinkStatement,
)
from fedcarbon.proofs.link_verifier import verify_link
from fedcarbon.transparency.merkle import root_of_hashes
from fedcarbon.units import MicrogramsCO2e


class WonPart(NamedTuple):
    """What is left of a range of a commitment file, all of whose commitments are elements."""

    root: bytes
    """Of the subtree of its leaves, 32 bytes."""
    total: Point
    """The sum of K of those of its claims that won."""


Parts = Callable[[bytes, int, Sequence[int]], Iterable[WonPart]]
"""Reads the commitment file of a SHA-256, of so many claims, of which those at some positions were
lost, or raises `MalformedCommitmentsError` or `CommitmentInvalidError`: also if it has another
hash, and at the end at the latest. Its root is checked here."""


def link_statement(
    parameters: ParameterSet,
    context: LinkContext,
    *,
    cap_ug: MicrogramsCO2e,
    commitments: Mapping[int, int],
    winnings: Point,
) -> LinkStatement:
    """Return what a link proof says.

    Args:
        parameters: the parameter set.
        context: what the proof belongs to.
        cap_ug: the cap of one account over the epoch, the largest bound of a slot.
        commitments: A_b of every block of the submission, in any order.
        winnings: K; see `winnings_of`.
    """
    return LinkStatement(
        context=context,
        bound_max=cap_ug,
        commitments=dict(sorted(commitments.items())),
        winnings=winnings,
        generator=element(parameters.ristretto_generator),
    )


def winnings_of(commitments: CommitmentList | None, lost: Sequence[int]) -> Point:
    """Return K: the sum of the commitments of the claims that won.

    Args:
        commitments: of the whole list, its elements checked; None if none was revealed.
        lost: positions of the claims that another partner won.
    """
    return IDENTITY if commitments is None else commitments.sum_without(lost)


def block_commitment(parameters: ParameterSet, range_proof: bytes) -> int:
    """Return A_b, with which the encoded range proof of a block begins."""
    return int.from_bytes(range_proof[: parameters.proof_key.element_bytes], "big")


def check_link(parameters: ParameterSet, statement: LinkStatement, proof: bytes) -> None:
    """Accept the bytes of a link proof.

    Args:
        parameters: the parameter set.
        statement: as the verifier put it together from the record.
        proof: as the partner signed it.

    Raises:
        LinkProofInvalidError: naming the first check that fails.
    """
    key = parameters.proof_key
    try:
        decoded = LinkProofShape.of(key, statement).decode(proof)
    except MalformedError as error:
        raise LinkProofInvalidError(LinkCheck.SHAPE, statement.context, str(error)) from error
    verify_link(key, statement, decoded)


def check_sealed_link(
    view: RecordView,
    plan: Logged[EpochPlan],
    partner_id: PartyId,
    commitments: Mapping[int, int],
    *,
    seal_leaf: int,
    fetch: Fetch,
    parts: Parts | None = None,
) -> None:
    """Check that a partner that a seal counts has proved its sum: (1) to (5).

    Args:
        view: the record.
        plan: of the epoch.
        partner_id: the partner.
        commitments: A_b of every block that it sent.
        seal_leaf: index of the seal.
        fetch: gets commitment and position files.
        parts: reads commitment files instead, wherever there is room.

    Raises:
        VerdictsDifferError, LinkProofMissingError, ClaimFileDiffersError, LinkProofInvalidError:
            the first check that fails.
    """
    for _ in sealed_link_steps(
        view, plan, partner_id, commitments, seal_leaf=seal_leaf, fetch=fetch, parts=parts
    ):
        pass


def sealed_link_steps(
    view: RecordView,
    plan: Logged[EpochPlan],
    partner_id: PartyId,
    commitments: Mapping[int, int],
    *,
    seal_leaf: int,
    fetch: Fetch,
    parts: Parts | None = None,
) -> Iterator[None]:
    """Do what `check_sealed_link` does in steps; nothing is checked before their end."""
    ref = EpochRef(plan.statement.programme_id, plan.statement.epoch)
    verdicts, closing = _verdicts(view, ref, seal_leaf)  # (1)
    proof = view.epochs.link_proofs.get(ref, {}).get(partner_id)
    if (  # (2)
        proof is None
        or not verdicts.index < proof.index < seal_leaf
        or (proof.statement.plan_leaf, proof.statement.verdict_leaf) != (plan.index, verdicts.index)
    ):
        raise LinkProofMissingError(
            f"{partner_id!r} is counted in epoch {ref.epoch} without a link proof"
        )
    winnings = yield from _winnings(  # (3), (4)
        closing,
        verdicts.statement,
        view.epochs.lists[ref].get(partner_id),
        fetch,
        partial(_parts, fetch) if parts is None else parts,
    )
    parameters = view.parties.parameters
    statement = link_statement(
        parameters,
        LinkContext(
            programme_id=ref.programme_id,
            party_id=partner_id,
            epoch=ref.epoch,
            plan_leaf=plan.leaf,
            verdict_leaf=verdicts.leaf,
        ),
        cap_ug=view.parties.programme(ref.programme_id).epoch_cap_ug,
        commitments=commitments,
        winnings=winnings,
    )
    check_link(parameters, statement, proof.statement.proof)  # (5)


def _verdicts(
    view: RecordView, ref: EpochRef, seal_leaf: int
) -> tuple[Logged[VerdictList], CommitClosed]:
    """Return the verdicts of an epoch, and the closing leaf that they rest on."""
    verdicts = view.epochs.verdicts.get(ref)
    if verdicts is None or verdicts.index > seal_leaf:
        raise VerdictsDifferError(f"epoch {ref.epoch} is sealed without verdicts")
    beacon = view.epochs.tie_beacon(ref)
    if (
        beacon is None
        or beacon.index != verdicts.statement.beacon_leaf
        or beacon.index > verdicts.index
    ):
        raise VerdictsDifferError(f"the verdicts of epoch {ref.epoch} rest on no tie beacon")
    # A tie beacon is folded only over a closing of its own domain and epoch.
    closing = view.epochs.closings[beacon.statement.leaf_index]
    revealed = {
        partner_id: item.index
        for partner_id, item in view.epochs.lists.get(ref, {}).items()
        if item.index < verdicts.index
    }
    if [item.partner_id for item in verdicts.statement.verdicts] != sorted(revealed):
        raise VerdictsDifferError(
            f"the verdicts of epoch {ref.epoch} are not about {sorted(revealed)}, who revealed"
        )
    return verdicts, closing.statement


def _winnings(
    closing: CommitClosed,
    verdicts: VerdictList,
    revealed: Logged[ClaimList] | None,
    fetch: Fetch,
    parts: Parts,
) -> Generator[None, None, Point]:
    """Return K of the partner that revealed a list, or of one that revealed none."""
    partner_id = None if revealed is None else revealed.statement.partner_id
    verdict = next((item for item in verdicts.verdicts if item.partner_id == partner_id), None)
    if revealed is None or verdict is None:
        return winnings_of(None, ())
    claimant = Claimant(revealed.statement.programme_id, revealed.statement.partner_id)
    listed = next((item for item in closing.lists if item.claimant == claimant), None)
    if listed is None:
        raise ClaimFileDiffersError(f"{partner_id!r} revealed a list that it had not committed to")
    return (
        yield from _won(
            listed,
            revealed.statement.commitments_sha256,
            _lost(verdict, listed.count, fetch),
            parts,
        )
    )


def _parts(fetch: Fetch, sha256: bytes, count: int, lost: Sequence[int]) -> Iterator[WonPart]:
    """Yield what is left of every range of a file that is checked as it comes: see `Parts`."""
    content = hashlib.sha256()
    for part in checked_parts(hashed(fetch(sha256), content), count):
        yield WonPart(part.root, part.total_without(lost))
    if content.digest() != sha256:
        raise MalformedCommitmentsError("its bytes have another hash than the record names")


def _won(
    listed: CommittedList, sha256: bytes, lost: Sequence[int], parts: Parts
) -> Generator[None, None, Point]:
    """Return the sum of K of the claims that won, if the file is the committed one.

    A range of claims is a step.
    """
    # What is no list may be the hub's own making: its hash is known at the end only.
    where = f"what the hub gives as the commitment file of {listed.partner_id!r}"
    totals, roots = [], []
    try:
        for part in parts(sha256, listed.count, lost):
            totals.append(part.total)
            roots.append(part.root)
            yield
    except (MalformedCommitmentsError, CommitmentInvalidError) as error:
        raise ClaimFileDiffersError(f"{where}: {error}") from error
    if root_of_hashes(roots) != listed.list_root:
        raise ClaimFileDiffersError(f"{where} is not what was committed before the verdicts")
    return sum_of(totals)


def _lost(verdict: PartnerVerdict, count: int, fetch: Fetch) -> Sequence[int]:
    where = f"what the hub gives as the position file of {verdict.partner_id!r}"
    if verdict.lost > min(count, LENGTH_MAX):
        # Whoever commits to a list without end may not have a file without end held for it.
        raise ClaimFileDiffersError(
            f"{verdict.partner_id!r} cannot have lost {verdict.lost} of {count} claims"
        )
    data = joined(
        fetch(verdict.positions_sha256),
        len(position_file.FILE_MAGIC) + verdict.lost * position_file.POSITION_BYTES,
    )
    try:
        positions = lost_positions(data, count)
    except FedcarbonError as error:
        raise ClaimFileDiffersError(f"{where}: {error}") from error
    if (hashlib.sha256(data).digest(), len(positions)) != (verdict.positions_sha256, verdict.lost):
        raise ClaimFileDiffersError(f"{where} is not what the verdict says")
    return positions
