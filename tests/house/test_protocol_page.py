"""docs/PROTOCOL.md cannot drift: examples, field lists, rules, codes and tables are the code's."""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import json
import pkgutil
import re
import types
import typing
from collections.abc import Iterator
from typing import Any, Final

import pytest

import fedcarbon
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.identity import list_check
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.transfer import MOVES, Phase
from fedcarbon.methodology.definition import InvalidMethodologyError
from fedcarbon.opening import beacon_checks, mask_sets, refusals, violations
from fedcarbon.paillier import share_proof
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.proofs import square_free
from fedcarbon.redemption.states import EVENT_OF_STATUS
from fedcarbon.registry.admission import root_keyid
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import USE_TYPES, LeafType
from fedcarbon.units import Amount, MicrogramsCO2e, Natural
from tests.house import protocol_examples, protocol_tables
from tests.house.examples import parties
from tests.house.examples.whole import record
from tests.house.protocol_page import codes_in, marked, page, rows, sections
from trustee import order_errors

RENEW: Final = "run `python -m tests.house.protocol_examples` from the repository's root"

ROOT: Final = protocol_examples.ROOT
LABEL: Final = re.compile(r"\"(fedcarbon/v[12]/[a-z0-9/-]+)(?:\\n)?\"")
LABEL_FOLDERS: Final = ("src/fedcarbon", "hub", "trustee", "partner_node")
NOT_OF_THE_PROTOCOL: Final = (
    "src/fedcarbon/v1/",
    "src/fedcarbon/node/",
    "src/fedcarbon/methodology/quarantine.py",
    "partner_node/adapters/",
)

BINDINGS: Final = ("operator_binding", "partner_binding", "binding_objection", "unbinding")
BINDING_FIELDS: Final = ("programme_id", "binding_id", "account_token")
"""Stand once on the page for all four."""

RAISED_IN_CHECK_1: Final = {"EPOCH_NOT_SEALED": "1"}
"""Listed with check 4 in the code, where a multiplier meets it; a trustee meets it in check 1."""


# --- what is made from the code ---------------------------------------------------------------


def names_between_markers() -> list[tuple[str, str]]:
    return [(m["kind"], m["name"]) for m in protocol_examples.MARKED.finditer(page())]


def test_every_example_and_table_has_its_place_and_no_place_is_left_over() -> None:
    expected = [("example", name) for name in protocol_examples.examples()]
    expected += [("table", name) for name in protocol_tables.TABLES]

    assert sorted(names_between_markers()) == sorted(expected)


@pytest.mark.parametrize("name", list(protocol_examples.examples()))
def test_an_example_stands_on_the_page_as_the_code_computes_it(name: str) -> None:
    block = protocol_examples.examples()[name].block()

    assert page().count(f"<!-- example: {name} -->\n{block}\n<!-- end -->") == 1, RENEW


@pytest.mark.parametrize("name", list(protocol_tables.TABLES))
def test_a_table_stands_on_the_page_as_it_stands_in_the_code(name: str) -> None:
    text = protocol_tables.TABLES[name]()

    assert page().count(f"<!-- table: {name} -->\n{text}\n<!-- end -->") == 1, RENEW


def test_the_vectors_are_the_examples_in_full() -> None:
    assert protocol_examples.VECTORS.read_text(encoding="utf-8") == (
        protocol_examples.vectors_text()
    ), RENEW
    assert protocol_examples.RECORD.read_text(encoding="utf-8") == (
        protocol_examples.record_text()
    ), RENEW


def test_a_shortened_value_is_in_full_in_the_vectors() -> None:
    tree = json.loads(protocol_examples.VECTORS.read_text(encoding="utf-8"))["examples"]

    for name, example in protocol_examples.examples().items():
        for label, value in example.values.items():
            full = tree[name][label]
            assert full == (value.hex() if isinstance(value, bytes) else full)
            assert "..." not in str(full), f"{name}: {label}"


# --- statements -------------------------------------------------------------------------------


def descendants(cls: type[Statement]) -> Iterator[type[Statement]]:
    for child in cls.__subclasses__():
        yield child
        yield from descendants(child)


