"""Scenario files: what a demo runs on.

A scenario is a TOML file; every path in it is relative to the file. Unknown keys are refused, so
that a misspelt one is noticed.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import PartyId, ProgrammeId, party_id, programme_id
from fedcarbon.registry.programme import Policy


class ScenarioError(ConfigurationError):
    """The scenario file is wrong; its author must change it."""

    code: ClassVar[str] = "SCENARIO"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgrammeEntry:
    """`[programme]`, and its `[policy]`."""

    id: ProgrammeId
    time_zone: str
    first_day: dt.date
    last_day: dt.date
    epoch_days: int = 1
    policy: Policy = field(default_factory=Policy)
    tables: tuple[Mapping[str, Any], ...] = ()
    """Shells of its statistics, as `fedcarbon registry table-shell` reads them."""
    rest: Mapping[str, Any] = field(default_factory=dict)
    """Other fields of the signed programme; what is left out has the registry's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysEntry:
    """`[keys]`."""

    bits: int = 2048
    trustees: int = 5
    threshold: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerEntry:
    """`[[partner]]`."""

    id: PartyId
    programme: ProgrammeId
    activities: Path
    identities: Path
    methodologies: tuple[str, ...]
    """Ids of methodologies of the catalogue."""
    best_tier: int = 0
    """The best evidence tier that the admission allows."""
    seat: str
    """Name of its process: the party's, with the programme's if there are several."""
    categories: Path | None = None
    """How it finds the cells of statistics; by default everything is in the rest."""
    attested: tuple[tuple[str, str], ...] = ()
    """Household accounts, each with a person who lives there, as the partner knows both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletOperatorEntry:
    """`[[wallet_operator]]`."""

    id: PartyId
    programme: ProgrammeId
    wallets: Path
    seat: str
    """Name of its configuration: the party's, with the programme's if there are several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedemptionEntry:
    """`[[redemption]]`: so many units, or everything; `all` alone means every bound wallet."""

    id_number: str | None
    wallet_id: str | None
    units: int | None
    """None for everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A whole scenario file."""

    title: str
    """Shown at the start, so that nobody takes synthetic trips for real ones."""
    programmes: tuple[ProgrammeEntry, ...]
    """One in a scenario file; a programme file may have several."""
    keys: KeysEntry
    partners: tuple[PartnerEntry, ...]
    wallet_operators: tuple[WalletOperatorEntry, ...]
    redemptions: tuple[RedemptionEntry, ...]

    def entry(self, programme: ProgrammeId) -> ProgrammeEntry:
        """Return one of the programmes."""
        return next(item for item in self.programmes if item.id == programme)


def seat_name(party: str, programme: str, *, several: bool) -> str:
    """Return the name of a party's process in a programme.

    Args:
        party: the party's id.
        programme: the programme's id.
        several: whether the scenario has more programmes than this one.
    """
    return f"{party}.{programme}" if several else party


def load_scenario(path: Path) -> Scenario:
    """Return the scenario in the TOML file at `path`.

    Raises:
        ScenarioError: the file cannot be read or is not a scenario.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{path}: {error}") from error
    try:
        return _scenario(tree, path.parent)
    except (KeyError, TypeError, ValueError, ConfigurationError) as error:
        raise ScenarioError(f"{path}: {type(error).__name__}: {error}") from error


def _scenario(tree: dict[str, Any], folder: Path) -> Scenario:
    known = {"title", "programme", "keys", "policy", "partner", "wallet_operator", "redemption"}
    if tree.keys() - known:
        raise ScenarioError(f"unknown tables {sorted(tree.keys() - known)}")
    programme = _programme(tree["programme"], tree.get("policy", {}))
    partners = tuple(_partner(entry, folder, programme.id) for entry in tree["partner"])
    if not partners or len({entry.id for entry in partners}) != len(partners):
        raise ScenarioError("a scenario needs partners with different ids")
    return Scenario(
        title=str(tree.get("title", "scenario")),
        programmes=(programme,),
        keys=_build(KeysEntry, tree.get("keys", {})),
        partners=partners,
        wallet_operators=tuple(
            WalletOperatorEntry(
                id=party_id(entry["id"]),
                programme=programme.id,
                wallets=folder / entry["wallets"],
                seat=entry["id"],
            )
            for entry in tree.get("wallet_operator", [])
        ),
        redemptions=tuple(_redemption(entry) for entry in tree.get("redemption", [])),
    )


def _build(cls: type[Any], tree: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any entry class
    names = {field.name for field in fields(cls)}
    if tree.keys() - names:
        raise ScenarioError(f"unknown keys {sorted(tree.keys() - names)} in {cls.__name__}")
    return cls(**tree)


def _programme(tree: dict[str, Any], policy: dict[str, int]) -> ProgrammeEntry:
    first, last = (dt.date.fromisoformat(str(day)) for day in tree["days"])
    rest = {key: value for key, value in tree.items() if key not in {"id", "days", "table"}}
    built: ProgrammeEntry = _build(
        ProgrammeEntry,
        {
            "id": programme_id(tree["id"]),
            "first_day": first,
            "last_day": last,
            "policy": policy_of(policy, days=(last - first).days + 1),
            "tables": tuple(tree.get("table", ())),
            **rest,
        },
    )
    return built


def policy_of(tree: Mapping[str, int], *, days: int) -> Policy:
    """Return a policy with defaults that fit a programme of so many days."""
    # An opening needs opening_interval_days of activity; a shorter scenario could never open.
    built: Policy = _build(Policy, {"opening_interval_days": min(7, days), **tree})
    return built


def _partner(tree: dict[str, Any], folder: Path, programme: ProgrammeId) -> PartnerEntry:
    own = {
        "id": party_id(tree["id"]),
        "seat": tree["id"],
        "programme": programme,
        "methodologies": (tree["methodology"],),
        **{key: folder / tree[key] for key in ("activities", "identities")},
    }
    if "categories" in tree:
        own["categories"] = folder / tree["categories"]
    rest = {key: value for key, value in tree.items() if key not in {*own, "methodology"}}
    built: PartnerEntry = _build(PartnerEntry, {**own, **rest})
    return built


def _redemption(tree: dict[str, Any]) -> RedemptionEntry:
    if ("units" in tree) == (tree.get("all") is True):
        raise ScenarioError("a redemption has either units or all = true")
    return RedemptionEntry(
        id_number=tree.get("id_number"), wallet_id=tree.get("wallet_id"), units=tree.get("units")
    )
