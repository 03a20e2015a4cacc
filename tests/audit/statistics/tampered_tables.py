"""What is done to statistics, most of it signed and witnessed as real culprits would.

Each function takes a copy of the record that has two shells and has released nothing; `TAMPERINGS`
says what an audit must find then, and nothing else.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import FILE_MAGIC, entries_of
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import ReleaseShareFile, TableRelease
from fedcarbon.disclosure.table import ReleasedTable, RowValue
from fedcarbon.ids import PartyId
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.units import Amount
from tests.audit.kit import Kit, roots_of
from tests.audit.statistics.small_tables import (
    MEMBERS,
    PEOPLE,
    RHO,
    Releaser,
    root_names,
    shell,
)
from tests.simulation.world import HUB, PARTNERS

FIRST: Final = MEMBERS[0]
LAST: Final = MEMBERS[-1]


def first(kit: Kit) -> Releaser:
    return Releaser.of(kit, "first")


# --- shells -------------------------------------------------------------------------------------


def shell_cut_when_trips_were_known(kit: Kit) -> None:
    kit.append(shell("narrow", 2), *root_names(kit))


def shell_over_the_epochs_of_another(kit: Kit) -> None:
    kit.append(shell("third", 3), *root_names(kit))
    kit.append(shell("narrow", 3), *root_names(kit))


def shell_beyond_the_programme(kit: Kit) -> None:
    kit.append(shell("endless", 3, periods=2), *root_names(kit))


def shell_of_a_used_name(kit: Kit) -> None:
    kit.append(shell("second", 3), *root_names(kit))


def shell_by_too_few(kit: Kit) -> None:
    kit.append(shell("third", 3), *root_names(kit)[:2])


def shell_by_the_hub(kit: Kit) -> None:
    kit.append(shell("third", 3), HUB)


# --- contributions ------------------------------------------------------------------------------


def members_inflated(kit: Kit) -> None:
    """A partner says that it has more members, and proves its values against that."""
    maker = first(kit)
    maker.contribute(members=PEOPLE + 1)
    maker.start()
    maker.release()


def person_counted_often(kit: Kit) -> None:
    """A partner that does not bound its people cannot prove what it encrypts."""
    maker = first(kit)
    values = (PEOPLE * 1_000, 0, 0, 0)
    file = maker.blocks(FIRST, RangePurpose.TABLE, values, values)
    maker.contribute(file_sha256=kit.put(file))
    maker.start()
    maker.release()


def contribution_of_another_period(kit: Kit) -> None:
    maker = first(kit)
    bounds = maker.shell.value_bounds(PEOPLE)
    file = maker.blocks(FIRST, RangePurpose.TABLE, (0, 0, 0, 0), bounds, period=2)
    maker.contribute(file_sha256=kit.put(file))
    maker.start()
    maker.release()


def contribution_that_is_no_file(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute_as(FIRST, file_sha256=kit.put(b"nothing"))


def contribution_sent_twice(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    maker.contribute_as(FIRST, file_sha256=kit.put(b"another"))


def contribution_after_the_start(kit: Kit) -> None:
    maker = first(kit)
    for name in MEMBERS[:-1]:
        maker.contribute_as(name)
    let_time_pass(kit, 3_600)
    maker.start()
    maker.contribute_as(LAST)
    maker.release()


def contribution_before_the_seal(kit: Kit) -> None:
    leaf = kit.append(shell("third", 3), *root_names(kit))
    Releaser(kit, leaf).contribute_as(FIRST)


def contribution_to_no_shell(kit: Kit) -> None:
    first(kit).contribute_as(FIRST, shell_leaf=0)


def contribution_to_no_period(kit: Kit) -> None:
    first(kit).contribute_as(FIRST, period=2)


def contribution_in_the_name_of_another(kit: Kit) -> None:
    first(kit).contribute_as(FIRST, partner_id=LAST)


# --- starts -------------------------------------------------------------------------------------


def contribution_left_out(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    maker.start(without=[FIRST])
    maker.release()


def started_while_a_partner_had_time(kit: Kit) -> None:
    maker = Releaser.of(kit, "second")
    for name in MEMBERS[:-1]:
        maker.contribute_as(name)
    maker.start()
    maker.release()


def too_few_partners(kit: Kit) -> None:
    _change_shell(kit, partners_min=4)
    maker = first(kit)
    for name in MEMBERS[:-1]:
        maker.contribute_as(name)
    let_time_pass(kit, 3_600)
    maker.start()
    maker.release()


def partners_without_members(kit: Kit) -> None:
    """Four sham partners are none: only those with enough members count."""
    _change_shell(kit, members_min=PEOPLE + 1)
    first(kit).released()


def too_many_partners(kit: Kit) -> None:
    _change_shell(kit, partners_max=3)
    first(kit).released()


def budget_that_forgets_a_release(kit: Kit) -> None:
    first(kit).released()
    second = Releaser.of(kit, "second")
    second.contribute()
    second.start(spent_millionths=0)
    second.release()


def budget_raised_by_a_later_shell(kit: Kit) -> None:
    """The first shell allows one release a year, a later one allows two."""
    _change_shell(kit, rho_year_millionths=RHO)
    first(kit).released()
    Releaser.of(kit, "second").released()


def budget_of_another_year(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    maker.start(year=2027)


def less_spent_than_the_shell_says(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    maker.start(rho_millionths=1)


def started_twice(kit: Kit) -> None:
    """Fresh noise over the same cells: the average of two releases has less of it."""
    maker = first(kit)
    maker.released()
    fourth = kit.parameters.trustee_ids[3]
    names = [*maker.trustees[:2], fourth]
    maker.start({name: maker.noise_of(name) for name in names})


def signed_by_fewer_than_add_noise(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    names = kit.parameters.trustee_ids[:4]
    maker.start({name: maker.noise_of(name) for name in names}, signers=names[:3])
    maker.release()


def noise_of_too_few(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    maker.start({name: maker.noise_of(name) for name in maker.trustees[:2]})
    maker.release()


def opened_without_noise(kit: Kit) -> None:
    """What trustees are said to open is not what the files multiply to."""
    maker = first(kit)
    maker.contribute()
    maker.start(noised_sha256=b"n" * 32)
    maker.release()


# --- noise --------------------------------------------------------------------------------------


def _release_with_noise(kit: Kit, spoil: Callable[[Releaser, PartyId], bytes]) -> None:
    """Release with spoilt noise of the second trustee."""
    maker = first(kit)
    maker.contribute()
    files = {name: maker.noise_of(name) for name in maker.trustees}
    files[maker.trustees[1]] = spoil(maker, maker.trustees[1])
    maker.start(files)
    maker.release()


def noise_of_another_trustee(kit: Kit) -> None:
    _release_with_noise(kit, lambda maker, _: maker.noise_of(maker.trustees[0]))


def noise_too_large(kit: Kit) -> None:
    def large(maker: Releaser, name: PartyId) -> bytes:
        values = [bound + 1 for bound in maker.shell.noise_bounds()]
        return maker.blocks(name, RangePurpose.NOISE, values, values)

    _release_with_noise(kit, large)


def noise_that_takes_anothers_away(kit: Kit) -> None:
    def inverse(maker: Releaser, name: PartyId) -> bytes:
        key = maker.parameters.proof_key
        other, own = (
            entries_of(key, maker.noise_of(of), maker.shell.values)
            for of in (maker.trustees[0], name)
        )
        width, modulus = key.public_key.ciphertext_bytes, key.public_key.n_squared
        return FILE_MAGIC + b"".join(
            pow(int.from_bytes(entry.ciphertext, "big"), -1, modulus).to_bytes(width, "big")
            + mine.proof
            for entry, mine in zip(other, own, strict=True)
        )

    _release_with_noise(kit, inverse)


def noise_of_another_period(kit: Kit) -> None:
    _release_with_noise(kit, lambda maker, name: maker.noise_of(name, period=2))


def noise_of_another_table(kit: Kit) -> None:
    _release_with_noise(
        kit, lambda maker, name: maker.noise_of(name, shell_leaf=kit.entries()[0].leaf)
    )


def contribution_as_noise(kit: Kit) -> None:
    """A proof says what its block is for."""

    def contributed(maker: Releaser, name: PartyId) -> bytes:
        bounds = maker.shell.noise_bounds()
        return maker.blocks(name, RangePurpose.TABLE, maker.shell.offsets(), bounds)

    _release_with_noise(kit, contributed)


def noise_that_is_no_file(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    start, item = maker.start(), maker.started()[1]
    part = dataclasses.replace(item.noise[0], file_sha256=kit.put(b"nothing"))
    spoilt = dataclasses.replace(item, noise=(part, *item.noise[1:]))
    kit.replace(start, spoilt, *maker.trustees)


# --- releases -----------------------------------------------------------------------------------


def _with_release(kit: Kit, spoil: Callable[[Releaser, TableRelease], TableRelease]) -> None:
    """Release as everybody should, and then change the hub's statement."""
    maker = first(kit)
    leaf = maker.released()
    _, item = kit.of(TableRelease)[-1]
    kit.replace(leaf, spoil(maker, item), HUB)


