"""Seeded chance for tests and simulations: the same seed gives the same run."""

from random import Random  # noqa: TID251 - simulations take a seeded Random


def seeded(seed: int) -> Random:
    """Return a generator for `seed`; never a source of real secrets."""
    return Random(seed)  # noqa: S311
