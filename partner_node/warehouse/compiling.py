"""From a methodology's integer program to one Ibis expression, and to an engine's SQL.

The only module that knows Ibis, so that another compiler can take its place. Each node of a
program becomes one operation. What Ibis or an engine gets wrong is kept out by construction:

* `/` and `//` of an expression go through floating point on every SQL engine, so there are none:
  division is a function of the engine that is exact for integers (`Words.divide`).
* A literal that fits 32 bits is 32 bits wide to an engine, and so is a product of two: literals
  are cast to 64.
* Text is compared by its bytes: a column's collation may find `Rail` equal to `rail`.
* Arithmetic on a refused row is done on stand-ins in range, because no engine promises to leave
  out the branch of a CASE that is not taken.
* A value that several steps use is a column of an inner query, so that a query's length grows
  with its program and not with the number of ways through it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add, and_, eq, le, lt, mul, or_, sub
from typing import Any, Final

import ibis

from fedcarbon.methodology.activity import INSTANT_S_MAX
from fedcarbon.methodology.crediting import NOT_WHOLE_MONTHS
from fedcarbon.methodology.definition import DURATION_S_MAX
from fedcarbon.methodology.integer_program import (
    Always,
    Both,
    Choice,
    Column,
    Comparison,
    Difference,
    Either,
    Flag,
    InputColumn,
    IntegerProgram,
    Known,
    Literal,
    Not,
    Number,
    Product,
    Quotient,
    Sum,
    WordIs,
)
from fedcarbon.methodology.reject_reason import RejectReason
from fedcarbon.units import SECONDS_PER_DAY
from partner_node.warehouse.local_time import Offset, date_of, halves_of, local_day, offsets_of
from partner_node.warehouse.steps import Node, Step, Steps
from partner_node.warehouse.table import (
    ACTIVITY_ID,
    ENDED_AT,
    OBJECT_REF,
    STARTED_AT,
    TIMES,
    Engine,
    Table,
    check_columns,
    history_names,
)

AMOUNT: Final = "amount"
REFUSAL: Final = "refusal"
RESULT: Final = (ACTIVITY_ID, AMOUNT, REFUSAL)

Expression = Any
"""Of Ibis, which has no types of its own."""

_INT32_MAX: Final = (1 << 31) - 1
_MICROS: Final = 1_000_000
_MONTHS: Final = 12


# --- what differs between engines ---------------------------------------------------------------


def _function(name: str, arguments: Sequence[str], result: str) -> Callable[..., Expression]:
    """Return a function that every server of an engine has, under its name there."""

    def of_one(first: Expression) -> Expression: ...

    def of_two(first: Expression, second: Expression) -> Expression: ...

    declared = ibis.udf.scalar.builtin(name=name, signature=(tuple(arguments), result))
    return declared(of_one if len(arguments) == 1 else of_two)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The functions of one engine that Ibis has no exact word for."""

    divide: Callable[[Expression, Expression], Expression]
    """Of int64, rounded towards zero: exact, and rounded down where neither is negative."""
    micros: Callable[[Expression], Expression]
    """Microseconds since 1970 of a timestamp with a zone."""
    encoded: Callable[[Expression], Expression]
    """The UTF-8 bytes of a text."""


_spark_encode: Final = _function("encode", ["string", "string"], "binary")

WORDS: Final[Mapping[Engine, Words]] = {
    Engine.DUCKDB: Words(
        divide=_function("divide", ["int64", "int64"], "int64"),
        micros=_function("epoch_us", ["timestamp('UTC')"], "int64"),
        encoded=_function("encode", ["string"], "binary"),
    ),
    Engine.SPARK: Words(
        divide=_function("div", ["int64", "int64"], "int64"),
        micros=_function("unix_micros", ["timestamp('UTC')"], "int64"),
        encoded=lambda text: _spark_encode(text, "UTF-8"),
    ),
}


# --- from a methodology to a query --------------------------------------------------------------


