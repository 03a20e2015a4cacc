"""Leaves about statistics: what a record may not hold, whoever has signed it.

What a trustee refuses to sign or to open is tested with the trustees. Here t of them, the root
keys and the hub may all be corrupt: whoever replays the record finds it all the same.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from fedcarbon.disclosure.statements import (
    Contributor,
    NoisePart,
    ReleaseStart,
    TableContribution,
    TableRelease,
    TableShares,
)
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.opening.epochs import EpochBook
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.tables import PeriodRef, TableBook
from fedcarbon.opening.view import RecordView
from fedcarbon.opening.violations import RecordViolationError
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.envelope import SigningKey, sign
from fedcarbon.transparency.leaf import LeafType
from tests.disclosure import shells
from tests.trustee.counting import MEMBERS, TRAM, Counting, shell_of
from tests.trustee.founded import BIKE, HUB, METRO, PROGRAMME

TRUSTEES = ("trustee-1", "trustee-2")


@pytest.fixture
def view(sealed: Counting) -> RecordView:
    """The record as it is before the leaf under test."""
    return sealed.view()


def read(federation: Counting, view: RecordView) -> RecordView:
    """Apply what was logged since."""
    for index in range(view.size, len(federation.record.leaves)):
        built = federation.record.leaves[index]
        view.apply(index, built.leaf, built.salt, built.body)
    return view


def code(federation: Counting, view: RecordView) -> str:
    """Return why the last leaf breaks the record; those before it do not."""
    last = federation.record.leaves.pop()
    read(federation, view)
    federation.record.leaves.append(last)
    with pytest.raises(RecordViolationError) as caught:
        read(federation, view)
    cause = caught.value.__cause__
    return cause.code if isinstance(cause, FedcarbonError) else caught.value.code


def contribution(federation: Counting, partner: PartyId, **changes: Any) -> TableContribution:
    fields: dict[str, Any] = {
        "parameter_id": federation.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "shell_leaf": federation.shells[0],
        "period": 1,
        "partner_id": partner,
        "members": MEMBERS[partner],
        "file_sha256": b"f" * 32,
    }
    return TableContribution(**{**fields, **changes})


def contribute_all(federation: Counting, ref: PeriodRef) -> None:
    for name in MEMBERS:
        item = contribution(federation, name, shell_leaf=ref.shell_leaf, period=ref.period)
        federation.log_own(item, name)


def start_of(view: RecordView, ref: PeriodRef, **changes: Any) -> ReleaseStart:
    """Return an honest start over the record that a view has read, but for its noise."""
    budget = view.tables.budget(ref)
    fields: dict[str, Any] = {
        "parameter_id": view.parties.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "shell_leaf": ref.shell_leaf,
        "period": ref.period,
        "contributors": view.tables.contributors(ref),
        "noise": noise_of(*TRUSTEES),
        "noised_sha256": b"n" * 32,
        "year": budget.year,
        "rho_millionths": view.tables.shells[ref.shell_leaf].statement.rho_millionths,
        "spent_millionths": budget.spent,
    }
    return ReleaseStart(**{**fields, **changes})


def noise_of(*trustees: str) -> tuple[NoisePart, ...]:
    return tuple(NoisePart(trustee_id=PartyId(name), file_sha256=b"d" * 32) for name in trustees)


def started(federation: Counting, view: RecordView, ref: PeriodRef | None = None) -> int:
    """Have a period contributed to and started; return the start's leaf."""
    of = ref or federation.ref()
    contribute_all(federation, of)
    read(federation, view)
    leaf = federation.log_own(start_of(view, of), *TRUSTEES)
    read(federation, view)
    return leaf


# Shells


def test_a_shell_before_its_epochs_is_taken(sealed: Counting, view: RecordView) -> None:
    leaf = sealed.log_shell(shell_id="next", first_epoch=EpochIndex(4))

    assert read(sealed, view).tables.shells[leaf].statement.shell_id == "next"


