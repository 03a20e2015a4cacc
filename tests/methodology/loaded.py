"""Methodologies of the catalogue, each read and checked once."""

from __future__ import annotations

from functools import cache

from fedcarbon.cli.catalogue import catalogue_names, load_from_catalogue
from fedcarbon.methodology.definition import Methodology


@cache
def methodology(name: str) -> Methodology:
    """Return a methodology of the catalogue."""
    return load_from_catalogue(name)


@cache
def computing() -> tuple[str, ...]:
    """Return the names of those that compute."""
    return tuple(name for name in catalogue_names() if methodology(name).status.computes)