def query_of(
    program: IntegerProgram,
    table: Table,
    engine: Engine,
    time_zone: str,
    *,
    also: Sequence[str] = (),
    wanted: Collection[str] | None = None,
    may_be_instant: bool = False,
) -> str:
    """Return the SQL that computes `program` for every row of `table`.

    Args:
        program: from `lower`.
        table: what the engine says about it.
        engine: who will run the query.
        time_zone: of the programme, IANA name: it decides on which local day something began.
        also: columns that the answer has besides `RESULT`; times among them are whole seconds.
        wanted: only rows without a refusal or with one of these; None: all rows.
        may_be_instant: what does not say when it ended lasted a second (a purchase, a count).

    Raises:
        WarehouseTableError: the table lacks a column or has one of another type.
        ConfigurationError: the zone is unknown.
    """
    read = check_columns(program, table, set(also) - {*TIMES, *history_names(program)})
    *schema, name = table.name
    source = ibis.table(
        {column: table.columns[column].value for column in read},
        name=name,
        database=tuple(schema) if len(schema) > 1 else next(iter(schema), None),
    )
    judged = compile_methodology(
        program, source, engine, time_zone, also=also, may_be_instant=may_be_instant
    )
    if wanted is not None:
        judged = judged.filter(judged[REFUSAL].isnull() | judged[REFUSAL].isin(sorted(wanted)))
    fused = ibis.options.sql.fuse_selects
    # Steps that several others use must stay columns of an inner query.
    ibis.options.sql.fuse_selects = False
    try:
        return str(ibis.to_sql(judged, dialect=engine.value))
    finally:
        ibis.options.sql.fuse_selects = fused


def compile_methodology(
    program: IntegerProgram,
    source: Expression,
    engine: Engine,
    time_zone: str,
    *,
    also: Sequence[str] = (),
    may_be_instant: bool = False,
) -> Expression:
    """Return the Ibis table of `RESULT` and `also`, one row for every row of `source`.

    `amount` is int64, and 0 where `refusal` is not null.
    """
    words = WORDS[engine]
    table = _with_times(source, words, time_zone, may_be_instant=may_be_instant)
    if program.history is not None:
        table = _with_history(table, program, words, time_zone)
    table = table.mutate(**{_known(item): _is_known(item, table, words) for item in program.inputs})
    table = table.mutate(**{_safe(item): _in_range(item, table) for item in program.inputs})
    steps = Steps(program)
    for level in steps.levels:
        mapped = _Mapping(steps, table, words)
        table = table.mutate(**{_column(step): mapped.built(step) for step in level})
    mapped = _Mapping(steps, table, words)
    refusals = [*_time_refusals(program, table), *_input_refusals(program, table)]
    refusals += [(rule, mapped.expression(step)) for rule, step in steps.refusals]
    refusal = ibis.cases(
        *((broken, ibis.literal(rule)) for rule, broken in refusals),
        else_=ibis.literal(None, type="string"),
    )
    judged = table.mutate(**{REFUSAL: refusal, _EXACT: mapped.expression(steps.amount)})
    amount = ibis.cases((judged[REFUSAL].isnull(), judged[_EXACT]), else_=_literal(0))
    taken = {name: judged[_SECONDS.get(name, name)] for name in also}
    return judged.select(
        **{ACTIVITY_ID: judged[ACTIVITY_ID], **taken, AMOUNT: amount, REFUSAL: judged[REFUSAL]}
    )


class _Mapping:
    """Steps of a program as expressions over a table that has the inputs and some of the steps."""

    def __init__(self, steps: Steps, table: Expression, words: Words) -> None:
        self._steps = steps
        self._table = table
        self._words = words

    def expression(self, step: Step) -> Expression:
        """Return the column of a step, or else the step built from its operands."""
        name = _column(step)
        return self._table[name] if name in self._table.columns else self.built(step)

    def built(self, step: Step) -> Expression:  # noqa: PLR0911 - one case per kind of node
        """Return one node as one operation."""
        node = self._steps.nodes[step]
        operands = [self.expression(item) for item in self._steps.operands[step]]
        match node:
            case Choice():
                *cases, otherwise = operands
                pairs = zip(cases[::2], cases[1::2], strict=True)
                return ibis.cases(*pairs, else_=otherwise)
            case Both():
                return reduce(and_, operands, ibis.literal(value=True))
            case Either():
                return reduce(or_, operands, ibis.literal(value=False))
            case Not():
                return ~operands[0]
            case Quotient():
                return self._words.divide(*operands)
            case Sum() | Difference() | Product():
                return _ARITHMETIC[type(node)](*operands)
            case Comparison():
                return _COMPARISONS[node.operator](*operands)
            case _:
                return self._leaf(node)

    def _leaf(self, node: Node) -> Expression:
        """Return a node without operands: what is known, or what a column holds."""
        match node:
            case Literal():
                return _literal(node.low)
            case Always():
                return ibis.literal(value=node.value)
            case Column():
                return self._table[_SAFE + node.name]
            case Flag():
                return self._table[_SAFE + node.column]
            case Known():
                return self._table[_KNOWN + node.column]
            case _:
                assert isinstance(node, WordIs)  # noqa: S101 - there is no other node
                return _is_word(self._table[_SAFE + node.column], node.word, self._words)


