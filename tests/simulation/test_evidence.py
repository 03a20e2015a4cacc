"""An audit on site of an honest partner, and the samples that its node does not answer."""

from __future__ import annotations

import dataclasses
import stat
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from fedcarbon.audit.evidence_sample import (
    EpochNotAuditableError,
    EvidenceSample,
    SampledDay,
    SampleNotDrawnError,
)
from fedcarbon.audit.sampling import SampleSizeError
from fedcarbon.canonical import statement as statements
from fedcarbon.cli import audit_evidence
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.ids import EpochIndex
from partner_node.commands.opening_evidence import open_evidence
from partner_node.storage.audits import AuditStore
from tests.simulation.audited import BIKE, EVERYTHING, METRO, Audited, as_json
from tests.simulation.world import PROGRAMME


def test_everything_that_an_honest_partner_says_fits_together(sealed: Audited) -> None:
    opened = sealed.opened()
    report = sealed.report(opened)

    assert report.findings == ()
    assert (report.person_days, report.slots) == (4, 4)
    assert report.activities == 3
    assert report.claims == len(sealed.record().claims)
    assert sum(slot.value_ug for slot in opened.slots) > 0


def test_a_small_sample_opens_what_was_drawn_and_what_belongs_to_it(sealed: Audited) -> None:
    opened = sealed.opened(size=1)

    assert sealed.report(opened).findings == ()
    assert len(opened.slots) == len(opened.person_days) == 1
    assert len(opened.claims) < len(sealed.record().claims)


def test_the_sample_is_the_same_for_node_and_auditor(sealed: Audited) -> None:
    sample = sealed.sample(size=2)

    assert sample == sealed.opened(size=2).sample
    assert sample.commitment_leaf < sample.seal_leaf < sample.beacon_leaf


def other_days(sample: EvidenceSample) -> tuple[SampledDay, ...]:
    return tuple(dataclasses.replace(item, slot=item.slot + 1) for item in sample.person_days)


BROWSING: dict[str, Any] = {
    "another leaf": lambda sample: {"person_days": other_days(sample)},
    "a claim more": lambda sample: {"kept_claims": (*sample.kept_claims, 0)},
    "another beacon": lambda sample: {"beacon_leaf": sample.beacon_leaf - 1},
    "another seal": lambda sample: {"seal_leaf": sample.seal_leaf - 1},
    "another commitment": lambda _: {"commitment_leaf": 0},
    "another partner": lambda _: {"partner_id": BIKE},
    "another parameter set": lambda _: {"parameter_id": bytes(32)},
    "more than it says": lambda _: {"size": 3},
}


@pytest.mark.parametrize("change", BROWSING.values(), ids=BROWSING)
def test_sample_not_from_the_beacon(sealed: Audited, change: Any) -> None:
    """An "auditor" that names leaves of its own choice would browse in people's trips."""
    sample = sealed.sample(size=2)

    with pytest.raises(SampleNotDrawnError):
        sealed.world.nodes[METRO].open_evidence(dataclasses.replace(sample, **change(sample)))


@pytest.mark.parametrize("size", [0, EVERYTHING + 1])
def test_a_sample_has_a_size(sealed: Audited, size: int) -> None:
    sample = dataclasses.replace(sealed.sample(size=2), size=size)

    with pytest.raises(SampleSizeError):
        sealed.world.nodes[METRO].open_evidence(sample)


def test_an_epoch_that_is_not_sealed_is_not_opened(sealed: Audited) -> None:
    sample = dataclasses.replace(sealed.sample(size=2), epoch=EpochIndex(2))

    with pytest.raises(EpochNotAuditableError):
        sealed.world.nodes[METRO].open_evidence(sample)


def test_every_request_is_noted_with_its_answer(sealed: Audited) -> None:
    store = AuditStore(sealed.world.store(METRO))
    before, sample = len(store.all()), sealed.sample(size=2)
    sealed.world.nodes[METRO].open_evidence(sample)
    with pytest.raises(SampleNotDrawnError):
        sealed.world.nodes[METRO].open_evidence(dataclasses.replace(sample, size=3))

    noted = [(item.size, item.answer) for item in store.all()[before:]]

    assert noted == [(2, "opened"), (3, "SAMPLE_NOT_DRAWN")]


@dataclasses.dataclass
class Site:
    """The auditor's files."""

    roots: Path
    sample: Path
    opened: Path
    report: Path


@pytest.fixture
def site(sealed: Audited, tmp_path: Path) -> Site:
    roots = tmp_path / "roots.toml"
    roots.write_text(sealed.world.roots.to_toml(), encoding="utf-8")
    return Site(roots, *(tmp_path / name for name in ("sample.json", "opened.json", "report.json")))


def sample_to(site: Site, sealed: Audited, partner: str = METRO) -> None:
    audit_evidence.sample(
        sealed.folder,
        roots=site.roots,
        programme=PROGRAMME,
        epoch=1,
        partner=partner,
        size=3,
        out=site.sample,
    )


def test_an_audit_by_the_commands(
    sealed: Audited, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    sample_to(site, sealed)
    drawn = capsys.readouterr().out
    assert "3 of 4 person-days" in drawn
    assert "with a chance of 2.97 %" in drawn

    open_evidence(sealed.world.nodes[METRO], site.sample, site.opened, Console())
    audit_evidence.evidence(
        sealed.folder,
        site.opened,
        roots=site.roots,
        json_out=site.report,
    )

    assert "nothing was found" in capsys.readouterr().out
    report = as_json(site.report)
    assert (report["findings"], report["slots"]) == ([], 3)
    assert report["detection"]["1/100"] == "29701/1000000"


def test_findings_end_the_command_with_1(
    sealed: Audited, site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    sample_to(site, sealed, partner=BIKE)
    open_evidence(sealed.world.nodes[BIKE], site.sample, site.opened, Console())

    with pytest.raises(SystemExit, match="1"):
        audit_evidence.evidence(sealed.folder, site.opened, roots=site.roots)

    assert "V24 REDUCTION_DIFFERS" in capsys.readouterr().out


def test_opened_evidence_is_never_replaced(sealed: Audited, site: Site) -> None:
    sample_to(site, sealed)
    site.opened.write_text("the evidence of before")

    with pytest.raises(ConfigurationError):
        open_evidence(sealed.world.nodes[METRO], site.sample, site.opened, Console())

    assert site.opened.read_text() == "the evidence of before"


def test_a_file_that_is_no_sample_is_refused(sealed: Audited, site: Site) -> None:
    site.sample.write_bytes(statements.encode(sealed.opened(size=1)))

    with pytest.raises(MalformedError):
        open_evidence(sealed.world.nodes[METRO], site.sample, site.opened, Console())


def test_opened_evidence_is_for_its_reader_only(sealed: Audited, site: Site) -> None:
    sample_to(site, sealed)
    open_evidence(sealed.world.nodes[METRO], site.sample, site.opened, Console())

    assert stat.S_IMODE(site.opened.stat().st_mode) == 0o600
