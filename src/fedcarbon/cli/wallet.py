"""`fedcarbon wallet`: what a wallet operator runs for its own customers."""

from __future__ import annotations

import csv
import secrets
import time
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from cyclopts import App
from rich.console import Console
from rich.progress import track
from rich.table import Table

from fedcarbon.cli.public_record import PublicRecord, RecordNotReadyError, read_public_record
from fedcarbon.cli.wallet_operator import Accepted, WalletOperator
from fedcarbon.cli.wallet_store import Customer, WalletStore
from fedcarbon.errors import CallerError, ConfigurationError, PeerError, StateError
from fedcarbon.identity.person_id import CHINA, canonical_identity
from fedcarbon.ids import Role, party_id, programme_id
from fedcarbon.parameters.roots import parse_roots
from fedcarbon.redemption.wallet import check_may_redeem, masked, wallet_class, wallet_id
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text
from fedcarbon.v1 import opening_pb2, redemption_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.clocks import clock_named
from fedcarbon.wire.hub_client import GrpcHubClient
from fedcarbon.wire.party import load_party
from fedcarbon.wire.tls import dial

app = App(name="wallet", help="Bind wallets, ask for openings and redeem, as a wallet operator.")
POLL_S: Final = 0.5
UNSETTLED: Final = frozenset({"created", "reserved", "sent", "unknown", "rejected", "reversed"})
"""States after which a run of redemptions did not do what it was asked to do."""
_FINAL: Final = frozenset({
    redemption_pb2.REDEMPTION_STATE_SETTLED,
    redemption_pb2.REDEMPTION_STATE_REJECTED,
    redemption_pb2.REDEMPTION_STATE_REVERSED,
})  # fmt: skip
_OPENING_DONE: Final = frozenset(
    {opening_pb2.OPENING_STATE_OPENED, opening_pb2.OPENING_STATE_REFUSED}
)


class WalletConfigError(ConfigurationError):
    """The wallet operator's configuration or customer file is wrong."""

    code: ClassVar[str] = "WALLET_CONFIG"


class OpeningsRefusedError(PeerError):
    """Trustees refused to open an account; the table says why."""

    code: ClassVar[str] = "OPENINGS_REFUSED"


class RedemptionsUnsettledError(StateError):
    """A redemption was rejected or is not final yet."""

    code: ClassVar[str] = "REDEMPTIONS_UNSETTLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletConfig:
    """`wallet.toml`; paths are relative to it."""

    identity: Path
    """The party's identity file (party.toml)."""
    roots: Path
    store: Path
    hub_address: str
    """Host and port."""
    hub_id: str
    programme: str
    clock: str = "system"


def load_config(path: Path) -> WalletConfig:
    """Return the configuration in the TOML file `path`.

    Raises:
        WalletConfigError: unreadable, or not exactly the known keys.
    """
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
        for key in ("identity", "roots", "store"):
            tree[key] = path.parent / tree[key]
        return WalletConfig(**tree)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WalletConfigError(f"{path.name}: {error}") from error


@contextmanager
def connected(config: WalletConfig) -> Iterator[tuple[WalletOperator, PublicRecord]]:
    """Dial the hub, verify the public record, and give the operator."""
    party = load_party(config.identity)
    hub_name = PartyName(
        party_id=party_id(config.hub_id), role=Role.HUB, trust_domain=party.trust_domain
    )
    with (
        closing(WalletStore(config.store, secrets.token_bytes)) as store,
        dial(config.hub_address, party, hub_name) as channel,
    ):
        hub = GrpcHubClient(channel)
        record = read_public_record(hub, parse_roots(config.roots.read_bytes()))
        yield (
            WalletOperator(
                operator_id=party.party_id,
                signing_key=party.signing_key,
                hub=hub,
                store=store,
                parameters=record.parameters,
                programme=record.programme(programme_id(config.programme)),
                clock=clock_named(config.clock),
                random_below=secrets.randbelow,
                random_bytes=secrets.token_bytes,
            ),
            record,
        )


