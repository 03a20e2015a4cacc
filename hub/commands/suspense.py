"""`fedcarbon-hub suspense`: what is in suspense, and its release by two persons."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from cyclopts import App
from sqlmodel import Session

from fedcarbon.ids import programme_id
from fedcarbon.redemption.day_page import amount_text
from fedcarbon.redemption.differences import ITEM_ID_BYTES
from fedcarbon.redemption.suspense import Destination, Operators, SuspenseRelease
from fedcarbon.redemption.value_day import day_text
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import Seconds
from fedcarbon.wire.party import read_signing_key
from hub.clearing.suspense import ListedItem, approve_release, list_items, propose_release
from hub.commands.beside import beside
from hub.commands.printing import bytes_from_text, print_table
from hub.genesis import read_genesis

suspense = App(
    name="suspense",
    group="Money and days",
    help="""Money whose place is not explained, and its release by two persons.

    `settle` puts differences here. Many leave by themselves, when a later file of the rail explains
    them. The others two persons decide: one proposes a destination, another one approves it. Each
    signs with a key of their own (`fedcarbon keygen`), whose public half stands in the hub's
    configuration:

        [operators]
        desk-1 = "<64 hexadecimal digits>"
        desk-2 = "<64 hexadecimal digits>"

    Destinations: FLOAT (it is at the rail again), PAID_OUT (it is in the wallet, rightly),
    WRITTEN_OFF (it is lost; only money that has left the float can be).
    """,
)


@suspense.command(name="list")
def list_command(*, config: Path, programme: str, all_items: bool = False) -> None:
    """Show what is in suspense and what is proposed for it.

    Args:
        config: the configuration file (TOML).
        programme: whose.
        all_items: also what was released.
    """
    name = programme_id(programme)
    with beside(config) as hub:
        found = hub.read(lambda session: list_items(session, name, all_items=all_items))
    print_table(
        f"Suspense of {name}",
        ("item", "day", "reason", "#amount", "from", "payout", "state"),
        (
            (
                listed.item.item_id.hex(),
                day_text(listed.item.difference.day),
                listed.item.difference.reason.value,
                amount_text(listed.item.difference.amount_fen),
                listed.item.source.value,
                (listed.item.difference.payout_id or b"").hex(),
                _state(listed),
            )
            for listed in found
        ),
    )


@suspense.command
def propose(
    *, config: Path, item: str, to: Destination, reason: str, operator: str, key: Path
) -> None:
    """Propose where an item goes; nothing moves until another person approves it.

    Args:
        config: the configuration file (TOML).
        item: the item's id, from `suspense list`.
        to: the destination.
        reason: why, for the auditor.
        operator: your name in the configuration's [operators].
        key: your signing seed, a file of `fedcarbon keygen`.
    """
    release = _Release(config=config, item=item, to=to, reason=reason)
    listed = release.signed(operator, key, propose_release)
    sys.stdout.write(f"proposed: {_said(listed)} to {to}; another person must approve it\n")


@suspense.command
def approve(
    *, config: Path, item: str, to: Destination, reason: str, operator: str, key: Path
) -> None:
    """Approve what somebody else has proposed for an item; its money moves at once.

    Args:
        config: the configuration file (TOML).
        item: the item's id.
        to: the destination that was proposed.
        reason: why you agree, for the auditor.
        operator: your name in the configuration's [operators].
        key: your signing seed.
    """
    release = _Release(config=config, item=item, to=to, reason=reason)
    listed = release.signed(operator, key, approve_release)
    sys.stdout.write(f"released: {_said(listed)} to {to}\n")


class _Release:
    def __init__(self, *, config: Path, item: str, to: Destination, reason: str) -> None:
        self._config, self._to, self._reason = config, to, reason
        self._item_id = bytes_from_text(item, ITEM_ID_BYTES, "the id of an item")

    def signed(
        self,
        operator: str,
        key: Path,
        use_case: Callable[[Session, bytes, Operators, Seconds], ListedItem],
    ) -> ListedItem:
        """Sign the release and hand it to a use case."""
        with beside(self._config) as hub:
            genesis = read_genesis(
                hub.config.public, allow_insecure=hub.config.allow_insecure_parameters
            )
            operators = Operators(
                parameter_id=genesis.parameters.parameter_id, keys=hub.config.operator_keys
            )
            release = SuspenseRelease(
                parameter_id=operators.parameter_id,
                item_id=self._item_id,
                destination=self._to,
                reason=self._reason,
                operator=operator,
            )
            envelope = sign(release, {operator: read_signing_key(key)}).to_bytes()
            return hub.write(lambda session: use_case(session, envelope, operators, hub.now_s()))


def _said(listed: ListedItem) -> str:
    difference = listed.item.difference
    return f"{amount_text(difference.amount_fen)} ({difference.reason})"


def _state(listed: ListedItem) -> str:
    item, proposal = listed.item, listed.proposal
    if not item.is_open:
        return f"to {item.released_to}: {item.explanation}"
    if proposal is None:
        return "in suspense"
    return f"{proposal.operator} proposes {proposal.destination}: {proposal.reason}"
