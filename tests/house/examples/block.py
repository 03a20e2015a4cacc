"""How a worked example is written: labelled values, long ones shortened on the page only.

On the page a value of more than `SHOWN_BYTES_MAX` bytes shows its beginning and its end; the vector
file holds it in full under the same name and label.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Value = bytes | int | str

SHOWN_BYTES_MAX: Final = 64
HEAD_BYTES, TAIL_BYTES = 20, 8
LINE_CHARACTERS_MAX: Final = 98
TEXT_CHARACTERS_MAX: Final = 1_200
DECIMAL_MAX: Final = 1 << 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One worked example."""

    name: str
    values: dict[str, Value]

    def block(self) -> str:
        """Return the example as it stands on the page."""
        width = max(map(len, self.values))
        lines = []
        for label, value in self.values.items():
            first, *more = _shown(value).splitlines() or [""]
            lines += _folded(f"{label:{width}} = {first}")
            lines += [f"{'':{width}}   {line}".rstrip() for line in more]
        return "\n".join(["```text", *lines, "```"])

    def vector(self) -> dict[str, str | int]:
        """Return the example in full, as JSON."""
        return {label: _full(value) for label, value in self.values.items()}


def _folded(line: str) -> list[str]:
    """Return a line in pieces; a backslash at the end says that the next one goes on."""
    pieces = []
    room = LINE_CHARACTERS_MAX
    while len(line) > room:
        pieces.append(line[: room - 1] + "\\")
        line = line[room - 1 :]
    return [*pieces, line]


def _shown(value: Value) -> str:
    if isinstance(value, bytes):
        return _shown_hex(value.hex(), len(value))
    if isinstance(value, int):
        return str(value) if value < DECIMAL_MAX else _shown_number(value)
    if len(value) > TEXT_CHARACTERS_MAX:
        return f"{value[:160]} ... {value[-60:]}  ({len(value)} characters)"
    return value


def _shown_number(value: int) -> str:
    digits = f"{value:x}"
    return "0x" + _shown_hex(digits, (len(digits) + 1) // 2)


def _shown_hex(digits: str, count: int) -> str:
    if count <= SHOWN_BYTES_MAX:
        return digits or "(nothing)"
    return f"{digits[: 2 * HEAD_BYTES]}...{digits[-2 * TAIL_BYTES :]}  ({count} bytes)"


def _full(value: Value) -> str | int:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int):
        return value if value < DECIMAL_MAX else f"0x{value:x}"
    return value
