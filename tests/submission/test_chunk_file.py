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
    ChunkEntry,
    ChunkFile,
    ChunkTooLargeError,
    EntryShape,
    MalformedChunkError,
    ciphertexts_in,
    entries_max,
    split_into_chunks,
)
from fedcarbon.transparency.merkle import root_of

SHAPE = EntryShape(ciphertext_bytes=4, proof_bytes=2)
ENTRIES = [
    ChunkEntry(1, b"aaaa", b"pp"),
    ChunkEntry(7, b"bbbb", b"qq"),
    ChunkEntry(9, b"cccc", b"rr"),
]


def entry(block: int, ciphertext: bytes = b"aaaa", proof: bytes = b"pp") -> bytes:
    return block.to_bytes(4, "big") + ciphertext + proof


def test_a_file_has_the_documented_bytes() -> None:
    chunk = ChunkFile.from_entries(ENTRIES[:2], SHAPE)

    assert chunk.to_bytes() == (b"fedcarbon/v1/chunk\n\x00\x00\x00\x01aaaapp\x00\x00\x00\x07bbbbqq")
    assert len(FILE_MAGIC) == 19
    assert chunk.sha256() == hashlib.sha256(chunk.to_bytes()).digest()


def test_the_root_is_over_the_exact_bytes_of_the_entries() -> None:
    chunk = ChunkFile.from_entries(ENTRIES, SHAPE)

    assert chunk.root() == root_of(entry(*item) for item in ENTRIES)


def test_the_ciphertexts_of_a_long_chunk_are_read_some_at_a_time() -> None:
    entries = [ChunkEntry(3 * n, n.to_bytes(4, "big"), b"pp") for n in range(300)]
    chunk = ChunkFile.from_entries(entries, SHAPE)

    found = list(ciphertexts_in(chunk.entries, SHAPE))

    assert found == [(item.block, item.ciphertext) for item in entries]


@given(st.dictionaries(st.integers(0, 2**32 - 1), st.binary(min_size=6, max_size=6), min_size=1))
def test_a_chunk_round_trips(contents: dict[int, bytes]) -> None:
    entries = [ChunkEntry(block, data[:4], data[4:]) for block, data in sorted(contents.items())]

    chunk = ChunkFile.from_bytes(ChunkFile.from_entries(entries, SHAPE).to_bytes(), SHAPE)

    assert list(chunk) == entries
    assert chunk.blocks() == sorted(contents)
    assert chunk.ciphertexts() == {item.block: item.ciphertext for item in entries}
    assert dict(ciphertexts_in(chunk.entries, SHAPE)) == chunk.ciphertexts()
    assert len(chunk) == len(entries)


@given(st.binary(max_size=60))
def test_bytes_are_refused_or_are_the_one_encoding(tail: bytes) -> None:
    data = FILE_MAGIC + tail
    try:
        chunk = ChunkFile.from_bytes(data, SHAPE)
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
        ChunkFile.from_bytes(data, SHAPE)

    assert type(caught.value) is error


@pytest.mark.parametrize(
    "item",
    [
        ChunkEntry(1, b"aaa", b"pp"),
        ChunkEntry(1, b"aaaa", b"p"),
        ChunkEntry(1, b"aaa", b"ppp"),
        ChunkEntry(-1, b"aaaa", b"pp"),
        ChunkEntry(2**32, b"aaaa", b"pp"),
    ],
)
def test_an_entry_of_another_width_cannot_be_written(item: ChunkEntry) -> None:
    with pytest.raises(MalformedChunkError):
        ChunkFile.from_entries([item], SHAPE)


@pytest.mark.parametrize(
    ("per_chunk", "sizes"), [(None, [3]), (2, [2, 1]), (1, [1, 1, 1]), (3, [3])]
)
def test_a_submission_is_cut_in_order(per_chunk: int | None, sizes: list[int]) -> None:
    chunks = split_into_chunks(ENTRIES, SHAPE, per_chunk)

    assert [len(chunk) for chunk in chunks] == sizes
    assert [pair for chunk in chunks for pair in chunk] == ENTRIES


def test_nothing_to_send_has_no_chunk() -> None:
    assert split_into_chunks([], SHAPE) == []


def test_a_full_chunk_is_as_large_as_allowed_and_one_more_entry_is_too_many() -> None:
    shape = EntryShape(ciphertext_bytes=512, proof_bytes=100)
    full = [ChunkEntry(block, bytes(512), bytes(100)) for block in range(entries_max(shape))]
    longer = [*full, ChunkEntry(len(full), bytes(512), bytes(100))]

    chunks = split_into_chunks(longer, shape)

    assert [len(chunk) for chunk in chunks] == [len(full), 1]
    assert len(chunks[0].to_bytes()) <= CHUNK_BYTES_MAX < len(chunks[0].to_bytes()) + 616
    with pytest.raises(ChunkTooLargeError):
        ChunkFile.from_entries(longer, shape)
