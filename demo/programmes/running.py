"""A programme file as a whole federation of processes: `make demo PROGRAMME=...`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from demo.narrator import Narrator
from demo.programmes.building import build
from demo.programmes.document import ProgrammeFile
from demo.programmes.lent_hands import Play
from demo.story import Acts, tell


def run_programme(
    file: ProgrammeFile, out: Path, narrator: Narrator, *, bits: int
) -> dict[str, Any]:
    """Run a programme to the end and return the summary.

    Args:
        file: the programme.
        out: folder for results.
        narrator: tells the story.
        bits: length of the keys.

    Raises:
        FigureDiffersError: something else came out than the file says.
        FedcarbonError: a step failed; the message says whose turn it is.
    """
    narrator.beginning(file)
    scenario = build(file, out / "in", bits=bits)
    play = Play(file)
    return tell(scenario, out, narrator, {}, Acts(bound=play.early, opened=play.opened))
