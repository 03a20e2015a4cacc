"""Honest books, made once and copied."""

from __future__ import annotations

import copy

import pytest

from tests.audit.books.drafts import Draft, honest_draft


@pytest.fixture(scope="session")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Draft:
    return honest_draft(tmp_path_factory.mktemp("books"))


@pytest.fixture
def draft(honest: Draft) -> Draft:
    """Return honest books that a test may bend."""
    return copy.deepcopy(honest)
