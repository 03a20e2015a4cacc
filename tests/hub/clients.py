"""Clients of a hub in the same process: certificates say who calls, messages go as bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from fedcarbon.clock import SystemClock
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import Authority
from fedcarbon.wire.hub_client import HubClient
from hub.servicers.epoch import EpochServicer
from hub.servicers.record import RecordServicer
from hub.servicers.registry import RegistryServicer
from tests.hub.federation import AUDITOR, PARTNERS, Federation
from tests.loop_thread import LoopThread
from tests.simulation.local_hub import FaultPlan, local_client

AUTHORITY = Authority.create(SystemClock().now_s())
ROLES = {**dict.fromkeys(PARTNERS, Role.PARTNER), AUDITOR: Role.AUDITOR}


def certificate(name: PartyId, role: Role) -> bytes:
    return AUTHORITY.issue(
        PartyName(party_id=name, role=role), SystemClock().now_s()
    ).certificate_pem


@dataclass(frozen=True, slots=True)
class Clients:
    """A hub, and clients that call it with certificates."""

    federation: Federation
    loop: LoopThread

    def of(self, name: PartyId, role: Role | None = None) -> HubClient:
        hub = self.federation.hub
        servicers = [RecordServicer(hub), RegistryServicer(hub), EpochServicer(hub)]
        pem = certificate(name, role or ROLES[name])
        return local_client(servicers, pem, name, self.loop, FaultPlan())


def refused(call: Callable[[], object]) -> str:
    """Return the code that a call is refused with."""
    with pytest.raises(FedcarbonError) as caught:
        call()
    return caught.value.code
