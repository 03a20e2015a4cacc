"""One evaluation told step by step, in Chinese or English: what `methodology explain` prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from fedcarbon.methodology.arithmetic import decimal_text, show
from fedcarbon.methodology.definition import Basis, Methodology, Period, ResultKind, Source
from fedcarbon.methodology.difference import limit_text
from fedcarbon.methodology.reference import LineKind, Outcome, TraceLine
from fedcarbon.units import MicrogramsCO2e, grams_text

LANGUAGES: Final = ("zh", "en")

_KINDS: Final[Mapping[LineKind, Mapping[str, str]]] = {
    LineKind.FIELD: {"zh": "输入", "en": "given"},
    LineKind.BASELINE: {"zh": "基准", "en": "baseline"},
    LineKind.PARAMETER: {"zh": "参数", "en": "parameter"},
    LineKind.LOOKUP: {"zh": "系数", "en": "factor"},
    LineKind.FORMULA: {"zh": "公式", "en": "formula"},
    LineKind.RULE: {"zh": "条件", "en": "rule"},
    LineKind.AMOUNT: {"zh": "计算", "en": "amount"},
    LineKind.MODIFIER: {"zh": "调整", "en": "modifier"},
    LineKind.LIMIT: {"zh": "上限", "en": "limit"},
}
_TAGS: Final[Mapping[str, Mapping[str, str]]] = {
    "O": {"zh": "官方文本", "en": "official text"},
    "S": {"zh": "二手来源", "en": "second hand"},
    "D": {"zh": "推算", "en": "derived"},
    "M": {"zh": "一般知识,未核实", "en": "general knowledge, not verified"},
    "project": {"zh": "本项目自定", "en": "this project's own"},
}
_WORDS: Final[Mapping[str, Mapping[str, str]]] = {
    "source": {"zh": "来源", "en": "source"},
    "above": {"zh": "见第{}步", "en": "see step {}"},
    "holds": {"zh": "满足", "en": "holds"},
    "broken": {"zh": "不满足", "en": "does not hold"},
    "refused": {"zh": "不计入", "en": "not counted"},
    "rounded": {"zh": "向下取整一次", "en": "rounded down once"},
    "result": {"zh": "结果", "en": "result"},
    "below": {"zh": "负数按零计", "en": "below zero counts 0"},
    "later": {"zh": "另有上限", "en": "a limit may still take some of it"},
    "footprint": {
        "zh": "这是排放足迹,不是减排量,不会记入账户",
        "en": "this is a footprint, not a reduction; it is never credited",
    },
}


def explanation(methodology: Methodology, outcome: Outcome, language: str) -> Iterator[str]:
    """Yield the lines that tell an evaluation: each factor, its source, and the arithmetic."""
    yield (
        f"{methodology.title[language]} ({methodology.methodology_id} {methodology.version}, "
        f"{methodology.status})"
    )
    cited: dict[str, int] = {}
    for number, line in enumerate(outcome.trace, start=1):
        yield f"{number:>3}. {_KINDS[line.kind][language]}  {_step(line, language)}"
        if line.source is not None:
            first = cited.setdefault(line.source.name, number)
            yield f"       {_cited(line.source, language, first if first != number else None)}"
    yield _ending(methodology, outcome, language)
    if outcome.refusal is not None:
        return
    for limit in methodology.limits:
        if limit.per is not Period.EVENT:
            text = f"{limit.text[language]} ({limit_text(limit)})"
            yield f"     {_WORDS['later'][language]}: {text}"
    if methodology.result.basis is Basis.FOOTPRINT:
        yield f"     {_WORDS['footprint'][language]}"


def amount_text(methodology: Methodology, amount: int) -> str:
    """Return counted parts in the unit of the result; grams also in grams."""
    number = decimal_text(Fraction(amount, methodology.result.scale))
    text = f"{number} {methodology.result.unit}"
    if methodology.result.kind is ResultKind.GRAMS:
        text += f" = {grams_text(MicrogramsCO2e(amount))}"
    return text


def _cited(source: Source, language: str, first: int | None) -> str:
    """Return a source with its tag; if it was cited before, the step at which it was."""
    word, tag = _WORDS["source"][language], _TAGS[source.tag][language]
    above = _WORDS["above"][language].format(first)
    cite = source.cite if first is None else f"{source.name} ({above})"
    return f"{word} [{source.tag} {tag}] {cite}"


def _step(line: TraceLine, language: str) -> str:
    if line.kind is LineKind.RULE:
        word = _WORDS["holds" if line.value else "broken"][language]
        return f"{line.name}: {line.formula}  ->  {line.arithmetic}  ({word})"
    unit = "" if str(line.unit) in {"1", "text", "boolean"} else f" {line.unit}"
    value = f"{show(line.value)}{unit}"
    steps = [text for text in (line.formula, line.arithmetic) if text and text != show(line.value)]
    return " = ".join([line.name, *dict.fromkeys(steps), value])


def _ending(methodology: Methodology, outcome: Outcome, language: str) -> str:
    if outcome.refusal is not None:
        text = methodology.text_of(outcome.refusal, language)
        return f"  => {_WORDS['refused'][language]}: {text} [{outcome.refusal}]"
    notes = []
    if any(line.kind is LineKind.AMOUNT and line.value < Fraction(0) for line in outcome.trace):  # type: ignore[operator]
        notes.append(_WORDS["below"][language])
    if outcome.exact * methodology.result.scale != outcome.amount:
        notes.append(_WORDS["rounded"][language])
    ending = f"  ({', '.join(notes)})" if notes else ""
    return f"  => {_WORDS['result'][language]}: {amount_text(methodology, outcome.amount)}{ending}"
