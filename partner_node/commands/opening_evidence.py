"""`audit`: from an auditor's sample file to the file of opened evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Console

from fedcarbon.audit.evidence_sample import EvidenceSample
from fedcarbon.canonical import statement as statements
from fedcarbon.errors import ConfigurationError
from partner_node.node import Node

PRIVATE_MODE: Final = 0o600
"""The file holds activities: nobody else on the machine reads it."""


def open_evidence(node: Node, sample: Path, out: Path, console: Console) -> None:
    """Open what `sample` asks for and write it to `out`.

    Raises:
        ConfigurationError: a file cannot be read or written, or `out` is there already.
        MalformedError: the file is no sample.
        SampleNotDrawnError, EpochNotAuditableError, SampleSizeError: see `Node.open_evidence`.
    """
    try:
        asked = statements.decode(EvidenceSample, sample.read_bytes().strip())
        envelope = node.open_evidence(asked)
        out.touch(mode=PRIVATE_MODE, exist_ok=False)  # evidence is never replaced
        out.write_bytes(envelope)
    except OSError as error:
        raise ConfigurationError(f"{error.filename}: {error.strerror}") from error
    console.print(
        f"opened {len(asked.person_days)} person-days, {len(asked.kept_claims)} kept and "
        f"{len(asked.lost_claims)} lost claims of epoch {asked.epoch}: {out.name}"
    )
