"""Scenario files: what a demo runs on.

A scenario is a TOML file; every path in it is relative to the file. Unknown keys are refused, so
that a misspelt one is noticed.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from dataclasses import dataclass, fields
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
    """`[programme]`."""

    id: ProgrammeId
    time_zone: str
    first_day: dt.date
    last_day: dt.date
    epoch_days: int = 1


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
    activities: Path
    identities: Path
    methodology: str
    """Id of a methodology of the catalogue."""
    best_tier: int = 0
    """The best evidence tier that the admission allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletOperatorEntry:
    """`[[wallet_operator]]`."""

    id: PartyId
    wallets: Path


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
    programme: ProgrammeEntry
    keys: KeysEntry
    policy: Policy
    partners: tuple[PartnerEntry, ...]
    wallet_operators: tuple[WalletOperatorEntry, ...]
    redemptions: tuple[RedemptionEntry, ...]


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
    programme = _programme(tree["programme"])
    days = (programme.last_day - programme.first_day).days + 1
    policy = _policy(tree.get("policy", {}), days=days)
    partners = tuple(_partner(entry, folder) for entry in tree["partner"])
    if not partners or len({entry.id for entry in partners}) != len(partners):
        raise ScenarioError("a scenario needs partners with different ids")
    return Scenario(
        title=str(tree.get("title", "scenario")),
        programme=programme,
        keys=_build(KeysEntry, tree.get("keys", {})),
        policy=policy,
        partners=partners,
        wallet_operators=tuple(
            WalletOperatorEntry(id=party_id(entry["id"]), wallets=folder / entry["wallets"])
            for entry in tree.get("wallet_operator", [])
        ),
        redemptions=tuple(_redemption(entry) for entry in tree.get("redemption", [])),
    )


def _build(cls: type[Any], tree: dict[str, Any]) -> Any:  # noqa: ANN401 - any entry class
    names = {field.name for field in fields(cls)}
    if tree.keys() - names:
        raise ScenarioError(f"unknown keys {sorted(tree.keys() - names)} in {cls.__name__}")
    return cls(**tree)


def _programme(tree: dict[str, Any]) -> ProgrammeEntry:
    first, last = (dt.date.fromisoformat(str(day)) for day in tree["days"])
    rest = {key: value for key, value in tree.items() if key not in {"id", "days"}}
    built: ProgrammeEntry = _build(
        ProgrammeEntry,
        {"id": programme_id(tree["id"]), "first_day": first, "last_day": last, **rest},
    )
    return built


def _policy(tree: dict[str, Any], *, days: int) -> Policy:
    # An opening needs opening_interval_days of activity; a shorter scenario could never open.
    built: Policy = _build(Policy, {"opening_interval_days": min(7, days), **tree})
    return built


def _partner(tree: dict[str, Any], folder: Path) -> PartnerEntry:
    paths = {key: folder / tree[key] for key in ("activities", "identities")}
    built: PartnerEntry = _build(PartnerEntry, {**tree, "id": party_id(tree["id"]), **paths})
    return built


def _redemption(tree: dict[str, Any]) -> RedemptionEntry:
    if ("units" in tree) == (tree.get("all") is True):
        raise ScenarioError("a redemption has either units or all = true")
    return RedemptionEntry(
        id_number=tree.get("id_number"), wallet_id=tree.get("wallet_id"), units=tree.get("units")
    )
