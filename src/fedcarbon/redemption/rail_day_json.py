"""A rail's day as JSON: for rails whose files somebody brings by hand, and for tests.

    {"programme": "ecny-shanghai", "day": "2026-03-31",
     "lines": [{"payout_id": "<32 hex digits>", "amount_fen": 100, "outcome": "settled",
                "reference": "B-1", "reason": ""}],
     "statement": {"opening_fen": 1000, "closing_fen": 900,
                   "movements": [{"reference": "M-1", "amount_fen": -100,
                                  "payout_id": "<32 hex digits>", "text": "payout"}]}}

`statement` is null where the rail gives none, and so is the `payout_id` of other movements.
"""

from __future__ import annotations

import json
from typing import Any, Final

from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ids import programme_id
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import PAYOUT_ID_BYTES
from fedcarbon.redemption.rail_day import FloatMovement, FloatStatement, RailDay, RailLine
from fedcarbon.redemption.value_day import day_from_text, day_text
from fedcarbon.units import Fen

TEXT_LENGTH_MAX: Final = 500


def rail_day_from_json(data: bytes) -> RailDay:
    """Return the day that `data` describes.

    Raises:
        MalformedError: it describes none.
    """
    try:
        tree = _fields(json.loads(data), "programme", "day", "lines", "statement")
        return RailDay(
            programme=programme_id(_text(tree["programme"])),
            day=day_from_text(_text(tree["day"])),
            lines=tuple(_line(item) for item in _list(tree["lines"])),
            statement=None if tree["statement"] is None else _statement(tree["statement"]),
        )
    except FedcarbonError as error:
        raise MalformedError(f"a rail's day: {error}") from error
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise MalformedError(f"a rail's day: {type(error).__name__}") from error


def rail_day_json(rail_day: RailDay) -> bytes:
    """Return the JSON of a day."""
    statement = rail_day.statement
    tree = {
        "programme": rail_day.programme,
        "day": day_text(rail_day.day),
        "lines": [
            {
                "payout_id": line.payout_id.hex(),
                "amount_fen": line.amount_fen,
                "outcome": line.outcome.value,
                "reference": line.reference,
                "reason": line.reason,
            }
            for line in rail_day.lines
        ],
        "statement": None
        if statement is None
        else {
            "opening_fen": statement.opening_fen,
            "closing_fen": statement.closing_fen,
            "movements": [
                {
                    "reference": item.reference,
                    "amount_fen": item.amount_fen,
                    "payout_id": None if item.payout_id is None else item.payout_id.hex(),
                    "text": item.text,
                }
                for item in statement.movements
            ],
        },
    }
    return json.dumps(tree, ensure_ascii=False, indent=1).encode()


def _line(tree: object) -> RailLine:
    names = ("payout_id", "amount_fen", "outcome", "reference", "reason")
    fields = _fields(tree, *names)
    return RailLine(
        payout_id=_payout_id(fields["payout_id"]),
        amount_fen=Fen(_integer(fields["amount_fen"])),
        outcome=PayoutOutcome(_text(fields["outcome"])),
        reference=_text(fields["reference"]),
        reason=_text(fields["reason"]),
    )


def _statement(tree: object) -> FloatStatement:
    fields = _fields(tree, "opening_fen", "closing_fen", "movements")
    return FloatStatement(
        opening_fen=_integer(fields["opening_fen"]),
        closing_fen=_integer(fields["closing_fen"]),
        movements=tuple(_movement(item) for item in _list(fields["movements"])),
    )


def _movement(tree: object) -> FloatMovement:
    fields = _fields(tree, "reference", "amount_fen", "payout_id", "text")
    payout_id = fields["payout_id"]
    return FloatMovement(
        reference=_text(fields["reference"]),
        amount_fen=_integer(fields["amount_fen"]),
        payout_id=None if payout_id is None else _payout_id(payout_id),
        text=_text(fields["text"]),
    )


def _fields(tree: object, *names: str) -> dict[str, Any]:
    if not isinstance(tree, dict) or tree.keys() != set(names):
        raise MalformedError(f"expected exactly the fields {', '.join(names)}")
    return tree


def _list(tree: object) -> list[Any]:
    if not isinstance(tree, list):
        raise MalformedError("expected a list")
    return tree


def _integer(tree: object) -> int:
    # bool is an int, and is no amount
    if type(tree) is not int or abs(tree) > INTEGER_MAX:
        raise MalformedError("expected an integer below 2^53")
    return tree


def _text(tree: object) -> str:
    if not isinstance(tree, str) or len(tree) > TEXT_LENGTH_MAX:
        raise MalformedError(f"expected a text of at most {TEXT_LENGTH_MAX} characters")
    tree.encode()  # a lone surrogate fits into JSON, but into nothing else
    return tree


def _payout_id(tree: object) -> bytes:
    data = bytes.fromhex(_text(tree))
    if len(data) != PAYOUT_ID_BYTES:
        raise MalformedError(f"a payout id has {PAYOUT_ID_BYTES} bytes")
    return data
