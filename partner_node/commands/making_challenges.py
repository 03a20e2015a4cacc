"""`challenge`: a test vector in, the opened ciphertexts of this build out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import ConfigurationError
from fedcarbon.submission.challenge import Challenge
from fedcarbon.units import MicrogramsCO2e

_LINE: Final = re.compile(r"[0-9]{1,18}(,[0-9]{1,18})*")


class ChallengeFileError(ConfigurationError):
    """A file of a challenge cannot be read or written; the operator must name another one."""

    code: ClassVar[str] = "CHALLENGE_FILE"


def read_values(path: Path) -> list[list[MicrogramsCO2e]]:
    """Return the values of a test vector, block by block.

    Args:
        path: one line per block, micrograms per slot with commas between.

    Raises:
        ChallengeFileError: the file cannot be read or holds something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise ChallengeFileError(f"cannot read {path.name}: {type(error).__name__}") from error
    for number, line in enumerate(lines, start=1):
        if _LINE.fullmatch(line) is None:
            raise ChallengeFileError(
                f"line {number} of {path.name} is not micrograms with commas and without spaces"
            )
    return [[MicrogramsCO2e(int(value)) for value in line.split(",")] for line in lines]


def write_challenge(path: Path, challenge: Challenge) -> None:
    """Write the opened challenge.

    Raises:
        ChallengeFileError: the file cannot be written.
    """
    try:
        path.write_bytes(statements.encode(challenge))
    except OSError as error:
        raise ChallengeFileError(f"cannot write {path.name}: {error.strerror}") from error
