"""`status`: from the store, or from the node that has it open."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Sequence

import grpc
from google.protobuf import json_format
from rich.console import Console
from rich.table import Table

from fedcarbon.node.v1 import node_pb2, node_pb2_grpc
from fedcarbon.units import grams_text
from fedcarbon.wire.deadlines import with_deadlines
from fedcarbon.wire.status import error_of
from fedcarbon.wire.tls import dial
from partner_node.bootstrap import load_own_party
from partner_node.config import NodeSettings
from partner_node.status import EpochStatus, NodeStatus, TableStatus, status_of
from partner_node.storage.database import Database, StoreLockedError, StoreUnusableError


def show(settings: NodeSettings, console: Console, *, as_json: bool) -> bool:
    """Print the state of the node; return whether its monitor has raised no alarm.

    Raises:
        ConfigurationError: the store cannot be used.
        StateError: the running node that holds the store does not answer.
    """
    if not settings.store.exists():
        raise StoreUnusableError(f"there is no store {settings.store.name} yet: import or serve")
    try:
        database = Database(settings.store)
    except StoreLockedError:
        running = _ask(settings)
        _show_running(running, console, as_json=as_json)
        return not running.alarms
    try:
        stored = status_of(database)
        _show_stored(stored, console, as_json=as_json)
        return not stored.alarms
    finally:
        database.close()


def _ask(settings: NodeSettings) -> node_pb2.GetStatusResponse:
    party = load_own_party(settings)
    with dial(settings.address, party, party.name) as channel:
        stub = node_pb2_grpc.NodeServiceStub(with_deadlines(channel))
        try:
            return stub.GetStatus(node_pb2.GetStatusRequest())
        except grpc.RpcError as failure:
            raise error_of(failure) from failure


def _show_running(status: node_pb2.GetStatusResponse, console: Console, *, as_json: bool) -> None:
    if as_json:
        message = json_format.MessageToDict(
            status, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
        )
        console.print_json(json.dumps({"running": True, **message}))
        return
    console.print(f"running; {status.enrolled} enrolled, {status.enrolling} to be enrolled")
    table = Table("epoch", "stage", "claims sent", "claims lost", "chunks accepted", "work")
    for item in status.epochs:
        counts = (item.claims_sent, item.claims_lost, item.chunks_sent)
        table.add_row(str(item.epoch), item.stage, *map(str, counts), _work(item))
    console.print(table)
    _show_tables(status.tables, console)
    for alarm in status.alarms:
        console.print(f"alarm: {alarm}", markup=False)
    if status.last_error:
        console.print(f"needs somebody: {status.last_error}", markup=False)


def _show_stored(status: NodeStatus, console: Console, *, as_json: bool) -> None:
    if as_json:
        console.print_json(json.dumps({"running": False, **dataclasses.asdict(status)}))
        return
    console.print(
        f"not running; {status.enrolled} enrolled, {status.enrolling} to be enrolled, "
        f"{status.activities} activities"
    )
    epochs = Table(
        "epoch", "stage", "reduction", "claims", "lost", "submitted", "chunks accepted", "work"
    )
    for item in status.epochs:
        epochs.add_row(
            str(item.epoch),
            f"{item.stage}, missing" if item.missing else item.stage,
            grams_text(item.reduction_ug),
            str(item.claims_sent),
            str(item.claims_lost),
            grams_text(item.submitted_ug),
            str(item.chunks_sent),
            _work(item),
        )
    console.print(epochs)
    _show_tables(status.tables, console)
    reasons = Table("rejected because", "activities")
    for reason, count in status.rejected.items():
        reasons.add_row(reason, str(count))
    console.print(reasons)
    for incident in status.incidents:
        word = "alarm" if incident in status.alarms else "incident"
        console.print(f"{word}: {incident}", markup=False)


def _show_tables(tables: Sequence[TableStatus | node_pb2.TableStatus], console: Console) -> None:
    if not tables:
        return
    shown = Table("table of leaf", "period", "contribution")
    for item in tables:
        state = f"{item.state}: {item.detail}" if item.detail else item.state
        shown.add_row(str(item.shell_leaf), str(item.period or "all"), state)
    console.print(shown)


def _work(epoch: EpochStatus | node_pb2.EpochStatus) -> str:
    """Return how far the work of an epoch is, with rate and remaining time while it goes on."""
    if not epoch.work or epoch.parts_done == epoch.parts:
        return ""
    done = f"{epoch.work} {epoch.parts_done} of {epoch.parts}"
    if not epoch.parts_per_s:
        return done
    left = dt.timedelta(seconds=epoch.remaining_s)
    return f"{done}, {epoch.parts_per_s:.2g} a second, {left} left"