def test_a_shell_after_its_first_epoch_was_planned_is_too_late(
    sealed: Counting, view: RecordView
) -> None:
    """Whoever knows the trips could cut its cells around a person."""
    sealed.plan(4)
    sealed.log_shell(shell_id="late", first_epoch=EpochIndex(4))

    assert code(sealed, view) == "SHELL_TOO_LATE"


@pytest.mark.parametrize(("first", "periods"), [(5, 2), (4, 1), (6, 1), (5, 1), (4, 4), (6, 4)])
def test_two_shells_never_count_the_same_epoch(
    sealed: Counting, view: RecordView, first: int, periods: int
) -> None:
    """Differencing two tables of the same days: one by mode, one by district, or shifted by a day.

    The first counts epochs 4 to 6.
    """
    sealed.log_shell(shell_id="next", first_epoch=EpochIndex(4), periods=3)
    sealed.log_shell(shell_id="other", first_epoch=EpochIndex(first), periods=periods)

    assert code(sealed, view) == "SHELLS_OVERLAP"


def test_a_shell_right_after_another_is_taken(sealed: Counting, view: RecordView) -> None:
    sealed.log_shell(shell_id="next", first_epoch=EpochIndex(4), periods=3)
    leaf = sealed.log_shell(shell_id="after", first_epoch=EpochIndex(7), periods=1)

    assert leaf in read(sealed, view).tables.shells


def test_a_shell_stands_once(sealed: Counting, view: RecordView) -> None:
    sealed.log_shell(first_epoch=EpochIndex(4))

    assert code(sealed, view) == "LOGGED_TWICE"


def test_a_shell_ends_with_its_programme(sealed: Counting, view: RecordView) -> None:
    sealed.log_shell(shell_id="next", first_epoch=EpochIndex(10), periods=2)

    assert code(sealed, view) == "SHELL_BEYOND_PROGRAMME"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"programme_id": ProgrammeId("another")}, "LEAF_INVALID"),
        ({"parameter_id": b"q" * 32}, "MALFORMED"),
    ],
)
def test_a_shell_is_of_a_programme_of_this_record(
    sealed: Counting, view: RecordView, changes: dict[str, Any], expected: str
) -> None:
    shell = shell_of(
        **{
            "parameter_id": sealed.parameters.parameter_id,
            "shell_id": "next",
            "first_epoch": EpochIndex(4),
            **changes,
        }
    )
    sealed.log(LeafType.TABLE_SHELL, sealed.rooted(shell))

    assert code(sealed, view) == expected


def test_fewer_than_t_root_keys_publish_no_shell(sealed: Counting, view: RecordView) -> None:
    """The hub, a partner and one organisation together cannot ask a question of their own."""
    shell = shell_of(sealed.parameters.parameter_id, shell_id="next", first_epoch=EpochIndex(4))
    secret = sealed.dealing.secrets[0]
    keys = {f"{secret.trustee_id}-root": SigningKey(secret.root_key_seed), HUB: sealed.key(HUB)}
    sealed.log(LeafType.TABLE_SHELL, sign(shell, keys))

    assert code(sealed, view) == "SIGNATURE_INVALID"


# Contributions


def test_contributions_are_kept_by_period_and_partner(sealed: Counting, view: RecordView) -> None:
    contribute_all(sealed, sealed.ref())
    read(sealed, view)

    named = view.tables.contributors(sealed.ref())

    assert [item.partner_id for item in named] == sorted(MEMBERS)
    assert view.tables.contributors(sealed.ref(2)) == ()


