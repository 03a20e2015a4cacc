"""Looking up an epoch that a party names, and the beacons of an epoch."""

from __future__ import annotations

from typing import NamedTuple

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.statements import BeaconLabel, BeaconValue
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.intake import WrongEpochError
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.storage.registry_store import ProgrammeStore


class BegunEpoch(NamedTuple):
    """An epoch whose plan is logged, and its programme."""

    programme: Programme
    stored: StoredEpoch


def find_epoch(session: Session, programme_id: ProgrammeId, epoch: EpochIndex) -> BegunEpoch | None:
    """Return an epoch whose plan is logged, if there is one of this name."""
    programme = ProgrammeStore(session).find(programme_id)
    stored = EpochStore(session).find(programme_id, epoch)
    return None if programme is None or stored is None else BegunEpoch(programme, stored)


def require_epoch(session: Session, programme_id: ProgrammeId, epoch: EpochIndex) -> BegunEpoch:
    """Return an epoch whose plan is logged.

    Raises:
        WrongEpochError: there is none of this name.
    """
    found = find_epoch(session, programme_id, epoch)
    if found is None:
        raise WrongEpochError(f"no plan of epoch {epoch} of {programme_id} is logged")
    return found


def beacon_leaf_over(session: Session, hub: Hub, label: BeaconLabel, leaf_index: int) -> int:
    """Return the leaf of the beacon over another leaf, which the witnesses have logged."""
    for index, body in hub.record.bodies_of_type(session, LeafType.BEACON_VALUE, leaf_index):
        value = statements.decode(BeaconValue, Envelope.from_bytes(body).payload)
        if (value.label, value.leaf_index) == (label, leaf_index):
            return index
    raise AssertionError(f"the {label} beacon over leaf {leaf_index} was returned but not logged")
