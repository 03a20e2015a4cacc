"""`fedcarbon audit sample` and `audit evidence`: what a partner opens on site, does it hold.

The record is folded by the rules of a trustee, without its heads: `fedcarbon audit verify` comes
first and judges all of it.
"""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import Annotated, ClassVar, Final

from cyclopts import Parameter
from rich.console import Console
from rich.text import Text

from fedcarbon.audit.evidence_checks import EvidenceReport, check_evidence
from fedcarbon.audit.evidence_reading import evidence_record
from fedcarbon.audit.evidence_record import EvidenceRecord
from fedcarbon.audit.evidence_sample import EvidenceSample, sample_of
from fedcarbon.audit.opened_evidence import OpenedEvidence
from fedcarbon.audit.sampling import detection, percent_text
from fedcarbon.audit.source import LeafLine, RecordSource
from fedcarbon.canonical import statement as statements
from fedcarbon.cli.audit_folder import open_folder
from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, checked_name
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.view import RecordView
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.transparency.envelope import Envelope

EXIT_FOUND: Final = 1
FALSE_SHARES: Final = (Fraction(1, 100), Fraction(5, 100), Fraction(10, 100))
"""Shares of false person-days for which the chance to find one is printed."""
OPENED_BYTES_MAX: Final = 256 * 1024 * 1024


class EvidenceInputError(ConfigurationError):
    """A file that an audit of evidence needs cannot be read or written; name another one."""

    code: ClassVar[str] = "EVIDENCE_INPUT"


def sample(
    record: Path,
    /,
    *,
    roots: Path,
    programme: str,
    epoch: int,
    partner: str,
    size: int,
    out: Path,
) -> None:
    """Write which leaves of a partner's evidence the sample beacon of an epoch draws.

    Take the file to the partner: its node draws the same sample and opens nothing else.

    Args:
        record: the folder of the record.
        roots: roots.toml, which you have by a way that you trust.
        programme: the programme's id.
        epoch: a sealed epoch.
        partner: whose evidence.
        size: k: so many person-days, kept claims and lost claims are drawn.
        out: file for the sample.
    """
    ref = EpochRef(ProgrammeId(checked_name(programme)), EpochIndex(epoch))
    found = _record(record, roots, ref, PartyId(checked_name(partner)), size)
    drawn = sample_of(found.basis, size)
    _write(out, statements.encode(drawn) + b"\n")
    console = Console(highlight=False)
    console.print(
        f"{len(drawn.person_days)} of {found.basis.numbering.person_days} person-days, "
        f"{len(drawn.kept_claims)} kept and {len(drawn.lost_claims)} lost of "
        f"{found.basis.numbering.claims} claims"
    )
    for item in drawn.person_days:
        console.print(f"  leaf {item.leaf}: block {item.block}, slot {item.slot}, {item.day}")
    _print_detection(console, drawn)


def evidence(
    record: Path,
    opened: Path,
    /,
    *,
    roots: Path,
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
) -> None:
    """Recompute what a partner's node has OPENED, from activities to the ciphertexts of RECORD.

    Exit code 0 says that nothing was found, 1 that something was. An activity that never happened
    is not found: compare the opened activities with the platform's own records. The methodologies
    are those of the record, as root keys signed them.

    Args:
        record: the folder of the record.
        opened: the file that the node's `audit` command wrote.
        roots: roots.toml, which you have by a way that you trust.
        json_out: write the report as JSON to this file.
    """
    data = _read(opened)
    asked = statements.decode(OpenedEvidence, Envelope.from_bytes(data).payload)
    ref = EpochRef(asked.sample.programme_id, asked.sample.epoch)
    found = _record(record, roots, ref, asked.sample.partner_id, asked.sample.size)
    report = check_evidence(found, data, [parse_methodology(item) for item in found.documents])
    _print_report(Console(highlight=False), report)
    if json_out is not None:
        _write(json_out, json.dumps(report_tree(report), indent=2).encode() + b"\n")
    if report.findings:
        sys.exit(EXIT_FOUND)


def folded(source: RecordSource, roots: TrustRoots) -> RecordView:
    """Return the record in a source, folded as a trustee folds it.

    Raises:
        RecordViolationError: a leaf breaks a rule.
        LeafLineMalformedError: the list of leaves is broken.
    """
    view = RecordView(roots)
    for text in source.leaf_lines():
        line = LeafLine.parse(text)
        view.apply(line.index, line.leaf, line.salt, source.body(line.body_sha256.hex()))
    return view


def report_tree(report: EvidenceReport) -> dict[str, object]:
    """Return a report as JSON values; chances are exact fractions as text."""
    drawn = report.sample
    return {
        "partner": drawn.partner_id,
        "programme": drawn.programme_id,
        "epoch": drawn.epoch,
        "size": drawn.size,
        "person_days": report.person_days,
        "activities": report.activities,
        "claims": report.claims,
        "slots": report.slots,
        "detection": {
            str(share): str(detection(share, len(drawn.person_days))) for share in FALSE_SHARES
        },
        "findings": [
            {
                "check": item.check.value,
                "code": item.code,
                "subject": item.subject,
                "text": item.text,
                "leaf": item.leaf,
            }
            for item in report.findings
        ],
    }


def _record(
    folder: Path, roots: Path, ref: EpochRef, partner_id: PartyId, size: int
) -> EvidenceRecord:
    source = open_folder(folder)
    view = folded(source, parse_roots(_read(roots)))
    return evidence_record(
        view, lambda sha256: source.file(sha256.hex()) or b"", ref, partner_id, size
    )


def _print_report(console: Console, report: EvidenceReport) -> None:
    for item in report.findings:
        console.print(
            Text.assemble(
                (f"{item.check.value} {item.code}", "bold red"), f" {item.subject}: {item.text}"
            )
        )
    console.print(
        f"{report.person_days} person-days with {report.activities} activities, {report.claims} "
        f"claims and {report.slots} slots of ciphertexts were recomputed"
    )
    if report.findings:
        console.print(Text(f"{len(report.findings)} findings", style="bold red"))
    else:
        console.print(
            "nothing was found: what the partner says fits together, from activity to ciphertext. "
            "Whether the activities happened is for the platform's own records to show"
        )
    _print_detection(console, report.sample)


def _print_detection(console: Console, drawn: EvidenceSample) -> None:
    count = len(drawn.person_days)
    for share in FALSE_SHARES:
        chance = percent_text(detection(share, count))
        console.print(
            f"if {percent_text(share)} of the person-days are false, {count} draws meet one with "
            f"a chance of {chance}",
            soft_wrap=True,
        )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > OPENED_BYTES_MAX:
            raise EvidenceInputError(f"{path.name} has more than {OPENED_BYTES_MAX} bytes")
        return path.read_bytes()
    except OSError as error:
        raise EvidenceInputError(f"{path.name}: {error.strerror}") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise EvidenceInputError(f"{path.name}: {error.strerror}") from error
