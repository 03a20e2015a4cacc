"""What a dishonest hub, partner or trustee tries at a release, and the code that stops it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import FILE_BYTES_MAX as TABLE_BYTES_MAX
from fedcarbon.disclosure.block_file import FILE_MAGIC, entries_of
from fedcarbon.disclosure.statements import Contributor, NoisePart, ReleaseStart
from fedcarbon.identity.commitment_list import FILE_BYTES_MAX as LIST_BYTES_MAX
from fedcarbon.ids import PartyId
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.v1 import record_pb2, trustee_pb2
from tests.trustee.counting import MEMBERS, TRAM, Counting
from tests.trustee.founded import BIKE, DAY_S, METRO, SHAM, refused
from tests.trustee.memory_record import Record
from tests.trustee.release_steps import Release

# Starts that are not signed


@pytest.mark.parametrize("data", [b"", b"{}", b'{"kind":"opening_start"}'])
def test_bytes_that_are_no_start_of_a_release_are_not_signed(
    counting: Counting, data: bytes
) -> None:
    order = trustee_pb2.SignReleaseOrder(start=data)

    assert refused(counting.ask("trustee-1", sign_release=order)) == "DRAFT_INVALID"


CHANGES: dict[str, tuple[dict[str, Any], str]] = {
    "another parameter set": ({"parameter_id": b"p" * 32}, "MALFORMED"),
    "a shell that is not in the record": ({"shell_leaf": 7}, "SHELL_NOT_IN_RECORD"),
    "a shell beyond all leaves": ({"shell_leaf": 2**53 - 1}, "SHELL_NOT_IN_RECORD"),
    "another programme's shell": ({"programme_id": "another"}, "SHELL_NOT_IN_RECORD"),
    "a period that the shell has not": ({"period": 3}, "SHELL_NOT_IN_RECORD"),
    "another year": ({"year": 2027}, "BUDGET_EXCEEDED"),
    "less budget than it spends": ({"rho_millionths": 1}, "BUDGET_EXCEEDED"),
    "more budget than it spends": ({"rho_millionths": 50_000}, "BUDGET_EXCEEDED"),
    "budget that was not spent": ({"spent_millionths": 1}, "BUDGET_EXCEEDED"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_start_that_says_something_else_than_the_record_is_not_signed(
    counting: Counting, change: str
) -> None:
    changes, code = CHANGES[change]

    assert Release(counting).draw().sign_code(**changes) == code


def test_a_contribution_left_out_is_noticed(counting: Counting) -> None:
    release = Release(counting).draw()
    contributors = release.start().contributors

    assert release.sign_code(contributors=contributors[1:]) == "CONTRIBUTORS_DIFFER"


def test_a_contribution_that_nobody_made_is_noticed(counting: Counting) -> None:
    release = Release(counting).draw()
    contributors = (
        *release.start().contributors,
        Contributor(partner_id=PartyId("zebra"), contribution_leaf=3),
    )

    assert release.sign_code(contributors=contributors) == "CONTRIBUTORS_DIFFER"


def test_a_release_of_one_trustees_noise_is_not_signed(counting: Counting) -> None:
    """With t trustees' noise there is an honest one's among it."""
    release = Release(counting, noisy=["trustee-1"]).draw()

    assert release.sign_code() == "SUBSET_REFUSED"


def test_noise_of_somebody_who_is_no_trustee_does_not_count(counting: Counting) -> None:
    release = Release(counting).draw()
    first, second = release.start().noise
    stranger = NoisePart(trustee_id=PartyId("zebra"), file_sha256=second.file_sha256)

    assert release.sign_code(noise=(first, stranger)) == "SUBSET_REFUSED"


def test_a_trustee_does_not_sign_a_start_without_its_own_noise(counting: Counting) -> None:
    release = Release(counting, noisy=("trustee-1", "trustee-3")).draw()
    Release(counting).draw()

    assert release.sign_code("trustee-2") == "NOISE_DIFFERS"


def test_a_trustee_signs_its_own_noise_only(counting: Counting) -> None:
    """The hub names fresh noise in its name, which would be of the hub's own choice."""
    release = Release(counting).draw()
    release.noise["trustee-1"] = release.noise["trustee-2"]

    assert release.sign_code() == "NOISE_DIFFERS"


