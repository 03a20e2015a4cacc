"""Factors that are known to be wrong, as data, and the check that refuses them.

A number that was copied once is copied again. The list names the dataset, the region, the values
and the reason; a methodology that carries one of the values for such a region is refused, whatever
its status. Values are compared as exact rationals in their unit, so that another way of writing
the same number does not pass.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError
from fedcarbon.methodology.definition import InvalidMethodologyError, Methodology
from fedcarbon.methodology.dimension import Unit
from fedcarbon.methodology.document import DocumentError, Entry, read_document
from fedcarbon.methodology.section import Section, rational_of

SCHEMA: Final = "fedcarbon/v2/quarantine"


class QuarantinedFactorError(ConfigurationError):
    """A methodology carries a number that is known to be wrong; find a better source."""

    code: ClassVar[str] = "QUARANTINED_FACTOR"


@dataclass(frozen=True, slots=True, kw_only=True)
class BadFactors:
    """Numbers of one dataset that must not be used for one region."""

    dataset: str
    cite: str
    region: str
    unit: Unit
    values: frozenset[Fraction]
    why: str

    def concern(self, region: str) -> bool:
        """Tell whether the region of a methodology lies in this one, or holds it."""
        ours, theirs = f"{self.region}-", f"{region}-"
        return ours.startswith(theirs) or theirs.startswith(ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundNumber:
    """A number of a methodology file and where it stands."""

    name: str
    value: Fraction
    unit: Unit
    line: int


def parse_quarantine(data: bytes, name: str = "quarantine") -> tuple[BadFactors, ...]:
    """Return the list that a file's bytes hold.

    Raises:
        InvalidMethodologyError: `name:line: what is wrong`.
    """
    try:
        return _datasets(Section(read_document(data), "a quarantine list"))
    except DocumentError as error:
        raise InvalidMethodologyError(f"{name}:{error.line}: {error.message}") from error


def check_quarantine(
    methodology: Methodology, data: bytes, bad: Iterable[BadFactors], name: str = "methodology"
) -> None:
    """Refuse a methodology that carries a quarantined number for one of its regions.

    Args:
        methodology: as it was read.
        data: the file that it was read from; its lines are named.
        bad: the list.
        name: of the file, for messages.

    Raises:
        QuarantinedFactorError: `name:line: which number, of which dataset, and why`.
    """
    numbers = numbers_of(data)
    for item in bad:
        if not any(map(item.concern, methodology.regions)):
            continue
        for number in numbers:
            if number.unit == item.unit and number.value in item.values:
                raise QuarantinedFactorError(
                    f"{name}:{number.line}: {number.name} = {number.value} {number.unit} is "
                    f"quarantined for {item.region} (dataset {item.dataset}: {item.cite}): "
                    f"{item.why}"
                )


def numbers_of(data: bytes) -> tuple[FoundNumber, ...]:
    """Return every parameter, table row, band and curve point of a file that has been checked."""
    top = Section(read_document(data), "a methodology")
    found: list[FoundNumber] = []
    lists = {"parameters": "", "tables": "rows", "bands": "rows", "curves": "points"}
    for kind, rows in lists.items():
        section = top.optional_section(kind)
        for name, entry in (section.rest() if section else {}).items():
            holder = Section(entry, name)
            unit = holder.unit("unit")
            for row in holder.items(rows) if rows else (holder,):
                value = row.optional("value")
                if value is not None:
                    found.append(_found(name, value, unit))
    return tuple(found)


def _found(name: str, value: Entry, unit: Unit) -> FoundNumber:
    return FoundNumber(name=name, value=rational_of(value), unit=unit, line=value.line)


def _datasets(top: Section) -> tuple[BadFactors, ...]:
    schema = top.take("schema")
    if schema.content != SCHEMA:
        raise DocumentError(schema.line, f"the schema is {SCHEMA}")
    found = tuple(bad for section in top.items("entries") for bad in _dataset(section))
    top.finish()
    return found


def _dataset(section: Section) -> list[BadFactors]:
    dataset, cite = section.text("id"), section.text("cite")
    section.take("read")
    found = [_factors(dataset, cite, item) for item in section.items("regions")]
    section.finish()
    return found


def _factors(dataset: str, cite: str, section: Section) -> BadFactors:
    values = section.take("values")
    if not isinstance(values.content, tuple) or not values.content:
        raise DocumentError(values.line, "values is a list of numbers")
    bad = BadFactors(
        dataset=dataset,
        cite=cite,
        region=section.text("region"),
        unit=section.unit("unit"),
        values=frozenset(map(rational_of, values.content)),
        why=section.text("why"),
    )
    section.finish()
    return bad
