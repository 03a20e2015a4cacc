"""The small verifier over the same drafts, so that both auditors judge the same tampering."""

from __future__ import annotations

from pathlib import Path

from fedcarbon.audit.books import Books
from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from tools import verify_minimal as minimal

LATE_S = 10**9
"""Long enough for every wait of a policy."""


def minimal_codes(books: Books) -> set[str]:
    """Return the check and code of what `tools/verify_minimal.py` finds in these books.

    Everything before the books (signatures, enrolments, bindings) is as if it were in order.
    """
    world = minimal.World(minimal.Folder(Path()), {"root": []})
    for name, programme in books.programmes.items():
        world.programmes[name] = minimal.Programme(_said(programme))
    for name, admissions in books.methodologies.items():
        for item in admissions:
            said = {**_said(item.statement), "leaf": item.index}
            world.programmes[name].methodologies.append(said)
    last = 0
    for binding in books.bindings:
        half = binding.operator_half
        known = minimal.Binding(_leaf(half.index, half.statement))
        for partner, other in binding.partner_halves.items():
            known.partners[partner] = _leaf(other.index, other.statement)
            last = max(last, other.index)
            entries = world.programmes[half.statement.programme_id].entries[partner]
            entries[half.statement.account_token] = [
                minimal.Entered(leaf=0, from_epoch=1, enrolled=True)
            ]
        world.halves[half.leaf] = known
    for number, size in enumerate((1, last + 1, 10**6)):
        at_s = number * LATE_S
        world.heads.append(minimal.Head(size, bytes(32), at_s, at_s, by_partner=True))
    for result in books.results:
        start = books.starts[result.statement.start_leaf]
        opening = minimal.Opening(_leaf(start.index, start.statement))
        opening.result = _leaf(result.index, result.statement)
        world.results.append(opening)
    leaves = [*books.orders, *books.ledger_batches, *books.payout_batches]
    leaves += [leaf for found in books.uses.values() for leaf in found]
    for leaf in sorted(leaves, key=lambda item: item.index):
        kind = minimal.canonical_tree(leaf.payload)["statement"]
        world.books.append(_of_payload(leaf.index, kind, leaf.payload))
    minimal.judge_books(world)
    return {f"{finding.check} {finding.code}" for finding in world.findings}


def _said(statement: Statement) -> minimal.Statement:
    return minimal.decoded(statement.KIND, statements.encode(statement), bytes(32))


def _leaf(index: int, statement: Statement) -> minimal.Leaf:
    return _of_payload(index, statement.KIND, statements.encode(statement))


def _of_payload(index: int, kind: str, payload: bytes) -> minimal.Leaf:
    said = minimal.decoded(kind, payload, bytes(32))
    return minimal.Leaf(index, kind, bytes(34), payload, said)