def test_a_trustee_that_drew_no_noise_signs_nothing(counting: Counting) -> None:
    release = Release(counting).draw()
    counting.wipe("trustee-1")

    assert release.sign_code() == "NOISE_DIFFERS"


def test_noise_of_another_release_is_not_signed_again(counting: Counting) -> None:
    """Two tables with the same noise tell their difference exactly."""
    counting.contribute_all(counting.ref(2))
    first = Release(counting).draw()
    second = Release(counting, counting.ref(2)).draw()
    second.noise["trustee-1"] = first.noise["trustee-1"]

    assert second.sign_code() == "NOISE_DIFFERS"


def test_a_second_start_of_a_period_is_not_signed(counting: Counting) -> None:
    """Not with the same noise, nor with that of other trustees."""
    release = Release(counting).start_witnessed()
    other = Release(counting, noisy=("trustee-1", "trustee-3"))
    other.noise = {**release.noise, "trustee-3": release.noise["trustee-2"]}

    assert release.sign_code() == "RELEASE_REPEATED"
    assert other.sign_code() == "RELEASE_REPEATED"
    assert other.noise_code("trustee-3") == "RELEASE_REPEATED"


def test_the_years_budget_is_not_exceeded(counting: Counting) -> None:
    """The first shell has budget for one and three quarters of a release in a year."""
    Release(counting).start_witnessed()
    counting.contribute_all(counting.ref(2))

    assert Release(counting, counting.ref(2)).draw().sign_code() == "BUDGET_EXCEEDED"


def test_a_later_shell_does_not_raise_the_budget_of_a_year_that_has_spent(
    counting: Counting,
) -> None:
    """The second shell says a hundred times as much; the first one, which spent, does not."""
    Release(counting).start_witnessed()
    ref = PeriodRef(counting.shells[1], 1)
    for name in (METRO, BIKE, SHAM):
        counting.contribute(ref, name)
    counting.witness()
    counting.wait(seconds=DAY_S)
    counting.witness()

    assert Release(counting, ref).draw().sign_code() == "BUDGET_EXCEEDED"


def test_sybil_partners_do_not_count_among_those_that_are_needed(sealed: Counting) -> None:
    """Tram was admitted and has two accounts: with it there are three, and two that count."""
    for name in (METRO, BIKE, TRAM):
        sealed.contribute(sealed.ref(), name)
    sealed.wait(seconds=DAY_S)
    sealed.witness()

    assert Release(sealed).draw().sign_code() == "TOO_FEW_PARTNERS"


def test_more_partners_than_the_noise_was_made_for_are_refused(sealed: Counting) -> None:
    """A person with all four of them would be covered for three."""
    ref = PeriodRef(sealed.shells[1], 1)
    sealed.contribute_all(ref)

    assert Release(sealed, ref).draw().sign_code() == "TOO_MANY_PARTNERS"


# Contributions that are not what they should be


def contributed(sealed: Counting, **tram: Any) -> Release:
    """Return a release to which metro, bike and sham contributed honestly, and tram otherwise."""
    for name in (METRO, BIKE, SHAM):
        sealed.contribute(sealed.ref(), name)
    sealed.contribute(sealed.ref(), TRAM, **tram)
    sealed.witness()
    return Release(sealed).draw()


def test_a_partner_that_skips_bounding_is_caught_by_its_proof(sealed: Counting) -> None:
    """Tram's two members in seven people: somebody was counted more than once."""
    release = contributed(sealed, values=[7, 0, 0, 0, 0, 0], bounded_by=10)

    assert release.sign_code() == "RANGE_PROOF_INVALID"


def test_a_partner_does_not_bound_by_more_members_than_the_record_has(sealed: Counting) -> None:
    release = contributed(sealed, values=[7, 0, 0, 0, 0, 0], bounded_by=10, members=10)

    assert release.sign_code() == "MEMBERS_DIFFER"


def test_a_partner_does_not_hand_in_anothers_cells(sealed: Counting) -> None:
    """Metro's cells twice, or their inverse: what is in them it does not know."""
    ref = sealed.ref()
    metros = sealed.proved(
        sealed.table_ref(ref, METRO, RangePurpose.TABLE),
        [1, 0, 0, 0, 0, 0],
        sealed.shell_at(ref.shell_leaf).value_bounds(2),
    )

    assert contributed(sealed, data=metros).sign_code() == "RANGE_PROOF_INVALID"


