"""The whole example record, built once per process."""

from __future__ import annotations

from functools import cache

from fedcarbon.transparency.leaf import LeafType
from tests.house.examples.claims import add_claims, add_methodology
from tests.house.examples.openings import Opened, add_opening, opened
from tests.house.examples.registry import add_beginning
from tests.house.examples.submission import add_submissions
from tests.house.examples.tiny_record import ExampleLeaf, TinyRecord


@cache
def record() -> TinyRecord:
    """Return the record of 39 leaves."""
    built = TinyRecord()
    add_beginning(built)
    add_methodology(built)
    add_claims(built)
    add_submissions(built)
    add_opening(built)
    return built


def leaf(leaf_type: LeafType, number: int = 0) -> ExampleLeaf:
    """Return a leaf of a type."""
    return record().of_type(leaf_type)[number]


@cache
def opening() -> Opened:
    """Return what came up in the record's opening."""
    return opened(record(), leaf(LeafType.OPENING_START))
