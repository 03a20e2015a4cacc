"""Hostile bytes: noise, and valid examples that were flipped, cut, stretched, nested and inflated.

Everything is drawn from one seeded generator, so that a failing example can be run again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from random import Random  # noqa: TID251 - a seeded Random
from typing import Any, Final

NOISE_BYTES_MAX: Final = 200
STEPS_MAX: Final = 3
SLICE_BYTES_MAX: Final = 64

HOSTILE_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, 1, -1, 1 << 31, (1 << 32) - 1, 1 << 53, 1 << 63, 1 << 64, 1 << 2_000,
    0.5, 1e308, float("nan"), float("inf"), -0.0, "", "0", "-1", "00", "1e3", " ", "ff" * 32,
    "f" * 63, "\ud800", "\x00", "e\u0301", "\u0661", "9" * 5_000, "a" * 10_000, [], [[]], {},
    {"": ""}, [None], ["x"] * 50,
)  # fmt: skip
"""What a JSON reader may put where another type or range was promised."""

HOSTILE_BYTES: Final = (
    b"\x00", b"\xff", b"\n", b"\r\n", b'"', b",", b"[", b"]", b"{", b"}", b"=", b"-", b"0x", b"1e9",
    b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xff\xfe", b"9" * 400, b"\x00" * 32,
    b"\xff" * 64, b"[" * 3_000, b'{"a":' * 3_000, b"/../", b"%s%n", b"fedcarbon/v1/",
)  # fmt: skip
"""Pieces that readers of text and of fixed widths stumble over."""

Mutation = Callable[[Random, bytes], bytes]


def hostile(chance: Random, examples: Sequence[bytes]) -> bytes:
    """Return noise, or one of `examples` after a few mutations."""
    if not examples or chance.random() < 0.05:
        return chance.randbytes(chance.randrange(NOISE_BYTES_MAX))
    data = chance.choice(examples)
    for _ in range(chance.randint(1, STEPS_MAX)):
        data = chance.choice(_MUTATIONS)(chance, data)
    if chance.random() < 0.1:
        other = chance.choice(examples)
        data = data[: _position(chance, data)] + other[_position(chance, other) :]
    return data


def reshaped(chance: Random, data: bytes) -> bytes:
    """Return JSON with one value replaced, one member more or less, in the canonical spelling."""
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return _flipped(chance, data)
    holders = list(_holders(tree))
    if not holders:
        return _dumped(chance.choice(HOSTILE_VALUES))
    holder, key = chance.choice(holders)
    what = chance.randrange(6)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, list):
        holder.extend(holder[:] * chance.randint(1, 3))
    elif what == 1:
        holder["x" * chance.randint(1, 5)] = chance.choice(HOSTILE_VALUES)
    elif what == 2 and isinstance(holder[key], str):
        holder[key] = _bent_text(chance, holder[key])
    elif what == 2 and type(holder[key]) is int:
        holder[key] += chance.choice((-1, 1, 2, 256, 1 << 32))
    elif what == 3:
        other, other_key = chance.choice(holders)
        holder[key] = json.loads(json.dumps(other[other_key]))
    else:
        holder[key] = chance.choice(HOSTILE_VALUES)
    return _dumped(tree)


def _dumped(tree: Any) -> bytes:
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode(errors="surrogatepass")


def _holders(tree: Any) -> list[tuple[Any, Any]]:
    """Return every container with every key or index in it."""
    found: list[tuple[Any, Any]] = []
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (dict, list)):
            keys = node.keys() if isinstance(node, dict) else range(len(node))
            found += [(node, key) for key in keys]
            waiting += [node[key] for key in keys]
    return found


def _bent_text(chance: Random, text: str) -> str:
    at = chance.randrange(len(text) + 1)
    piece = chance.choice(("", "0", "F", "\u00e9", " ", "\n", text[:8], "\ud800", "9" * 5_000))
    return text[:at] + piece + text[at + chance.randrange(2) :]


def _position(chance: Random, data: bytes) -> int:
    return chance.randrange(len(data) + 1)


def _flipped(chance: Random, data: bytes) -> bytes:
    if not data:
        return b"\x00"
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def _cut(chance: Random, data: bytes) -> bytes:
    return data[: _position(chance, data)]


def _stretched(chance: Random, data: bytes) -> bytes:
    return data + chance.randbytes(chance.randint(1, SLICE_BYTES_MAX))


def _beheaded(chance: Random, data: bytes) -> bytes:
    return data[_position(chance, data) :]


def _gap(chance: Random, data: bytes) -> bytes:
    at = _position(chance, data)
    return data[:at] + data[at + chance.randint(1, SLICE_BYTES_MAX) :]


def _stuttered(chance: Random, data: bytes) -> bytes:
    at = _position(chance, data)
    piece = data[at : at + chance.randint(1, SLICE_BYTES_MAX)]
    return data[:at] + piece * chance.randint(1, 4) + data[at:]


def _salted(chance: Random, data: bytes) -> bytes:
    at = _position(chance, data)
    return data[:at] + chance.choice(HOSTILE_BYTES) + data[at + chance.randrange(2) :]


def _inflated(chance: Random, data: bytes) -> bytes:
    """Replace a run of digits by a far longer one."""
    starts = [at for at, byte in enumerate(data) if 48 <= byte <= 57]
    if not starts:
        return _salted(chance, data)
    at = end = chance.choice(starts)
    while end < len(data) and 48 <= data[end] <= 57:
        end += 1
    return data[:at] + b"9" * chance.choice((5, 20, 400, 5_000)) + data[end:]


def _nested(chance: Random, data: bytes) -> bytes:
    depth = chance.choice((1, 50, 2_000, 20_000))
    return b"[" * depth + data + b"]" * depth


_MUTATIONS: Final[tuple[Mutation, ...]] = (
    _flipped, _cut, _stretched, _beheaded, _gap, _stuttered, _salted, _inflated, _nested,
    reshaped, reshaped, reshaped, reshaped,
)  # fmt: skip
"""Where bytes are JSON, most mutations keep them so: noise is refused at the door."""
