"""`fedcarbon audit challenge`: does a node encrypt and prove as it should."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import ClassVar, Final

from rich.console import Console
from rich.text import Text

from fedcarbon.audit.challenge import ChallengeFinding, challenge_findings
from fedcarbon.canonical import statement as statements
from fedcarbon.errors import ConfigurationError, FedcarbonError
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.submission.challenge import Challenge
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.units import MicrogramsCO2e

EXIT_FOUND: Final = 1
EXIT_UNUSABLE: Final = 2


class ChallengeInputError(ConfigurationError):
    """A file that the audit of a challenge needs cannot be read; name another one."""

    code: ClassVar[str] = "CHALLENGE_INPUT"


def challenge(
    *files: Path, parameters: Path, cap_ug: int | None = None, show_values: bool = False
) -> None:
    """Recompute test vectors that a node encrypted and opened, and say what is wrong with it.

    The node makes such a file with `fedcarbon-partner-node challenge`. Bring several: a source of
    randomness that repeats itself shows only in more than one. Exit code 0 says that nothing was
    found, 1 that something was, 2 that a file was not usable.

    Args:
        files: what the node wrote, all of them from one node.
        parameters: parameters.dsse.json of the ceremony, which you have by a way that you trust.
        cap_ug: the programme's cap of one account over an epoch, in ug; without it the node's own
            is taken.
        show_values: print the values, for comparison with the ones that were asked for.
    """
    console = Console(highlight=False)
    try:
        trusted = statements.decode(ParameterSet, Envelope.from_bytes(_read(parameters)).payload)
        challenges = [statements.decode(Challenge, _read(path)) for path in files]
        if not challenges:
            raise ChallengeInputError("name at least one file that the node wrote")
    except FedcarbonError as error:
        console.print(Text(f"fedcarbon: {error} [{error.code}]"), soft_wrap=True)
        sys.exit(EXIT_UNUSABLE)
    cap = None if cap_ug is None else MicrogramsCO2e(cap_ug)
    console.print(f"parameter set {trusted.parameter_id.hex()}")
    if show_values:
        _print_values(console, challenges)
    found = challenge_findings(challenges, trusted, cap)
    for item in found:
        _print_finding(console, item)
    blocks = sum(len(item.blocks) for item in challenges)
    if found:
        console.print(f"{len(found)} findings over {blocks} blocks: do not use this build")
        sys.exit(EXIT_FOUND)
    console.print(f"{blocks} blocks: packed, encrypted and proved as they should be")


def _print_values(console: Console, challenges: list[Challenge]) -> None:
    for item in challenges:
        for block in item.blocks:
            console.print(",".join(map(str, block.values_ug)))


def _print_finding(console: Console, item: ChallengeFinding) -> None:
    console.print(Text(f"{item.check.value}: {item.subject}: {item.text}", style="bold red"))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ChallengeInputError(f"cannot read {path.name}: {error.strerror}") from error
