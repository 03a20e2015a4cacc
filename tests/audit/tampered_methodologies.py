"""What is done to methodologies: documents, versions, windows, and what partners computed by."""

from __future__ import annotations

import dataclasses
from typing import Final

from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.epoch.statements import ClaimCommitment
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.registry.admission import root_keyid
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.methodology import MethodologyAdmission
from fedcarbon.submission.header import ChunkHeader
from tests.audit.kit import LAST_DAY, METRO, Kit
from tests.simulation.world import HUB

OTHER: Final = b"n" * 32
"""A content hash that nobody has admitted."""


def methodology_that_nobody_admitted(kit: Kit) -> None:
    """A partner computes by something else; the hub takes its commitment and its chunk."""
    at, commitment = kit.of(ClaimCommitment, partner_id=METRO, epoch=LAST_DAY)[0]
    kit.replace(at, dataclasses.replace(commitment, methodologies=(OTHER,)), METRO)


def bundle_exchanged(kit: Kit) -> None:
    """A header names other methodologies than its partner had committed to."""
    at, header = kit.of(ChunkHeader, partner_id=METRO, epoch=LAST_DAY)[0]
    kit.replace(at, dataclasses.replace(header, methodology_bundle=OTHER), METRO)


def version_edited(kit: Kit) -> None:
    """Root keys sign a second content for a version that is admitted."""
    _, admission = kit.of(MethodologyAdmission)[0]
    edited = dataclasses.replace(admission, content_hash=OTHER, from_epoch=EpochIndex(LAST_DAY + 1))
    kit.append(edited, *_roots(kit))


def methodology_for_a_planned_epoch(kit: Kit) -> None:
    """What counts in an epoch is changed after its plan."""
    _, admission = kit.of(MethodologyAdmission)[0]
    late = dataclasses.replace(admission, from_epoch=EpochIndex(LAST_DAY))
    kit.append(late, *_roots(kit))


def points_among_grams(kit: Kit) -> None:
    _, admission = kit.of(MethodologyAdmission)[0]
    later = EpochIndex(LAST_DAY + 1)
    points = dataclasses.replace(admission, kind=Measure.POINTS, from_epoch=later)
    kit.append(points, *_roots(kit))


def methodology_by_the_hub(kit: Kit) -> None:
    """The hub admits a methodology all by itself."""
    _, admission = kit.of(MethodologyAdmission)[0]
    kit.append(dataclasses.replace(admission, from_epoch=EpochIndex(LAST_DAY + 1)), HUB)


def document_exchanged(kit: Kit) -> None:
    """Root keys sign another document under the content hash of the first."""
    _, admission = kit.of(MethodologyAdmission)[0]
    document = admission.document.replace(b"Shanghai", b"Shenzhen")
    assert document != admission.document
    later = EpochIndex(LAST_DAY + 1)
    kit.append(dataclasses.replace(admission, document=document, from_epoch=later), *_roots(kit))


def document_garbled(kit: Kit) -> None:
    """Root keys sign what is no methodology."""
    _, admission = kit.of(MethodologyAdmission)[0]
    later = EpochIndex(LAST_DAY + 1)
    kit.append(dataclasses.replace(admission, document=b"{}", from_epoch=later), *_roots(kit))


def draft_admitted(kit: Kit) -> None:
    """Root keys admit what lacks a number."""
    _admit(kit, "cn-shanghai-bus")


def footprint_admitted(kit: Kit) -> None:
    """Root keys admit what counts emissions: whoever drives most would be credited most."""
    _admit(kit, "uk-desnz-2023")


def _admit(kit: Kit, name: str) -> None:
    _, admission = kit.of(MethodologyAdmission)[0]
    document = catalogue_bytes(name)
    found = parse_methodology(document)
    changed = dataclasses.replace(
        admission,
        methodology_id=found.methodology_id,
        version=found.version,
        content_hash=found.content_hash,
        document=document,
        from_epoch=EpochIndex(LAST_DAY + 1),
    )
    kit.append(changed, *_roots(kit))


def _roots(kit: Kit) -> list[str]:
    return [root_keyid(PartyId(item.trustee_id)) for item in kit.good.dealt.secrets[:3]]
