"""`fedcarbon-hub top-up`."""

from __future__ import annotations

import sys
from pathlib import Path

from fedcarbon.canonical.hashing import digest
from fedcarbon.ids import programme_id
from fedcarbon.ledger.transfer import TRANSFER_ID_BYTES
from fedcarbon.units import Fen, yuan_text
from hub.clearing.credits import top_up_float
from hub.commands.beside import beside


def top_up(*, config: Path, programme: str, fen: int, label: str) -> None:
    """Enter money that the operator of PROGRAMME has paid in for payouts.

    Redemptions reserve it; without it they are refused (FLOAT_EXHAUSTED). The same LABEL again is
    the same payment. It may be run while the hub serves.

    Args:
        config: the configuration file (TOML).
        programme: whose float grows.
        fen: how much, in fen.
        label: names the payment, for example the bank's reference.
    """
    top_up_id = digest(b"fedcarbon/v1/top-up", label.encode())[:TRANSFER_ID_BYTES]
    name, amount = programme_id(programme), Fen(fen)
    with beside(config) as hub:
        is_new = hub.write(
            lambda session: top_up_float(session, name, amount, top_up_id, hub.now_s())
        )
    said = "entered" if is_new else "was entered before"
    sys.stdout.write(f"{yuan_text(amount)} for {name} {said}\n")
