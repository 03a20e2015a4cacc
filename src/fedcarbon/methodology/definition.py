"""A methodology as versioned data: factors and limits, each number with its source.

The file is JSON (schema in this module); its content hash is taken over the canonical JSON
of the whole document, so that white space does not matter and everything else does. Nothing here
reads a file: a program hands in the bytes.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, Final, Self

from fedcarbon.canonical.hashing import digest
from fedcarbon.errors import ConfigurationError, MalformedError
from fedcarbon.ids import checked_name
from fedcarbon.methodology.activity import DISTANCE_M_MAX, DURATION_S_MAX, Mode
from fedcarbon.units import Metres, MicrogramsCO2e

SCHEMA: Final = "fedcarbon/v1/methodology"
FILE_BYTES_MAX: Final = 1 << 20
FACTOR_UG_PER_M_MAX: Final = 1_000_000
"""1 kg per km: above every published factor for a person."""
FACTOR_DENOMINATOR_MAX: Final = 10**9
SPEED_M_PER_H_MAX: Final = 1_000_000

# A reduction stays an exact int64 and an exact double on its way through any warehouse.
assert FACTOR_UG_PER_M_MAX * DISTANCE_M_MAX < 1 << 53

_UNREADABLE: Final = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    RecursionError,
    MalformedError,
)
"""What a tree of another shape than expected makes the reader below raise."""
_SOURCE_TAG: Final = re.compile(r"[OSDM]|project")
_VERSION: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[0-9]{1,3})?")


class InvalidMethodologyError(ConfigurationError):
    """A methodology file that breaks its schema; its author must correct it."""

    code: ClassVar[str] = "INVALID_METHODOLOGY"


class MethodologyNotUsableError(ConfigurationError):
    """A draft or quarantined methodology refuses to compute; choose another one."""

    code: ClassVar[str] = "METHODOLOGY_NOT_USABLE"


class MethodologyStatus(StrEnum):
    """Who stands behind a methodology."""

    OFFICIAL = "official"
    ENTERPRISE = "enterprise"
    ACADEMIC = "academic"
    DRAFT = "draft"
    """A number is missing: it refuses to compute."""
    QUARANTINED = "quarantined"
    """Contradicted by a better source: it refuses to compute."""

    @property
    def computes(self) -> bool:
        """Whether reductions may be computed under it."""
        return self not in {MethodologyStatus.DRAFT, MethodologyStatus.QUARANTINED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where a number comes from."""

    cite: str
    """Title or address of what was read."""
    tag: str
    """O official text, S second hand, D derived, M general knowledge, `project` our own limit."""
    read: str
    """ISO 8601 date on which it was read or decided."""

    def __post_init__(self) -> None:
        """Check that somebody can follow the trail."""
        if not self.cite or _SOURCE_TAG.fullmatch(self.tag) is None:
            raise InvalidMethodologyError("a source has a citation and a tag O, S, D, M or project")
        dt.date.fromisoformat(self.read)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """Net reduction per metre as an exact rational."""

    numerator_ug: int
    denominator_m: int
    source: Provenance

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 1 <= self.denominator_m <= FACTOR_DENOMINATOR_MAX:
            raise InvalidMethodologyError(f"a denominator is 1 to {FACTOR_DENOMINATOR_MAX}")
        if not 0 <= self.numerator_ug <= FACTOR_UG_PER_M_MAX * self.denominator_m:
            raise InvalidMethodologyError(f"a factor is 0 to {FACTOR_UG_PER_M_MAX} ug per metre")

    def reduction_of(self, distance_m: Metres) -> MicrogramsCO2e:
        """Return factor times distance in ug, rounded down: the only rounding of an activity."""
        return MicrogramsCO2e(self.numerator_ug * distance_m // self.denominator_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a trip of one mode can be; both ends of every range still count."""

    distance_min_m: int
    distance_max_m: int
    duration_min_s: int
    duration_max_s: int
    speed_max_m_per_h: int
    """Highest average speed over the whole activity."""
    source: Provenance

    def __post_init__(self) -> None:
        """Check ranges."""
        if not 1 <= self.distance_min_m <= self.distance_max_m <= DISTANCE_M_MAX:
            raise InvalidMethodologyError(f"distances are in order and at most {DISTANCE_M_MAX} m")
        if not 1 <= self.duration_min_s <= self.duration_max_s <= DURATION_S_MAX:
            raise InvalidMethodologyError(f"durations are in order and at most {DURATION_S_MAX} s")
        if not 1 <= self.speed_max_m_per_h <= SPEED_M_PER_H_MAX:
            raise InvalidMethodologyError(f"a speed is at most {SPEED_M_PER_H_MAX} m per hour")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRule:
    """What one mode earns and which trips of it count."""

    factor: Factor
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkedExample:
    """A known answer that stands in the file itself and is checked whenever it is read."""

    name: str
    mode: Mode
    distance_m: Metres
    reduction_ug: MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class Methodology:
    """A methodology that has been read and checked."""

    methodology_id: str
    version: str
    """Date of the published text it follows, with a number if we revise our data: 2026-01-08.1."""
    title: Mapping[str, str]
    """By language, `zh` and `en`."""
    issuer: str
    status: MethodologyStatus
    regions: tuple[str, ...]
    modes: Mapping[Mode, ModeRule]
    """A mode that is not here is not covered."""
    content_hash: bytes
    """32 bytes over the canonical JSON of the whole file."""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Return the methodology that a file's bytes hold, its worked examples recomputed.

        Raises:
            InvalidMethodologyError: not JSON, a float, a missing, unknown or wrong field, or a
                worked example whose answer differs.
        """
        if len(data) > FILE_BYTES_MAX:
            raise InvalidMethodologyError(f"a methodology file has at most {FILE_BYTES_MAX} bytes")
        try:
            return cls._from_tree(_load(data))
        except InvalidMethodologyError:
            raise
        except _UNREADABLE as error:
            message = f"not a methodology file: {type(error).__name__}: {error}"
            raise InvalidMethodologyError(message) from error

    @classmethod
    def _from_tree(cls, tree: dict[str, Any]) -> Self:
        wanted = {"schema", "id", "version", "title", "issuer", "status", "regions", "modes"}
        wanted |= {"rounding", "notes", "worked_examples"}
        _expect_keys("a methodology", tree, wanted)
        if tree["schema"] != SCHEMA:
            raise InvalidMethodologyError(f"the schema is {SCHEMA}")
        if tree["rounding"] != {"stage": "activity", "mode": "floor"}:
            raise InvalidMethodologyError("this program rounds down once, per activity")
        if _VERSION.fullmatch(tree["version"]) is None:
            raise InvalidMethodologyError("a version is a date, YYYY-MM-DD, with an optional .N")
        methodology = cls(
            methodology_id=checked_name(tree["id"]),
            version=tree["version"],
            title={str(language): str(text) for language, text in tree["title"].items()},
            issuer=str(tree["issuer"]),
            status=MethodologyStatus(tree["status"]),
            regions=tuple(str(region) for region in tree["regions"]),
            modes={Mode(name): _mode_rule(rule) for name, rule in tree["modes"].items()},
            content_hash=digest(SCHEMA.encode(), canonical_json(tree)),
        )
        for item in tree["worked_examples"]:
            methodology._check_example(_worked_example(item))
        return methodology

    def rule_of(self, mode: Mode) -> ModeRule | None:
        """Return what `mode` earns, or None if the methodology does not cover it.

        Raises:
            MethodologyNotUsableError: the methodology is a draft or quarantined.
        """
        self.require_usable()
        return self.modes.get(mode)

    def require_usable(self) -> None:
        """Check that reductions may be computed under it.

        Raises:
            MethodologyNotUsableError: it is a draft or quarantined.
        """
        if not self.status.computes:
            raise MethodologyNotUsableError(
                f"methodology {self.methodology_id} {self.version} is {self.status}: "
                "it must not be used to compute"
            )

    def _check_example(self, example: WorkedExample) -> None:
        rule = self.modes.get(example.mode)
        found = None if rule is None else rule.factor.reduction_of(example.distance_m)
        if found != example.reduction_ug:
            raise InvalidMethodologyError(
                f"worked example {example.name!r} says {example.reduction_ug} ug, "
                f"the factors give {found}"
            )


def canonical_json(tree: object) -> bytes:
    """Return the one JSON text of `tree`: sorted keys, no spaces, UTF-8."""
    text = json.dumps(
        tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def _load(data: bytes) -> dict[str, Any]:
    tree = json.loads(
        data.decode(),
        parse_float=_refuse_number,
        parse_constant=_refuse_number,
        object_pairs_hook=_object_without_repeats,
    )
    if not isinstance(tree, dict):
        raise InvalidMethodologyError("a methodology file holds one JSON object")
    return tree


def _refuse_number(text: str) -> object:
    raise InvalidMethodologyError(f"{text[:20]} is not an integer: write factors as rationals")


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise InvalidMethodologyError("a key stands twice in one object")
    return tree


def _mode_rule(tree: Mapping[str, Any]) -> ModeRule:
    _expect_keys("a mode", tree, {"factor", "limits"})
    factor, limits = tree["factor"], tree["limits"]
    _expect_keys("a factor", factor, {"value", "unit", "source"})
    if factor["unit"] != "ug/m":
        raise InvalidMethodologyError("the unit of a factor is ug/m")
    numerator, denominator = (_integer(part) for part in factor["value"])
    return ModeRule(
        factor=Factor(
            numerator_ug=numerator,
            denominator_m=denominator,
            source=_build(Provenance, factor["source"], _text),
        ),
        limits=_build(Limits, limits, _integer, source=_build(Provenance, limits["source"], _text)),
    )


def _worked_example(tree: Mapping[str, Any]) -> WorkedExample:
    _expect_keys("a worked example", tree, {"name", "mode", "distance_m", "reduction_ug"})
    return WorkedExample(
        name=_text(tree["name"]),
        mode=Mode(tree["mode"]),
        distance_m=Metres(_integer(tree["distance_m"])),
        reduction_ug=MicrogramsCO2e(_integer(tree["reduction_ug"])),
    )


def _build(
    cls: Any,  # noqa: ANN401 - one of the dataclasses above
    tree: Mapping[str, Any],
    read: Callable[[object], object],
    **given: object,
) -> Any:  # noqa: ANN401 - an instance of cls
    names = {field.name for field in fields(cls)}
    _expect_keys(cls.__name__, tree, names)
    return cls(**{name: read(tree[name]) for name in names - given.keys()}, **given)


def _expect_keys(what: str, tree: Mapping[str, Any], wanted: set[str]) -> None:
    if tree.keys() != wanted:
        found = ", ".join(sorted(tree))
        raise InvalidMethodologyError(f"{what} has the keys {sorted(wanted)}, not {found[:200]}")


def _integer(value: object) -> int:
    if type(value) is not int:  # JSON true must not pass for 1
        raise InvalidMethodologyError(f"expected an integer, got {type(value).__name__}")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidMethodologyError(f"expected text, got {type(value).__name__}")
    return value
