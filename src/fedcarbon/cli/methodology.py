"""`fedcarbon methodology`: list, show, check, explain and compare methodologies."""

from __future__ import annotations

import datetime as dt
import json as json_format
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, Final, Literal

from cyclopts import App
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from fedcarbon.cli.catalogue import (
    SUFFIX,
    catalogue_bytes,
    catalogue_names,
    file_bytes,
    load_from_catalogue,
    load_from_file,
    named_methodology,
)
from fedcarbon.cli.methodology_words import explanation
from fedcarbon.errors import CallerError, FedcarbonError
from fedcarbon.methodology.arithmetic import decimal_text
from fedcarbon.methodology.definition import (
    Basis,
    FieldKind,
    Methodology,
    MethodologyStatus,
    ResultKind,
)
from fedcarbon.methodology.difference import (
    Change,
    ExampleChange,
    changes_between,
    example_changes,
    facts_of,
)
from fedcarbon.methodology.expression import Value
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.methodology.reference import Outcome, evaluate

EXIT_REFUSED: Final = 1
Language = Literal["zh", "en"]

app = App(
    name="methodology",
    help="""Read, check and explain the methodologies that turn activities into grams, points or
money. docs/METHODOLOGY.md tells how to write and to review one.

See what there is, and read one of them with its sources:

  fedcarbon methodology list

  fedcarbon methodology show cn-ecny-shanghai

Ask what one activity earns, step by step, each factor with its source:

  fedcarbon methodology explain cn-ecny-shanghai --values mode=rail,distance_m=12500

Check your own file, and see what it changes:

  fedcarbon methodology check my-methodology.yaml

  fedcarbon methodology diff cn-shanghai-rail my-methodology.yaml

A methodology is named by its id in the catalogue, or by the path of a *.yaml file.
""",
)


class MethodologyInputError(CallerError):
    """The words on the command line do not describe an activity; write them as the help says."""

    code: ClassVar[str] = "METHODOLOGY_INPUT"


@app.command(name="list")
def list_methodologies(
    *,
    status: MethodologyStatus | None = None,
    kind: ResultKind | None = None,
    language: Language = "en",
    json: bool = False,
) -> None:
    """List the catalogue: what computes, and what is a draft because a number is missing.

    Args:
        status: only those of this status.
        kind: only those whose result is of this kind.
        language: of the titles.
        json: print one JSON document instead of a table.
    """
    found = [
        item
        for item in map(load_from_catalogue, catalogue_names())
        if status in {None, item.status} and kind in {None, item.result.kind}
    ]
    if json:
        _print_json([_summary(item) for item in found])
        return
    table = Table(
        Column("id", no_wrap=True), Column("status", no_wrap=True), "result", "title", box=None
    )
    for item in found:
        footprint = item.result.basis is Basis.FOOTPRINT
        table.add_row(
            item.methodology_id,
            item.status.value,
            "footprint" if footprint else item.result.kind.value,
            item.title[language],
            style=None if item.status.computes else "dim",
        )
    console = Console()
    console.print(table)
    drafts = sum(not item.status.computes for item in found)
    console.print(f"{len(found)} methodologies, {drafts} of them drafts that refuse to compute")


@app.command
def show(methodology: str, /, *, json: bool = False) -> None:
    """Show one methodology: fields, every number with its source, formulas, rules and limits.

    Args:
        methodology: an id of the catalogue, or a *.yaml file.
        json: print one JSON document.
    """
    found = named_methodology(methodology)
    facts = [
        {"part": part.value, "name": name, "text": text}
        for (part, name), text in facts_of(found).items()
    ]
    if json:
        _print_json({**_summary(found), "facts": facts})
        return
    table = Table("part", "name", "text", title=found.methodology_id, show_lines=False)
    last = ""
    for fact in facts:
        table.add_row(fact["part"] if fact["part"] != last else "", fact["name"], fact["text"])
        last = fact["part"]
    console = Console(highlight=False)
    console.print(table)
    console.print(f"content hash {found.content_hash.hex()}", soft_wrap=True)
    console.print(f"{len(found.examples)} worked examples hold")