CONTRIBUTIONS: dict[str, tuple[dict[str, Any], str]] = {
    "to no shell": ({"shell_leaf": 3}, "SHELL_UNKNOWN"),
    "to a leaf that is not there": ({"shell_leaf": 1 << 40}, "SHELL_UNKNOWN"),
    "to another programme's shell": ({"programme_id": ProgrammeId("another")}, "SHELL_UNKNOWN"),
    "to no period": ({"period": 3}, "MALFORMED"),
    "to another parameter set": ({"parameter_id": b"q" * 32}, "MALFORMED"),
    "in another's name": ({"partner_id": BIKE}, "SIGNER_REFUSED"),
}


@pytest.mark.parametrize("case", CONTRIBUTIONS)
def test_a_contribution_is_of_its_signer_to_a_period_of_the_record(
    sealed: Counting, view: RecordView, case: str
) -> None:
    changes, expected = CONTRIBUTIONS[case]
    sealed.log_own(contribution(sealed, METRO, **changes), METRO)

    assert code(sealed, view) == expected


@pytest.mark.parametrize("signer", [HUB, "trustee-1"])
def test_only_a_partner_contributes(sealed: Counting, view: RecordView, signer: str) -> None:
    item = contribution(sealed, METRO, partner_id=PartyId(signer))
    sealed.log_own(item, signer)

    assert code(sealed, view) == "SIGNER_REFUSED"


def test_nothing_is_contributed_before_the_last_epoch_is_sealed(
    sealed: Counting, view: RecordView
) -> None:
    leaf = sealed.log_shell(shell_id="next", first_epoch=EpochIndex(4))
    sealed.log_own(contribution(sealed, METRO, shell_leaf=leaf), METRO)

    assert code(sealed, view) == "PERIOD_NOT_SEALED"


def test_a_partner_contributes_once(sealed: Counting, view: RecordView) -> None:
    sealed.log_own(contribution(sealed, METRO), METRO)
    sealed.log_own(contribution(sealed, METRO, file_sha256=b"g" * 32), METRO)

    assert code(sealed, view) == "LOGGED_TWICE"


def test_a_contribution_after_the_start_is_too_late(sealed: Counting, view: RecordView) -> None:
    for name in MEMBERS:
        if name != TRAM:
            sealed.log_own(contribution(sealed, name), name)
    read(sealed, view)
    sealed.log_own(start_of(view, sealed.ref()), *TRUSTEES)
    sealed.log_own(contribution(sealed, TRAM), TRAM)

    assert code(sealed, view) == "CONTRIBUTION_TOO_LATE"


# Starts


def test_a_start_spends_its_budget_whether_or_not_a_table_appears(
    sealed: Counting, view: RecordView
) -> None:
    before = view.tables.budget(sealed.ref(2))

    started(sealed, view)

    assert before == (2026, 0, 79_999)
    assert view.tables.budget(sealed.ref(2)) == (2026, 40_000, 79_999)
    # Its own start does not count against itself: what it says stays true when it is read again.
    assert view.tables.budget(sealed.ref()) == (2026, 0, 79_999)


def test_a_period_is_started_once(sealed: Counting, view: RecordView) -> None:
    """Asking again, with fresh noise, would let the noise be averaged away."""
    started(sealed, view)
    again = dataclasses.replace(
        start_of(view, sealed.ref()), noise=noise_of("trustee-2", "trustee-3")
    )
    sealed.log_own(again, "trustee-2", "trustee-3")

    assert code(sealed, view) == "LOGGED_TWICE"


@pytest.mark.parametrize(
    ("noise", "signers", "expected"),
    [
        (TRUSTEES, ("trustee-1", "trustee-3"), "NOISE_SIGNERS_DIFFER"),
        (TRUSTEES, ("trustee-1", "trustee-2", "trustee-3"), "NOISE_SIGNERS_DIFFER"),
        ((*TRUSTEES, "trustee-3"), TRUSTEES, "NOISE_SIGNERS_DIFFER"),
        (("trustee-1",), ("trustee-1",), "SIGNATURE_INVALID"),
        (TRUSTEES, (HUB, METRO), "SIGNATURE_INVALID"),
        (TRUSTEES, ("trustee-1", METRO), "SIGNATURE_INVALID"),
    ],
)
def test_a_start_is_signed_by_t_trustees_or_more_and_by_all_whose_noise_it_names(
    sealed: Counting,
    view: RecordView,
    noise: tuple[str, ...],
    signers: tuple[str, ...],
    expected: str,
) -> None:
    contribute_all(sealed, sealed.ref())
    read(sealed, view)
    sealed.log_own(start_of(view, sealed.ref(), noise=noise_of(*noise)), *signers)

    assert code(sealed, view) == expected


