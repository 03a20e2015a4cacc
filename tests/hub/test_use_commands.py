"""`fedcarbon-hub uses` dials the hub that runs, in the hub's own name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fedcarbon.errors import FedcarbonError
from hub.commands import uses
from tests.hub.running import HubProcess, write_hub

COMMANDS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "form a lot": (
        "UNKNOWN_PROGRAMME",
        lambda config: uses.form_lot(
            config=config, programme="carbon", vintage=2026, tonnes=1, label="first"
        ),
    ),
    "sell a lot": (
        "LOT_UNKNOWN",
        lambda config: uses.sell_lot(
            config=config, lot="00" * 16, buyer="somebody", price_fen=9, retained_fen=0
        ),
    ),
    "retire a lot": (
        "LOT_UNKNOWN",
        lambda config: uses.retire_lot(config=config, lot="00" * 16, beneficiary="somebody"),
    ),
    "fulfil goods": (
        "USE_UNKNOWN",
        lambda config: uses.fulfil(config=config, use="00" * 16, voucher="1234"),
    ),
    "cancel goods": (
        "USE_UNKNOWN",
        lambda config: uses.cancel(config=config, use="00" * 16, reason="sold out"),
    ),
}


def test_the_commands_ask_the_running_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write_hub(tmp_path)
    with HubProcess.start(config) as hub:
        monkeypatch.setenv("FEDCARBON_HUB_LISTEN", f"127.0.0.1:{hub.port}")
        answers = {}
        for what, (_, command) in COMMANDS.items():
            with pytest.raises(FedcarbonError) as caught:
                command(config)
            answers[what] = caught.value.code

    assert answers == {what: code for what, (code, _) in COMMANDS.items()}
