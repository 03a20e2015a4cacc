"""The auditor at the end of a demo: another program, offline, with record and roots alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import ClassVar

from fedcarbon.errors import PeerError


class AuditFailedError(PeerError):
    """The auditor has found something; its report names the leaf and who must act."""

    code: ClassVar[str] = "AUDIT_FAILED"


def audit(out: Path) -> None:
    """Have the record verified; the checklist goes to the terminal, the report into `out`.

    Args:
        out: the demo's folder, with `record/` and `keys/roots.toml`; gets `audit.json` and
            `audit.html`.

    Raises:
        AuditFailedError: the auditor ended with another exit code than 0.
    """
    command = [sys.executable, "-m", "fedcarbon.cli", "audit", "verify", str(out / "record")]
    command += ["--roots", str(out / "keys" / "roots.toml")]
    command += ["--json", str(out / "audit.json"), "--html", str(out / "audit.html")]
    sys.stdout.flush()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise AuditFailedError(f"the record does not verify: see {out / 'audit.html'}")
