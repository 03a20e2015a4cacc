"""Which leaves an audit opens: drawn from the sample beacon, so that nobody chooses them.

Three draws without replacement: k person-days, k claims that the partner kept and k that it lost,
or all if there are fewer (DESIGN section 7: who probes for what others saw shows in the claims that
it loses). Each draw is the beginning of one random order, so a larger sample contains a smaller
one, and who asks again with another k learns nothing that the largest k did not show.

The i-th draw of a kind (i from 0) of n leaves picks one of those left by a Fisher-Yates shuffle
over 0, ..., n - 1: positions i and i + r are exchanged, r in [0, n - i), and what then stands at i
is drawn. r is the first of SHAKE-256(LP("fedcarbon/v1/sample", beacon, programme, partner, kind,
u64 i, u32 attempt)), cut to the bits of n - i - 1 (attempt = 0, 1, ...), that is below n - i.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import expand_integer, u32, u64
from fedcarbon.errors import CallerError
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.ids import PartyId, ProgrammeId

SAMPLE_SIZE_MAX: Final = 1_000
"""Limit of k: more would be browsing, not sampling."""
_LABEL: Final = b"fedcarbon/v1/sample"


class SampleSizeError(CallerError):
    """The size of a sample is not 1 to 1000; the auditor must choose another."""

    code: ClassVar[str] = "SAMPLE_SIZE"


class SampleKind(StrEnum):
    """What is drawn."""

    PERSON_DAY = "person-day"
    KEPT_CLAIM = "kept-claim"
    LOST_CLAIM = "lost-claim"


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawSource:
    """What a draw depends on: everything in it was fixed before the beacon was known."""

    beacon: bytes
    """The sample beacon of the epoch, 64 bytes."""
    programme_id: ProgrammeId
    partner_id: PartyId


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLeaves:
    """Leaf numbers, in the order in which they were drawn."""

    person_days: tuple[int, ...]
    kept_claims: tuple[int, ...]
    lost_claims: tuple[int, ...]


def draw(
    source: DrawSource, numbering: Numbering, lost_claims: Iterable[int], size: int
) -> DrawnLeaves:
    """Return the leaves that a sample of `size` opens.

    Args:
        source: the beacon, and whose evidence it draws from.
        numbering: of the partner's evidence.
        lost_claims: positions of the claims that another partner won.
        size: k, of each kind.

    Raises:
        SampleSizeError: k is out of range.
    """
    if not 1 <= size <= SAMPLE_SIZE_MAX:
        raise SampleSizeError(f"a sample has 1 to {SAMPLE_SIZE_MAX} of each kind, not {size}")
    lost = sorted(set(lost_claims))
    kept = sorted(set(range(numbering.claims)).difference(lost))
    days = draw_positions(source, SampleKind.PERSON_DAY, numbering.person_days, size)
    return DrawnLeaves(
        person_days=tuple(numbering.claims + position for position in days),
        kept_claims=_picked(source, SampleKind.KEPT_CLAIM, kept, size),
        lost_claims=_picked(source, SampleKind.LOST_CLAIM, lost, size),
    )


def draw_positions(source: DrawSource, kind: SampleKind, population: int, size: int) -> list[int]:
    """Return up to `size` different positions in [0, population), in the order of the draw."""
    moved: dict[int, int] = {}
    drawn = []
    for turn in range(min(size, population)):
        chosen = turn + _below(source, kind, turn, population - turn)
        drawn.append(moved.get(chosen, chosen))
        moved[chosen] = moved.get(turn, turn)
    return drawn


def detection(false_share: Fraction, size: int) -> Fraction:
    """Return 1 - (1 - f)^k: the least chance that k draws meet one of the false leaves.

    Drawing without replacement meets them a little more often.

    Args:
        false_share: f, the share of false leaves, 0 to 1.
        size: k.
    """
    return 1 - (1 - false_share) ** size


def percent_text(share: Fraction) -> str:
    """Return a share in percent with two decimals, rounded down: `63.39 %`."""
    hundredths = share.numerator * 10_000 // share.denominator
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def _picked(source: DrawSource, kind: SampleKind, leaves: list[int], size: int) -> tuple[int, ...]:
    return tuple(leaves[i] for i in draw_positions(source, kind, len(leaves), size))


def _below(source: DrawSource, kind: SampleKind, turn: int, bound: int) -> int:
    """Return an integer in [0, bound), uniform: candidates that are too large are thrown away."""
    bits = (bound - 1).bit_length()
    attempt = 0
    while True:
        candidate = expand_integer(
            _LABEL,
            source.beacon,
            source.programme_id.encode(),
            source.partner_id.encode(),
            kind.value.encode(),
            u64(turn),
            u32(attempt),
            bits=bits,
        )
        if candidate < bound:
            return candidate
        attempt += 1
