"""Reads methodologies for every program: of the catalogue that is installed, or from a file.

Each file is checked the same way, whoever reads it: the language (`methodology.reader`), then the
list of quarantined factors.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.ids import checked_name
from fedcarbon.methodology.definition import InvalidMethodologyError, Methodology
from fedcarbon.methodology.quarantine import BadFactors, check_quarantine, parse_quarantine
from fedcarbon.methodology.reader import parse_methodology

SUFFIX: Final = ".yaml"
_PACKAGE: Final = "fedcarbon.methodology"


def catalogue_names() -> tuple[str, ...]:
    """Return the ids of the methodologies in the catalogue, sorted."""
    folder = resources.files(_PACKAGE) / "catalogue"
    names = (item.name for item in folder.iterdir() if item.name.endswith(SUFFIX))
    return tuple(sorted(name.removesuffix(SUFFIX) for name in names))


def catalogue_bytes(methodology_id: str) -> bytes:
    """Return the file of the methodology with this id.

    Raises:
        InvalidMethodologyError: the catalogue has none of this id.
    """
    try:
        name = checked_name(methodology_id)
        return (resources.files(_PACKAGE) / "catalogue" / f"{name}{SUFFIX}").read_bytes()
    except (MalformedError, OSError) as error:
        raise InvalidMethodologyError(
            f"the catalogue has {', '.join(catalogue_names())}, not {methodology_id[:60]!r}"
        ) from error


def load_from_catalogue(methodology_id: str) -> Methodology:
    """Return the methodology with this id, for example `cn-ecny-shanghai`.

    Raises:
        InvalidMethodologyError: the catalogue has none of this id.
        QuarantinedFactorError: it carries a number that is known to be wrong.
    """
    data = catalogue_bytes(methodology_id)
    methodology = checked_methodology(data, f"{methodology_id}{SUFFIX}")
    if methodology.methodology_id != methodology_id:
        raise InvalidMethodologyError(
            f"{methodology_id}{SUFFIX}: the id in the file is {methodology.methodology_id}"
        )
    return methodology


def load_from_file(path: Path) -> Methodology:
    """Return the methodology in a file.

    Raises:
        InvalidMethodologyError: the file cannot be read or is none.
        QuarantinedFactorError: it carries a number that is known to be wrong.
    """
    return checked_methodology(file_bytes(path), path.name)


def file_bytes(path: Path) -> bytes:
    """Return what a methodology file holds.

    Raises:
        InvalidMethodologyError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidMethodologyError(f"{path.name} cannot be read") from error


def named_methodology(named: str) -> Methodology:
    """Return the methodology with this id of the catalogue, or in this file (`*.yaml`).

    Raises:
        InvalidMethodologyError: there is none, or it breaks the language.
        QuarantinedFactorError: it carries a number that is known to be wrong.
    """
    return load_from_file(Path(named)) if named.endswith(SUFFIX) else load_from_catalogue(named)


def checked_methodology(data: bytes, name: str) -> Methodology:
    """Return the methodology that a file's bytes hold, after every check.

    Raises:
        InvalidMethodologyError: it breaks the language, or an example does not hold.
        QuarantinedFactorError: it carries a number that is known to be wrong.
    """
    methodology = parse_methodology(data, name)
    check_quarantine(methodology, data, quarantine(), name)
    return methodology


@cache
def quarantine() -> tuple[BadFactors, ...]:
    """Return the factors that no methodology may carry."""
    data = (resources.files(_PACKAGE) / "quarantine.yaml").read_bytes()
    return parse_quarantine(data, "quarantine.yaml")
