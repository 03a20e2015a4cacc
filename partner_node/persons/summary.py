"""A person's own figures at this platform: what people are shown in the app."""

from __future__ import annotations

from dataclasses import dataclass

from fedcarbon.units import MicrogramsCO2e
from partner_node.persons.withdrawal import UnknownPersonError
from partner_node.storage.database import Database
from partner_node.storage.epochs import EpochStore
from partner_node.storage.persons import PersonStore


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochSummary:
    """One epoch of one person."""

    epoch: int
    reduction_ug: MicrogramsCO2e
    """Before claims were judged."""
    submitted_ug: MicrogramsCO2e
    lost_slots: int
    """Slots that another platform won."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonSummary:
    """What this node knows of a person; never what other partners know."""

    consented: bool
    """Whether both consents stand now."""
    epochs: tuple[EpochSummary, ...]


def summary_of(database: Database, person_ref: str) -> PersonSummary:
    """Return the figures of the person behind `person_ref`.

    Raises:
        UnknownPersonError: never linked.
    """
    standing = PersonStore(database).standings([person_ref]).get(person_ref)
    if standing is None:
        raise UnknownPersonError("no person of this reference is linked")
    figures = EpochStore(database).person_figures(standing.person_id)
    return PersonSummary(
        consented=standing.consented,
        epochs=tuple(
            EpochSummary(
                epoch=epoch,
                reduction_ug=MicrogramsCO2e(reduction_ug),
                submitted_ug=MicrogramsCO2e(submitted_ug),
                lost_slots=lost_slots,
            )
            for epoch, (reduction_ug, submitted_ug, lost_slots) in figures.items()
        ),
    )
