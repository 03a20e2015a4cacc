"""Tables are released once, with noise that nobody knows, whoever fails on the way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from fedcarbon.disclosure.statements import TableRelease
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.statements import Refusal
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import trustee_pb2
from hub.statistics.listing import SeenState
from tests.hub.federation import BIKES, METRO, PARTNERS, SECOND, opened
from tests.hub.openings.world import TRUSTEES, lost, refusing
from tests.hub.statistics.tables_world import EXACT, WINDOW_S, TableWorld, cells_of

TOTALS = [len(PARTNERS) * value for value in EXACT]


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(FedcarbonError) as caught:
        act()
    return caught.value.code


def test_a_table_is_the_exact_sums_with_the_noise_that_its_start_names(
    contributed: TableWorld,
) -> None:
    progress = contributed.advance_releases()

    assert (progress.released, progress.waiting) == (1, 0)
    (start,) = contributed.starts()
    assert len(start.noise) == contributed.hub.parameters.threshold
    noisy = contributed.expected(start, TOTALS)
    assert noisy != TOTALS
    cells = contributed.logged_shell().statement.cells
    pairs = {code: tuple(noisy[2 * at : 2 * at + 2]) for at, code in enumerate(cells)}
    shown = cells_of(contributed.table())
    assert shown == {code: pair for code, pair in pairs.items() if code in shown}
    margins = {row.codes: row.values for row in contributed.table().rows if row.shown}
    if ("", "") in margins:
        assert margins["", ""][1].noisy == sum(noisy[1::2])
    assert contributed.seen().state is SeenState.RELEASED


def test_a_release_asked_for_twice_is_the_same_one(contributed: TableWorld) -> None:
    contributed.advance_releases()
    first, size = contributed.found(), len(contributed.leaves(LeafType.TABLE_RELEASE))

    assert contributed.advance_releases().released == 0
    contributed.restart()
    contributed.advance_releases()

    assert contributed.found() == first
    assert len(contributed.leaves(LeafType.TABLE_RELEASE)) == size == 1
    assert len(contributed.starts()) == 1


def test_a_period_that_is_not_over_has_no_table(sealed: TableWorld) -> None:
    assert sealed.seen(2).state is SeenState.NOT_OVER
    assert refused(lambda: sealed.found(2)) == "TABLE_NOT_RELEASED"
    assert refused(lambda: sealed.found(4)) == "TABLE_UNKNOWN"


def test_a_partner_that_is_late_is_not_waited_for_longer_than_the_shell_says(
    sealed: TableWorld,
) -> None:
    for partner in PARTNERS[:2]:
        sealed.contribute(partner)

    sealed.advance_releases()
    assert sealed.seen().state is SeenState.CONTRIBUTING
    sealed.wait(WINDOW_S + 1)
    assert refused(lambda: sealed.contribute(PARTNERS[2])) == "CONTRIBUTION_LATE"
    progress = sealed.advance_releases()

    # Three partners are the least: two tables of two would be a table of one.
    assert progress.withheld == 1
    assert sealed.seen().state is SeenState.WITHHELD
    assert "TOO_FEW_PARTNERS" in sealed.seen().detail
    assert sealed.starts() == []
    assert refused(sealed.found) == "TABLE_NOT_RELEASED"


def test_a_withheld_period_stays_withheld(sealed: TableWorld) -> None:
    sealed.wait(WINDOW_S + 1)
    sealed.advance_releases()
    sealed.restart()

    assert sealed.advance_releases().withheld == 0
    assert refused(lambda: sealed.contribute(METRO)) == "CONTRIBUTION_LATE"
    assert sealed.seen().state is SeenState.WITHHELD


def test_a_trustee_that_dies_after_the_start_is_not_needed_for_its_end(
    contributed: TableWorld,
) -> None:
    def die_of_shares(kind: str) -> None:
        if kind == "sign_release":
            contributed.port.tampers |= {(name, "release_share"): lost for name in dying}

    dying = set(TRUSTEES[:2])
    contributed.port.after = die_of_shares

    assert contributed.advance_releases().released == 1

    (start,) = contributed.starts()
    assert dying <= {part.trustee_id for part in start.noise}
    ((_, body),) = contributed.leaves(LeafType.TABLE_RELEASE)
    assert {item.trustee_id for item in opened(TableRelease, body).shares} == (
        set(TRUSTEES) - dying
    )
    noisy = contributed.expected(start, TOTALS)
    assert set(cells_of(contributed.table()).values()) <= set(
        zip(noisy[::2], noisy[1::2], strict=True)
    )


def forged_noise(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with a proof that does not hold."""
    file = bytearray(answer.noise.file)
    file[-1] ^= 1
    answer.noise.file = bytes(file)
    return answer


