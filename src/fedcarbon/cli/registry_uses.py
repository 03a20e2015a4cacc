"""`fedcarbon registry offer|campaign|market-rules|lot-rules|...`: what is published of uses.

Each command writes an unsigned statement from a TOML file that has its fields by name, masses as
text and bytes in hexadecimal as in the statement; root key holders then sign it.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import PROTOCOL_VERSION, Statement
from fedcarbon.cli.registry import RegistryFileError, write_unsigned
from fedcarbon.errors import MalformedError
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.market import MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer
from fedcarbon.uses.ranking import RankingRules

S = TypeVar("S", bound=Statement)

PUBLISHED: Final[tuple[type[Statement], ...]] = (
    Offer,
    Campaign,
    MarketRules,
    LotRules,
    LotVerification,
    ExpiryNotice,
    RankingRules,
)


def offer(*, config: Path, roots: Path, out: Path) -> None:
    """Write an unsigned offer of goods or of a cause, at a price that never changes.

    Args:
        config: TOML with `programme_id`, `offer_id`, `offer_kind` (donation or goods), `title`,
            `supplier`, `price_ug`, `valid_from_s`, `valid_until_s`, `hold_s`, and `stock` if there
            are only so many pieces.
        roots: roots.toml.
        out: file to write.
    """
    _write(Offer, config, roots, out)


def campaign(*, config: Path, roots: Path, out: Path) -> None:
    """Write an unsigned campaign: red packets on top, for a time and up to a budget.

    Args:
        config: TOML with `programme_id`, `campaign_id`, `title`, `occasion` (redemption or
            donation), `offer_id` for donations, `packet_fen`, `budget_fen`, `valid_from_s`,
            `valid_until_s`.
        roots: roots.toml.
        out: file to write.
    """
    _write(Campaign, config, roots, out)


def market_rules(*, config: Path, roots: Path, out: Path) -> None:
    """Write unsigned rules of a market: what is traded, when, and how its price moves.

    Args:
        config: TOML with `programme_id`, `market_id`, `unit_ug`, `first_day`, `last_day`,
            `first_price_fen`, `step_fen`, `floor_fen`, `ceiling_fen`, `quiet_units`,
            `endowment_fen`.
        roots: roots.toml.
        out: file to write.
    """
    _write(MarketRules, config, roots, out)


def lot_rules(*, config: Path, roots: Path, out: Path) -> None:
    """Write unsigned rules for the credit lots of a programme from now on.

    Args:
        config: TOML with `programme_id`, `rules_id`, `excluded_regimes`, `price_floor_fen`, and
            where they bind `methodologies`, `vintage_first`, `vintage_last`, `tonnes_min`,
            `offset_parts` and `offset_of`.
        roots: roots.toml.
        out: file to write.
    """
    _write(LotRules, config, roots, out)


def lot_verification(*, config: Path, roots: Path, out: Path) -> None:
    """Write an unsigned word of a verifier on a credit lot.

    Args:
        config: TOML with `programme_id`, `lot_id`, `verifier`, `report_sha256`, `accepted`.
        roots: roots.toml.
        out: file to write.
    """
    _write(LotVerification, config, roots, out)


def expiry_notice(*, config: Path, roots: Path, out: Path) -> None:
    """Write an unsigned notice that the grams of a vintage end.

    Args:
        config: TOML with `programme_id`, `vintage`, `expires_at_s`.
        roots: roots.toml.
        out: file to write.
    """
    _write(ExpiryNotice, config, roots, out)


def ranking_rules(*, config: Path, roots: Path, out: Path) -> None:
    """Write unsigned rules of a ranking of those who opt in: its periods and bands.

    Args:
        config: TOML with `programme_id`, `ranking_id`, `first_day`, `period_days`, `periods`,
            `people_min`, `bands`.
        roots: roots.toml.
        out: file to write.
    """
    _write(RankingRules, config, roots, out)


def statement_of(cls: type[S], tree: dict[str, Any], roots: TrustRoots) -> S:
    """Return the statement that a TOML tree describes; what it leaves out has its default.

    Raises:
        MalformedError: a field is missing, unknown or out of range.
    """
    head = {
        "fedcarbon": PROTOCOL_VERSION,
        "statement": cls.KIND,
        "parameter_id": roots.parameter_id.hex(),
    }
    fields = dataclasses.fields(cls)  # type: ignore[arg-type] # every statement is a dataclass
    blank = {item.name: item.default for item in fields if item.default is not dataclasses.MISSING}
    text = json.dumps(
        {**blank, **tree, **head}, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return statements.decode(cls, text.encode())


def _write(cls: type[Statement], config: Path, roots: Path, out: Path) -> None:
    try:
        tree = tomllib.loads(config.read_text(encoding="utf-8"))
        built = statement_of(cls, tree, parse_roots(roots.read_bytes()))
    except (OSError, ValueError, TypeError, MalformedError) as error:
        raise RegistryFileError(f"{config.name}: {error}") from error
    write_unsigned(out, built)
