"""What the rest of the hub may ask of the trustees; the stream behind it is another module."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fedcarbon.epoch.statements import BeaconLabel
from fedcarbon.ids import PartyId
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.v1 import trustee_pb2


class TrusteePort(Protocol):
    """One call to one trustee: implemented by the work stream, and in process by simulations."""

    def connected(self) -> Sequence[PartyId]:
        """Return the trustees that can be asked now, sorted."""
        ...

    async def ask(
        self, trustee_id: PartyId, order: trustee_pb2.WorkResponse
    ) -> trustee_pb2.WorkRequest:
        """Send one order and return its answer.

        Raises:
            TrusteeUnavailableError: not connected, or no answer before the deadline.
        """
        ...


class Witnesses(Protocol):
    """What epochs need of the trustees."""

    async def witness(self) -> WitnessedCheckpoint:
        """Have the present head signed by a quorum, store it, and return it.

        Raises:
            QuorumMissingError: too few trustees answered; the operator must get more to connect.
        """
        ...

    async def beacon(self, label: BeaconLabel, leaf_index: int) -> bytes:
        """Have the beacon over a leaf evaluated, log it once, and return its 64 bytes."""
        ...
