"""The register is complete: a new parser that nobody fuzzes fails here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.fuzz.parsers import parsers
from tests.fuzz.statement_examples import payloads, statement_classes

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("src/fedcarbon", "hub", "partner_node", "trustee")
PARSER_NAME: Final = re.compile(
    r"from_(bytes|text|name|json|toml|line)|(head|entries)_in|\w+_from_(bytes|text|json|toml)"
    r"|(decode|parse|read|load|opened?)(_\w+)?|lost_tokens|kind_of|replay"
)
ELSEWHERE: Final[Mapping[str, str]] = {
    "fedcarbon.ceremony.share_file:open_share_file": "test_files",
    "fedcarbon.wire.party:load_party": "test_files",
    "fedcarbon.wire.party:read_signing_key": "test_files",
    "partner_node.importing.table_file:read_table": "test_files",
    "partner_node.importing.activities:read_activities": "test_files",
    "partner_node.importing.identities:read_identities": "test_files",
    "partner_node.commands.making_challenges:read_values": "test_files",
    "fedcarbon.wire.status:error_of": "test_wire",
    "fedcarbon.opening.view:RecordView.apply": "test_view",
}
"""Parsers that are fuzzed outside the register, and where."""
NO_PARSERS: Final[Mapping[str, str]] = {
    "fedcarbon.audit.opened_bodies:AheadReader.open_one": "open_signed",
    "fedcarbon.audit.opened_bodies:AheadReader.parse": "Envelope.from_bytes",
    "fedcarbon.audit.reading_ahead:ReadingAhead.opened": "hands on what open_signed gave",
    "fedcarbon.audit.source:whole": "looks at the length",
    "fedcarbon.audit.table_blocks:read_blocks": "entries_of",
    "partner_node.storage.agenda:EnrolmentAgenda.read_on": "the node's own tables",
    "fedcarbon.opening.masks:read_opened": "a number that the trustees computed",
    "fedcarbon.audit.view:witnessed_head": "witnessed",
    "fedcarbon.cli.public_record:PublicRecord.check_receipt": "open_signed",
    "fedcarbon.identity.list_check:check_list": "test_list_check",
    "fedcarbon.registry.admission:open_rooted": "open_signed",
    "fedcarbon.identity.ristretto:scalar_of_wide": "our own randomness",
    "fedcarbon.submission.intake:is_replay": "hashes bytes",
    "fedcarbon.submission.intake:open_header": "open_message",
    "fedcarbon.transparency.envelope:EnvelopeReader.open_one": "open_signed",
    "fedcarbon.transparency.envelope:EnvelopeReader.parse": "Envelope.from_bytes",
    "fedcarbon.transparency.merkle:Frontier.append": "hashes bytes",
    "fedcarbon.transparency.merkle:leaf_hash": "hashes bytes",
    "fedcarbon.wire.dev_ca:write_secret": "writes bytes",
    "fedcarbon.cli.public_record:read_public_record": "reads through registered parsers",
    "fedcarbon.cli.ceremony:read_passphrase": "any bytes are a passphrase",
    "fedcarbon.cli.registry_tables:shell_from_toml": "the programme's own file",
    "fedcarbon.cli.wallet:load_config": "the operator's own file",
    "fedcarbon.cli.stats_reader:load_config": "the regulator's own file",
    "hub.config:load_config": "the operator's own file",
    "hub.sandbox.config:load_config": "the operator's own file",
    "hub.clearing.limits_file:load_limits": "parse_limits",
    "hub.commands.beside:Beside.read": "runs a use case",
    "hub.database:opened": "an engine",
    "hub.rails.deadlines:_Stream.read": "hands bytes on",
    "hub.commands.printing:bytes_from_text": "the operator's own command line",
    "hub.commands.printing:moment_from_text": "the operator's own command line",
    "trustee.config:load_config": "the operator's own file",
    "partner_node.config:load_settings": "the operator's own file",
    "partner_node.bootstrap:load_own_party": "load_party",
    "hub.genesis:read_genesis": "registered parsers over the ceremony's folder",
    "hub.record.reading:read_file": "sends bytes, looks at none",
    "hub.context:Hub.read": "runs a use case",
    "hub.context:Hub.read_now": "runs a use case",
    "partner_node.statistics.categories:load_categories": "the operator's own file",
    "partner_node.statistics.districts:read_districts": "parse_districts",
    "partner_node.epochs.runner:EpochRunner.read_record": "through registered parsers",
    "partner_node.node:Node.read_record": "through registered parsers",
    "partner_node.record.mirror:RecordMirror.read_leaves": "through registered parsers",
    "partner_node.record.foundation:load_foundation": "through registered parsers",
    "partner_node.record.foundation:load_parameters": "through registered parsers",
    "fedcarbon.cli.catalogue:load_from_catalogue": "parse_methodology",
    "fedcarbon.cli.catalogue:load_from_file": "parse_methodology",
    "fedcarbon.cli.catalogue:named_methodology": "parse_methodology",
    "fedcarbon.methodology.quarantine:check_quarantine": "a file that parse_methodology has read",
    "fedcarbon.methodology.quarantine:numbers_of": "a file that parse_methodology has read",
    "fedcarbon.cli.catalogue:checked_methodology": "parse_methodology",
    "fedcarbon.methodology.reader:_Builder.methodology": "parse_methodology",
    "fedcarbon.methodology.examples:read_examples": "parse_methodology",
    "fedcarbon.methodology.numbers:read_numbers": "parse_methodology",
    "partner_node.adapters.shenzhen_network:StationNetwork.load": "a published data set",
    "partner_node.adapters.shenzhen_tong:_EventReader.read": "a published data set",
    "partner_node.bootstrap:opened_node": "the node's own files",
    "fedcarbon.engine.opening:opened_engine": "the operator's own settings",
    "fedcarbon.engine.spark_work:unpacked": "an Arrow stream of the operator's own cluster",
    "partner_node.warehouse.engines:opened_warehouse": "the platform's own warehouse",
    "partner_node.warehouse.reading:read_counted": "check_row recomputes every row",
    "fedcarbon.wire.dev_ca:Authority.read": "the development authority's own files",
}
"""Functions with the name of a parser that are none, and why."""


def functions(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield `function` or `Class.function` of everything in a module, and whether it parses.

    It does if it is named like a parser, or if it is public and takes `data: bytes`.
    """
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        inside = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for item in inside:
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
                takes_data = any(
                    argument.arg == "data" and ast.unparse(argument.annotation or item) == "bytes"
                    for argument in (*item.args.args, *item.args.kwonlyargs)
                )
                is_core = "src" in path.parts and not item.name.startswith("_")
                is_named = PARSER_NAME.fullmatch(item.name) is not None
                yield owner + item.name, is_named or (takes_data and is_core)


def everything() -> dict[str, bool]:
    """Return `module:function` of the programs, and whether it parses."""
    names = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if path.stem.endswith(("_pb2", "_pb2_grpc")):
                continue
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removeprefix("src.")
            names |= {f"{module}:{name}": parses for name, parses in functions(path)}
    return names


def found() -> set[str]:
    """Return `module:function` of everything that parses."""
    return {name for name, parses in everything().items() if parses}


def registered() -> set[str]:
    return {parser.name.partition(" ")[0] for parser in parsers()}


def test_every_function_that_is_named_like_a_parser_is_fuzzed_or_known_to_be_none() -> None:
    assert sorted(found() - registered() - ELSEWHERE.keys() - NO_PARSERS.keys()) == []


def test_nothing_in_the_lists_is_gone() -> None:
    assert sorted({*registered(), *ELSEWHERE, *NO_PARSERS} - everything().keys()) == []


def test_every_statement_has_an_example_to_bend() -> None:
    assert sorted(statement_classes()) == sorted(payloads())