STARTS: dict[str, tuple[dict[str, Any], str]] = {
    "of no shell": ({"shell_leaf": 3}, "SHELL_UNKNOWN"),
    "of another programme": ({"programme_id": ProgrammeId("another")}, "SHELL_UNKNOWN"),
    "of no period": ({"period": 3}, "MALFORMED"),
    "of another parameter set": ({"parameter_id": b"q" * 32}, "MALFORMED"),
    "naming a contribution that is not there": (
        {"contributors": (Contributor(partner_id=METRO, contribution_leaf=3),)},
        "CONTRIBUTORS_DIFFER",
    ),
    "of another year": ({"year": 2027}, "BUDGET_EXCEEDED"),
    "forgetting what was spent": ({"spent_millionths": 1}, "BUDGET_EXCEEDED"),
    "spending less than its noise costs": ({"rho_millionths": 39_999}, "BUDGET_EXCEEDED"),
}


@pytest.mark.parametrize("case", STARTS)
def test_a_start_says_what_the_record_says(sealed: Counting, view: RecordView, case: str) -> None:
    changes, expected = STARTS[case]
    contribute_all(sealed, sealed.ref())
    read(sealed, view)
    sealed.log_own(start_of(view, sealed.ref(), **changes), *TRUSTEES)

    assert code(sealed, view) == expected


def test_a_start_leaves_no_contribution_out(sealed: Counting, view: RecordView) -> None:
    """With and without one partner would be two tables that differ by its people."""
    contribute_all(sealed, sealed.ref())
    read(sealed, view)
    honest = start_of(view, sealed.ref())
    sealed.log_own(dataclasses.replace(honest, contributors=honest.contributors[1:]), *TRUSTEES)

    assert code(sealed, view) == "CONTRIBUTORS_DIFFER"


def test_a_start_leaves_no_contribution_out_that_came_after_it_was_signed(
    sealed: Counting, view: RecordView
) -> None:
    """Or else whoever signs on an older record would help a hub to choose who counts."""
    ref = sealed.ref()
    for name in MEMBERS.keys() - {TRAM}:
        item = contribution(sealed, name, shell_leaf=ref.shell_leaf, period=ref.period)
        sealed.log_own(item, name)
    read(sealed, view)
    honest = start_of(view, ref)
    late = contribution(sealed, TRAM, shell_leaf=ref.shell_leaf, period=ref.period)
    sealed.log_own(late, TRAM)
    sealed.log_own(honest, *TRUSTEES)

    assert code(sealed, view) == "CONTRIBUTORS_DIFFER"


def test_a_period_is_not_started_before_it_is_sealed(sealed: Counting, view: RecordView) -> None:
    leaf = sealed.log_shell(shell_id="next", first_epoch=EpochIndex(4))
    read(sealed, view)
    one = (Contributor(partner_id=METRO, contribution_leaf=3),)
    sealed.log_own(start_of(view, PeriodRef(leaf, 1), contributors=one), *TRUSTEES)

    assert code(sealed, view) == "PERIOD_NOT_SEALED"


def test_a_release_beyond_the_years_budget_breaks_the_record(
    sealed: Counting, view: RecordView
) -> None:
    started(sealed, view)
    contribute_all(sealed, sealed.ref(2))
    read(sealed, view)
    sealed.log_own(start_of(view, sealed.ref(2)), *TRUSTEES)

    assert code(sealed, view) == "BUDGET_EXCEEDED"


