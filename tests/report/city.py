# ruff: noqa: RUF001 - Chinese labels have their own marks
"""An invented city: nine districts, five ways to travel, six periods; no number is anybody's."""

from __future__ import annotations

import dataclasses
import hashlib
from functools import cache
from typing import Any, Final

from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.release import RecordEntry, Release, ReleaseParts, checked_release
from fedcarbon.disclosure.shell import Category, Dimension, Group, Label, Quantity, TableShell
from fedcarbon.disclosure.statements import (
    Contributor,
    NoisePart,
    ReleaseStart,
    TableRelease,
    TableShares,
)
from fedcarbon.disclosure.table import released_table
from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.registry.admission import PartyAdmission
from fedcarbon.transparency.leaf import LeafType
from tests.chance import seeded
from tests.trustee.founded import HUB, PROGRAMME, Founded

PERIODS: Final = 6
SHELL_ID: Final = "modes-by-district"
REGULATOR: Final = PartyId("statistics-office")
DISTRICTS: Final = (
    ("990101", "东山区", "East Hill", "core", 30),
    ("990102", "西湖区", "West Lake", "core", 52),
    ("990103", "南港区", "South Harbour", "core", 61),
    ("990104", "北关区", "North Gate", "ring", 24),
    ("990105", "河口新区", "River Mouth New Area", "ring", 18),
    ("990106", "竹溪区", "Bamboo Creek", "ring", 33),
    ("990107", "石桥区", "Stone Bridge", "outer", 12),
    ("990108", "云岭区", "Cloud Ridge", "outer", 7),
    ("rest", "其他", "Elsewhere", "outer", 1),
)
"""Code, names, group, and how many thousand people."""
MODES: Final = (
    ("metro", "地铁", "Metro", 48, 9_800, 62),
    ("bus", "公共汽车", "Bus", 30, 5_100, 41),
    ("bike", "共享单车", "Shared bike", 17, 1_900, 97),
    ("walk", "步行", "Walking", 4, 1_200, 97),
    ("rest", "其他", "Other", 1, 3_000, 20),
)
"""Code, names, per cent of people, metres of an activity, mg saved per metre."""
GROUPS: Final = (
    Group(code="core", label=Label(zh="中心城区", en="Inner city")),
    Group(code="ring", label=Label(zh="近郊", en="Ring")),
    Group(code="outer", label=Label(zh="远郊", en="Outer districts")),
)


def dimensions(*, grouped: bool = False) -> tuple[Dimension, ...]:
    """Return districts and modes; districts in three groups if asked for."""
    districts = Dimension(
        name="district",
        label=Label(zh="区", en="district"),
        code_list="invented codes after GB/T 2260",
        categories=tuple(
            Category(code=code, label=Label(zh=zh, en=en), group=group if grouped else "")
            for code, zh, en, group, _ in DISTRICTS
        ),
        groups=GROUPS if grouped else (),
    )
    modes = Dimension(
        name="mode",
        label=Label(zh="出行方式", en="mode"),
        code_list="invented modes",
        categories=tuple(
            Category(code=code, label=Label(zh=zh, en=en), group="") for code, zh, en, *_ in MODES
        ),
        groups=(),
    )
    return (districts, modes)


