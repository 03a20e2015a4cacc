"""Epochs as the record tells them: plans, commitments, closings, beacons, chunks and seals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Final, NamedTuple

from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    CommitClosed,
    EpochPlan,
    LinkProof,
    Seal,
    VerdictList,
    beacon_input,
    planned_deadlines,
)
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.threshold import PartialEvaluation
from fedcarbon.ids import Claimant, EpochIndex, PartyId, ProgrammeId, Role
from fedcarbon.opening.logged import Logged, LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.violations import LeafInvalidError, LoggedTwiceError
from fedcarbon.submission.header import ChunkHeader


class EpochRef(NamedTuple):
    """One epoch of one programme."""

    programme_id: ProgrammeId
    epoch: EpochIndex


class BeaconKey(NamedTuple):
    """What a beacon is evaluated for, at most once."""

    label: BeaconLabel
    scope: str
    """For ties the exclusivity domain, for samples the programme."""
    epoch: EpochIndex


class EpochBook:
    """What was logged while epochs ran."""

    __slots__ = (
        "_parties",
        "beacons",
        "closings",
        "commitments",
        "headers",
        "link_proofs",
        "lists",
        "plans",
        "seals",
        "verdicts",
    )

    def __init__(self, parties: PartyBook) -> None:
        """Start empty; `parties` says who may sign."""
        self._parties: Final = parties
        self.plans: Final[dict[EpochRef, Logged[EpochPlan]]] = {}
        self.commitments: Final[dict[EpochRef, dict[PartyId, Logged[ClaimCommitment]]]] = (
            defaultdict(dict)
        )
        self.closings: Final[dict[int, Logged[CommitClosed]]] = {}
        """By leaf index; more than one of an epoch is a fault that the beacon stops."""
        self.beacons: Final[dict[BeaconKey, Logged[BeaconValue]]] = {}
        self.lists: Final[dict[EpochRef, dict[PartyId, Logged[ClaimList]]]] = defaultdict(dict)
        self.verdicts: Final[dict[EpochRef, Logged[VerdictList]]] = {}
        self.link_proofs: Final[dict[EpochRef, dict[PartyId, Logged[LinkProof]]]] = defaultdict(
            dict
        )
        self.headers: Final[dict[int, Logged[ChunkHeader]]] = {}
        """By leaf index."""
        self.seals: Final[dict[EpochRef, Logged[Seal]]] = {}

    def fold_plan(self, logged: LoggedBody) -> None:
        """Take a plan of the hub: one per epoch, over all leaves before it, not hurried."""
        plan, _ = self._parties.open_by(EpochPlan, logged, Role.HUB)
        item = plan.statement
        programme = self._parties.programme(item.programme_id)
        ref = EpochRef(item.programme_id, item.epoch)
        if ref in self.plans:
            raise LoggedTwiceError(f"epoch {item.epoch} has two plans")
        deadlines = (item.commit_until_s, item.reveal_until_s, item.submit_until_s)
        earliest = planned_deadlines(programme, item.epoch)
        if any(given < least for given, least in zip(deadlines, earliest, strict=True)):
            raise LeafInvalidError(f"the plan of epoch {item.epoch} ends before the policy allows")
        if item.snapshot_size != logged.index:
            # An older snapshot would leave out who enrolled since, without a "missing" entry and
            # its wait, and bring back who has withdrawn.
            raise LeafInvalidError(
                f"the plan of epoch {item.epoch} counts {item.snapshot_size} leaves, "
                f"not the {logged.index} before it"
            )
        self.plans[ref] = plan

    def fold_commitment(self, logged: LoggedBody) -> None:
        """Take a partner's commitment: one per partner and epoch."""
        commitment, signer = self._parties.open_own(
            ClaimCommitment, logged, "partner_id", Role.PARTNER
        )
        item = commitment.statement
        ref = EpochRef(item.programme_id, item.epoch)
        if signer in self.commitments[ref]:
            raise LoggedTwiceError(f"{signer!r} committed twice in epoch {item.epoch}")
        self.commitments[ref][signer] = commitment

    def fold_closing(self, logged: LoggedBody) -> None:
        """Take the hub's word that phase 1a is over; whether it is, the beacon's rules decide."""
        closing, _ = self._parties.open_by(CommitClosed, logged, Role.HUB)
        self._parties.programmes_of(closing.statement.exclusivity_domain)
        self.closings[logged.index] = closing

    def fold_beacon(self, logged: LoggedBody, leaf_at: Callable[[int], bytes | None]) -> None:
        """Take a beacon if its partial evaluations hold over the leaf it names.

        Args:
            logged: the body.
            leaf_at: returns the 34 bytes of a leaf below this one, or None.
        """
        beacon, _ = self._parties.open_by(BeaconValue, logged, Role.HUB)
        item = beacon.statement
        key = BeaconKey(item.label, item.scope, item.epoch)
        if key in self.beacons:
            raise LoggedTwiceError(f"epoch {item.epoch} has two {item.label} beacons")
        leaf = leaf_at(item.leaf_index)
        if leaf is None:
            raise LeafInvalidError(f"the {item.label} beacon names leaf {item.leaf_index}")
        if item.leaf_index not in self._leaves_of(key):
            raise LeafInvalidError(
                f"the {item.label} beacon of epoch {item.epoch} hashes leaf {item.leaf_index}"
            )
        parameters = self._parties.parameters
        output = combine_beacon(
            parameters.voprf_key(KeyLabel.BEACON),
            beacon_input(item.label, item.scope, item.epoch, leaf),
            [
                PartialEvaluation(
                    trustee_index=parameters.trustee_index(partial.trustee_id),
                    elements=(partial.element,),
                    proof=partial.proof,
                )
                for partial in item.partials
            ],
        )
        if output != item.output:
            raise LeafInvalidError(f"the {item.label} beacon of epoch {item.epoch} is another one")
        self.beacons[key] = beacon

    def _leaves_of(self, key: BeaconKey) -> set[int]:
        """Return the leaves that a beacon may hash: closings for ties, the seal for samples."""
        if key.label is BeaconLabel.TIE:
            found = [
                (closing.index, closing.statement.exclusivity_domain, closing.statement.epoch)
                for closing in self.closings.values()
            ]
        else:
            found = [(seal.index, *ref) for ref, seal in self.seals.items()]
        return {index for index, *asked in found if asked == [key.scope, key.epoch]}

    def tie_beacon(self, ref: EpochRef) -> Logged[BeaconValue] | None:
        """Return the beacon that decides the ties of an epoch: that of the programme's domain."""
        domain = self._parties.programme(ref.programme_id).exclusivity_domain
        return self.beacons.get(BeaconKey(BeaconLabel.TIE, domain, ref.epoch))

    def round_of(self, ref: EpochRef) -> list[EpochRef]:
        """Return the epochs that share a claim round, one per programme of the domain, sorted."""
        domain = self._parties.programme(ref.programme_id).exclusivity_domain
        return [
            EpochRef(programme.programme_id, ref.epoch)
            for programme in self._parties.programmes_of(domain)
        ]

    def lists_of_round(self, ref: EpochRef) -> dict[Claimant, Logged[ClaimList]]:
        """Return every list that was revealed in an epoch of a domain so far."""
        return {
            Claimant(item.programme_id, partner_id): logged
            for item in self.round_of(ref)
            for partner_id, logged in self.lists.get(item, {}).items()
        }

    def fold_claim_list(self, logged: LoggedBody) -> None:
        """Take the hub's word that a partner revealed its list: once per partner and epoch."""
        revealed, _ = self._parties.open_by(ClaimList, logged, Role.HUB)
        item = revealed.statement
        ref = EpochRef(item.programme_id, item.epoch)
        if item.partner_id in self.lists[ref]:
            raise LoggedTwiceError(f"{item.partner_id!r} revealed twice in epoch {item.epoch}")
        self.lists[ref][item.partner_id] = revealed

    def fold_verdicts(self, logged: LoggedBody) -> None:
        """Take the verdicts of an epoch, once; the files that they name are read with the seal."""
        verdicts, _ = self._parties.open_by(VerdictList, logged, Role.HUB)
        ref = EpochRef(verdicts.statement.programme_id, verdicts.statement.epoch)
        if ref in self.verdicts:
            raise LoggedTwiceError(f"epoch {ref.epoch} is judged twice")
        self.verdicts[ref] = verdicts

    def fold_link_proof(self, logged: LoggedBody) -> None:
        """Take a partner's link proof, once per epoch; it is verified with the seal."""
        proof, signer = self._parties.open_own(LinkProof, logged, "partner_id", Role.PARTNER)
        ref = EpochRef(proof.statement.programme_id, proof.statement.epoch)
        if signer in self.link_proofs[ref]:
            raise LoggedTwiceError(f"{signer!r} proved its sum twice in epoch {ref.epoch}")
        self.link_proofs[ref][signer] = proof

    def fold_header(self, logged: LoggedBody) -> None:
        """Take a chunk header; the seal says which ones count."""
        header, _ = self._parties.open_own(ChunkHeader, logged, "partner_id", Role.PARTNER)
        self.headers[logged.index] = header

    def fold_seal(self, logged: LoggedBody) -> None:
        """Take a seal: one per epoch; whether it is complete is checked before an opening."""
        seal, _ = self._parties.open_by(Seal, logged, Role.HUB)
        ref = EpochRef(seal.statement.programme_id, seal.statement.epoch)
        self._parties.programme(ref.programme_id)
        if ref in self.seals:
            raise LoggedTwiceError(f"epoch {ref.epoch} is sealed twice")
        self.seals[ref] = seal