def test_a_later_shell_with_a_larger_budget_does_not_raise_that_of_the_year(
    sealed: Counting, view: RecordView
) -> None:
    """Budget raised after the fact: the second shell says ten million a year."""
    started(sealed, view)
    other = PeriodRef(sealed.shells[1], 1)
    contribute_all(sealed, other)
    read(sealed, view)
    sealed.log_own(start_of(view, other), *TRUSTEES)

    assert view.tables.budget(other) == (2026, 40_000, 79_999)
    assert code(sealed, view) == "BUDGET_EXCEEDED"


def test_a_year_is_that_of_the_last_day_in_the_programmes_zone() -> None:
    """Two epochs of two days each; the second period ends on New Year's Day."""
    roots = TrustRoots(
        parameter_id=shells.PARAMETER_ID,
        threshold=1,
        root_keys={PartyId("trustee-1"): SigningKey(b"k" * 32).public},
    )
    parties = PartyBook(roots)
    programme = shells.programme(first_day="2026-12-25", last_day="2027-01-13")
    parties.programmes[shells.PROGRAMME_ID] = programme
    book = TableBook(parties, EpochBook(parties))
    book.shells[shells.SHELL_LEAF] = Logged(
        index=shells.SHELL_LEAF, leaf=bytes(34), statement=shells.shell()
    )
    ref = PeriodRef(shells.SHELL_LEAF, 1)
    book.starts[ref] = Logged(index=60, leaf=bytes(34), statement=shells.start())

    assert book.budget(ref) == (2026, 0, 300_000)
    assert book.budget(ref._replace(period=2)) == (2027, 0, 300_000)


# Releases


def release(federation: Counting, start_leaf: int, **changes: Any) -> TableRelease:
    fields: dict[str, Any] = {
        "parameter_id": federation.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "shell_leaf": federation.shells[0],
        "period": 1,
        "start_leaf": start_leaf,
        "table_sha256": b"t" * 32,
        "shares": (TableShares(trustee_id=PartyId("trustee-1"), file_sha256=b"s" * 32),),
    }
    return TableRelease(**{**fields, **changes})


def test_a_release_answers_its_start(sealed: Counting, view: RecordView) -> None:
    leaf = sealed.log_own(release(sealed, started(sealed, view)), HUB)

    assert read(sealed, view).tables.releases[sealed.ref()].index == leaf


@pytest.mark.parametrize(
    "changes",
    [
        {"start_leaf": 3},
        {"period": 2},
        {"programme_id": ProgrammeId("another")},
    ],
)
def test_a_release_of_something_else_than_its_start_breaks_the_record(
    sealed: Counting, view: RecordView, changes: dict[str, Any]
) -> None:
    answer = dataclasses.replace(release(sealed, started(sealed, view)), **changes)
    sealed.log_own(answer, HUB)

    assert code(sealed, view) == "RELEASE_WITHOUT_START"


def test_there_is_no_release_without_a_start(sealed: Counting, view: RecordView) -> None:
    sealed.log_own(release(sealed, 3), HUB)

    assert code(sealed, view) == "RELEASE_WITHOUT_START"


def test_a_period_is_released_once(sealed: Counting, view: RecordView) -> None:
    start_leaf = started(sealed, view)
    sealed.log_own(release(sealed, start_leaf), HUB)
    sealed.log_own(release(sealed, start_leaf, table_sha256=b"u" * 32), HUB)

    assert code(sealed, view) == "LOGGED_TWICE"


@pytest.mark.parametrize("signer", [METRO, "trustee-1"])
def test_only_the_hub_releases(sealed: Counting, view: RecordView, signer: str) -> None:
    sealed.log_own(release(sealed, started(sealed, view)), signer)

    assert code(sealed, view) == "SIGNER_REFUSED"
