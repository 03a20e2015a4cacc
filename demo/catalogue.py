"""Methodologies of the catalogue, each read once per run: reading one takes a while."""

from __future__ import annotations

from functools import cache

from fedcarbon.cli.catalogue import load_from_catalogue
from fedcarbon.methodology.definition import Methodology


@cache
def methodology(name: str) -> Methodology:
    """Return the methodology of the catalogue with this id.

    Raises:
        InvalidMethodologyError: the catalogue has none of this id.
    """
    return load_from_catalogue(name)