@app.command
def bind(*, config: Path, wallets: Path) -> None:
    """Read customers from WALLETS, find their accounts, and sign the operator's half of bindings.

    Anonymous wallets (class 4) are listed and left out. The other half is signed by a partner that
    the customer uses, after the customer has confirmed in its app. Safe to repeat.

    Args:
        config: the operator's wallet.toml.
        wallets: CSV with the columns id_type, id_number, wallet_id, wallet_class and, where it is
            not CN, issuing_country.
    """
    console = Console(stderr=True)
    with connected(load_config(config)) as (operator, record):
        refused = add_customers(
            operator.store, wallets, allow_test=operator.programme.test_identities
        )
        for detail in refused:
            console.print(f"left out: {detail}")
        total = len(operator.store.customers())
        for sent in track(operator.find_and_bind(), "binding", total=total, console=console):
            record.check_receipt(sent.receipt, LeafType.OPERATOR_BINDING, sent.envelope)
    console.print(f"{total} wallets are bound on the operator's side, {len(refused)} left out")


def add_customers(store: WalletStore, wallets: Path, *, allow_test: bool) -> list[str]:
    """Add every usable row of the wallets file; return why others are left out.

    A malformed id stays out of the store: it would stop every later run.

    Args:
        store: where to.
        wallets: the CSV file; `issuing_country` is optional, the default is CN.
        allow_test: whether the programme admits TEST ids.

    Raises:
        WalletConfigError: the file cannot be read or lacks a column.
    """
    refused = []
    try:
        with wallets.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                try:
                    _add_customer(store, row, allow_test=allow_test)
                except CallerError as error:
                    refused.append(f"row {number}: {error}")
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as error:
        raise WalletConfigError(f"{wallets.name}: {error}") from error
    return refused


def _add_customer(store: WalletStore, row: dict[str, str | None], *, allow_test: bool) -> None:
    level = wallet_class(row["wallet_class"] or "")
    check_may_redeem(level)
    id_type, id_number = row["id_type"] or "", row["id_number"] or ""
    country = row.get("issuing_country") or CHINA
    canonical_identity(id_type, id_number, issuing_country=country, allow_test=allow_test)
    store.add_customer(
        id_type=id_type,
        issuing_country=country,
        id_number=id_number,
        wallet_id=wallet_id(row["wallet_id"] or ""),
        wallet_class=level,
    )


@app.command(name="open")
def open_accounts(*, config: Path, wait_s: int = 600) -> None:
    """Ask for the sums of all accounts with a signed binding, and wait for the trustees.

    An account is asked for up to the newest sealed epoch, unless it was opened up to there. Safe to
    repeat: a request that was interrupted goes on under its own id.

    Args:
        config: the operator's wallet.toml.
        wait_s: give up waiting after this many seconds; requests stay in the record.
    """
    console = Console(stderr=True)
    with connected(load_config(config)) as (operator, record):
        head = record.head()
        customers = operator.store.customers()
        pending = set(
            track(
                operator.request_openings(head),
                "asking",
                total=len(customers),
                console=console,
            )
        )
        asked = len(pending)
        deadline = time.monotonic() + wait_s
        refused: dict[str, int] = {}
        last = ""
        while pending:
            is_over = time.monotonic() > deadline
            for request_id in sorted(pending):
                state = operator.hub.get_opening(
                    opening_pb2.GetOpeningRequest(request_id=request_id)
                )
                last = f"{state.code} {state.detail}".strip()
                if state.state in _OPENING_DONE:
                    pending.discard(request_id)
                    if state.state == opening_pb2.OPENING_STATE_REFUSED:
                        refused[state.code] = refused.get(state.code, 0) + 1
                elif not is_over:
                    break  # it is waited for, so the others can be asked for later
            if pending and is_over:
                raise RecordNotReadyError(
                    f"{len(pending)} of {asked} openings still wait ({last or 'in progress'}): "
                    "run the command again later"
                )
            if pending:
                time.sleep(POLL_S)
    console.print(f"{asked - sum(refused.values())} accounts opened, refused: {refused or 'none'}")
    if refused:
        raise OpeningsRefusedError(f"{sum(refused.values())} of {asked} openings were refused")