def test_a_partner_does_not_hand_in_the_cells_of_another_period(sealed: Counting) -> None:
    of = sealed.table_ref(sealed.ref(2), TRAM, RangePurpose.TABLE)
    bounds = sealed.shell_at(sealed.shells[0]).value_bounds(2)
    data = sealed.proved(of, [1, 0, 0, 0, 0, 0], bounds)

    assert contributed(sealed, data=data).sign_code() == "RANGE_PROOF_INVALID"


@pytest.mark.parametrize("data", [b"x", FILE_MAGIC])
def test_a_file_that_holds_no_table_is_refused(sealed: Counting, data: bytes) -> None:
    assert contributed(sealed, data=data).sign_code() == "CONTRIBUTION_FILE_DIFFERS"


def test_a_hub_that_gives_another_file_is_noticed(counting: Counting) -> None:
    release = Release(counting).draw()
    metro = counting.view().tables.contributions[counting.ref()][METRO].statement
    bike = counting.view().tables.contributions[counting.ref()][BIKE].statement
    order = release.sign_order()
    counting.record.files[metro.file_sha256] = counting.record.files[bike.file_sha256]

    answer = counting.ask("trustee-1", sign_release=order)

    assert refused(answer) == "CONTRIBUTION_FILE_DIFFERS"


