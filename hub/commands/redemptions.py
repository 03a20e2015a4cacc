"""`fedcarbon-hub stuck`, `show` and `cancel`."""

from __future__ import annotations

import sys
from pathlib import Path

from sqlmodel import Session

from fedcarbon.redemption.operator_statement import line_of
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.wallet import masked
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES
from fedcarbon.units import grams_text, yuan_text
from hub.clearing.redemptions import cancel_redemption, find_redemption
from hub.clearing.storage.outbox_store import OutboxStore, OutboxTask
from hub.clearing.storage.redemption_lists import RedemptionLists
from hub.clearing.storage.redemption_store import RecordedEvent
from hub.clearing.stuck import STUCK_MAX, StuckRedemption, stuck_redemptions
from hub.commands.beside import beside
from hub.commands.printing import bytes_from_text, moment_text, print_json, print_table


def stuck(
    *, config: Path, older_than_s: int = 600, limit: int = STUCK_MAX, json: bool = False
) -> None:
    """List redemptions without a final answer, oldest first, and what to do about each.

    Args:
        config: the configuration file (TOML).
        older_than_s: ordered at least so many seconds ago.
        limit: at most so many.
        json: print one JSON document.
    """
    with beside(config) as hub:
        now_s = hub.now_s()
        found = hub.read(lambda session: stuck_redemptions(session, older_than_s, now_s, limit))
    if json:
        print_json([_stuck_tree(item) for item in found])
        return
    print_table(
        f"{len(found)} redemptions have no final answer after {older_than_s} s",
        ("redemption", "state", "#pays", "wallet", "#calls", "next step", "last event", "do"),
        (
            (
                item.redemption.order.redemption_id.hex(),
                item.redemption.state.value,
                yuan_text(item.redemption.amount_fen),
                masked(item.redemption.order.wallet_id),
                "" if item.task is None else str(item.task.calls),
                "none" if item.task is None else _next_text(item.task),
                f"{item.last.event} {moment_text(item.last.recorded_s)}",
                item.advice,
            )
            for item in found
        ),
    )


def show(redemption: str, /, *, config: Path, json: bool = False) -> None:
    """Show one redemption with everything that has happened to it.

    Args:
        redemption: its id: 32 hexadecimal digits.
        config: the configuration file (TOML).
        json: print one JSON document; here the wallet stands in full.
    """
    redemption_id = bytes_from_text(redemption, MESSAGE_ID_BYTES, "a redemption's id")

    def read(session: Session) -> tuple[Redemption, list[RecordedEvent], OutboxTask | None]:
        found = find_redemption(session, redemption_id)
        events = RedemptionLists(session).events([redemption_id]).get(redemption_id, [])
        return found, events, OutboxStore(session).of([redemption_id]).get(redemption_id)

    with beside(config) as hub:
        found, events, task = hub.read(read)
    if json:
        history = [
            {"event": item.event.value, "recorded_s": item.recorded_s, "detail": item.detail}
            for item in events
        ]
        print_json({**line_of(found), **_task_tree(task), "events": history})
        return
    print_table(
        f"Redemption {redemption_id.hex()}",
        ("field", "value"),
        (
            ("state", found.state.value),
            ("programme", found.order.programme_id),
            ("operator", found.order.operator_id),
            ("account", found.order.account_token.hex()),
            ("wallet", masked(found.order.wallet_id)),
            ("pays", yuan_text(found.amount_fen)),
            ("takes", grams_text(found.mass_ug)),
            ("payout id", found.order.payout_id.hex()),
            ("rail's reference", found.rail_reference or "none yet"),
            ("next step", "none" if task is None else _next_text(task)),
        ),
    )
    print_table(
        "Events",
        ("event", "when", "why"),
        ((item.event.value, moment_text(item.recorded_s), item.detail) for item in events),
    )


def cancel(redemption: str, /, *, config: Path, reason: str) -> None:
    """Take back a redemption that was never sent: its grams and money are free again.

    One that the rail may know of is refused (REDEMPTION_STATE): the rail's answer decides.

    Args:
        redemption: its id: 32 hexadecimal digits.
        config: the configuration file (TOML).
        reason: goes into the record and to the wallet operator; name no person.
    """
    redemption_id = bytes_from_text(redemption, MESSAGE_ID_BYTES, "a redemption's id")
    with beside(config) as hub:
        found = hub.write(
            lambda session: cancel_redemption(session, redemption_id, reason, hub.now_s())
        )
    sys.stdout.write(
        f"redemption {redemption_id.hex()} is cancelled: {grams_text(found.mass_ug)} and "
        f"{yuan_text(found.amount_fen)} are free again\n"
    )


def _next_text(task: OutboxTask) -> str:
    return f"{task.step.value} at {moment_text(task.due_s)}"


def _task_tree(task: OutboxTask | None) -> dict[str, object]:
    if task is None:
        return {"next_step": None, "due_s": None, "calls": None}
    return {"next_step": task.step.value, "due_s": task.due_s, "calls": task.calls}


def _stuck_tree(item: StuckRedemption) -> dict[str, object]:
    return {
        **line_of(item.redemption),
        **_task_tree(item.task),
        "last_event": item.last.event.value,
        "last_event_s": item.last.recorded_s,
        "advice": item.advice,
    }
