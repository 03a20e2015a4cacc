"""The methodologies that a node computes with: of the catalogue, or a file of the partner's own."""

from __future__ import annotations

from fedcarbon.cli.catalogue import catalogue_names, load_from_catalogue, load_from_file

__all__ = ("catalogue_names", "load_from_catalogue", "load_from_file")
