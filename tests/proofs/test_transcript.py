from __future__ import annotations

import hashlib

import pytest

from fedcarbon.proofs.transcript import Transcript


def challenge_after(entries: list[tuple[bytes, bytes]], *, label: bytes = b"test") -> int:
    transcript = Transcript(label)
    for name, item in entries:
        transcript.absorb_bytes(name, item)
    return transcript.challenge(b"e", bits=128)


def test_the_same_entries_give_the_same_challenge() -> None:
    entries = [(b"C", b"\x01\x02"), (b"A", b"")]

    assert challenge_after(entries) == challenge_after(entries)


def test_transcript_ambiguous_join() -> None:
    variants: list[list[tuple[bytes, bytes]]] = [
        [(b"C", b"\x01\x02"), (b"A", b"")],
        [(b"A", b""), (b"C", b"\x01\x02")],
        [(b"C", b"\x01"), (b"A", b"\x02")],
        [(b"C", b""), (b"A", b"\x01\x02")],
        [(b"C\x01", b"\x02"), (b"A", b"")],
        [(b"C", b"\x01\x02")],
        [(b"C", b"\x01\x02"), (b"A", b""), (b"", b"")],
        [(b"C", b"\x01\x02A")],
        [(b"", b"C\x01\x02A")],
        [],
    ]

    challenges = {challenge_after(entries) for entries in variants}

    assert len(challenges) == len(variants)


def test_the_label_of_a_proof_separates_it_from_others() -> None:
    entries = [(b"C", b"\x01")]

    assert challenge_after(entries) != challenge_after(entries, label=b"other")


def test_an_integer_is_absorbed_at_its_fixed_width() -> None:
    as_integer, as_bytes, wider = Transcript(b"test"), Transcript(b"test"), Transcript(b"test")
    as_integer.absorb_int(b"v", 5, bits=12)
    as_bytes.absorb_bytes(b"v", b"\x00\x05")
    wider.absorb_int(b"v", 5, bits=20)

    challenges = [t.challenge(b"e", bits=64) for t in (as_integer, as_bytes, wider)]

    assert challenges[0] == challenges[1] != challenges[2]


@pytest.mark.parametrize("value", [-1, 4096])
def test_an_integer_that_does_not_fit_is_our_own_mistake(value: int) -> None:
    with pytest.raises(OverflowError, match="12 bits"):
        Transcript(b"test").absorb_int(b"v", value, bits=12)


def test_asking_twice_gives_two_challenges_and_items_go_on_counting() -> None:
    transcript = Transcript(b"test")
    first = transcript.challenge(b"e", bits=128)
    second = transcript.challenge(b"e", bits=128)
    transcript.absorb_bytes(b"D", b"\x01")
    third = transcript.challenge(b"e", bits=128)

    assert len({first, second, third}) == 3


@pytest.mark.parametrize("bits", [1, 7, 8, 9, 128, 3200])
def test_a_challenge_has_at_most_the_bits_that_were_asked_for(bits: int) -> None:
    transcript = Transcript(b"test")

    drawn = [transcript.challenge(b"e", bits=bits) for _ in range(64)]

    assert max(drawn) < 2**bits
    assert max(drawn) >= 2 ** (bits - 1)


def test_a_challenge_is_shake_256_over_length_prefixed_entries() -> None:
    def prefixed(*items: bytes) -> bytes:
        return b"".join(len(item).to_bytes(8, "big") + item for item in items)

    transcript = Transcript(b"test")
    transcript.absorb_bytes(b"C", b"\x01\x02")

    fed = prefixed(b"fedcarbon/v1/transcript", b"test")
    fed += prefixed(b"item", b"C", b"\x01\x02")
    fed += prefixed(b"challenge", b"e", b"\x00\x00\x00\x80")
    expected = int.from_bytes(hashlib.shake_256(fed).digest(16), "big")
    assert transcript.challenge(b"e", bits=128) == expected