def short_noise(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer without noise for the last block."""
    answer.noise.file = answer.noise.file[:-100]
    return answer


def forged_signature(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with a signature over something else."""
    answer.sign_release.signature = bytes(64)
    return answer


def wrong_share(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
    """Return the answer with a share that is not the trustee's."""
    share = answer.release_share.shares[0]
    answer.release_share.shares[0] = (int.from_bytes(share, "big") + 1).to_bytes(len(share), "big")
    return answer


FAULTS = {
    "noise whose proof does not hold": ("noise", forged_noise, "RANGE_PROOF_INVALID"),
    "noise for too few blocks": ("noise", short_noise, "TABLE_BLOCKS_MALFORMED"),
    "no noise": ("noise", lost, "TRUSTEE_UNAVAILABLE"),
    "a forged signature": ("sign_release", forged_signature, "SIGNATURE_INVALID"),
    "a wrong share": ("release_share", wrong_share, "SHARE_PROOF_INVALID"),
    "a refusal": ("noise", refusing("BODY_MISSING"), "BODY_MISSING"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_trustee_that_fails_is_named_and_another_takes_its_place(
    contributed: TableWorld, fault: str
) -> None:
    kind, tamper, code = FAULTS[fault]
    # Those who have added noise are asked for shares last.
    name = TRUSTEES[4] if kind == "release_share" else TRUSTEES[1]
    contributed.port.tampers[name, kind] = tamper

    with capture_logs() as lines:
        assert contributed.advance_releases().released == 1

    named = [line for line in lines if line["event"] == "trustee_failed"]
    assert [(line["trustee_id"], line["order"], line["code"]) for line in named] == [
        (name, kind, code)
    ]
    (start,) = contributed.starts()
    assert name not in {part.trustee_id for part in start.noise}


def test_too_few_trustees_make_a_release_wait_and_say_so(contributed: TableWorld) -> None:
    for name in TRUSTEES[:3]:
        contributed.port.tampers[name, "noise"] = lost

    assert contributed.advance_releases().waiting == 1
    assert "NOISE_TRUSTEES_MISSING" in contributed.seen().detail
    assert contributed.starts() == []

    contributed.port.tampers.clear()
    assert contributed.advance_releases().released == 1


def test_shares_are_not_given_before_a_partner_has_seen_the_start(
    contributed: TableWorld,
) -> None:
    contributed.partner_wait_s = 0.01
    contributed.restart()
    contributed.desk.partner = None

    assert contributed.advance_releases().waiting == 1
    assert contributed.seen().state is SeenState.STARTED
    assert "PARTNER_WITNESS_MISSING" in contributed.seen().detail
    assert not any(kind == "release_share" for _, kind in contributed.port.asked)

    contributed.partner_wait_s = TableWorld.partner_wait_s
    contributed.restart()
    assert contributed.advance_releases().released == 1
    assert len(contributed.starts()) == 1


def test_a_refusal_of_a_trustee_is_a_leaf_once(contributed: TableWorld) -> None:
    # By the clock of trustees nothing is wrong; these refuse because they lost their noise.
    def forgetful(answer: trustee_pb2.WorkRequest) -> trustee_pb2.WorkRequest:
        contributed.port.trustees.pop(TRUSTEES[0], None)
        contributed.known_noise.pop(TRUSTEES[0], None)
        return answer

    contributed.port.tampers[TRUSTEES[0], "noise"] = forgetful

    assert contributed.advance_releases().released == 1

    refusals = [opened(Refusal, body) for _, body in contributed.leaves(LeafType.REFUSAL)]
    assert [(item.trustee_id, item.refusal_code) for item in refusals] == [
        (TRUSTEES[0], "NOISE_DIFFERS")
    ]


def test_a_year_whose_budget_is_spent_withholds_the_next_table(contributed: TableWorld) -> None:
    assert contributed.advance_releases().released == 1
    contributed.wait_until_end_of(SECOND)
    contributed.seal({}, SECOND)
    contributed.contribute_all(period=2)

    assert contributed.advance_releases().withheld == 1

    assert contributed.seen(2).state is SeenState.WITHHELD
    assert "BUDGET_EXCEEDED" in contributed.seen(2).detail
    assert len(contributed.starts()) == 1
    assert refused(lambda: contributed.found(2)) == "TABLE_NOT_RELEASED"


def test_what_one_partner_counts_is_bounded_by_its_members(sealed: TableWorld) -> None:
    assert refused(lambda: sealed.contribute(BIKES, (11, *EXACT[1:]))) == "VALUE_OUT_OF_RANGE"