class City(Founded):
    """The parties, and a record in which every period is released and witnessed."""

    def __init__(self, *, grouped: bool = False) -> None:
        # four-week periods from January to June 2026
        super().__init__(first_day="2026-01-05", last_day="2026-06-21", epoch_days=7, days_max=200)
        self.begin()
        self.admit(REGULATOR, Role.REGULATOR)
        self.shell = shell_of(self, grouped=grouped)
        self.shell_leaf = self.log(LeafType.TABLE_SHELL, self.rooted(self.shell))
        self.tables: dict[int, bytes] = {}
        self.release_leaves: dict[int, int] = {}
        for period in range(1, PERIODS + 1):
            self.release(period)
        self.witness()

    def release(self, period: int) -> None:
        """Log start and release of a period."""
        form = self.shell
        start = ReleaseStart(
            parameter_id=form.parameter_id,
            programme_id=form.programme_id,
            shell_leaf=self.shell_leaf,
            period=period,
            contributors=tuple(
                Contributor(partner_id=PartyId(f"partner-{n}"), contribution_leaf=5 + n)
                for n in range(4)
            ),
            noise=tuple(
                NoisePart(trustee_id=trustee, file_sha256=bytes(32)) for trustee in self.trustee_ids
            ),
            noised_sha256=bytes(32),
            year=2026,
            rho_millionths=form.rho_millionths,
            spent_millionths=(period - 1) * form.rho_millionths,
        )
        start_leaf = self.log_own(start, *self.trustee_ids)
        noisy = vector(form, period)
        self.tables[period] = statements.encode(
            released_table(self.shell_leaf, form, self.programme, start, noisy)
        )
        self.release_leaves[period] = self.log_own(
            TableRelease(
                parameter_id=form.parameter_id,
                programme_id=form.programme_id,
                shell_leaf=self.shell_leaf,
                period=period,
                start_leaf=start_leaf,
                table_sha256=hashlib.sha256(self.tables[period]).digest(),
                shares=(TableShares(trustee_id=PartyId("trustee-1"), file_sha256=bytes(32)),),
            ),
            HUB,
        )

    def entry(self, index: int) -> RecordEntry:
        built = self.record.leaves[index]
        return RecordEntry(index=index, salt=built.salt, body=built.body)

    def parts(self, period: int) -> ReleaseParts:
        """Return everything by which the table of a period is believed."""
        return ReleaseParts(
            shell=self.entry(self.shell_leaf),
            release=self.entry(self.release_leaves[period]),
            hub_admission=self.rooted(self.admission(HUB, Role.HUB)).to_bytes(),
            programme=self.rooted(self.programme).to_bytes(),
            table=self.tables[period],
        )

    def admission(self, party: PartyId, role: Role) -> PartyAdmission:
        return PartyAdmission(
            parameter_id=self.parameters.parameter_id,
            party_id=party,
            role=role,
            signing_key=self.key(party).public,
            best_tier=0,
            claim_slots_per_account_day=72,
            object_quota=0,
        )

    def resigned(self, given: ReleaseParts, **changes: Any) -> ReleaseParts:
        """Return parts with another release, which the hub signed all the same."""
        statement = checked_release(given, self.roots).statement
        body = self.signed(dataclasses.replace(statement, **changes), HUB).to_bytes()
        return dataclasses.replace(given, release=dataclasses.replace(given.release, body=body))


@cache
def city(*, grouped: bool = False) -> City:
    """Return the city; nobody may change it."""
    return City(grouped=grouped)


@cache
def releases(*, grouped: bool = False) -> tuple[Release, ...]:
    """Return all periods, checked."""
    found = city(grouped=grouped)
    return tuple(
        checked_release(found.parts(period), found.roots) for period in range(1, PERIODS + 1)
    )


def shell_of(world: Founded, *, grouped: bool) -> TableShell:
    """Return the shell of the city's table."""
    return TableShell(
        parameter_id=world.parameters.parameter_id,
        programme_id=PROGRAMME,
        shell_id=SHELL_ID,
        label=Label(
            zh="绿色出行：按区和出行方式（虚构数据）",
            en="Green travel by district and mode (invented data)",
        ),
        dimensions=dimensions(grouped=grouped),
        quantities=(
            _quantity("people", "人数", "People", "people", 1),
            _quantity("activities", "出行次数", "Trips", "activities", 40),
            _quantity("distance", "出行距离", "Distance", "m", 300_000),
            _quantity("mass", "减排量", "Emissions saved", "ug", 20_000_000_000),
        ),
        first_epoch=EpochIndex(1),
        period_epochs=4,
        periods=PERIODS,
        contribute_window_s=86_400,
        cells_max=4,
        partners_max=4,
        partners_min=3,
        members_min=100,
        people_min=400,
        rho_year_millionths=600_000,
    )


def vector(shell: TableShell, period: int) -> list[int]:
    """Return a noisy vector: the city's true numbers, which nobody knows, with invented noise."""
    chance, values = seeded(period), []
    for district in DISTRICTS:
        for *_, per_cent, metres, mg in MODES:
            people = district[-1] * per_cent * (90 + 4 * period) // 10
            trips = people * 11
            true = (people, trips, trips * metres, trips * metres * mg * 1000)
            values += [
                value + round(chance.gauss(0, 3**0.5 * shell.sigma(quantity)))
                for value, quantity in zip(true, shell.quantities, strict=True)
            ]
    return values


def _quantity(name: str, zh: str, en: str, unit: str, per_cell_max: int) -> Quantity:
    return Quantity(
        name=name,
        label=Label(zh=zh, en=en),
        unit=unit,
        per_cell_max=per_cell_max,
        rho_millionths=5_000 if name == "people" else 25_000,
    )
