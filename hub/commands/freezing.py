"""`fedcarbon-hub freeze`, `unfreeze` and `frozen`."""

from __future__ import annotations

import sys
from pathlib import Path

from fedcarbon.ids import programme_id
from fedcarbon.registry.enrolment import TOKEN_BYTES
from hub.clearing import freezing
from hub.commands.beside import beside
from hub.commands.printing import bytes_from_text, moment_text, print_json, print_table


def freeze(account: str, /, *, config: Path, programme: str, reason: str, operator: str) -> None:
    """Stop an account from giving anything out; it is still credited.

    New redemptions are refused (ACCOUNT_FROZEN). A payout that was sent goes on: the rail may have
    paid it; one that was not sent can be taken back by `cancel`.

    Args:
        account: the account token: 64 hexadecimal digits.
        config: the configuration file (TOML).
        programme: the account's.
        reason: for the hub's own people; no caller is told.
        operator: who you are; it is kept with the reason.
    """
    token = bytes_from_text(account, TOKEN_BYTES, "an account token")
    name = programme_id(programme)
    with beside(config) as hub:
        is_new = hub.write(
            lambda session: freezing.freeze(
                session, name, token, reason=reason, operator=operator, now_s=hub.now_s()
            )
        )
    sys.stdout.write("the account is frozen\n" if is_new else "the account was frozen before\n")


def unfreeze(account: str, /, *, config: Path, programme: str, reason: str, operator: str) -> None:
    """Let a frozen account give out again.

    Args:
        account: the account token: 64 hexadecimal digits.
        config: the configuration file (TOML).
        programme: the account's.
        reason: for the hub's own people.
        operator: who you are; it is kept with the reason.
    """
    token = bytes_from_text(account, TOKEN_BYTES, "an account token")
    name = programme_id(programme)
    with beside(config) as hub:
        is_new = hub.write(
            lambda session: freezing.unfreeze(
                session, name, token, reason=reason, operator=operator, now_s=hub.now_s()
            )
        )
    said = "the account is free again\n" if is_new else "the account was not frozen\n"
    sys.stdout.write(said)


def frozen(*, config: Path, json: bool = False) -> None:
    """List the accounts that are frozen, since when, by whom and why.

    Args:
        config: the configuration file (TOML).
        json: print one JSON document.
    """
    with beside(config) as hub:
        acts = hub.read(freezing.frozen_accounts)
    if json:
        print_json(
            [
                {
                    "programme": act.programme,
                    "account_token": act.account_token.hex(),
                    "frozen_s": act.recorded_s,
                    "operator": act.operator,
                    "reason": act.reason,
                }
                for act in acts
            ]
        )
        return
    print_table(
        f"{len(acts)} accounts are frozen",
        ("programme", "account", "since", "by", "why"),
        (
            (
                act.programme,
                act.account_token.hex(),
                moment_text(act.recorded_s),
                act.operator,
                act.reason,
            )
            for act in acts
        ),
    )
