"""Two programmes of one exclusivity domain in one hub: rides and walks of the same people."""

from __future__ import annotations

import hashlib
from typing import Final

from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.cli.registry import methodology_of
from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.statements import ClaimCommitment
from fedcarbon.ids import Claimant, PartyId, ProgrammeId
from hub.intake.claim_lists import IncomingList, reveal_list
from hub.intake.commitments import commit_claims
from hub.storage.epoch_store import EpochStore
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PROGRAMME,
    Federation,
    programme,
    root_signed,
    signed,
)
from tests.hub.messages import trust_roots
from tests.listed import Listed

WALKS: Final = ProgrammeId("walks")
METRO_RIDES: Final = Claimant(PROGRAMME, METRO)
BIKES_WALKS: Final = Claimant(WALKS, BIKES)
METRO_WALKS: Final = Claimant(WALKS, METRO)


class SharedDomain:
    """A hub with both programmes, and what claimants do in the first epoch."""

    def __init__(self, federation: Federation) -> None:
        """Start both programmes under a methodology that auditors can read."""
        self.federation = federation
        self.lists: dict[Claimant, Listed] = {}
        federation.admit_everyone()
        for name in (PROGRAMME, WALKS):
            federation.start(root_signed(programme(programme_id=name)))
            document = catalogue_bytes("cn-ecny-shanghai")
            admission = methodology_of(document, name, trust_roots())
            federation.admit_methodology(root_signed(admission))
            self.content_hash = admission.content_hash

    def begin(self, *claimants: Claimant) -> None:
        """Enrol the same person at every claimant, and plan the first epoch."""
        for claimant in claimants:
            batch = self.federation.batch(
                claimant.partner_id, [1], programme_id=claimant.programme_id
            )
            self.federation.enrol(claimant.partner_id, signed(batch, claimant.partner_id))
        self.federation.wait_until_end_of(FIRST)
        self.federation.advance()

    def state(self, programme_id: ProgrammeId) -> EpochState:
        """Return where the first epoch of a programme stands."""
        hub = self.federation.hub
        found = hub.read_now(lambda session: EpochStore(session).find(programme_id, FIRST))
        assert found is not None
        return found.state

    def commit(self, claimant: Claimant, listed: Listed) -> None:
        """Commit to a list for one account."""
        hub, partner = self.federation.hub, claimant.partner_id
        self.lists[claimant] = listed
        statement = ClaimCommitment(
            parameter_id=hub.parameters.parameter_id,
            programme_id=claimant.programme_id,
            epoch=FIRST,
            partner_id=partner,
            count=len(listed),
            list_root=listed.root(),
            evidence_root=hashlib.sha256(str(claimant).encode()).digest(),
            evidence_count=len(listed) + 1,
            methodologies=(self.content_hash,),
        )
        message = signed(statement, partner)
        hub.write_now(lambda session: commit_claims(session, hub, partner, message))

    def reveal(self, claimant: Claimant) -> None:
        """Reveal the list that was committed to."""
        hub, own = self.federation.hub, self.lists[claimant]
        with hub.record.files.incoming() as tokens, hub.record.files.incoming() as pieces:
            tokens.write(own.to_bytes())
            pieces.write(own.commitments.to_bytes())
            incoming = IncomingList(tokens=tokens, commitments=pieces)
            reveal_list(hub, claimant.partner_id, claimant.programme_id, FIRST, incoming)

    def judge(self, lists: dict[Claimant, Listed]) -> None:
        """Take the first epoch to its verdicts."""
        self.begin(*lists)
        for claimant, listed in lists.items():
            self.commit(claimant, listed)
        self.federation.advance()
        for claimant in lists:
            self.reveal(claimant)
        self.federation.advance()

    def lost(self, claimant: Claimant) -> int:
        """Return how many claims a claimant has lost."""
        hub = self.federation.hub
        verdicts: dict[PartyId, int] = hub.read_now(
            lambda session: {
                item.partner_id: item.lost
                for item in EpochStore(session).verdicts(claimant.programme_id, FIRST)
            }
        )
        return verdicts[claimant.partner_id]
