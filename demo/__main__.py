"""`python -m demo`: run a whole federation on this machine and tell the life of a gram."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from cyclopts import App
from rich.console import Console

from demo.city import make_city
from demo.narrator import Narrator
from demo.own_folder import begin
from demo.programmes.document import load, names
from demo.programmes.running import run_programme
from demo.real import make_real_scenario
from demo.scenario import ScenarioError, load_scenario
from demo.story import tell
from fedcarbon.errors import FedcarbonError

OUT: Final = Path("build/demo")
SEED: Final = 1
MARKER: Final = ".fedcarbon-demo"
LIST: Final = "list"


app = App(name="demo", help="A whole federation on one machine, with real processes and mTLS.")


@app.default
def run(
    *,
    scenario: Path | None = None,
    data: Path | None = None,
    programme: str | None = None,
    out: Path = OUT,
    people: int = 120,
    days: int = 2,
    seed: int = SEED,
    bits: int = 2048,
) -> None:
    """Run a scenario to the end: hub, partners, trustees and wallet operator as processes.

    Without arguments it invents a small city. Exit code 0 means that every step succeeded and that
    the opened sums equal a plain recomputation from the input files.

    Args:
        scenario: a scenario file (see the README for its format).
        data: folder with the published real trips; builds and runs the real-trips scenario.
        programme: name of a programme file; `list` lists them.
        out: folder for results; what an earlier demo left in it is deleted first.
        people: how many people the invented city has.
        days: how many days it runs.
        seed: of everything invented.
        bits: length of the keys of the invented city and of the real-trips scenario.
    """
    if scenario is not None and scenario.resolve().is_relative_to(out.resolve()):
        raise ScenarioError(f"{scenario} lies in {out}, which is emptied first: choose another OUT")
    narrator = Narrator(Console())
    if programme == LIST:
        narrator.programmes([load(name) for name in names()])
        return
    file = None if programme is None else load(programme)
    begin(out, MARKER)
    if file is not None:
        run_programme(file, out.resolve(), narrator, bits=bits)
        return
    sources: dict[str, dict[str, object]] = {}
    if scenario is not None:
        loaded = load_scenario(scenario)
    elif data is not None:
        path, sources = make_real_scenario(data, out / "real", seed=seed, bits=bits)
        loaded = load_scenario(path)
    else:
        city = make_city(out / "city", people=people, days=days, seed=seed, bits=bits)
        loaded = load_scenario(city)
    narrator.title(loaded.title)
    narrator.sources(sources)
    tell(loaded, out.resolve(), narrator, sources)


def main() -> None:
    """Run the command line; a promised error is told in words and ends with exit code 1."""
    try:
        app()
    except FedcarbonError as error:
        sys.stderr.write(f"demo: {error} [{error.code}]\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