@app.command
def check(*files: Path, json: bool = False) -> None:
    """Check methodology files; without FILES the whole catalogue. Exit code 1 if one is refused.

    A file passes if it is in the language, its units fit, no step can leave 64 bits, every worked
    example gives what it says in both evaluators, and it carries no quarantined factor. A refusal
    names the file, the line and what is wrong.

    Args:
        files: methodology files.
        json: print one JSON document.
    """
    results = [_result(str(path)) for path in files] or [*map(_result, catalogue_names())]
    refused = [result for result in results if not result["ok"]]
    if json:
        _print_json(results)
    else:
        console = Console(highlight=False)
        for result in results:
            _print_result(console, result)
        console.print(f"{len(results)} files, {len(refused)} refused")
    sys.exit(EXIT_REFUSED if refused else 0)


@app.command
def explain(
    methodology: str,
    /,
    *,
    values: str,
    duration: int = 600,
    history: str = "",
    day: str = "",
    given: str = "",
    language: Language = "en",
    json: bool = False,
) -> None:
    """Explain what METHODOLOGY makes of one activity: each factor, its source, the arithmetic.

    fedcarbon methodology explain cn-beijing-no-drive --duration 181800 --language zh --values
    plate=beijing,energy=fuel,displacement_ml=2000,odometer_change_m=0

    Args:
        methodology: an id of the catalogue, or a *.yaml file.
        values: its fields, as name=value,name=value; `show` lists them.
        duration: seconds from start to end.
        history: for an own-history baseline, the reading of the same period one year before, two
            years before, and so on, with `null` for one that is not known: 1800000,null
        day: local day on which it began, YYYY-MM-DD; by default one on which the text is in force.
        given: try a draft with hypothetical values of the numbers that it lacks: NAME=value
        language: zh or en.
        json: print one JSON document.
    """
    found = named_methodology(methodology)
    if given:
        found = _completed(methodology, given)
    outcome = evaluate(
        found,
        activity_values(found, values),
        duration_s=duration,
        day=_day(found, day),
        history=_history(history),
        enable_draft=bool(given),
        traced=True,
    )
    if json:
        _print_json(_outcome_tree(found, outcome))
        return
    console = Console(highlight=False)
    if given:
        console.print("DRAFT with hypothetical numbers: for study, never for credit", style="bold")
    for line in explanation(found, outcome, language):
        console.print(Text(line), soft_wrap=True)


@app.command(name="diff")
def diff_methodologies(old: str, new: str, /, *, json: bool = False) -> None:
    """Show which numbers, sources and rules changed, and what that does to the examples of both.

    Args:
        old: an id of the catalogue, or a *.yaml file.
        new: an id of the catalogue, or a *.yaml file.
        json: print one JSON document.
    """
    before, after = named_methodology(old), named_methodology(new)
    changes, examples = changes_between(before, after), example_changes(before, after)
    if json:
        _print_json(_difference_tree(changes, examples))
        return
    console = Console(highlight=False)
    if before.content_hash == after.content_hash:
        console.print("the same content")
        return
    if (before.methodology_id, before.version) == (after.methodology_id, after.version):
        console.print(
            "the content differs and the version does not: give the new file a new version",
            style="bold red",
        )
    table = Table("part", "name", "old", "new", title="What changed")
    for change in changes:
        table.add_row(change.part.value, change.name, change.old, change.new)
    console.print(table)
    table = Table("example", "in", "old", "new", title="What that does to the examples")
    for example in examples:
        style = "bold" if example.differs else "dim"
        table.add_row(example.name, example.of, example.old, example.new, style=style)
    console.print(table)
    differing = sum(example.differs for example in examples)
    console.print(
        f"{len(changes)} changes; {differing} of {len(examples)} examples answer otherwise"
    )


def _result(named: str) -> dict[str, Any]:
    """Return what the checks say about one methodology."""
    is_file = named.endswith(SUFFIX) or Path(named).exists()
    try:
        found = load_from_file(Path(named)) if is_file else load_from_catalogue(named)
    except FedcarbonError as error:
        return {"file": named, "ok": False, "code": error.code, "message": str(error)}
    message = f"{found.status}, {len(found.examples)} examples"
    return {"file": named, "ok": True, "code": "", "message": message}


def activity_values(methodology: Methodology, text: str) -> dict[str, Value]:
    """Return the values that `name=value,name=value` gives, each of the kind of its field.

    Raises:
        MethodologyInputError: not of this form, or a field that the methodology does not have.
    """
    found: dict[str, Value] = {}
    for name, value in _pairs(text):
        field = methodology.inputs.get(name)
        if field is None:
            known = ", ".join(methodology.fields)
            raise MethodologyInputError(f"there is no field {name!r}; there are {known}")
        if field.kind is FieldKind.WORD:
            found[name] = value
        elif field.kind is FieldKind.TRUTH and value in {"true", "false"}:
            found[name] = value == "true"
        elif field.kind is FieldKind.INTEGER and value.removeprefix("-").isdecimal():
            found[name] = int(value)
        else:
            raise MethodologyInputError(f"{name} is {field.kind}: {value[:40]!r} is none")
    return found