def statement_classes() -> dict[str, type[Statement]]:
    """Return kind to class of every statement of the project."""
    for found in pkgutil.walk_packages(fedcarbon.__path__, "fedcarbon."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    found = [
        cls for cls in descendants(Statement) if cls.__module__.partition(".")[0] == "fedcarbon"
    ]
    return {cls.KIND: cls for cls in found}


def nested_classes() -> dict[str, type]:
    """Return name to class of every object inside a statement."""
    found: dict[str, type] = {}
    waiting: list[type] = list(statement_classes().values())
    while waiting:
        for hint in hints_of(waiting.pop()).values():
            inner = inner_hint(hint)
            if isinstance(inner, type) and dataclasses.is_dataclass(inner):
                waiting += [inner] if inner.__name__ not in found else []
                found[inner.__name__] = inner
    return {name: cls for name, cls in found.items() if not issubclass(cls, Statement)}


def hints_of(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def inner_hint(hint: Any) -> Any:
    if typing.get_origin(hint) is tuple:
        return typing.get_args(hint)[0]
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return without_none(hint)
    return hint


def without_none(hint: Any) -> Any:
    return next(arm for arm in typing.get_args(hint) if arm is not types.NoneType)


PLAIN_FORMS: Final[dict[Any, str]] = {
    PartyId: "name",
    ProgrammeId: "name",
    MicrogramsCO2e: "mass",
    Amount: "amount",
    Natural: "natural",
    bytes: "bytes",
    int: "integer",
    str: "text",
    bool: "boolean",
}


def form_of(hint: Any) -> str:
    """Return how the page writes a field's form, without sizes."""
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        return f"{form_of(without_none(hint))} or null"
    if typing.get_origin(hint) is tuple:
        return f"list of {form_of(typing.get_args(hint)[0])}"
    if hint in PLAIN_FORMS:
        return PLAIN_FORMS[hint]
    while hasattr(hint, "__supertype__"):
        hint = hint.__supertype__
    if issubclass(hint, enum.Enum):
        return "one of: " + ", ".join(str(member.value) for member in hint)
    return PLAIN_FORMS.get(hint, str(hint.__name__))


def written_fields(name: str) -> dict[str, str]:
    """Return field to form as the page has them."""
    return {
        field.strip("` "): form
        for names, form, *_ in rows("fields", name)
        for field in names.split(",")
    }


def test_every_statement_and_object_has_a_field_table() -> None:
    assert sorted(marked("fields")) == sorted([*statement_classes(), *nested_classes()])


@pytest.mark.parametrize("name", marked("fields"))
def test_a_field_table_is_what_the_code_signs(name: str) -> None:
    cls = statement_classes().get(name) or nested_classes()[name]
    shared = {"parameter_id"} if name in statement_classes() else set()
    shared |= set(BINDING_FIELDS) if name in BINDINGS else set()
    expected = {
        field: form_of(hint) for field, hint in hints_of(cls).items() if field not in shared
    }

    written = written_fields(name)

    assert list(written) == list(expected)
    for field, form in written.items():
        without_size = re.sub(r"\bbytes [0-9]+", "bytes", form)
        as_text = re.sub(r"^name\b", "text", without_size)  # a name is a text of few characters
        assert expected[field] in {without_size, as_text}, f"{name}.{field}"


def test_only_three_statements_name_no_parameter_set() -> None:
    without = {
        kind for kind, cls in statement_classes().items() if "parameter_id" not in hints_of(cls)
    }

    # What is opened on site names it in its sample.
    assert without == {"parameters", "trustee_secrets", "opened_evidence"}
    assert "except `parameters`, `trustee_secrets` and `opened_evidence`" in page()


def sized_values(cls: type, value: Any, name: str) -> Iterator[tuple[str, str, bytes]]:
    """Yield form and bytes of every field of a statement and of the objects in it."""
    written = written_fields(name)
    for field in hints_of(cls):
        found = getattr(value, field)
        for item in found if isinstance(found, tuple) else (found,):
            if dataclasses.is_dataclass(item):
                yield from sized_values(type(item), item, type(item).__name__)
            elif isinstance(item, bytes) and field in written:
                yield f"{name}.{field}", written[field], item


def test_sizes_on_the_page_are_the_sizes_in_the_record() -> None:
    wrong = []
    for leaf in record().leaves:
        cls = statement_classes()[leaf.type.kind]
        for field, form, value in sized_values(cls, leaf.statement(cls), leaf.type.kind):
            sizes = re.findall(r"bytes ([0-9]+)", form)
            if sizes and len(value) != int(sizes[0]):
                wrong.append(f"{field}: {len(value)}")

    assert wrong == []


def test_the_example_record_holds_what_the_table_of_signers_says() -> None:
    roles = {name: role.value.replace("_", " ") for name, role in parties.ROLES.items()}
    root_keys = {root_keyid(name) for name in parties.TRUSTEES}
    for leaf in record().leaves:
        keyids = [signature.keyid for signature in Envelope.from_bytes(leaf.body).signatures]
        said = protocol_tables.SIGNERS[leaf.type]
        if said.endswith("root keys"):
            wanted = len(root_keys) if said.startswith("all") else parties.THRESHOLD
            assert root_keys.issuperset(keyids)
            assert len(keyids) == wanted
        elif leaf.type is LeafType.OPENING_START:
            assert {roles[PartyId(keyid)] for keyid in keyids} == {"trustee"}
        else:
            (keyid,) = keyids
            assert roles[PartyId(keyid)] in said.split(" or ")


def test_every_kind_that_can_be_logged_in_an_honest_epoch_is_in_the_record() -> None:
    missing = set(LeafType) - {leaf.type for leaf in record().leaves}

    assert missing == USE_TYPES | {
        LeafType.DISPUTE,
        LeafType.BINDING_OBJECTION,
        LeafType.UNBINDING,
        LeafType.REFUSAL,
        LeafType.TABLE_SHELL,
        LeafType.TABLE_CONTRIBUTION,
        LeafType.RELEASE_START,
        LeafType.TABLE_RELEASE,
    }


# --- labels -----------------------------------------------------------------------------------


def labels_in_the_code() -> set[str]:
    found: set[str] = set()
    for folder in LABEL_FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            if not path.relative_to(ROOT).as_posix().startswith(NOT_OF_THE_PROTOCOL):
                found.update(LABEL.findall(path.read_text(encoding="utf-8")))
    return found


def test_the_table_of_labels_is_complete_and_has_no_other() -> None:
    written = [label.strip("`") for label, *_ in rows("checked", "labels")]

    assert sorted(written) == sorted(labels_in_the_code())


def test_a_label_is_explained_in_the_section_that_the_table_names() -> None:
    texts = sections()
    lost = [
        label
        for label, _, section in rows("checked", "labels")
        if re.sub(r"^fedcarbon/v[12]/(paillier/)?", "", label.strip("`")) not in texts[section]
    ]

    assert lost == []


# --- numbered rules and codes -----------------------------------------------------------------


def rules_in(module_name: str) -> dict[str, set[str]]:
    """Return number to codes of the rules that a module's docstring lists, one or more a line."""
    doc = importlib.import_module(module_name).__doc__ or ""
    found: dict[str, set[str]] = {}
    for line in doc.splitlines():
        if re.match(r" ?\(\d+\) ", line) is None:
            continue
        numbers = re.findall(r"\((\d+)\)", line)
        codes = re.findall(r"\b[A-Z]+(?:_[A-Z0-9]+)+\b", line)
        for position, number in enumerate(numbers):
            found[number] = set(codes if len(numbers) == 1 else codes[position : position + 1])
    return found


RULE_TABLES: Final = [name for name in marked("checked") if "." in name]


@pytest.mark.parametrize("module_name", RULE_TABLES)
def test_numbered_rules_are_those_of_the_code(module_name: str) -> None:
    written = {number: set(codes_in(code)) for number, _, code in rows("checked", module_name)}
    expected = rules_in(module_name)

    assert list(written) == list(expected)
    assert {number: codes - written[number] for number, codes in expected.items()} == {
        number: set() for number in expected
    }


NUMBERED: Final[dict[str, Any]] = {
    "6.3": square_free.verify_square_free,
    "6.4": ParameterSet.check,
    "11.4": list_check.judge_ranges,
    "11.8": beacon_checks,
    "14.7": share_proof.verify,
}
"""Section to the function or module whose source or docstring numbers the same checks."""


@pytest.mark.parametrize("section", list(NUMBERED))
def test_a_numbered_list_of_checks_is_as_long_as_in_the_code(section: str) -> None:
    numbered = NUMBERED[section]
    source = (numbered.__doc__ or "") if section == "11.8" else inspect.getsource(numbered)
    in_code = {int(number) for number in re.findall(r"\((\d+)\)", source)}

    written = re.findall(r"^(\d+)\. ", sections()[section], re.MULTILINE)

    assert [int(number) for number in written] == sorted(in_code)


def codes_of_module(module: types.ModuleType) -> set[str]:
    return {
        cls.code
        for cls in vars(module).values()
        if isinstance(cls, type) and cls.__module__ == module.__name__ and hasattr(cls, "code")
    }


def doc_table(module: types.ModuleType) -> list[tuple[str, str]]:
    """Return the first two columns of the table in a module's docstring."""
    lines = [line for line in (module.__doc__ or "").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return [(first, second) for first, second, *_ in cells[1:]]


def test_a_trustees_checks_are_those_of_the_code() -> None:
    expected = {code: RAISED_IN_CHECK_1.get(code, check) for check, code in doc_table(refusals)}

    written = {code.strip("`"): check for check, code, _ in rows("checked", "refusals")}

    assert written == expected
    assert set(written) == codes_of_module(refusals)


def test_a_trustees_refusals_of_orders_are_those_of_the_code() -> None:
    written = [(order, code.strip("`")) for order, code, _ in rows("checked", "orders")]

    assert written == doc_table(order_errors)
    assert {code for _, code in written} == codes_of_module(order_errors) - {"BATCH_REFUSED"}


def test_what_stops_a_reader_is_what_stops_it_in_the_code() -> None:
    stops = {
        cls.code
        for cls in vars(violations).values()
        if isinstance(cls, type) and issubclass(cls, violations.RecordViolationError)
    }

    assert {code.strip("`") for code, _ in rows("checked", "violations")} == stops
    assert codes_of_module(violations) - stops == {"HEAD_AHEAD", "NOT_WITNESSED"}


def test_the_checks_of_masks_are_those_of_the_code() -> None:
    written = {code for _, _, cell in rows("checked", "masks") for code in codes_in(cell)}

    assert written == codes_of_module(mask_sets)


def known_names() -> set[str]:
    """Return every code, limit and type of document that the page may name."""
    codes = {cls.code for cls in protocol_tables.error_classes()}
    limits = {name for _, name, _ in protocol_tables.LIMITS}
    return codes | limits | finding_codes() | {"CN_RESIDENT", "WHOLE_BATCH"}


def finding_codes() -> set[str]:
    """Return every code of a finding: they stand as texts in the auditor's checks."""
    sources = (ROOT / "src/fedcarbon/audit").glob("*.py")
    leaves = {f"{item.name}_{word}" for item in LeafType for word in ("UNSIGNED", "MALFORMED")}
    # What a reader of documents says is a finding too (V08); no hub or trustee ever says it.
    return (
        leaves
        | {InvalidMethodologyError.code}
        | {code for path in sources for code in re.findall(r'"([A-Z][A-Z_]+)"', path.read_text())}
    )


def test_every_code_on_the_page_exists() -> None:
    assert set(codes_in(page())) - known_names() == set()


# --- other tables -----------------------------------------------------------------------------


def test_nothing_moves_in_the_ledger_but_what_the_page_lists() -> None:
    written = {
        (Phase(phase), AccountKind(source), AccountKind(target))
        for phase, source, target in rows("checked", "moves")
    }

    assert written == MOVES


def test_a_rails_answers_do_what_the_page_says() -> None:
    written = {answer: event for answer, event, _ in rows("checked", "rail")}

    assert written == {status.value: event.name for status, event in EVENT_OF_STATUS.items()}


def test_sections_that_are_named_exist() -> None:
    numbers = sections().keys()
    own = re.sub(r"RFC [0-9]+, section [0-9.]+", "", page())
    named = re.findall(r"(?:[Ss]ection|see) ([0-9]+(?:\.[0-9]+)?)\b", own)
    named += re.findall(r"\(([0-9]+\.[0-9]+)(?:, check \d)?\)", own)

    assert [number for number in named if number not in numbers] == []


def test_the_sections_are_numbered_without_a_gap() -> None:
    tops = [number for number in sections() if "." not in number]

    assert tops == [str(number) for number in range(1, 21)]


def test_the_page_states_what_is_not_proved() -> None:
    head, _, _ = page().partition("## 1. Conventions")

    for missing in ("range proof", "masks", "link proof", "evidence", "disputes"):
        assert missing in head.lower()
    assert "no switch" in head


def test_a_statement_in_an_example_is_canonical() -> None:
    classes = statement_classes()
    for example in protocol_examples.examples().values():
        for value in example.values.values():
            if isinstance(value, str) and value.startswith("{") and '"statement":' in value:
                kind = statements.kind_of(value.encode())
                decoded = statements.decode(classes[kind], value.encode())
                assert statements.encode(decoded).decode() == value
