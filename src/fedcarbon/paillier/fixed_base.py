"""Powers of fixed bases by tables: what makes encryption twenty times cheaper than `phe`.

The method is that of Lim and Lee 1994. The bits of an exponent are laid out in rows of equal
length, one below the other; a column of bits is a digit, and picks one entry of a table. So many
columns stand next to each other share one table and need a squaring from one to the next; the
digits of several bases meet in one product and share the squarings:

    entry d of table k of base g = product over the set bits i of d of g^(2^(i rows + k columns))

Tables are bytes, so that processes can share them in a mapped file. An entry becomes a number when
it is picked; all of a table do, and stay, in a process that picks many at once. Exponents are taken
many at once, and one table after the other meets all of them: it is then in the processor's cache.

The memory that a digit touches depends on the digit, and a digit of zero multiplies faster by a
little. Whoever shares a processor's cache with a partner's encryption process could watch that; the
process must not share its machine with strangers (docs/PRIVACY.md).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import gmpy2
from gmpy2 import mpz
from typing_extensions import override

WINDOW_BITS: Final = 12
"""Of a digit. Larger tables are read from memory instead of the cache (docs/adr/0015)."""

WINDOW_BITS_OF_TEST_KEYS: Final = 5
"""Under 2048 bits a key serves tests, where building the tables is most of the work."""
_TEST_KEY_EXPONENT_BITS: Final = 1_024

WINDOW_BITS_MAX: Final = 16

COLUMNS: Final = 8
"""Of one table of a base that stands alone: seven squarings against an eighth of the memory."""

_PICKS_TO_KEEP_BITS: Final = 2
"""From picks of a quarter of a table at once, all of it becomes numbers, which stay."""

_ORDER: Final = "little"
_DIGIT_TO_BIT: Final = bytes(1 if byte == ord("1") else 0 for byte in range(256))


class Slices(Protocol):
    """Bytes in memory or in a mapped file."""

    def __getitem__(self, key: slice, /) -> bytes:
        """Return the bytes of a slice."""


def window_bits_for(exponent_bits: int) -> int:
    """Return the default digit for exponents of that length."""
    return WINDOW_BITS if exponent_bits >= _TEST_KEY_EXPONENT_BITS else WINDOW_BITS_OF_TEST_KEYS


@dataclass(frozen=True, slots=True, kw_only=True)
class CombShape:
    """The bases, and how their exponents are cut; fixes every byte of the tables."""

    bases: tuple[int, ...] = field(repr=False)
    """Reduced mod `modulus`."""
    modulus: int = field(repr=False)
    """Larger than 1."""
    exponent_bits: int
    """Length of the longest exponent, at least 1."""
    window_bits: int
    """Length of a digit, 1 to `WINDOW_BITS_MAX`."""
    columns: int
    """How many digits share a table, at least 1."""

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            ValueError: a size is out of range (a mistake of the calling code).
        """
        sizes = self.exponent_bits, self.columns, self.modulus - 1
        if not 1 <= self.window_bits <= WINDOW_BITS_MAX or min(sizes) < 1:
            raise ValueError(f"no table of {self.window_bits} bits for {self.exponent_bits} bits")

    @classmethod
    def of_one(
        cls, base: int, modulus: int, *, exponent_bits: int, window_bits: int | None = None
    ) -> CombShape:
        """Return the shape for a base with long exponents."""
        return cls(
            bases=(base,),
            modulus=modulus,
            exponent_bits=exponent_bits,
            window_bits=window_bits_for(exponent_bits) if window_bits is None else window_bits,
            columns=COLUMNS,
        )

    @classmethod
    def of_many(
        cls, bases: Sequence[int], modulus: int, *, exponent_bits: int, window_bits: int
    ) -> CombShape:
        """Return the shape for bases with short exponents: one table each."""
        return cls(
            bases=tuple(bases),
            modulus=modulus,
            exponent_bits=exponent_bits,
            window_bits=window_bits,
            columns=-(-exponent_bits // window_bits),
        )

    @property
    def tables(self) -> int:
        """How many tables a base has."""
        return -(-self.exponent_bits // (self.window_bits * self.columns))

    @property
    def row_bits(self) -> int:
        """How many bits of an exponent stand in a row."""
        return self.tables * self.columns

    @property
    def entry_bytes(self) -> int:
        """Width of a stored entry."""
        return (self.modulus.bit_length() + 7) // 8

    @property
    def table_bytes(self) -> int:
        """Size of one table."""
        return self.entry_bytes << self.window_bits

    @property
    def data_bytes(self) -> int:
        """Size of all tables."""
        return len(self.bases) * self.tables * self.table_bytes

    @property
    def products(self) -> int:
        """How many products one power of all bases needs."""
        return len(self.bases) * self.row_bits + 2 * (self.columns - 1)

    def built(self) -> Iterator[bytes]:
        """Yield all tables, one after the other: about one product per entry."""
        modulus, width = mpz(self.modulus), self.entry_bytes
        for base in self.bases:
            start = mpz(base)
            for _ in range(self.tables):
                entries, tooth = [mpz(1)], start
                for _ in range(self.window_bits):
                    entries += [entry * tooth % modulus for entry in entries]
                    tooth = gmpy2.powmod(tooth, 1 << self.row_bits, modulus)
                yield b"".join(entry.to_bytes(width, _ORDER) for entry in entries)
                start = gmpy2.powmod(start, 1 << self.columns, modulus)


class Comb:
    """All that is needed to raise the bases of a shape to many exponents."""

    __slots__ = ("_data", "_kept", "_modulus", "_start", "shape")

    def __init__(self, shape: CombShape, data: Slices | None = None, start: int = 0) -> None:
        """Take the tables.

        Args:
            shape: what they are tables of.
            data: where they are; nobody looks whether they are right. By default they are built.
            start: of the first table in `data`, bytes.
        """
        self.shape: Final = shape
        self._modulus: Final = mpz(shape.modulus)
        self._data: Final[Slices] = b"".join(shape.built()) if data is None else data
        self._start: Final = start
        self._kept: Final[dict[int, Callable[[int], Any]]] = {}
        """Tables as numbers, of a process that picks so much that it pays."""

    def power(self, exponents: Sequence[int]) -> Any:  # noqa: ANN401 - mpz has no type stubs
        """Return prod base_i^exponent_i mod modulus as an `mpz`; see `powers`."""
        return self.powers([exponents])[0]

    def powers(self, rows: Sequence[Sequence[int]]) -> list[Any]:
        """Return prod base_i^exponent_i mod modulus as an `mpz` for every row of exponents.

        Raises:
            ValueError: not one exponent per base, or one is negative or too long (our mistake).
        """
        bases, modulus, columns = len(self.shape.bases), self._modulus, self.shape.columns
        if any(len(row) != bases for row in rows):
            raise ValueError(f"there is one exponent for each of {bases} bases")
        # A zero digit multiplies by 1 like any other: the loop never branches on the secret.
        products = [[mpz(1)] * len(rows) for _ in range(columns)]
        table = 0
        for of_base in zip(*rows, strict=True):
            digits = self._digits(of_base)
            for begin in range(0, len(digits), columns):
                entry = self._entries(table, picks=columns * len(rows))
                for column in range(columns):
                    factors = map(entry, digits[begin + column])
                    pairs = zip(products[column], factors, strict=True)
                    products[column] = [product * factor % modulus for product, factor in pairs]
                table += 1
        return [self._joined(of_columns) for of_columns in zip(*products, strict=True)]

    def _joined(self, products: Sequence[Any]) -> Any:  # noqa: ANN401
        """Return prod products_c^(2^c)."""
        *lower, result = products
        for product in reversed(lower):
            result = result * result % self._modulus * product % self._modulus
        return result

    def _entries(self, table: int, *, picks: int) -> Callable[[int], Any]:
        """Return what gives the entry of a digit."""
        kept = self._kept.get(table)
        if kept is not None:
            return kept
        width, size = self.shape.entry_bytes, self.shape.table_bytes
        data, start = self._data, self._start + table * size
        if picks << _PICKS_TO_KEEP_BITS >= 1 << self.shape.window_bits:
            of_table = data[start : start + size]
            self._kept[table] = [
                mpz.from_bytes(of_table[at : at + width], _ORDER) for at in range(0, size, width)
            ].__getitem__
            return self._kept[table]

        def entry(digit: int) -> Any:  # noqa: ANN401
            at = start + digit * width
            return mpz.from_bytes(data[at : at + width], _ORDER)

        return entry

    def _digits(self, exponents: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the columns of many exponents, the lowest first: one digit of each."""
        shape = self.shape
        if any(not 0 <= e < 1 << shape.exponent_bits for e in exponents):
            raise ValueError(f"an exponent does not fit {shape.exponent_bits} bits")
        row, rows, count = shape.row_bits, shape.window_bits, len(exponents)
        length = row * rows
        texts = [f"{exponent:0{length}b}" for exponent in exponents]
        if count < rows:
            lowest_last = range(row - 1, -1, -1)
            return [tuple(int(text[at::row], 2) for text in texts) for at in lowest_last]
        # One character per bit: a slice with a step is the same bit of all exponents, and two bytes
        # per digit make one addition of whole slices. No loop over bits of one exponent in Python.
        bits = "".join(texts).encode().translate(_DIGIT_TO_BIT).decode()
        digits = []
        for lowest in range(length - 1, length - 1 - row, -1):
            lanes = 0
            for place, at in enumerate(range(lowest, -1, -row)):
                lanes |= int.from_bytes(bits[at::length].encode("utf-16-le"), _ORDER) << place
            digits.append(struct.unpack(f"<{count}H", lanes.to_bytes(2 * count, _ORDER)))
        return digits

    @override
    def __repr__(self) -> str:
        """Return the sizes; the content is public but long."""
        return f"Comb({self.shape})"
