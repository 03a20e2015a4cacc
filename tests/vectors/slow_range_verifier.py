"""A second verifier of slot range proofs, written from docs/PROTOCOL.md: `pow` and SHAKE only.

It shares no code with fedcarbon and takes no short cuts: no tables, no folding, no batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import gcd, prod
from typing import Any

W, LAMBDA, KAPPA = 112, 128, 80
PURPOSES = ("block", "mask", "challenge")


def joined(*items: bytes) -> bytes:
    return b"".join(len(item).to_bytes(8, "big") + item for item in items)


def shortest(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def u32(number: int) -> bytes:
    return number.to_bytes(4, "big")


def hash_below(bound: int, label: bytes, *items: bytes) -> int:
    bits = bound.bit_length() + 128
    size = (bits + 7) // 8
    data = hashlib.shake_256(joined(label, *items)).digest(size)
    return (int.from_bytes(data, "big") >> (8 * size - bits)) % bound


def jacobi(a: int, n: int) -> int:
    a, sign = a % n, 1
    while a:
        while a % 2 == 0:
            a //= 2
            if n % 8 in (3, 5):
                sign = -sign
        a, n = n, a
        if a % 4 == 3 and n % 4 == 3:
            sign = -sign
        a %= n
    return sign if n == 1 else 0


@dataclass(frozen=True)
class Setting:
    """What follows from the two moduli."""

    n: int
    big_n: int
    h_paillier: int
    slots: int
    generators: tuple[int, ...]


@cache
def setting(n: int, big_n: int) -> Setting:
    slots = (n.bit_length() - 2) // W
    y = next(
        y
        for counter in range(100)
        if (y := hash_below(n, b"fedcarbon/v1/paillier/y", shortest(n), u32(counter))) > 1
        and gcd(y, n) == 1
    )
    wanted = [(kind, j) for kind in (b"v", b"x", b"y", b"z") for j in range(slots)]
    wanted += [(b"0", 0), (b"h", 0)]
    generators = []
    for kind, j in wanted:
        x = next(
            x
            for counter in range(200)
            if jacobi(
                x := hash_below(
                    big_n,
                    b"fedcarbon/v1/generator",
                    kind,
                    u32(j),
                    shortest(big_n),
                    shortest(n),
                    u32(counter),
                ),
                big_n,
            )
            == 1
        )
        generators.append(min(x, big_n - x))
    return Setting(n, big_n, pow(y * y % n, n, n * n), slots, tuple(generators))


class Sponge:
    def __init__(self) -> None:
        self.fed = joined(b"fedcarbon/v1/transcript", b"slot-range")

    def take(self, label: str, item: bytes) -> None:
        self.fed += joined(b"item", label.encode(), item)

    def number(self, label: str, number: int, bits: int) -> None:
        self.take(label, number.to_bytes((bits + 7) // 8, "big"))

    def ask(self, label: str) -> int:
        self.fed += joined(b"challenge", label.encode(), u32(128))
        return int.from_bytes(hashlib.shake_256(self.fed).digest(16), "big")


def fields(at: Setting, bound_max: int, data: bytes) -> Iterator[int]:
    """Yield A, T, E1, E0, D, f, rho_f, tau_f, s_f."""
    element, size = -(-at.big_n.bit_length() // 8), at.n.bit_length()
    response = -(-(bound_max.bit_length() + 2 + LAMBDA + KAPPA) // 8)
    blinding = -(-(at.big_n.bit_length() + 2 * KAPPA + LAMBDA + 1) // 8)
    randomiser = -(-(size // 2 + LAMBDA + KAPPA + 1) // 8)
    widths = [element] * 4 + [size // 4] + [response] * (4 * at.slots)
    start = 0
    for width in [*widths, blinding, blinding, randomiser]:
        yield int.from_bytes(data[start : start + width], "big")
        start += width
    assert start == len(data)


@dataclass(frozen=True)
class Transcribed:
    gammas: list[int]
    e: int


def transcribed(at: Setting, claim: dict[str, Any], head: dict[str, Any]) -> Transcribed:
    bounds = [int(bound, 16) for bound in claim["bounds"]]
    numbers = fields(at, int(claim["bound_max"], 16), bytes.fromhex(claim["proof"]))
    a, t, e1, e0, d = (next(numbers) for _ in range(5))
    sponge = Sponge()
    sponge.take("version", u32(head["version"]))
    sponge.take("parameters", bytes.fromhex(head["parameter_id"]))
    sponge.take("purpose", claim["purpose"].encode())
    sponge.take("programme", claim["programme_id"].encode())
    sponge.take("party", claim["party_id"].encode())
    sponge.take("epoch", u32(claim["epoch"]))
    sponge.take("block", claim["block"].to_bytes(8, "big"))
    sponge.take("subject", bytes.fromhex(claim["subject"]))
    sponge.take("W", u32(W))
    sponge.take("k", u32(len(bounds)))
    for bound in bounds:
        sponge.number("B", bound, W)
    n_bits, big_bits = at.n.bit_length(), at.big_n.bit_length()
    sponge.number("C", int(claim["ciphertext"], 16), 2 * n_bits)
    sponge.number("A", a, big_bits)
    gammas = [sponge.ask("gamma") for _ in bounds]
    sponge.number("T", t, big_bits)
    sponge.number("D", d, 2 * n_bits)
    sponge.number("E1", e1, big_bits)
    sponge.number("E0", e0, big_bits)
    return Transcribed(gammas, sponge.ask("e"))


def judge(at: Setting, claim: dict[str, Any], head: dict[str, Any]) -> str:
    """Return "holds", or the number of the first check that fails."""
    bounds = [int(bound, 16) for bound in claim["bounds"]]
    c = int(claim["ciphertext"], 16)
    numbers = [*fields(at, int(claim["bound_max"], 16), bytes.fromhex(claim["proof"]))]
    fault = misshapen(at, bounds, c, numbers)
    return fault or unequal(at, transcribed(at, claim, head), bounds, c, numbers) or "holds"


def misshapen(at: Setting, bounds: list[int], c: int, numbers: list[int]) -> str:
    """Apply (1a) to (1d)."""
    a, t, e1, e0, d, *answers = numbers
    k, n, big_n = at.slots, at.n, at.big_n
    if len(bounds) != k or len(answers) != 4 * k + 3 or any(bound >> W for bound in bounds):
        return "1a"
    if any(not 0 < x <= (big_n - 1) // 2 or jacobi(x, big_n) != 1 for x in (a, t, e0, e1)):
        return "1b"
    if any(not 0 < x < n * n or gcd(x, n) != 1 or jacobi(x, n) != 1 for x in (c, d)):
        return "1c"
    limits = [bound.bit_length() + 2 + LAMBDA + KAPPA for bound in bounds] * 4
    limits += [big_n.bit_length() + 2 * KAPPA + LAMBDA + 1] * 2
    limits += [n.bit_length() // 2 + LAMBDA + KAPPA + 1]
    return "1d" * any(x >> limit for x, limit in zip(answers, limits, strict=True))


def unequal(at: Setting, said: Transcribed, bounds: list[int], c: int, numbers: list[int]) -> str:
    """Apply (2) to (4)."""
    a, t, e1, e0, d, *f, rho_f, tau_f, s_f = numbers
    k, n, big_n, e = at.slots, at.n, at.big_n, said.e
    *of_slots, g_0, h = at.generators
    left = prod(pow(g, x, big_n) for g, x in zip(of_slots, f, strict=True)) * pow(h, rho_f, big_n)
    right = t * pow(a, e, big_n)
    if (left - right) % big_n and (left + right) % big_n:
        return "2"
    packed = sum(x << (W * j) for j, x in enumerate(f[:k]))
    left = (1 + n * packed) * pow(at.h_paillier, s_f, n * n)
    if (left**2 - (d * pow(c, e, n * n)) ** 2) % (n * n):
        return "3"
    parts = f[:k], f[k : 2 * k], f[2 * k : 3 * k], f[3 * k :]
    q = sum(
        gamma * (4 * v * (bound * e - v) + e * e - x * x - y * y - z * z)
        for gamma, bound, v, x, y, z in zip(said.gammas, bounds, *parts, strict=True)
    )
    left = pow(g_0, q, big_n) * pow(h, tau_f, big_n)
    right = e0 * pow(e1, e, big_n)
    return "4" * bool((left - right) % big_n and (left + right) % big_n)