_ARITHMETIC: Final[Mapping[type[Number], Callable[[Expression, Expression], Expression]]] = {
    Sum: add,
    Difference: sub,
    Product: mul,
}
_COMPARISONS: Final[Mapping[str, Callable[[Expression, Expression], Expression]]] = {
    "==": eq,
    "<": lt,
    "<=": le,
}


def _column(step: Step) -> str:
    return f"_step_{step}"


# --- columns that are read ----------------------------------------------------------------------

_SECONDS: Final = {STARTED_AT: "_started_s", ENDED_AT: "_ended_s"}
_LOCAL: Final = "_local_s"
_EXACT: Final = "_exact"
_KNOWN: Final = "_known_"
_SAFE: Final = "_safe_"


def _with_times(
    source: Expression, words: Words, time_zone: str, *, may_be_instant: bool
) -> Expression:
    """Add the times in seconds, null outside 1970 to 2242, and the inputs that come from them."""
    started, ended = (_seconds(source[name], words) for name in TIMES)
    if may_be_instant:
        ended = ibis.cases((source[ENDED_AT].isnull(), started + _literal(1)), else_=ended)
    table = source.mutate(**dict(zip(_SECONDS.values(), (started, ended), strict=True)))
    started, ended = (table[name] for name in _SECONDS.values())
    local = started + _offset(offsets_of(time_zone), started)
    table = table.mutate(duration_s=ended - started, **{_LOCAL: local})
    divide = _by_number(words)
    table = table.mutate(day=local_day(table[_LOCAL], divide))
    return table.mutate(year=date_of(table.day, divide).year)


def _by_number(words: Words) -> Callable[[Expression, int], Expression]:
    """Return the division by a number that is known."""
    return lambda left, right: words.divide(left, _literal(right))


def _seconds(column: Expression, words: Words) -> Expression:
    """Return whole seconds since 1970, parts of a second dropped; null if out of range."""
    if column.type().is_timestamp():
        micros = words.micros(column)
        inside = micros >= _literal(0)
        return ibis.cases(
            (
                inside & (micros < _literal((INSTANT_S_MAX + 1) * _MICROS)),
                words.divide(micros, _literal(_MICROS)),
            ),
            else_=_nothing(),
        )
    inside = (column >= _literal(0)) & (column <= _literal(INSTANT_S_MAX))
    return ibis.cases((inside, column), else_=_nothing())


def _offset(offsets: Sequence[Offset], at: Expression) -> Expression:
    """Return the offset of a zone at an instant: a CASE of CASEs, halving the list."""
    if len(offsets) == 1:
        return _literal(offsets[0].offset_s)
    earlier, later = halves_of(offsets)
    is_later = at >= _literal(later[0].since_s)
    return ibis.cases((is_later, _offset(later, at)), else_=_offset(earlier, at))


