"""Every worked example of docs/PROTOCOL.md, computed from fixed inputs with the real code.

    python -m tests.house.protocol_examples        (from the repository's root)

writes them, and the tables that are made from the code, between the markers on the page, and in
full into `tests/vectors/protocol.json`; the record that they come from goes into
`tests/vectors/record.json`. The text around the markers is written by hand.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from fedcarbon.canonical import statement as statements
from tests.house.examples import basis, epochs, keys, parties, payouts, people
from tests.house.examples.block import Example
from tests.house.examples.whole import record
from tests.house.protocol_tables import TABLES

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "PROTOCOL.md"
VECTORS: Final = ROOT / "tests" / "vectors" / "protocol.json"
RECORD: Final = ROOT / "tests" / "vectors" / "record.json"
MARKED: Final = re.compile(
    r"<!-- (?P<kind>example|table): (?P<name>[a-z-]+) -->\n(?P<text>(?:(?!<!--).*\n)*)<!-- end -->"
)
"""What is made from the code: nothing else on the page may stand between such markers."""


@cache
def examples() -> Mapping[str, Example]:
    """Return all examples by name, in the order of the page."""
    parts = (basis, keys, people, epochs, payouts)
    return {example.name: example for part in parts for example in part.examples()}


def block(kind: str, name: str) -> str:
    """Return what must stand between the markers of an example or a table.

    Raises:
        KeyError: there is none of this name.
    """
    return examples()[name].block() if kind == "example" else TABLES[name]()


def vectors_text() -> str:
    """Return what `protocol.json` must hold."""
    tree = {
        "note": "every worked example of docs/PROTOCOL.md in full; published keys protect nothing",
        "examples": {name: example.vector() for name, example in examples().items()},
    }
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def record_text() -> str:
    """Return what `record.json` must hold."""
    found = record()
    tree: dict[str, Any] = {
        "note": "the record behind the worked examples; published keys protect nothing",
        "roots_toml": parties.roots().to_toml(),
        "parameters": json.loads(statements.encode(parties.parameters())),
        "leaves": [
            {"leaf": item.leaf.hex(), "salt": item.salt.hex(), "body": item.body.decode()}
            for item in found.leaves
        ],
        "checkpoints": [{"size": head.size, "note": head.note.decode()} for head in found.heads],
        "files": {sha256.hex(): data.hex() for sha256, data in sorted(found.files.items())},
    }
    return json.dumps(tree, indent=1, ensure_ascii=False) + "\n"


def page_text(old: str) -> str:
    """Return the page with everything between markers made anew."""

    def renewed(match: re.Match[str]) -> str:
        kind, name = match["kind"], match["name"]
        return f"<!-- {kind}: {name} -->\n{block(kind, name)}\n<!-- end -->"

    return MARKED.sub(renewed, old)


def main() -> None:
    """Write the page's examples and tables and the two vector files."""
    PAGE.write_text(page_text(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    VECTORS.write_text(vectors_text(), encoding="utf-8")
    RECORD.write_text(record_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