def _with_share_file(
    kit: Kit, spoil: Callable[[Releaser, ReleaseShareFile], ReleaseShareFile]
) -> None:
    def changed(maker: Releaser, item: TableRelease) -> TableRelease:
        named = item.shares[0]
        file = statements.decode(ReleaseShareFile, kit.file(named.file_sha256).read_bytes())
        sha256 = kit.put(statements.encode(spoil(maker, file)))
        other = dataclasses.replace(named, file_sha256=sha256)
        return dataclasses.replace(item, shares=(other, *item.shares[1:]))

    _with_release(kit, changed)


def _with_table(kit: Kit, spoil: Callable[[ReleasedTable], ReleasedTable]) -> None:
    def changed(_: Releaser, item: TableRelease) -> TableRelease:
        table = statements.decode(ReleasedTable, kit.file(item.table_sha256).read_bytes())
        return dataclasses.replace(item, table_sha256=kit.put(statements.encode(spoil(table))))

    _with_release(kit, changed)


def share_that_is_none(kit: Kit) -> None:
    def spoil(maker: Releaser, file: ReleaseShareFile) -> ReleaseShareFile:
        n = maker.parameters.public_key.n
        share = int.from_bytes(file.shares[0], "big") * (1 + n) % (n * n)
        altered = share.to_bytes(len(file.shares[0]), "big")
        return dataclasses.replace(file, shares=(altered, *file.shares[1:]))

    _with_share_file(kit, spoil)


