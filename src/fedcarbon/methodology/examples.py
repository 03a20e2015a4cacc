"""Worked examples: known answers in the file itself, recomputed whenever it is read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from fedcarbon.methodology.arithmetic import UncomputableError
from fedcarbon.methodology.definition import Example, ExampleEvent, Methodology
from fedcarbon.methodology.document import DocumentError, Entry
from fedcarbon.methodology.expression import Value
from fedcarbon.methodology.integer_program import IntegerProgram, run
from fedcarbon.methodology.limits import Counted, apply_limits
from fedcarbon.methodology.lowering import lower
from fedcarbon.methodology.reference import EPOCH, Outcome, evaluate
from fedcarbon.methodology.section import Section, date_of, rational_of

DURATION_DEFAULT_S: Final = 600
EVENTS_MAX: Final = 1_000


def read_examples(top: Section, day: dt.date) -> tuple[Example, ...]:
    """Return the examples of a file.

    Args:
        top: the whole file.
        day: of an example that names none.
    """
    examples = tuple(_example(section, day) for section in top.items("examples"))
    if sum(event.times for example in examples for event in example.events) > EVENTS_MAX:
        raise DocumentError(top.line, f"all examples have at most {EVENTS_MAX} events")
    return examples


def check_examples(
    methodology: Methodology,
    top: Section,
    completed: Callable[[Mapping[str, Fraction]], Methodology],
) -> None:
    """Recompute every example; those of a draft with the values that they give.

    Raises:
        DocumentError: an answer differs, in whichever evaluator.
    """
    if methodology.status.computes and not methodology.examples:
        raise DocumentError(top.line, "a methodology has worked examples")
    program = lower(methodology) if methodology.status.computes else None
    for section, example in zip(top.items("examples"), methodology.examples, strict=True):
        try:
            found = _found(methodology, section, example, program, completed)
        except UncomputableError as error:
            raise DocumentError(section.line, str(error)) from error
        wanted = (example.expect, example.refused)
        if found != wanted:
            raise DocumentError(
                section.line, f"example {example.name!r} gives {_said(found)}, not {_said(wanted)}"
            )


def _found(
    methodology: Methodology,
    section: Section,
    example: Example,
    program: IntegerProgram | None,
    completed: Callable[[Mapping[str, Fraction]], Methodology],
) -> tuple[Fraction | None, str | None]:
    if methodology.status.computes:
        return outcome_of(methodology, example, program)
    if methodology.amount is None:
        raise DocumentError(section.line, "an example of a draft needs its amount")
    unknown = any(item.value is None for item in methodology.parameters.values())
    if unknown and not example.given:
        raise DocumentError(section.line, "an example of a draft gives what the draft lacks")
    return outcome_of(completed(example.given), example, enable_draft=True)


def outcome_of(
    methodology: Methodology,
    example: Example,
    program: IntegerProgram | None = None,
    *,
    enable_draft: bool = False,
) -> tuple[Fraction | None, str | None]:
    """Return what an example comes to after limits, in the unit of the result, or its refusal.

    Args:
        methodology: what to evaluate.
        example: its events and what they should give.
        program: the methodology in integers, if it has been lowered before.
        enable_draft: compute under a draft whose parameters are all given.
    """
    if program is None and methodology.status.computes:
        program = lower(methodology)
    counted: list[Counted] = []
    for number, event in enumerate(_repeated(example)):
        outcome = _evaluated(methodology, program, event, enable_draft=enable_draft)
        if outcome.refusal is not None:
            if example.refused is not None or len(example.events) == 1:
                return None, outcome.refusal
            continue
        counted.append(
            Counted(
                activity_id=f"{number:06d}",
                started_at_s=number,
                day=event.day,
                values=event.values,
                duration_s=event.duration_s,
                amount=outcome.amount,
            )
        )
    left = apply_limits(methodology, counted).values()
    total = sum(item.amount for item in left)
    return Fraction(total, methodology.result.scale), None


def _evaluated(
    methodology: Methodology,
    program: IntegerProgram | None,
    event: ExampleEvent,
    *,
    enable_draft: bool,
) -> Outcome:
    """Return the outcome, after both evaluators have agreed on it."""
    outcome = evaluate(
        methodology,
        event.values,
        duration_s=event.duration_s,
        day=event.day,
        history=event.history,
        enable_draft=enable_draft,
    )
    if program is not None and outcome.refusal != "field_unknown":  # an engine reads no others
        past = {f"history_{k}": value for k, value in enumerate(event.history, start=1)}
        always = {
            "duration_s": event.duration_s,
            "day": (event.day - EPOCH).days,
            "year": event.day.year,
        }
        if run(program, {**event.values, **past, **always}) != (outcome.amount, outcome.refusal):
            raise UncomputableError("the two evaluators give different answers")
    return outcome


def _repeated(example: Example) -> list[ExampleEvent]:
    return [event for event in example.events for _ in range(event.times)]


def _said(outcome: tuple[Fraction | None, str | None]) -> str:
    return f"refusal {outcome[1]}" if outcome[1] is not None else str(outcome[0])


def _example(section: Section, day: dt.date) -> Example:
    expect, refused = section.optional("expect"), section.optional("refused")
    if (expect is None) == (refused is None):
        raise DocumentError(section.line, "an example has either `expect` or `refused`")
    given = section.optional_section("given")
    name = section.text("name")
    if "events" in section:
        events = tuple(_event(item, day) for item in section.items("events"))
    else:
        events = (_event(section, day, finish=False),)
    if not events or sum(event.times for event in events) > EVENTS_MAX:
        raise DocumentError(section.line, f"an example has 1 to {EVENTS_MAX} events")
    section.finish()
    return Example(
        name=name,
        events=events,
        expect=None if expect is None else rational_of(expect),
        refused=None if refused is None else str(refused.content),
        given={} if given is None else {k: rational_of(v) for k, v in given.rest().items()},
    )


def _event(section: Section, day: dt.date, *, finish: bool = True) -> ExampleEvent:
    past = section.optional("history")
    items = past.content if past is not None else ()
    if not isinstance(items, tuple):
        raise DocumentError(section.line, "history is a list: last year's value, the year before's")
    on = section.optional("day")
    event = ExampleEvent(
        values={name: _value(entry) for name, entry in section.section("values").rest().items()},
        duration_s=(
            section.integer("duration_s", 0, 10**9)
            if "duration_s" in section
            else DURATION_DEFAULT_S
        ),
        day=day if on is None else date_of(on),
        history=tuple(_reading(item) for item in items),
        times=section.integer("times", 1, EVENTS_MAX) if "times" in section else 1,
    )
    if finish:
        section.finish()
    return event


def _value(entry: Entry) -> Value:
    if isinstance(entry.content, int | str):
        return entry.content
    raise DocumentError(entry.line, "a value is an integer, a word, true or false")


def _reading(entry: Entry) -> int | None:
    if entry.content is None or type(entry.content) is int:
        return entry.content
    raise DocumentError(entry.line, "a reading is an integer or null")
