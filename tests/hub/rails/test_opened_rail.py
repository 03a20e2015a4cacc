"""From a configuration file to a rail that pays, and a hub process that uses one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.clock import SteppedClock
from fedcarbon.redemption.rail import RailAnswer, RailStatus
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.redemption.wallet import InstitutionUnknownError, WalletId
from hub.config import HubConfig, HubConfigError, load_config
from hub.rails.config import Iso20022RailConfig, SandboxRailConfig, SignedHttpRailConfig
from hub.rails.letter_post import PostLimits
from hub.rails.opened_rail import OpenRail, rail_of
from hub.rails.strict_wallets import StrictWallets
from tests.hub.running import HubProcess, write_hub
from tests.hub.sandbox.operator_process import (
    DAY,
    NOON_S,
    OPERATOR,
    SHANGHAI,
    OperatorProcess,
    Town,
    payout,
)

KEY = "ab" * 32
ISO = (
    '[rail]\nkind = "iso20022"\nfolder = "bank"\ndebtor_name = "Carbon"\n'
    'debtor_agent = "C1010411000013"\naccounts = { ecny-shanghai = "FLOAT-1" }\n'
)
HTTP = (
    '[rail]\nkind = "signed-http"\nurl = "https://127.0.0.1:7543"\n'
    f'party_id = "{OPERATOR}"\nsigning_key = "{KEY}"\n'
)


def config_with(folder: Path, more: str) -> HubConfig:
    path = folder / "hub.toml"
    path.write_text(
        f'party = "party.toml"\ndata = "data"\npublic = "ceremony"\n{more}', encoding="utf-8"
    )
    return load_config(path)


def opened(
    town: Town, config: HubConfig, enter: Callable[[bytes, RailAnswer], Any] | None = None
) -> OpenRail:
    async def nobody(_payout_id: bytes, _answer: RailAnswer) -> None:
        raise AssertionError("no notice was expected")

    town.folder.joinpath("data").mkdir(exist_ok=True)
    return rail_of(
        config.rail,
        town.hub,
        data=config.data,
        clock=SteppedClock(NOON_S),
        enter=enter or nobody,
    )


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_without_a_table_the_sandbox_pays(town: Town) -> None:
    config = config_with(town.folder, "")
    assert isinstance(config.rail, SandboxRailConfig)

    with contextlib.closing(opened(town, config)) as rail:
        assert rail.rail.pay(payout()).status is RailStatus.SETTLED
        assert rail.rail.pay(payout()).value_day == DAY
        assert rail.files.of_day(SHANGHAI, DAY) is None
        past = rail.files.of_day(SHANGHAI, ValueDay(DAY - 1))

    assert past is not None
    assert past.lines == ()


def test_a_table_of_an_operator_is_read(town: Town) -> None:
    config = config_with(town.folder, HTTP + "connect_ms = 50\nanswer_ms = 60\n")

    assert isinstance(config.rail, SignedHttpRailConfig)
    assert (config.rail.connect_ms, config.rail.answer_ms) == (50, 60)
    with contextlib.closing(opened(town, config)) as rail:
        assert rail.background == []
        assert rail.rail.pay(payout()).status is RailStatus.UNKNOWN  # nobody is there


def test_a_table_of_a_bank_is_read_and_its_folder_lies_beside_the_file(town: Town) -> None:
    config = config_with(town.folder, ISO)

    assert isinstance(config.rail, Iso20022RailConfig)
    assert config.rail.folder == town.folder / "bank"
    with contextlib.closing(opened(town, config)) as rail:
        assert rail.rail.pay(payout()).status is RailStatus.ACCEPTED
        assert len(rail.background) == 1


WRONG = {
    "an unknown kind": '[rail]\nkind = "pigeon"\n',
    "a parameter of another kind": '[rail]\nkind = "sandbox"\nurl = "https://x"\n',
    "no encryption": HTTP.replace("https:", "http:"),
    "half a key": HTTP.replace(KEY, KEY[:32]),
    "a name that is none": HTTP.replace(OPERATOR, "Wallet Bank"),
    "no time": HTTP + "answer_ms = 0\n",
    "no accounts": ISO.replace("accounts", "# accounts"),
    "an account that is none": ISO.replace("FLOAT-1", "FLOAT 1"),
    "an agent that is none": ISO.replace("C1010411000013", "bank"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_table_is_refused_before_the_start(tmp_path: Path, case: str) -> None:
    with pytest.raises(HubConfigError, match="rail"):
        config_with(tmp_path, WRONG[case])


def test_an_agent_that_is_not_listed_is_refused(town: Town) -> None:
    config = config_with(town.folder, ISO.replace("C1010411000013", "C1010411000014"))

    with pytest.raises(InstitutionUnknownError):
        opened(town, config)


@pytest.mark.parametrize("strict", [False, True])
def test_a_wallet_of_an_unlisted_institution_is_turned_down_only_if_strict(
    town: Town, *, strict: bool
) -> None:
    config = config_with(
        town.folder, f'[rail]\nkind = "sandbox"\nstrict_wallets = {str(strict).lower()}\n'
    )
    unlisted = replace(payout(), wallet_id=WalletId("0112500000005081"))

    with contextlib.closing(opened(town, config)) as rail:
        answer = rail.rail.pay(unlisted)
        assert rail.rail.pay(payout(2)).status is RailStatus.SETTLED
        asked = rail.rail.query(unlisted.payout_id).status

    if strict:
        assert isinstance(rail.rail, StrictWallets)
        assert answer.status is RailStatus.REJECTED
        assert answer.reason.startswith("INSTITUTION_UNKNOWN")
        assert asked is RailStatus.NOT_FOUND
    else:
        assert answer.status is asked is RailStatus.SETTLED


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_notices_come_in_through_the_door_that_was_configured(town: Town) -> None:
    port = free_port()
    operator = OperatorProcess.start(town.write_config(notify_url=f"https://127.0.0.1:{port}"))
    table = HTTP.replace("7543", str(operator.port)).replace(
        KEY, town.operator.signing_key.public.hex()
    )
    config = config_with(town.folder, table + f'notices_listen = "127.0.0.1:{port}"\n')
    entered: list[RailAnswer] = []

    async def enter(_payout_id: bytes, answer: RailAnswer) -> None:
        entered.append(answer)

    async def work() -> None:
        rail = opened(town, config, enter)
        serving = [asyncio.ensure_future(task()) for task in rail.background]
        await asyncio.to_thread(rail.rail.pay, payout())
        for _ in range(1_000):
            if entered:
                break
            await asyncio.sleep(0.01)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        rail.close()

    asyncio.run(work())
    operator.stop()

    assert [answer.status for answer in entered] == [RailStatus.SETTLED]


@pytest.mark.parametrize("kind", ["sandbox", "signed-http", "iso20022"])
def test_a_hub_starts_and_stops_with_every_kind_of_rail(tmp_path: Path, kind: str) -> None:
    table = {"sandbox": "", "iso20022": ISO, "signed-http": HTTP}[kind]
    config = write_hub(tmp_path)
    more = 'notices_listen = "127.0.0.1:0"\n' if kind == "signed-http" else ""
    config.write_text(config.read_text(encoding="utf-8") + table + more, encoding="utf-8")

    with HubProcess.start(config) as hub:
        assert hub.stop() == 0


def test_limits_have_sensible_defaults() -> None:
    config = SignedHttpRailConfig(url="https://x", party_id=OPERATOR, signing_key=KEY)

    assert PostLimits() == PostLimits(
        connect_ms=config.connect_ms, answer_ms=config.answer_ms, connections=config.connections
    )
