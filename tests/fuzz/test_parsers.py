"""Every parser of foreign bytes: whatever comes, it takes it or raises what it promises."""

from __future__ import annotations

import tracemalloc
from random import Random  # noqa: TID251 - a seeded Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import hostile
from tests.fuzz.parser import Parser
from tests.fuzz.parsers import parsers

PARSERS = {parser.name: parser for parser in parsers()}
HUGE: dict[str, bytes] = {
    "brackets": b"[" * 300_000,
    "objects": b'{"a":' * 60_000,
    "digits": b"9" * 300_000,
    "zeros": bytes(300_000),
    "spaces": b" " * 300_000,
    "line feeds": b"\n" * 300_000,
    "text": b'{"fedcarbon":1,"statement":"' + b"x" * 300_000 + b'"}',
    "number": b'{"fedcarbon":1,"statement":' + b"1" * 300_000 + b"}",
    "members": b'{"signatures":[' + b"{}," * 100_000 + b"{}]}",
}
MEMORY_PER_BYTE = 60
"""A JSON list of the smallest objects costs about this per byte; a bomb costs without bound."""


def fed(parser: Parser, data: bytes) -> None:
    """Let a parser have bytes; anything but its own errors fails the test."""
    try:
        parser.parse(data)
    except parser.errors as error:
        str(error).encode()  # what a message holds can be logged


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_takes_its_examples(name: str) -> None:
    examples = PARSERS[name].examples()

    assert examples
    for data in examples:
        PARSERS[name].parse(data)


@pytest.mark.parametrize("name", PARSERS)
@given(chance=st.randoms(use_true_random=True))
@settings(max_examples=120, deadline=None)
def test_a_parser_takes_or_refuses_whatever_comes(name: str, chance: Random) -> None:
    parser = PARSERS[name]

    fed(parser, hostile(chance, parser.examples()))


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_survives_what_is_huge_or_deep_in_bounded_memory(name: str) -> None:
    parser = PARSERS[name]
    parser.examples()
    for data in (*HUGE.values(), b"", *(example * 20 for example in parser.examples()[:1])):
        tracemalloc.start()
        try:
            fed(parser, data)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MEMORY_PER_BYTE * len(data) + (4 << 20)