def shares_of_another_start(kit: Kit) -> None:
    _with_share_file(kit, lambda _, file: dataclasses.replace(file, start_leaf=file.start_leaf + 1))


def share_file_of_too_few(kit: Kit) -> None:
    _with_release(kit, lambda _, item: dataclasses.replace(item, shares=item.shares[1:]))


def table_off_by_one(kit: Kit) -> None:
    def spoil(table: ReleasedTable) -> ReleasedTable:
        at = next(at for at, row in enumerate(table.rows) if row.shown)
        row = table.rows[at]
        more = dataclasses.replace(row.values[0], noisy=Amount(row.values[0].noisy + 1))
        rows = list(table.rows)
        rows[at] = dataclasses.replace(row, values=(more, *row.values[1:]))
        return dataclasses.replace(table, rows=tuple(rows))

    _with_table(kit, spoil)


def hidden_row_shown(kit: Kit) -> None:
    """What the shares open, without the mercy of hiding small cells."""

    def spoil(table: ReleasedTable) -> ReleasedTable:
        at = next(at for at, row in enumerate(table.rows) if not row.shown and row.cells == 1)
        shown = next(row for row in table.rows if row.shown and row.cells == 1)
        value = RowValue(noisy=Amount(4), adjusted=Amount(4), margin_95=shown.values[0].margin_95)
        rows = list(table.rows)
        rows[at] = dataclasses.replace(rows[at], shown=True, values=(value,))
        return dataclasses.replace(table, rows=tuple(rows))

    _with_table(kit, spoil)


def table_that_is_no_file(kit: Kit) -> None:
    _with_release(kit, lambda _, item: dataclasses.replace(item, table_sha256=kit.put(b"no table")))


def released_twice(kit: Kit) -> None:
    maker = first(kit)
    maker.released()
    maker.release(table_sha256=kit.put(b"another table"))


def released_before_its_start(kit: Kit) -> None:
    """The budget is booked when the table is out already."""
    maker = first(kit)
    maker.released()
    entries = kit.entries()
    entries[-2:] = reversed(entries[-2:])
    kit.rebuild(entries)


def release_by_a_partner(kit: Kit) -> None:
    maker = first(kit)
    leaf = maker.released()
    kit.replace(leaf, kit.of(TableRelease)[-1][1], PARTNERS[0])