@app.command
def redeem(
    *,
    config: Path,
    label: str,
    id_number: str | None = None,
    wallet: str | None = None,
    units: int | None = None,
    wait_s: int = 120,
) -> None:
    """Redeem credited grams into bound wallets: one wallet, or every wallet.

    The same LABEL again asks for the same redemptions and never for new ones. Balances below one
    unit are listed and left alone.

    Args:
        config: the operator's wallet.toml.
        label: names this run, for example a date.
        id_number: only this customer.
        wallet: only this wallet.
        units: whole units to redeem; everything that the balance holds by default.
        wait_s: how long to wait for the rail.
    """
    console = Console(stderr=True)
    table = Table("wallet", "state", "paid", "took")
    with connected(load_config(config)) as (operator, record):
        bindings = operator.bindings()
        chosen = [
            item
            for item in operator.store.customers()
            if id_number in {None, item.id_number} and wallet in {None, item.wallet_id}
        ]
        for item in chosen:
            binding = bindings.get(item.binding_id)
            if item.account_token is None or binding is None:
                table.add_row(masked(wallet_id(item.wallet_id)), "not bound", "", "")
                continue
            order = _redeem_one(
                operator, item, binding, table, units=units, label=label, wait_s=wait_s
            )
            if order is not None:
                record.check_receipt(order.receipt, LeafType.REDEMPTION_ORDER, order.envelope)
    console.print(table)
    unsettled = sum(state in UNSETTLED for state in table.columns[1].cells)
    if unsettled:
        raise RedemptionsUnsettledError(
            f"{unsettled} redemptions did not settle: run the command again with the same label"
        )


def _redeem_one(
    operator: WalletOperator,
    item: Customer,
    binding: opening_pb2.Binding,
    table: Table,
    *,
    units: int | None,
    label: str,
    wait_s: int,
) -> Accepted | None:
    """Redeem for one wallet, add a row about it, and return the order if there was one."""
    assert item.account_token is not None
    shown = masked(wallet_id(item.wallet_id))
    if binding.state != opening_pb2.BINDING_STATE_SIGNED:
        table.add_row(shown, "binding not signed", "", "")
        return None
    spendable = operator.account(item.account_token).spendable_ug
    if spendable < operator.programme.unit_ug and operator.store.is_new_redemption(
        item.account_token, item.wallet_id, label
    ):
        table.add_row(shown, "below one unit", "", grams_text(MicrogramsCO2e(spendable)))
        return None
    redemption, order = operator.redeem(item, binding, units=units, run_label=label)
    redemption = until_final(operator, redemption, wait_s)
    table.add_row(
        shown,
        state_text(redemption),
        yuan_text(Fen(redemption.payout_fen)),
        grams_text(MicrogramsCO2e(redemption.mass_ug)),
    )
    return order


def until_final(
    operator: WalletOperator, redemption: redemption_pb2.Redemption, wait_s: int
) -> redemption_pb2.Redemption:
    """Return a redemption as it stands once it is final, or after `wait_s` seconds."""
    deadline = time.monotonic() + wait_s
    while redemption.state not in _FINAL and time.monotonic() < deadline:
        time.sleep(POLL_S)
        request = redemption_pb2.GetRedemptionRequest(redemption_id=redemption.redemption_id)
        redemption = operator.hub.get_redemption(request).redemption
    return redemption


def state_text(redemption: redemption_pb2.Redemption) -> str:
    """Return the state of a redemption as people read it: `settled`."""
    state = redemption_pb2.RedemptionState.Name(redemption.state)
    return state.removeprefix("REDEMPTION_STATE_").lower()
