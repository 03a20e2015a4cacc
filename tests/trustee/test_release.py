"""A release from noise to shares: signed, started, witnessed, shared once and for all."""

from __future__ import annotations

import pytest

from fedcarbon.opening.tables import PeriodRef
from tests.trustee.counting import Counting, exact_cells
from tests.trustee.founded import BIKE, DAY_S, METRO, SHAM
from tests.trustee.noise_sources import LARGEST, NONE, Remembered
from tests.trustee.release_steps import Release

STEPS = ("draw", "log", "witness", "share")


def summed(*vectors: list[int]) -> list[int]:
    return [sum(column) for column in zip(*vectors, strict=True)]


def remembered(counting: Counting, *names: str) -> dict[str, Remembered]:
    """Have trustees draw real noise that the test learns too."""
    sources = {name: Remembered() for name in names}
    counting.noise_sources.update(sources)
    return sources


def test_what_is_opened_is_the_sum_of_all_cells_and_all_noise(counting: Counting) -> None:
    sources = remembered(counting, "trustee-1", "trustee-2")

    opened = Release(counting).run()

    shell = counting.shell_at(counting.shells[0])
    noise = [source.vector(shell) for source in sources.values()]
    assert opened == summed(exact_cells(), *noise)


def test_a_trustee_that_added_no_noise_may_share(counting: Counting) -> None:
    """trustee-2 is gone after the start: its noise stays, another trustee helps to open."""
    sources = remembered(counting, "trustee-1", "trustee-2")
    release = Release(counting).start_witnessed().share(["trustee-1", "trustee-3"])

    shell = counting.shell_at(counting.shells[0])
    noise = [source.vector(shell) for source in sources.values()]
    assert release.opened() == summed(exact_cells(), *noise)


def test_more_trustees_than_are_needed_may_add_noise(counting: Counting) -> None:
    names = ("trustee-1", "trustee-2", "trustee-3")
    sources = remembered(counting, *names)
    release = Release(counting, noisy=names).start_witnessed().share(names[1:])

    shell = counting.shell_at(counting.shells[0])
    noise = [source.vector(shell) for source in sources.values()]
    assert release.opened() == summed(exact_cells(), *noise)


@pytest.mark.parametrize("killed_after", STEPS)
def test_a_release_survives_a_kill_after_any_step(counting: Counting, killed_after: str) -> None:
    """The noise is that of before: nothing is drawn again."""
    sources = remembered(counting, "trustee-1", "trustee-2")
    release = Release(counting)

    for step in STEPS:
        counting.witness() if step == "witness" else getattr(release, step)()
        if step == killed_after:
            for name in counting.trustee_ids:
                counting.kill(name)

    shell = counting.shell_at(counting.shells[0])
    noise = [source.vector(shell) for source in sources.values()]
    assert release.opened() == summed(exact_cells(), *noise)
    assert [len(source.draws) for source in sources.values()] == [len(shell.quantities)] * 2


def test_a_release_asked_twice_gets_the_same_bytes(counting: Counting) -> None:
    release = Release(counting).start_witnessed().share()
    first = dict(release.shares)
    counting.wait(days=1)
    counting.witness()

    release.share()

    assert release.shares == first


def test_a_trustee_that_lost_its_noise_still_shares_the_start_that_it_signed(
    counting: Counting,
) -> None:
    release = Release(counting).start_witnessed()
    counting.wipe("trustee-1")

    assert release.share().opened()


def test_another_draft_is_signed_as_long_as_no_start_is_in_the_record(counting: Counting) -> None:
    """trustee-2 is gone before the start is logged: the hub goes on with trustee-3."""
    given_up = Release(counting).draw()
    counting.ask("trustee-1", sign_release=given_up.sign_order())

    release = Release(counting, noisy=("trustee-1", "trustee-3")).start_witnessed()

    assert release.noise["trustee-1"] == given_up.noise["trustee-1"]
    assert release.share().opened()
    assert given_up.sign_code() == "RELEASE_REPEATED"


def test_the_period_goes_on_without_a_partner_whose_time_is_over(sealed: Counting) -> None:
    ref = PeriodRef(sealed.shells[1], 1)
    for name in (METRO, BIKE, SHAM):
        sealed.contribute(ref, name)
    sealed.witness()
    sealed.wait(seconds=DAY_S)
    sealed.witness()

    assert Release(sealed, ref).run()


# What an honest trustee's noise is worth: t - 1 trustees and the hub know everything else.


@pytest.mark.parametrize("theirs", ["real", "none", "the largest"])
def test_one_honest_trustees_noise_hides_every_cell_from_all_others(
    counting: Counting, theirs: str
) -> None:
    """The hub and trustee-2 take away all that they know; what is left is still noisy."""
    honest, corrupt = Remembered(), Remembered()
    counting.noise_sources = {"trustee-1": honest, "trustee-2": corrupt}
    if theirs != "real":
        counting.noise_sources["trustee-2"] = NONE if theirs == "none" else LARGEST
    shell = counting.shell_at(counting.shells[0])
    known = {"none": [0] * shell.values, "the largest": shell.offsets()}

    opened = Release(counting).run()

    known_noise = corrupt.vector(shell) if theirs == "real" else known[theirs]
    left = [value - noise for value, noise in zip(opened, known_noise, strict=True)]
    assert left == summed(exact_cells(), honest.vector(shell))
    assert any(honest.vector(shell))


def test_a_start_that_was_signed_and_never_logged_opens_nothing(counting: Counting) -> None:
    """The hub and t - 1 trustees have all contributions and all noise, and one share too few."""
    release = Release(counting).draw()
    counting.ask("trustee-1", sign_release=release.sign_order())
    release.leaf = len(counting.record.leaves)

    assert release.share_code("trustee-1") == "START_MISSING"