def shares_before_anyone_saw_the_start(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    start = maker.start()
    maker.release()
    (kit.folder / "checkpoints" / f"{start + 1}.txt").unlink()


def start_that_no_partner_saw(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    start = maker.start()
    maker.release()
    roots = roots_of(kit.entries())
    for size, times in kit.heads():
        if size > start:
            alone = {name: at_s for name, at_s in times.items() if name not in PARTNERS}
            kit.write_head(size, roots[size], alone)


def table_that_never_came(kit: Kit) -> None:
    maker = first(kit)
    maker.contribute()
    maker.start()
    kit.append(shell("third", 3), *root_names(kit))
    let_time_pass(kit, 8 * 86_400)


def _change_shell(kit: Kit, **changes: int) -> None:
    """Have root keys have signed another first shell."""
    leaf, item = kit.of(TableShell, shell_id="first")[0]
    kit.replace(leaf, dataclasses.replace(item, **changes), *root_names(kit))  # type: ignore[arg-type]


def let_time_pass(kit: Kit, seconds: int) -> None:
    """Have the last head signed so much later."""
    size, times = kit.heads()[-1]
    later = {name: at_s + seconds for name, at_s in times.items()}
    kit.write_head(size, roots_of(kit.entries())[size], later)


NO_START: Final = ("V23", "RELEASE_WITHOUT_START")
BAD_PROOF: Final = ("V11", "RANGE_PROOF_INVALID")

TAMPERINGS: Final[dict[Callable[[Kit], None], set[tuple[str, str]]]] = {
    shell_cut_when_trips_were_known: {("V23", "SHELL_TOO_LATE")},
    shell_over_the_epochs_of_another: {("V23", "SHELLS_OVERLAP")},
    shell_beyond_the_programme: {("V23", "SHELL_BEYOND_PROGRAMME")},
    shell_of_a_used_name: {("V23", "LOGGED_TWICE")},
    shell_by_too_few: {("V07", "SIGNATURE_INVALID")},
    shell_by_the_hub: {("V07", "SIGNATURE_INVALID")},
    members_inflated: {("V23", "MEMBERS_DIFFER"), BAD_PROOF},
    person_counted_often: {BAD_PROOF},
    contribution_of_another_period: {BAD_PROOF},
    contribution_that_is_no_file: {("V23", "CONTRIBUTION_FILE_DIFFERS")},
    contribution_sent_twice: {("V23", "LOGGED_TWICE")},
    contribution_after_the_start: {("V23", "CONTRIBUTION_TOO_LATE")},
    contribution_before_the_seal: {("V23", "PERIOD_NOT_SEALED")},
    contribution_to_no_shell: {("V23", "SHELL_UNKNOWN")},
    contribution_to_no_period: {("V23", "MALFORMED")},
    contribution_in_the_name_of_another: {("V04", "SIGNER_REFUSED")},
    contribution_left_out: {("V23", "CONTRIBUTORS_DIFFER"), NO_START},
    started_while_a_partner_had_time: {("V23", "PERIOD_NOT_OVER")},
    too_few_partners: {("V23", "TOO_FEW_PARTNERS")},
    partners_without_members: {("V23", "TOO_FEW_PARTNERS")},
    too_many_partners: {("V23", "TOO_MANY_PARTNERS")},
    budget_that_forgets_a_release: {("V23", "BUDGET_EXCEEDED"), NO_START},
    budget_raised_by_a_later_shell: {("V23", "BUDGET_EXCEEDED"), NO_START},
    budget_of_another_year: {("V23", "BUDGET_EXCEEDED")},
    less_spent_than_the_shell_says: {("V23", "BUDGET_EXCEEDED")},
    started_twice: {("V23", "LOGGED_TWICE")},
    signed_by_fewer_than_add_noise: {("V23", "NOISE_SIGNERS_DIFFER"), NO_START},
    noise_of_too_few: {("V07", "SIGNATURE_INVALID"), NO_START},
    opened_without_noise: {("V23", "NOISED_DIFFERS")},
    noise_of_another_trustee: {BAD_PROOF},
    noise_too_large: {BAD_PROOF},
    noise_that_takes_anothers_away: {BAD_PROOF},
    noise_of_another_period: {BAD_PROOF},
    noise_of_another_table: {BAD_PROOF},
    contribution_as_noise: {BAD_PROOF},
    noise_that_is_no_file: {("V23", "NOISE_DIFFERS")},
    share_that_is_none: {("V18", "SHARE_PROOF_INVALID"), ("V18", "TOO_FEW_SHARES")},
    shares_of_another_start: {("V18", "MALFORMED"), ("V18", "TOO_FEW_SHARES")},
    share_file_of_too_few: {("V18", "TOO_FEW_SHARES")},
    table_off_by_one: {("V23", "TABLE_DIFFERS")},
    hidden_row_shown: {("V23", "TABLE_DIFFERS")},
    table_that_is_no_file: {("V23", "TABLE_DIFFERS")},
    released_twice: {("V23", "LOGGED_TWICE")},
    released_before_its_start: {NO_START},
    release_by_a_partner: {("V04", "SIGNER_REFUSED")},
    shares_before_anyone_saw_the_start: {("V06", "START_NOT_WITNESSED")},
    start_that_no_partner_saw: {("V06", "PARTNER_WITNESS_MISSING")},
    table_that_never_came: {("V23", "RELEASE_MISSING")},
}
