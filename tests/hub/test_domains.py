"""A gram that is credited in one programme of a domain is credited in no other one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.epoch.lifecycle import EpochState
from fedcarbon.epoch.statements import BeaconLabel, BeaconValue, CommitClosed, VerdictList
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.verdicts import Contest, contests
from fedcarbon.ids import Claimant, ProgrammeId
from fedcarbon.transparency.leaf import LeafType
from tests.audit.conftest import audited
from tests.audit.second_verifier import second_opinion
from tests.hub.federation import (
    PROGRAMME,
    WINDOW_S,
    Federation,
    claims,
    opened,
    programme,
    root_signed,
)
from tests.hub.shared_domain import (
    BIKES_WALKS,
    METRO_RIDES,
    METRO_WALKS,
    WALKS,
    SharedDomain,
    trust_roots,
)


@pytest.fixture
def domain(bare: Federation) -> SharedDomain:
    return SharedDomain(bare)


def found_in(domain: SharedDomain, folder: Path) -> tuple[set[tuple[str, str]], set[str]]:
    """Return what the auditor's command finds, and the lines that the second verifier does."""
    domain.federation.wait(1)
    asyncio.run(domain.federation.trustees.witness())
    record = domain.federation.folder / "record"
    roots = folder / "roots.toml"
    roots.write_text(trust_roots().to_toml())
    report = audited(record, trust_roots())
    second = second_opinion(record, roots, folder / "report.json")
    return {(item.check.value, item.code) for item in report.findings}, second.lines


def test_the_same_ride_in_two_programmes_of_a_domain_by_two_partners_is_credited_once(
    domain: SharedDomain, tmp_path: Path
) -> None:
    domain.judge({METRO_RIDES: claims({1: 1, 2: 1}), BIKES_WALKS: claims({1: 0, 3: 0}, seed=2)})

    assert {domain.state(name) for name in (PROGRAMME, WALKS)} == {EpochState.SUBMITTING}
    assert (domain.lost(METRO_RIDES), domain.lost(BIKES_WALKS)) == (1, 0)
    assert found_in(domain, tmp_path) == (set(), set())


def test_the_same_ride_in_two_programmes_of_a_domain_by_one_partner_is_credited_once(
    domain: SharedDomain, tmp_path: Path
) -> None:
    rides = dict.fromkeys(range(40), 0)
    domain.judge({METRO_RIDES: claims(rides), METRO_WALKS: claims(rides, seed=2)})

    lost = (domain.lost(METRO_RIDES), domain.lost(METRO_WALKS))
    assert sum(lost) == len(rides)
    assert min(lost) > 0  # equal ranks go by the beacon, and it knows the programme
    assert found_in(domain, tmp_path) == (set(), set())


def apart(
    records: Sequence[bytes], claimants: Sequence[Claimant], beacon: bytes
) -> Iterator[Contest]:
    """Judge every programme for itself, as a hub that wants to credit a gram twice."""
    for of in {claimant.programme_id for claimant in claimants}:
        own = [
            data if claimant.programme_id == of else b""
            for data, claimant in zip(records, claimants, strict=True)
        ]
        yield from contests(own, claimants, beacon)


@pytest.mark.parametrize("second", [BIKES_WALKS, METRO_WALKS], ids=["another", "itself"])
def test_a_hub_that_judges_the_programmes_of_a_domain_apart_is_found(
    domain: SharedDomain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, second: Claimant
) -> None:
    monkeypatch.setattr("hub.epochs.join_task.contests", apart)

    domain.judge({METRO_RIDES: claims({1: 0}), second: claims({1: 0}, seed=2)})

    assert domain.lost(METRO_RIDES) == domain.lost(second) == 0
    assert found_in(domain, tmp_path) == ({("V12", "VERDICTS_DIFFER")}, {"V12"})


def test_a_hub_that_closes_a_round_without_one_of_its_programmes_is_found(
    domain: SharedDomain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_walks(**fields: Any) -> CommitClosed:
        lists = tuple(line for line in fields["lists"] if line.programme_id == PROGRAMME)
        return CommitClosed(**{**fields, "lists": lists})

    monkeypatch.setattr("hub.epochs.planning.CommitClosed", without_walks)

    domain.judge({METRO_RIDES: claims({1: 0}), BIKES_WALKS: claims({1: 1}, seed=2)})

    assert found_in(domain, tmp_path) == (
        {("V12", "CLOSING_DIFFERS"), ("V12", "LIST_WITHOUT_LOGGED_ROOT")},
        {"V12"},
    )


def bodies(domain: SharedDomain, leaf_type: LeafType) -> list[bytes]:
    hub = domain.federation.hub
    found = hub.read_now(lambda session: hub.record.bodies_of_type(session, leaf_type))
    return [body for _, body in found]


def test_a_domain_has_one_closing_and_one_tie_beacon_and_each_programme_its_verdicts(
    domain: SharedDomain,
) -> None:
    domain.judge({METRO_RIDES: claims({1: 1}), BIKES_WALKS: claims({1: 0}, seed=2)})

    (closing,) = bodies(domain, LeafType.COMMIT_CLOSED)
    assert [line.claimant for line in opened(CommitClosed, closing).lists] == [
        METRO_RIDES,
        BIKES_WALKS,
    ]
    (beacon,) = [opened(BeaconValue, body) for body in bodies(domain, LeafType.BEACON_VALUE)]
    assert (beacon.label, beacon.scope) == (BeaconLabel.TIE, "cn-east")
    verdicts = [opened(VerdictList, body) for body in bodies(domain, LeafType.VERDICT_LIST)]
    assert [item.programme_id for item in verdicts] == [PROGRAMME, WALKS]


def test_a_claim_round_waits_for_the_claimants_of_every_programme(domain: SharedDomain) -> None:
    domain.begin(METRO_RIDES, BIKES_WALKS)
    domain.commit(METRO_RIDES, claims({1: 0}))
    domain.federation.advance()
    assert domain.state(PROGRAMME) is EpochState.COMMITTING

    domain.federation.wait(WINDOW_S + 1)
    domain.federation.advance()

    (closing,) = bodies(domain, LeafType.COMMIT_CLOSED)
    assert [line.claimant for line in opened(CommitClosed, closing).missed] == [BIKES_WALKS]
    assert {domain.state(name) for name in (PROGRAMME, WALKS)} == {EpochState.REVEALING}


def test_each_programme_is_sealed_and_sampled_for_itself(
    domain: SharedDomain, tmp_path: Path
) -> None:
    domain.judge({METRO_RIDES: claims({1: 0}), BIKES_WALKS: claims({2: 0}, seed=2)})
    domain.federation.wait(4 * WINDOW_S)

    domain.federation.advance()

    assert {domain.state(name) for name in (PROGRAMME, WALKS)} == {EpochState.SEALED}
    beacons = [opened(BeaconValue, body) for body in bodies(domain, LeafType.BEACON_VALUE)]
    assert [(item.label, item.scope) for item in beacons] == [
        (BeaconLabel.TIE, "cn-east"),
        (BeaconLabel.SAMPLE, PROGRAMME),
        (BeaconLabel.SAMPLE, WALKS),
    ]
    assert found_in(domain, tmp_path) == (set(), set())


def test_a_programme_joins_a_domain_before_its_first_plan_only(domain: SharedDomain) -> None:
    third = ProgrammeId("buses")
    message = root_signed(programme(programme_id=third))
    domain.begin(METRO_RIDES)

    with pytest.raises(FedcarbonError, match="comes too late") as caught:
        domain.federation.start(message)

    assert caught.value.code == "PROGRAMME_CONFLICT"
