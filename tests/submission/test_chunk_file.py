"""Chunk files: one encoding, sorted, bounded."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.submission.chunk_file import (
    CHUNK_BYTES_MAX,
    FILE_MAGIC,
    BlockOrderError,
    ChunkFile,
    ChunkTooLargeError,
    MalformedChunkError,
    entries_max,
    split_into_chunks,
)
from fedcarbon.transparency.merkle import root_of

WIDTH = 4
PAIRS = [(1, b"aaaa"), (7, b"bbbb"), (9, b"cccc")]


def entry(block: int, ciphertext: bytes = b"aaaa") -> bytes:
    return block.to_bytes(4, "big") + ciphertext


def test_a_file_has_the_documented_bytes() -> None:
    chunk = ChunkFile.from_ciphertexts(PAIRS[:2], WIDTH)

    assert chunk.to_bytes() == (b"fedcarbon/v1/chunk\n\x00\x00\x00\x01aaaa\x00\x00\x00\x07bbbb")
    assert len(FILE_MAGIC) == 19
    assert chunk.sha256() == hashlib.sha256(chunk.to_bytes()).digest()


def test_the_root_is_over_the_exact_bytes_of_the_entries() -> None:
    chunk = ChunkFile.from_ciphertexts(PAIRS, WIDTH)

    assert chunk.root() == root_of(entry(block, data) for block, data in PAIRS)


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.binary(min_size=4, max_size=4), min_size=1))
def test_a_chunk_round_trips(ciphertexts: dict[int, bytes]) -> None:
    pairs = sorted(ciphertexts.items())

    chunk = ChunkFile.from_bytes(ChunkFile.from_ciphertexts(pairs, WIDTH).to_bytes(), WIDTH)

    assert list(chunk) == pairs
    assert chunk.blocks() == [block for block, _ in pairs]
    assert chunk.ciphertexts() == [data for _, data in pairs]
    assert len(chunk) == len(pairs)


@given(st.binary(max_size=60))
def test_bytes_are_refused_or_are_the_one_encoding(tail: bytes) -> None:
    data = FILE_MAGIC + tail
    try:
        chunk = ChunkFile.from_bytes(data, WIDTH)
    except MalformedChunkError:
        return

    assert chunk.to_bytes() == data


REFUSED: dict[str, tuple[bytes, type[Exception]]] = {
    "no magic line": (entry(1), MalformedChunkError),
    "another version": (b"fedcarbon/v2/chunk\n" + entry(1), MalformedChunkError),
    "nothing": (b"", MalformedChunkError),
    "no entry": (FILE_MAGIC, MalformedChunkError),
    "half an entry": (FILE_MAGIC + entry(1) + entry(2)[:-1], MalformedChunkError),
    "a byte too many": (FILE_MAGIC + entry(1) + b"\0", MalformedChunkError),
    "blocks that descend": (FILE_MAGIC + entry(2) + entry(1), BlockOrderError),
    "a block twice": (FILE_MAGIC + entry(2) + entry(2), BlockOrderError),
    "more than 4 MiB": (FILE_MAGIC + bytes(CHUNK_BYTES_MAX), ChunkTooLargeError),
}


@pytest.mark.parametrize(("data", "error"), REFUSED.values(), ids=REFUSED)
def test_bytes_that_are_no_chunk_file_are_refused(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        ChunkFile.from_bytes(data, WIDTH)

    assert type(caught.value) is error


@pytest.mark.parametrize("pair", [(1, b"aaa"), (-1, b"aaaa"), (2**32, b"aaaa")])
def test_a_ciphertext_of_another_width_cannot_be_written(pair: tuple[int, bytes]) -> None:
    with pytest.raises(MalformedChunkError):
        ChunkFile.from_ciphertexts([pair], WIDTH)


@pytest.mark.parametrize(
    ("per_chunk", "sizes"), [(None, [3]), (2, [2, 1]), (1, [1, 1, 1]), (3, [3])]
)
def test_a_submission_is_cut_in_order(per_chunk: int | None, sizes: list[int]) -> None:
    chunks = split_into_chunks(PAIRS, WIDTH, per_chunk)

    assert [len(chunk) for chunk in chunks] == sizes
    assert [pair for chunk in chunks for pair in chunk] == PAIRS


def test_nothing_to_send_has_no_chunk() -> None:
    assert split_into_chunks([], WIDTH) == []


def test_a_full_chunk_is_as_large_as_allowed_and_one_more_entry_is_too_many() -> None:
    width = 512
    full = [(block, bytes(width)) for block in range(entries_max(width))]

    chunks = split_into_chunks([*full, (len(full), bytes(width))], width)

    assert [len(chunk) for chunk in chunks] == [len(full), 1]
    assert len(chunks[0].to_bytes()) <= CHUNK_BYTES_MAX < len(chunks[0].to_bytes()) + width + 4
    with pytest.raises(ChunkTooLargeError):
        ChunkFile.from_ciphertexts([*full, (len(full), bytes(width))], width)
