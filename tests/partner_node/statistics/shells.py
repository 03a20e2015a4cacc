"""Small tables of the small programme."""

from __future__ import annotations

from typing import Any

from fedcarbon.disclosure.shell import Category, Dimension, Label, Quantity, TableShell
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.opening.logged import Logged
from partner_node.statistics.categories import Categories, Rule, Source, Word
from partner_node.statistics.districts import parse_districts
from tests.keys.ceremonies import dealt

MODES = ("metro", "bus", "other")
DISTRICTS = ("310101", "310115", "elsewhere")
UNITS = ("people", "activities", "m", "ug")


def dimension(name: str, *codes: str) -> Dimension:
    """Return a dimension without groups."""
    label = Label(zh="某", en=name)
    return Dimension(
        name=name,
        label=label,
        code_list="of the tests",
        categories=tuple(Category(code=code, label=label, group="") for code in codes),
        groups=(),
    )


def quantity(name: str, unit: str, per_cell_max: int, rho_millionths: int = 1_000_000) -> Quantity:
    """Return a quantity with a budget of 1, or of so many millionths."""
    return Quantity(
        name=name,
        label=Label(zh="数", en=name),
        unit=unit,
        per_cell_max=per_cell_max,
        rho_millionths=rho_millionths,
    )


def shell(**changes: Any) -> TableShell:
    """Return a table of nine cells over the first epoch."""
    fields: dict[str, Any] = {
        "parameter_id": dealt().parameters.parameter_id,
        "programme_id": ProgrammeId("ecny-shanghai"),
        "shell_id": "travel",
        "label": Label(zh="出行", en="Travel"),
        "dimensions": (dimension("mode", *MODES), dimension("district", *DISTRICTS)),
        "quantities": (
            quantity("people", "people", 1),
            quantity("trips", "activities", 3),
            quantity("metres", "m", 30_000),
            quantity("grams", "ug", 2_000_000_000),
        ),
        "first_epoch": EpochIndex(1),
        "period_epochs": 1,
        "periods": 1,
        "contribute_window_s": 86_400,
        "cells_max": 2,
        "partners_max": 10,
        "partners_min": 3,
        "members_min": 10,
        "people_min": 10,
        "rho_year_millionths": 100_000_000,
    }
    return TableShell(**fields | changes)


def logged(statement: TableShell, index: int = 9) -> Logged[TableShell]:
    """Return a shell as if it lay in the record."""
    return Logged(
        index=index, leaf=bytes([128, 1]) + bytes(31) + bytes([index]), statement=statement
    )


def categories() -> Categories:
    """Return rules for both dimensions: modes of trips, and places by name or point."""
    text = (
        "west,south,east,north,district\n"
        "121460000,31220000,121500000,31250000,310101\n"
        "121500000,31150000,121700000,31300000,310115\n"
    )
    return Categories(
        rules={
            "mode": Rule(word=Word(Source.VALUE, "mode"), codes={"rail": "metro", "bus": "bus"}),
            "district": Rule(word=Word(Source.PLACE), districts=parse_districts(text, "d.csv")),
        }
    )


HUANGPU = "121475000,31230000"
PUDONG = "121600000,31200000"


def by_cell(statement: TableShell, values: list[int]) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Return the cells of a vector in which something is not 0."""
    width = len(statement.quantities)
    rows = [tuple(values[at : at + width]) for at in range(0, len(values), width)]
    return {cell: row for cell, row in zip(statement.cells, rows, strict=True) if any(row)}
