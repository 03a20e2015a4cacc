"""Reads methodologies: from the catalogue that is installed with the program, or from a file."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from fedcarbon.errors import MalformedError
from fedcarbon.ids import checked_name
from fedcarbon.methodology.definition import InvalidMethodologyError, Methodology
from fedcarbon.methodology.reader import parse_methodology


def catalogue_names() -> tuple[str, ...]:
    """Return the ids of the methodologies in the catalogue, sorted."""
    folder = resources.files("fedcarbon.methodology") / "catalogue"
    names = (item.name for item in folder.iterdir() if item.name.endswith(".yaml"))
    return tuple(sorted(name.removesuffix(".yaml") for name in names))


def catalogue_document(methodology_id: str) -> bytes:
    """Return the bytes of the catalogue's file with this id, for example `cn-ecny-shanghai`.

    Raises:
        InvalidMethodologyError: the catalogue has none of this id.
    """
    try:
        name = checked_name(methodology_id)
        folder = resources.files("fedcarbon.methodology") / "catalogue"
        return (folder / f"{name}.yaml").read_bytes()
    except (MalformedError, OSError) as error:
        raise InvalidMethodologyError(
            f"the catalogue has {', '.join(catalogue_names())}, not {methodology_id[:60]!r}"
        ) from error


def load_from_catalogue(methodology_id: str) -> Methodology:
    """Return the methodology with this id.

    Raises:
        InvalidMethodologyError: the catalogue has none of this id.
    """
    methodology = parse_methodology(catalogue_document(methodology_id), f"{methodology_id}.yaml")
    assert methodology.methodology_id == methodology_id  # noqa: S101 - a file of our own package
    return methodology


def load_from_file(path: Path) -> Methodology:
    """Return the methodology in a file of the partner's own.

    Raises:
        InvalidMethodologyError: the file cannot be read or is none.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidMethodologyError(f"{path.name} cannot be read") from error
    return parse_methodology(data, path.name)