def test_a_hub_that_gives_a_file_without_end_is_not_listened_to_for_long(
    counting: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trustee held as many bytes as the largest list of claims may have."""
    release = Release(counting).draw()
    metro = counting.view().tables.contributions[counting.ref()][METRO].statement
    order = release.sign_order()
    asked, get_file = [], Record.get_file

    def endless(record: Record, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        if request.sha256 != metro.file_sha256:
            return get_file(record, request)
        asked.append(request.from_byte)
        assert request.from_byte <= TABLE_BYTES_MAX
        return record_pb2.GetFileResponse(content=bytes(1 << 20), total_bytes=LIST_BYTES_MAX)

    monkeypatch.setattr(Record, "get_file", endless)

    answer = counting.ask("trustee-1", sign_release=order)

    assert refused(answer) == "CONTRIBUTION_FILE_DIFFERS"
    assert len(asked) == 5


# Shares that are not given


def test_there_is_no_share_for_a_leaf_that_is_no_start_of_a_release(counting: Counting) -> None:
    release = Release(counting).draw()
    for release.leaf in (counting.shells[0], len(counting.record.leaves) - 1, 2**64 - 1):
        assert release.share_code() == "START_MISSING"


def test_there_is_no_share_before_the_start_is_witnessed(counting: Counting) -> None:
    assert Release(counting).draw().log().share_code() == "START_NOT_WITNESSED"


def test_there_is_no_share_before_a_partner_has_signed_the_head(counting: Counting) -> None:
    release = Release(counting).draw().log()
    counting.witness(partners=())

    assert release.share_code() == "PARTNER_WITNESS_MISSING"


def test_a_start_without_the_signature_of_a_trustee_that_it_names_breaks_the_record(
    counting: Counting,
) -> None:
    """Nobody spends trustee-1's noise, nor says that it added some, without it."""
    release = Release(counting).draw()
    start = statements.encode(release.start())
    release.noisy = ("trustee-2", "trustee-3")

    release.log_as_is(start)

    assert release.share_code() == "NOISE_SIGNERS_DIFFER"


def test_a_second_start_in_the_record_breaks_it(counting: Counting) -> None:
    """t corrupt trustees draw fresh noise for cells that were opened: everybody stops there."""
    Release(counting).start_witnessed()
    second = Release(counting, noisy=("trustee-2", "trustee-3"))
    second.noise = {name: forged(second, party=name) for name in second.noisy}

    second.log_as_is(statements.encode(second.start()))

    assert second.share_code() == "LOGGED_TWICE"


def corrupt_noise(release: Release, file: bytes) -> Release:
    """Let trustee-2 name a file of its own choice, and the start be logged and witnessed."""
    release.noise["trustee-1"] = release.noise_of("trustee-1")
    release.noise["trustee-2"] = file
    return release.log_signed("trustee-1")


def forged(release: Release, **changes: Any) -> bytes:
    """Return zeros with offset, encrypted and proved by trustee-2 for something else."""
    federation, ref = release.federation, release.ref
    shell = federation.shell_at(ref.shell_leaf)
    values = changes.pop("values", shell.offsets())
    bounds = changes.pop("bounds", shell.noise_bounds())
    ref = changes.pop("ref", ref)
    of = federation.table_ref(ref, changes.pop("party", "trustee-2"), RangePurpose.NOISE)
    return federation.proved(of, values, bounds, **changes)


def inverse(release: Release) -> bytes:
    """Return trustee-1's noise times -1, shifted back into the slots, under its own proofs."""
    federation = release.federation
    shell, key = federation.shell_at(release.ref.shell_leaf), federation.parameters.proof_key
    public_key, width = key.public_key, key.layout.slots
    blocks = []
    padded = [*shell.noise_bounds(), *[0] * (-shell.values % width)]
    for number, entry in enumerate(entries_of(key, release.noise_of("trustee-1"), shell.values)):
        slots = padded[number * width : (number + 1) * width]
        shift = sum(bound << (112 * slot) for slot, bound in enumerate(slots))
        inverted = pow(int.from_bytes(entry.ciphertext, "big"), -1, public_key.n_squared)
        shifted = inverted * (1 + shift * public_key.n) % public_key.n_squared
        blocks.append(shifted.to_bytes(public_key.ciphertext_bytes, "big") + entry.proof)
    return FILE_MAGIC + b"".join(blocks)


def too_much(release: Release) -> bytes:
    shell = release.federation.shell_at(release.ref.shell_leaf)
    bounds = [2 * bound for bound in shell.noise_bounds()]
    return forged(release, values=bounds, bounds=bounds)


CORRUPT: dict[str, Callable[[Release], bytes]] = {
    "the inverse of trustee-1's": inverse,
    "a copy of trustee-1's": lambda release: release.noise_of("trustee-1"),
    "too much": too_much,
    "that of another period": lambda release: forged(release, ref=release.federation.ref(2)),
    "that of another shell": lambda release: forged(
        release, ref=PeriodRef(release.federation.shells[1], 1)
    ),
    "that of another trustee": lambda release: forged(release, party="trustee-3"),
    "a contribution": lambda release: forged(release, purpose=RangePurpose.TABLE),
    "a broken proof": lambda release: forged(release)[:-1] + b"\xff",
}


@pytest.mark.parametrize("noise", CORRUPT)
def test_nothing_is_shared_with_noise_that_is_not_proved(counting: Counting, noise: str) -> None:
    release = Release(counting)

    corrupt_noise(release, CORRUPT[noise](release))

    assert release.share_code() == "RANGE_PROOF_INVALID"


def test_the_same_noise_with_honest_proofs_is_shared(counting: Counting) -> None:
    """The counterpart of the forgeries: what they bend is all that is wrong with them."""
    release = Release(counting)

    corrupt_noise(release, forged(release))

    assert release.share().opened()


@pytest.mark.parametrize("file", [b"", FILE_MAGIC])
def test_nothing_is_shared_with_a_file_that_holds_no_noise(counting: Counting, file: bytes) -> None:
    release = Release(counting).draw()
    honest = release.start()
    sha256 = counting.keep(file)
    first, second = honest.noise
    bent = dataclasses.replace(second, file_sha256=sha256)

    release.log_signed(noise=(first, bent), noised_sha256=honest.noised_sha256)

    assert release.share_code() == "NOISE_DIFFERS"


def test_nothing_is_shared_when_the_hub_gives_other_noise(counting: Counting) -> None:
    release = Release(counting).start_witnessed()
    named = counting.statement_at(release.leaf, ReleaseStart).noise[1].file_sha256
    counting.record.files[named] = forged(release)

    assert release.share_code() == "NOISE_DIFFERS"


def test_nothing_is_shared_when_the_hub_gives_other_cells(counting: Counting) -> None:
    release = Release(counting).start_witnessed()
    metro = counting.view().tables.contributions[counting.ref()][METRO].statement
    counting.record.files[metro.file_sha256] = b"other"

    assert release.share_code() == "CONTRIBUTION_FILE_DIFFERS"


def test_nothing_is_shared_that_is_not_contributions_and_noise(counting: Counting) -> None:
    release = Release(counting).draw().log_signed(noised_sha256=b"n" * 32)

    assert release.share_code() == "NOISED_DIFFERS"


def test_every_partner_of_the_builder_contributes(counting: Counting) -> None:
    assert counting.view().tables.contributions[counting.ref()].keys() == MEMBERS.keys()
