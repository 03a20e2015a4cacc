"""Fixtures that tests of several areas share: the pre-made primes."""

from __future__ import annotations

import pytest

from tests.keys.primes import BITS_2048, BITS_3072, TINY, Primes, load_primes


@pytest.fixture(scope="session")
def tiny_primes() -> Primes:
    """512-bit moduli: INSECURE, and fast enough to use in every test."""
    return load_primes(TINY)


@pytest.fixture(scope="session")
def primes_2048() -> Primes:
    """2048-bit moduli, the smallest that production allows."""
    return load_primes(BITS_2048)


@pytest.fixture(scope="session")
def primes_3072() -> Primes:
    """3072-bit moduli, as in production."""
    return load_primes(BITS_3072)
