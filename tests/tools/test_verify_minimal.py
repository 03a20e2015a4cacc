"""The verifier in one file, on the record behind the protocol page's examples."""

from __future__ import annotations

import ast
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import verify_minimal

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "tools" / "verify_minimal.py"
VECTORS = ROOT / "tests" / "vectors"


def unfolded(folder: Path) -> tuple[Path, Path]:
    """Write `record.json` as the folder of section 4.3, and its roots beside it."""
    tree = json.loads((VECTORS / "record.json").read_text(encoding="utf-8"))
    record, roots = folder / "record", folder / "roots.toml"
    for place in ("bodies", "files", "checkpoints"):
        (record / place).mkdir(parents=True)
    with (record / "leaves.txt").open("w", encoding="utf-8") as lines:
        for index, item in enumerate(tree["leaves"]):
            body = item["body"].encode()
            sha256 = hashlib.sha256(body).hexdigest()
            (record / "bodies" / f"{sha256}.json").write_bytes(body)
            lines.write(f"{index} {item['leaf']} {item['salt']} {sha256}\n")
    for sha256, data in tree["files"].items():
        (record / "files" / sha256).write_bytes(bytes.fromhex(data))
    for head in tree["checkpoints"]:
        note = record / "checkpoints" / f"{head['size']}.txt"
        note.write_text(head["note"], encoding="utf-8")
    roots.write_text(tree["roots_toml"], encoding="utf-8")
    return record, roots


def verified(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the program in a Python that sees no installed package."""
    command = [sys.executable, "-I", "-S", str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours


def test_the_example_record_holds(tmp_path: Path) -> None:
    record, roots = unfolded(tmp_path)
    report = tmp_path / "report.json"

    done = verified(record, "--roots", roots, "--json", report)

    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(report.read_text()) == {"passed": True, "findings": []}
    passed = {line[:3] for line in done.stdout.splitlines() if line[5:].startswith("passed")}
    # It holds no statistics, and no use of grams besides cash.
    assert passed == set(verify_minimal.CHECKS) - {"V23", "V26"}


def test_findings_are_printed_and_exit_with_1(tmp_path: Path) -> None:
    record, roots = unfolded(tmp_path)
    next((record / "files").iterdir()).unlink()

    done = verified(record, "--roots", roots)

    assert done.returncode == 1
    assert "V01 FILE_MISSING" in done.stdout


@pytest.mark.parametrize("roots", ["", "threshold = 3\n", "parameter_id = 3\nroot = []\n"])
def test_input_that_cannot_be_used_exits_with_2(tmp_path: Path, roots: str) -> None:
    record, path = unfolded(tmp_path)
    path.write_text(roots)

    assert verified(record, "--roots", path).returncode == 2


def test_another_parameter_set_is_refused(tmp_path: Path) -> None:
    record, roots = unfolded(tmp_path)
    text = roots.read_text()
    at = text.index('parameter_id = "') + len('parameter_id = "')
    roots.write_text(text[:at] + "0" * 64 + text[at + 64 :])

    done = verified(record, "--roots", roots)

    assert done.returncode == 1
    assert "V02 PARAMETERS_DIFFER" in done.stdout


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse(PROGRAM.read_text(encoding="utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    names |= {
        item.name for node in ast.walk(tree) if isinstance(node, ast.Import) for item in node.names
    }

    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


# --- what a small record does not reach ---------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "message", "signature"),
    [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
                "1cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
                "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
    ],
    ids=["test 1", "test 2"],
)
def test_signatures_of_rfc_8032_hold_and_altered_ones_do_not(
    key: str, message: str, signature: str
) -> None:
    good = bytes.fromhex(signature)
    arguments = (bytes.fromhex(message),)
    verify_minimal.check_signature(bytes.fromhex(key), good, *arguments)

    unreduced = int.from_bytes(good[32:], "little") + verify_minimal.ORDER
    for wrong in (
        bytes([good[0] ^ 1]) + good[1:],
        good[:32] + unreduced.to_bytes(32, "little"),
        good[:-1],
    ):
        with pytest.raises(verify_minimal.Broken, match="SIGNATURE_INVALID"):
            verify_minimal.check_signature(bytes.fromhex(key), wrong, *arguments)


def test_small_multiples_of_the_generator_are_those_of_rfc_9496() -> None:
    """Appendix A.1 of the RFC; the first is the identity, which the protocol never accepts."""
    expected = (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
        "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
        "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
    )
    for multiple, encoded in enumerate(expected):
        point = verify_minimal.combination((multiple, verify_minimal.BASE))
        assert verify_minimal.element_bytes(point).hex() == encoded
        if multiple:
            decoded = verify_minimal.element(bytes.fromhex(encoded))
            assert verify_minimal.element_bytes(decoded).hex() == encoded


@pytest.mark.parametrize(
    "encoded",
    [
        "00" * 32,
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    ],
)
def test_bytes_that_are_no_element_are_refused(encoded: str) -> None:
    """The identity, and bad encodings of appendix A.2 of RFC 9496."""
    with pytest.raises(verify_minimal.Broken, match="ELEMENT_INVALID"):
        verify_minimal.element(bytes.fromhex(encoded))


@pytest.mark.parametrize("count", [0, 1, 3, 5, 10, 13, 1000])
def test_padded_sizes_are_those_of_the_page(count: int) -> None:
    example = json.loads((VECTORS / "protocol.json").read_text())["examples"]["padding"]

    assert verify_minimal.padded(count) == int(example[str(count)])


@pytest.mark.parametrize("position", [0, 1, 2])
def test_link_proofs_get_their_known_answers(position: int) -> None:
    case = json.loads((VECTORS / "link_proof.json").read_text())["cases"][position]
    moduli = (int(case[name], 16) for name in ("n", "N"))
    our = verify_minimal.Moduli(*moduli, bytes.fromhex(case["parameter_id"]))
    about = verify_minimal.Submitted(
        programme=case["programme"],
        party=case["party"],
        epoch=case["epoch"],
        plan=bytes.fromhex(case["plan_leaf"]),
        verdicts=bytes.fromhex(case["verdict_leaf"]),
        cap=int(case["cap_ug"]),
        blocks=tuple((item["block"], int(item["A"], 16)) for item in case["blocks"]),
        won=bytes.fromhex(case["K"]),
        second=bytes.fromhex(case["ristretto_generator"]),
    )

    verify_minimal.check_link(our, about, bytes.fromhex(case["proof"]))
    for check, data in case["refused"].items():
        with pytest.raises(verify_minimal.Broken, match=rf"LINK_PROOF_INVALID: \({check}\)"):
            verify_minimal.check_link(our, about, bytes.fromhex(data))
