"""Files written to hurt who reads them: refused by line, soon, and by the one error."""

from __future__ import annotations

import pytest

from fedcarbon.cli.catalogue import catalogue_bytes
from fedcarbon.methodology.definition import InvalidMethodologyError
from fedcarbon.methodology.reader import parse_methodology

GOOD = catalogue_bytes("cn-hellobike-2022").decode()
AMOUNT = "NET[mode] * distance_m"
STATUS = "status: enterprise"


def with_formulas(*lines: str, amount: str = AMOUNT) -> str:
    text = GOOD.replace(f"amount: {AMOUNT}", f"amount: {amount}")
    return text.replace("eligibility:", "formulas:\n  " + "\n  ".join(lines) + "\neligibility:")


def drafted(text: str) -> str:
    return text.replace(STATUS, "status: draft\nmissing: [x]")


def chain(step: str, length: int = 40) -> list[str]:
    return [f"s{i}: {step.format(f's{i - 1}')}" for i in range(1, length)]


TOWER = "(" * 5 + "2" + " ** 40)" * 5
HOSTILE: dict[str, tuple[str, str]] = {
    "doubling a number thirty times": (
        with_formulas("s0: distance_m", *chain("min({0}, {0})"), amount="NET[mode] * s39"),
        "PROGRAM_TOO_LARGE",
    ),
    "doubling a condition thirty times": (
        with_formulas(
            "s0: mode == 'bike'",
            *chain("{0} and {0}"),
            amount=f"{AMOUNT} if s39 else {AMOUNT}",
        ),
        "PROGRAM_TOO_LARGE",
    ),
    "the least of three hundred": (
        GOOD.replace(AMOUNT, f"NET[mode] * min({', '.join(['distance_m'] * 300)})"),
        "PROGRAM_TOO_LARGE",
    ),
    "a formula that nothing uses divides by zero": (
        with_formulas("z: distance_m / (duration_s - duration_s)"),
        "DIVISOR_MAY_BE_ZERO",
    ),
    "a formula that nothing uses squares itself": (
        with_formulas("s0: 1/3", *chain("{0} * {0}")),
        "OVERFLOW_POSSIBLE",
    ),
    "a limit divides by zero": (
        GOOD.replace(
            "rounding:",
            "limits:\n  - {id: x, per: day, count: 1, source: ride, zh: x, en: x, "
            'when: "distance_m / (duration_s - duration_s) > SPEED_MAX[mode]"}\nrounding:',
        ),
        "DIVISOR_MAY_BE_ZERO",
    ),
    "a draft of towering powers": (
        drafted(GOOD.replace(AMOUNT, f"{AMOUNT} * {TOWER}")),
        "a step has more than 4096 bits",
    ),
    "a draft that squares itself": (
        drafted(with_formulas("s0: 1/3", *chain("{0} * {0}"))),
        "a step has more than 4096 bits",
    ),
    "a draft that divides by zero": (
        drafted(with_formulas("z: distance_m / (duration_s - duration_s)")),
        "a step divides by zero",
    ),
    "half a character": (
        GOOD.replace("issuer: 哈啰", r'issuer: "\ud800"'),
        "invalid Unicode character",
    ),
    "days that are no number": (
        GOOD.replace(STATUS, f"{STATUS}\nlegal: {{document: x, renew_before_days: soon}}"),
        "renew_before_days is an integer",
    ),
    "a version before all time": (
        GOOD.replace("version: 2022-07-21", "version: 0000-01-01"),
        "a date is written as YYYY-MM-DD",
    ),
    "an example of a draft without an amount": (
        drafted(GOOD.replace(f"amount: {AMOUNT}\n", "")),
        "needs its amount",
    ),
    "an example of a field that is not declared": (
        GOOD.replace("values: {mode: bike, distance_m: 2500}", "values: {mode: bike, x: 1}"),
        "gives refusal",
    ),
    "an example with one field too many": (
        GOOD.replace(
            "values: {mode: bike, distance_m: 2500}", "values: {mode: bike, distance_m: 2500, x: 1}"
        ),
        "gives refusal field_unknown",
    ),
    "a unit that is a mapping": (
        GOOD.replace("unit: ug, neg", "unit: {}, neg"),
        "are counted in ug",
    ),
    "a thousand formulas": (with_formulas(*chain("1", 1000)), "at most 200 formulas"),
    "a thousand parameters": (
        GOOD.replace(
            "tables:",
            "parameters:\n"
            + "".join(f"  P{i}: {{value: 1, unit: m, source: ride}}\n" for i in range(1000))
            + "tables:",
        ),
        "at most 500 parameters",
    ),
    "a million events": (
        GOOD
        + "".join(
            f"  - {{name: n{i}, events: [{{values: {{mode: bike, distance_m: 1}}, times: 1000}}], "
            "expect: 33880000}\n"
            for i in range(1000)
        ),
        "at most 1000 events",
    ),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_would_stop_its_reader_is_refused(case: str) -> None:
    """Auditors read what root keys have signed: one file must not end the whole audit."""
    text, said = HOSTILE[case]
    assert text != GOOD

    with pytest.raises(InvalidMethodologyError) as caught:
        parse_methodology(text.encode())

    assert said in str(caught.value)
