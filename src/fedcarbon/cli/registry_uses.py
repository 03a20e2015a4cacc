"""`fedcarbon registry offer|lot-rules|lot-verification|expiry-notice`: what is published of uses.

Each command writes an unsigned statement from a TOML file that has its fields by name, masses as
text and bytes in hexadecimal as in the statement; root key holders then sign it.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import PROTOCOL_VERSION, Statement
from fedcarbon.cli.registry import RegistryFileError, write_unsigned
from fedcarbon.errors import MalformedError
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.uses.lot import LotVerification
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer

S = TypeVar("S", bound=Statement)

PUBLISHED: Final[tuple[type[Statement], ...]] = (Offer, LotRules, LotVerification, ExpiryNotice)


def offer(*, config: Path, roots: Path, out: Path) -> None:
    """Write an unsigned offer of goods or of a cause, at a price that never changes.

    Args:
        config: TOML with `programme_id`, `offer_id`, `offer_kind` (donation or goods), `title`,
            `supplier`, `price_ug`, `valid_from_s`, `valid_until_s`, `hold_s`.
        roots: roots.toml.
        out: file to write.
    """
    _write(Offer, config, roots, out)


def lot_rules(*, config: Path, roots: Path, out: Path) -> None:
    """Write unsigned rules for the credit lots of a programme from now on.

    Args:
        config: TOML with `programme_id`, `rules_id`, `excluded_regimes`, `price_floor_fen`.
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


def statement_of(cls: type[S], tree: dict[str, Any], roots: TrustRoots) -> S:
    """Return the statement that a TOML tree describes.

    Raises:
        MalformedError: a field is missing, unknown or out of range.
    """
    head = {
        "fedcarbon": PROTOCOL_VERSION,
        "statement": cls.KIND,
        "parameter_id": roots.parameter_id.hex(),
    }
    text = json.dumps({**tree, **head}, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return statements.decode(cls, text.encode())


def _write(cls: type[Statement], config: Path, roots: Path, out: Path) -> None:
    try:
        tree = tomllib.loads(config.read_text(encoding="utf-8"))
        built = statement_of(cls, tree, parse_roots(roots.read_bytes()))
    except (OSError, ValueError, TypeError, MalformedError) as error:
        raise RegistryFileError(f"{config.name}: {error}") from error
    write_unsigned(out, built)
