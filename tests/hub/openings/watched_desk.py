"""A desk for trustees beside which a partner's node is at work."""

from __future__ import annotations

from functools import partial

from sqlmodel import Session
from typing_extensions import override

from fedcarbon.ids import PartyId
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint, head_in
from fedcarbon.units import Seconds
from hub.record.cosignatures import add_cosignature
from hub.trustees.desk import TrusteeDesk
from tests.hub.federation import METRO, key_of


class WatchedDesk(TrusteeDesk):
    """A desk whose witnessed heads a partner's node signs at once, as long as one is up."""

    partner: PartyId | None = METRO

    @override
    async def witness(self, *, not_before_s: Seconds | None = None) -> WitnessedCheckpoint:
        head = await super().witness(not_before_s=not_before_s)
        if self.partner is not None:
            await self._hub.write(partial(self.cosigned, head=head, partner=self.partner))
        return head

    def cosigned(self, session: Session, head: WitnessedCheckpoint, partner: PartyId) -> None:
        tree = head_in(head.note)
        note = tree.cosigned(partner, key_of(partner), self._hub.clock.now_s())
        add_cosignature(session, self._hub, partner, note.to_bytes())
        self.note_cosignature()