def _pairs(text: str) -> list[tuple[str, str]]:
    found = []
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        if not equals:
            raise MethodologyInputError(f"{part[:40]!r} is not of the form name=value")
        found.append((name.strip(), value.strip()))
    return found


def _completed(named: str, given: str) -> Methodology:
    """Return a draft with hypothetical values in place of the numbers that it lacks."""
    try:
        numbers = {name: Fraction(value) for name, value in _pairs(given)}
    except (ValueError, ZeroDivisionError) as error:
        raise MethodologyInputError("--given is NAME=number,NAME=number") from error
    is_file = named.endswith(SUFFIX)
    data = file_bytes(Path(named)) if is_file else catalogue_bytes(named)
    found = parse_methodology(data, named, given=numbers)
    unknown = [name for name, item in found.parameters.items() if item.value is None]
    if found.status.computes or unknown:
        wanted = f"give {', '.join(unknown)} too" if unknown else "leave --given out"
        raise MethodologyInputError(f"{found.methodology_id} is {found.status}: {wanted}")
    return found


def _history(text: str) -> list[int | None]:
    try:
        parts = [part.strip() for part in text.split(",")] if text else []
        return [None if part == "null" else int(part) for part in parts]
    except ValueError as error:
        raise MethodologyInputError("--history is readings and null, with commas") from error


def _day(methodology: Methodology, text: str) -> dt.date:
    try:
        if text:
            return dt.date.fromisoformat(text)
    except ValueError as error:
        raise MethodologyInputError("a day is written as YYYY-MM-DD") from error
    version = dt.date.fromisoformat(methodology.version[:10])
    return max(version, methodology.valid_from or version)


# --- as JSON ------------------------------------------------------------------------------------


def _summary(methodology: Methodology) -> dict[str, Any]:
    return {
        "id": methodology.methodology_id,
        "version": methodology.version,
        "status": methodology.status.value,
        "computes": methodology.status.computes,
        "title": dict(methodology.title),
        "issuer": methodology.issuer,
        "kind": methodology.result.kind.value,
        "unit": str(methodology.result.unit),
        "basis": methodology.result.basis.value,
        "activity": methodology.activity_type.value,
        "regions": list(methodology.regions),
        "missing": list(methodology.missing),
        "content_hash": methodology.content_hash.hex(),
    }


def _outcome_tree(methodology: Methodology, outcome: Outcome) -> dict[str, Any]:
    refusal = outcome.refusal
    return {
        **_summary(methodology),
        "amount_parts": outcome.amount,
        "amount": decimal_text(Fraction(outcome.amount, methodology.result.scale)),
        "refusal": refusal,
        "refusal_text": None
        if refusal is None
        else {name: methodology.text_of(refusal, name) for name in ("zh", "en")},
        "trace": [
            {
                "kind": line.kind.value,
                "name": line.name,
                "formula": line.formula,
                "arithmetic": line.arithmetic,
                "value": str(line.value),
                "unit": str(line.unit),
                "source": None
                if line.source is None
                else {"tag": line.source.tag, "cite": line.source.cite, "read": line.source.read},
            }
            for line in outcome.trace
        ],
    }


def _difference_tree(
    changes: tuple[Change, ...], examples: tuple[ExampleChange, ...]
) -> Mapping[str, Any]:
    return {
        "changes": [
            {"part": item.part.value, "name": item.name, "old": item.old, "new": item.new}
            for item in changes
        ],
        "examples": [
            {"name": item.name, "in": item.of, "old": item.old, "new": item.new}
            for item in examples
        ],
    }


def _print_result(console: Console, result: Mapping[str, Any]) -> None:
    if result["ok"]:
        console.print(Text(f"ok       {result['file']}: {result['message']}"), soft_wrap=True)
    else:
        text = f"refused  {result['message']} [{result['code']}]"
        console.print(Text(text, style="bold red"), soft_wrap=True)


def _print_json(tree: object) -> None:
    sys.stdout.write(json_format.dumps(tree, ensure_ascii=False, indent=2) + "\n")
