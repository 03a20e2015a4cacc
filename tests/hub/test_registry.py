"""Admissions and programmes: believed for their root signatures, within their rules."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.registry.programme import Policy
from fedcarbon.units import MicrogramsCO2e
from hub.registry.parties import require_party
from hub.storage.registry_store import PartyStore, ProgrammeStore
from tests.hub.federation import (
    BIKES,
    HUB,
    METRO,
    Federation,
    admission,
    key_of,
    programme,
    root_signed,
    signed,
)

REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "two root signatures": (
        lambda: root_signed(admission("trams", Role.PARTNER), roots=2),
        "SIGNATURE_INVALID",
    ),
    "signed by itself": (
        lambda: signed(admission("trams", Role.PARTNER), "trams"),
        "SIGNATURE_INVALID",
    ),
    "for another parameter set": (
        lambda: root_signed(admission("trams", Role.PARTNER, parameter_id=b"x" * 32)),
        "PARAMETERS_DIFFER",
    ),
    "a trustee that the parameter set does not name": (
        lambda: root_signed(admission("trustee-9", Role.TRUSTEE)),
        "ADMISSION_CONFLICT",
    ),
    "a trustee that would be a partner too": (
        lambda: root_signed(admission("trustee-1", Role.PARTNER)),
        "ADMISSION_CONFLICT",
    ),
    "a partner that becomes an auditor": (
        lambda: root_signed(admission(METRO, Role.AUDITOR)),
        "ADMISSION_CONFLICT",
    ),
    "another party's signing key": (
        lambda: root_signed(
            admission("trams", Role.WALLET_OPERATOR, signing_key=key_of(METRO).public)
        ),
        "ADMISSION_CONFLICT",
    ),
    "a programme in its place": (lambda: root_signed(programme()), "MALFORMED"),
    "bytes": (lambda: b"{}", "MALFORMED"),
}


@pytest.mark.parametrize(("message", "code"), REFUSED.values(), ids=REFUSED)
def test_an_admission_against_the_rules_is_refused(
    federation: Federation, message: Callable[[], bytes], code: str
) -> None:
    size = federation.hub.read_now(federation.hub.record.head).size

    with pytest.raises(FedcarbonError) as caught:
        federation.admit(message())

    assert caught.value.code == code
    assert federation.hub.read_now(federation.hub.record.head).size == size


def test_a_later_admission_replaces_key_and_limits(federation: Federation) -> None:
    federation.admit(root_signed(admission(METRO, Role.PARTNER, best_tier=2)))

    found = federation.hub.read_now(lambda session: PartyStore(session).find(METRO))

    assert found is not None
    assert found.best_tier == 2


def test_an_old_admission_sent_again_does_not_come_back(federation: Federation) -> None:
    old = root_signed(admission(METRO, Role.PARTNER))
    federation.admit(root_signed(admission(METRO, Role.PARTNER, best_tier=2)))

    federation.admit(old)

    found = federation.hub.read_now(lambda session: PartyStore(session).find(METRO))
    assert found is not None
    assert found.best_tier == 2


def test_a_party_is_looked_up_in_its_own_role_only(federation: Federation) -> None:
    def ask(name: PartyId, role: Role) -> PartyId:
        return federation.hub.read_now(lambda session: require_party(session, name, role)).party_id

    assert ask(METRO, Role.PARTNER) == METRO
    for name, role in ((METRO, Role.WALLET_OPERATOR), (PartyId("ghost"), Role.PARTNER)):
        with pytest.raises(FedcarbonError) as caught:
            ask(name, role)
        assert caught.value.code == "NOT_ADMITTED"


PROGRAMMES: dict[str, tuple[Callable[[], bytes], str]] = {
    "two root signatures": (
        lambda: root_signed(programme(programme_id="other"), roots=2),
        "SIGNATURE_INVALID",
    ),
    "for another parameter set": (
        lambda: root_signed(programme(programme_id="other", parameter_id=b"x" * 32)),
        "PARAMETERS_DIFFER",
    ),
    "sums that would not fit a slot": (
        lambda: root_signed(
            programme(
                programme_id="other",
                exclusivity_domain="cn-west",
                cap_ug=MicrogramsCO2e(1 << 54),
                partners_max=4,
            )
        ),
        "HEADROOM",
    ),
    "the same programme with other rules": (
        lambda: root_signed(programme(slot_s=600)),
        "PROGRAMME_CONFLICT",
    ),
    "a second programme of the domain with other slots": (
        lambda: root_signed(programme(programme_id="other", slot_s=600)),
        "PROGRAMME_CONFLICT",
    ),
    "a second programme of the domain on other days": (
        lambda: root_signed(programme(programme_id="other", last_day="2026-03-05")),
        "PROGRAMME_CONFLICT",
    ),
    "a second programme of the domain with another claim round": (
        lambda: root_signed(programme(programme_id="other", policy=Policy(reveal_window_s=1))),
        "PROGRAMME_CONFLICT",
    ),
}


@pytest.mark.parametrize(("message", "code"), PROGRAMMES.values(), ids=PROGRAMMES)
def test_a_programme_against_the_rules_is_refused(
    federation: Federation, message: Callable[[], bytes], code: str
) -> None:
    with pytest.raises(FedcarbonError) as caught:
        federation.start(message())

    assert caught.value.code == code


def test_a_programme_is_started_once(federation: Federation) -> None:
    message = root_signed(programme())

    assert federation.start(message) == federation.start(message)
    found = federation.hub.read_now(lambda session: ProgrammeStore(session).all())
    assert found == [programme()]


def test_programmes_of_two_domains_run_side_by_side(federation: Federation) -> None:
    west = programme(programme_id=ProgrammeId("chengdu"), exclusivity_domain="cn-west")
    federation.start(root_signed(west))
    federation.enrol_people(METRO, range(6))
    batch = federation.batch(METRO, range(6), programme_id=west.programme_id)
    places = federation.enrol(METRO, signed(batch, METRO)).places

    # A block belongs to one programme: (block, slot) stands once in the whole log.
    here = federation.places()
    assert len({*here.values(), *(place for _, place in places)}) == 12


def test_no_programme_starts_before_the_hub_itself_is_admitted(bare: Federation) -> None:
    with pytest.raises(FedcarbonError) as caught:
        bare.start()
    assert caught.value.code == "HUB_NOT_ADMITTED"

    bare.admit(root_signed(admission(HUB, Role.HUB, signing_key=key_of("another").public)))
    with pytest.raises(FedcarbonError) as caught:
        bare.start()
    assert caught.value.code == "HUB_NOT_ADMITTED"

    bare.admit(root_signed(admission(HUB, Role.HUB)))
    assert bare.start()


def test_a_partner_with_a_new_key_signs_with_that_key_only(federation: Federation) -> None:
    federation.admit(
        root_signed(admission(BIKES, Role.PARTNER, signing_key=key_of("bikes-2").public))
    )

    with pytest.raises(FedcarbonError) as caught:
        federation.enrol_people(BIKES, [1])

    assert caught.value.code == "SIGNATURE_INVALID"


def test_a_hub_admitted_with_another_key_logs_nothing_that_trustees_would_stop_at(
    federation: Federation,
) -> None:
    federation.admit(root_signed(admission(HUB, Role.HUB, signing_key=key_of("hub-2").public)))
    size = federation.hub.read_now(federation.hub.record.head).size

    with pytest.raises(FedcarbonError) as caught:
        federation.enrol_people(METRO, [1])

    assert caught.value.code == "HUB_NOT_ADMITTED"
    assert federation.hub.read_now(federation.hub.record.head).size == size

    federation.admit(root_signed(admission(HUB, Role.HUB, best_tier=1)))
    federation.enrol_people(METRO, [1])
