"""Each import contract is broken once on purpose, in a copy of the tree, and is seen to fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("src/fedcarbon", "hub", "partner_node", "trustee", "demo")
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
NAMES = {contract["id"]: contract["name"] for contract in CONFIG["contracts"]}

# (the contract, the module that offends, what it imports)
OFFENCES: list[tuple[str, str, str]] = [
    ("programs", "hub/offence.py", "import partner_node"),
    ("programs", "partner_node/offence.py", "import hub"),
    ("programs", "trustee/offence.py", "import demo"),
    ("programs", "src/fedcarbon/wire/offence.py", "import trustee"),
    ("bottom-up", "src/fedcarbon/canonical/offence.py", "import fedcarbon.transparency.merkle"),
    ("bottom-up", "src/fedcarbon/opening/offence.py", "import fedcarbon.redemption.states"),
    ("bottom-up", "src/fedcarbon/errors.py", "import fedcarbon.wire.status"),
    ("no-io", "src/fedcarbon/paillier/offence.py", "import os"),
    ("no-io", "src/fedcarbon/identity/offence.py", "import secrets"),
    ("no-io", "src/fedcarbon/epoch/offence.py", "import sqlmodel"),
    ("one-clock", "src/fedcarbon/ledger/offence.py", "import time"),
    ("no-trip", "hub/offence.py", "import fedcarbon.methodology.activity"),
    ("no-trip", "hub/intake/offence.py", "import fedcarbon.node.v1.node_pb2"),
    ("key-shares", "hub/offence.py", "import fedcarbon.paillier.shares"),
    ("key-shares", "partner_node/offence.py", "import fedcarbon.identity.shares"),
    ("key-shares", "partner_node/offence.py", "import fedcarbon.ceremony.dealer"),
    ("wallets", "hub/intake/offence.py", "import fedcarbon.redemption.wallet"),
    ("wallets", "hub/epochs/offence.py", "import hub.clearing.storage.redemption_rows"),
    ("wallets", "hub/record/offence.py", "import hub.wallets.storage.binding_store"),
    ("rails", "hub/rails/offence.py", "import hub.openings.accounts"),
    ("rails", "hub/rails/offence.py", "import fedcarbon.ledger.account"),
    ("sandbox", "hub/sandbox/offence.py", "import hub.clearing.outbox"),
    ("sandbox", "hub/sandbox/offence.py", "import hub.rails.signed_http"),
    ("no-balance", "partner_node/offence.py", "import fedcarbon.ledger.account"),
    ("no-balance", "trustee/offence.py", "import fedcarbon.redemption.wallet"),
    ("trustee-no-trip", "trustee/offence.py", "import fedcarbon.methodology.activity"),
    ("trustee-no-trip", "trustee/offence.py", "import fedcarbon.identity.claims"),
]


def _ignored(_folder: str, names: list[str]) -> set[str]:
    return {name for name in names if name == "__pycache__"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("tree")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=_ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


@pytest.fixture
def offend(tree: Path) -> Iterator[Callable[[str, str], None]]:
    """Return a function that adds an import to a module of the copy; undone at the end."""
    before: dict[Path, str | None] = {}

    def add(module: str, line: str) -> None:
        path = tree / module
        before[path] = path.read_text() if path.exists() else None
        path.write_text((before[path] or '"""An offence."""\n') + f"\n{line}\n")

    yield add
    for path, text in before.items():
        if text is None:
            path.unlink()
        else:
            path.write_text(text)


def broken_contracts(tree: Path) -> set[str]:
    """Return the ids of the contracts that the copy breaks."""
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run(  # noqa: S603 - our own tool
        [linter, "--no-logo", "--cache-dir", tree / "cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": f"{tree / 'src'}:{tree}", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    states = dict(re.findall(r"^(.+) (KEPT|BROKEN)$", run.stdout, flags=re.MULTILINE))
    assert states.keys() == set(NAMES.values()), run.stdout + run.stderr
    assert (run.returncode == 0) == ("BROKEN" not in states.values())
    return {name for name, title in NAMES.items() if states[title] == "BROKEN"}


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    assert broken_contracts(tree) == set()


@pytest.mark.parametrize(("contract", "module", "line"), OFFENCES)
def test_an_offence_breaks_its_contract(
    tree: Path, offend: Callable[[str, str], None], contract: str, module: str, line: str
) -> None:
    offend(module, line)

    assert contract in broken_contracts(tree)


def test_an_offence_through_another_module_is_seen_too(
    tree: Path, offend: Callable[[str, str], None]
) -> None:
    offend("src/fedcarbon/submission/innocent.py", "import fedcarbon.methodology.activity")
    offend("hub/intake/offence.py", "import fedcarbon.submission.innocent")

    assert broken_contracts(tree) == {"no-trip"}


def test_every_contract_is_broken_by_some_offence() -> None:
    assert {contract for contract, _, _ in OFFENCES} == NAMES.keys()


def packages_of_the_core() -> set[str]:
    core = ROOT / "src" / "fedcarbon"
    found = {path.parent.name for path in core.glob("*/__init__.py")}
    return found | {path.stem for path in core.glob("*.py")} - {"__init__"}


def test_the_contracts_for_the_core_leave_no_package_out() -> None:
    contracts = {contract["id"]: contract for contract in CONFIG["contracts"]}
    pure = packages_of_the_core() - {"cli", "engine", "synth", "wire", "v1", "node"}

    assert set(contracts["no-io"]["source_modules"]) == {f"fedcarbon.{name}" for name in pure}
    assert set(contracts["one-clock"]["source_modules"]) == {
        f"fedcarbon.{name}" for name in pure - {"clock"}
    }


def test_whatever_in_the_hub_does_not_store_wallets_is_kept_from_them() -> None:
    contracts = {contract["id"]: contract for contract in CONFIG["contracts"]}
    packages = {path.parent.name for path in (ROOT / "hub").glob("*/__init__.py")}
    storing = {"clearing", "openings", "rails", "sandbox", "uses", "wallets"} & packages
    serving = {"commands", "servicers"}
    wallets = contracts["wallets"]

    assert set(wallets["source_modules"]) == {
        f"hub.{name}" for name in packages - storing - serving
    }
    assert {f"hub.{name}" for name in storing} <= set(wallets["forbidden_modules"])
