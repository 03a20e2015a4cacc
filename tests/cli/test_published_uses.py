"""What root keys sign about uses is written from files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.cli import registry_uses
from fedcarbon.cli.registry import RegistryFileError, require_signable
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.uses.offer import Offer
from tests.keys.ceremonies import dealt

PARAMETERS = dealt().parameters
OFFER = """
programme_id = "carbon"
offer_id = "one-tree"
offer_kind = "donation"
title = "A tree"
supplier = "the foresters"
price_ug = "5000000000"
valid_from_s = 1
valid_until_s = 2
hold_s = 0
"""
FILES: dict[str, tuple[Callable[..., None], str]] = {
    "offer": (registry_uses.offer, OFFER),
    "lot_rules": (
        registry_uses.lot_rules,
        (
            'programme_id = "carbon"\nrules_id = "first"\nexcluded_regimes = ["ccer"]\n'
            "price_floor_fen = 5000\n"
        ),
    ),
    "campaign": (
        registry_uses.campaign,
        (
            'programme_id = "carbon"\ncampaign_id = "spring"\ntitle = "Two fen on top"\n'
            'occasion = "redemption"\npacket_fen = 2\nbudget_fen = 100\n'
            "valid_from_s = 1\nvalid_until_s = 2\n"
        ),
    ),
    "market_rules": (
        registry_uses.market_rules,
        (
            'programme_id = "carbon"\nmarket_id = "town"\nunit_ug = "1000000000"\n'
            "first_day = 1\nlast_day = 2\nfirst_price_fen = 20\nstep_fen = 5\nfloor_fen = 12\n"
            "ceiling_fen = 26\nquiet_units = 1\nendowment_fen = 0\n"
        ),
    ),
    "lot_verification": (
        registry_uses.lot_verification,
        (
            f'programme_id = "carbon"\nlot_id = "{"ab" * 16}"\nverifier = "v"\n'
            f'report_sha256 = "{"cd" * 32}"\naccepted = true\n'
        ),
    ),
    "expiry_notice": (
        registry_uses.expiry_notice,
        'programme_id = "carbon"\nvintage = 2026\nexpires_at_s = 1800000000\n',
    ),
    "ranking_rules": (
        registry_uses.ranking_rules,
        (
            'programme_id = "carbon"\nranking_id = "friends"\nfirst_day = 1\nperiod_days = 7\n'
            "periods = 4\npeople_min = 20\nbands = 5\n"
        ),
    ),
}


def test_every_command_is_tried() -> None:
    assert set(FILES) == {cls.KIND for cls in registry_uses.PUBLISHED}


@pytest.fixture
def roots(tmp_path: Path) -> Path:
    path = tmp_path / "roots.toml"
    written = TrustRoots(
        parameter_id=PARAMETERS.parameter_id,
        threshold=PARAMETERS.threshold,
        root_keys=PARAMETERS.root_keys,
    )
    path.write_text(written.to_toml())
    return path


@pytest.mark.parametrize("kind", FILES)
def test_a_file_becomes_a_statement_that_root_keys_may_sign(
    roots: Path, tmp_path: Path, kind: str
) -> None:
    command, text = FILES[kind]
    config, out = tmp_path / "in.toml", tmp_path / "out.json"
    config.write_text(text)

    command(config=config, roots=roots, out=out)

    envelope = Envelope.from_bytes(out.read_bytes())
    require_signable(envelope, PARAMETERS.parameter_id)
    assert statements.kind_of(envelope.payload) == kind


def test_a_mass_is_read_as_it_stands_in_a_statement(roots: Path, tmp_path: Path) -> None:
    config, out = tmp_path / "in.toml", tmp_path / "out.json"
    config.write_text(OFFER)

    registry_uses.offer(config=config, roots=roots, out=out)

    read = statements.decode(Offer, Envelope.from_bytes(out.read_bytes()).payload)
    assert read.price_ug == 5_000_000_000


@pytest.mark.parametrize(
    "text", ["", OFFER + "more = 1\n", OFFER.replace('"5000000000"', "0"), "no toml"]
)
def test_a_wrong_file_is_refused(roots: Path, tmp_path: Path, text: str) -> None:
    config = tmp_path / "in.toml"
    config.write_text(text)

    with pytest.raises(RegistryFileError):
        registry_uses.offer(config=config, roots=roots, out=tmp_path / "out.json")