def _with_history(
    table: Expression, program: IntegerProgram, words: Words, time_zone: str
) -> Expression:
    """Add what the same object counted in the same months of earlier years, null if not known.

    Periods run from the first of a local month to the first of another, else they have no months
    and no history. A period that an object has twice has no value: nobody can say which is right.
    """
    assert program.history is not None  # noqa: S101 - our own caller
    field, _ = program.history
    ended = table[_SECONDS[ENDED_AT]]
    table = table.mutate(_local_end_s=ended + _offset(offsets_of(time_zone), ended))
    months = {"_first": _month(table[_LOCAL], words), "_last": _month(table["_local_end_s"], words)}
    table = table.mutate(_object=words.encoded(table[OBJECT_REF]), **months)
    period = ("_object", *months)
    seen = table.filter(table[field].notnull() & (table[OBJECT_REF] != ""))
    values = seen.group_by(period).aggregate(_count=seen.count(), _value=seen[field].min())
    values = values.filter(values["_count"] == _literal(1))
    for years, name in enumerate(history_names(program), start=1):
        later = {month: values[month] + _literal(years * _MONTHS) for month in months}
        keys = {"_object": values["_object"]} | later
        earlier = values.select(
            **{f"{key}_{name}": value for key, value in keys.items()}, **{name: values["_value"]}
        )
        same = [table[key] == earlier[f"{key}_{name}"] for key in period]
        table = table.left_join(earlier, same).select(*table.columns, name)
    return table


def _month(local_s: Expression, words: Words) -> Expression:
    """Return the number of a month that begins at a local time; null if none does."""
    divide = _by_number(words)
    day = local_day(local_s, divide)
    date = date_of(day, divide)
    begins = (day * SECONDS_PER_DAY == local_s) & (date.day == _literal(1))
    return ibis.cases((begins, date.year * _MONTHS + date.month), else_=_nothing())


# --- inputs -------------------------------------------------------------------------------------


def _known(column: InputColumn) -> str:
    return _KNOWN + column.name


def _safe(column: InputColumn) -> str:
    return _SAFE + column.name


def _is_known(column: InputColumn, table: Expression, words: Words) -> Expression:
    """Tell whether a row has the value, and in its range: never null."""
    if column.name not in table.columns:
        return ibis.literal(value=False)
    raw = table[column.name]
    if column.kind == "integer":
        inside = (raw >= _literal(column.low)) & (raw <= _literal(column.high))
    elif column.kind == "word" and column.words:
        inside = reduce(or_, (_is_word(raw, word, words) for word in sorted(column.words)))
    else:
        inside = ibis.literal(value=True)
    return ibis.cases((raw.notnull(), inside), else_=ibis.literal(value=False))


def _in_range(column: InputColumn, table: Expression) -> Expression:
    """Return the value of a column, its stand-in where that is missing or out of range."""
    stand_in = column.stand_in
    # A truth is an int to Python, and must stay a truth to an engine.
    instead = _literal(int(stand_in)) if column.kind == "integer" else ibis.literal(stand_in)
    if column.name not in table.columns:
        return instead
    return ibis.cases((table[_known(column)], table[column.name]), else_=instead)


def _is_word(text: Expression, word: str, words: Words) -> Expression:
    return words.encoded(text) == words.encoded(ibis.literal(word))


def _time_refusals(program: IntegerProgram, table: Expression) -> list[tuple[str, Expression]]:
    """Return what no activity can have, in the order in which an activity is checked."""
    started, ended = (table[name] for name in _SECONDS.values())
    found = [
        (RejectReason.MALFORMED_TIME.value, started.isnull() | ended.isnull()),
        (RejectReason.NOT_POSITIVE_DURATION.value, table.duration_s < _literal(1)),
        (RejectReason.DURATION_ABOVE_MAXIMUM.value, table.duration_s > _literal(DURATION_S_MAX)),
    ]
    if program.history is not None:
        whole = table["_first"].notnull() & table["_last"].notnull()
        found.append((NOT_WHOLE_MONTHS, ~whole))
    return found


def _input_refusals(program: IntegerProgram, table: Expression) -> list[tuple[str, Expression]]:
    found = []
    for column in program.inputs:
        if column.name not in table.columns:
            continue
        raw, known = table[column.name], table[_known(column)]
        if column.missing and column.default is None:
            found.append((column.missing, raw.isnull()))
        found.append((column.refusal, raw.notnull() & ~known))
    return found


def _literal(value: int) -> Expression:
    """Return an integer of 64 bits."""
    if abs(value) <= _INT32_MAX:
        return ibis.literal(value, type="int32").cast("int64")
    return ibis.literal(value, type="int64")


def _nothing() -> Expression:
    return ibis.literal(None, type="int64")
