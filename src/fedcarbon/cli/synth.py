"""`fedcarbon synth`: invented data of any size, to try and to measure with."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from fedcarbon.synth.city import CitySize, make_city

app = App(name="synth", help="Invent cities: data to measure with, and the truth beside it.")


@app.command
def city(
    *, people: int, partners: int = 3, days: int = 7, seed: int = 1, out: Path = Path("build/city")
) -> None:
    """Write a synthetic city as Parquet files, and what really happened in it.

    Commuters take a bike to the station, the metro, a bike again, and back; some hail an electric
    taxi at night. Platforms see their own rides; a journey app also copies a fifth of everybody's
    with its own clock, up to three minutes off. One row in a hundred is the same ride once more,
    one is wrong. Every person and every ride is invented; identities are TEST numbers.

    The same numbers give the same rows. A command that was interrupted starts again; one that was
    finished does nothing.

    Args:
        people: how many people live in it.
        partners: how many platforms: a metro, a bike share, a journey app, and so on in turn.
        days: from 2026-03-02 on.
        seed: another one gives another city.
        out: the folder.
    """
    size = CitySize(people=people, partners=partners, days=days, seed=seed)
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TextColumn("{task.fields[rides]:,} rides"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("inventing", total=size.steps, rides=0)
        described = make_city(
            out, size, lambda rides, done: progress.update(task, completed=done, rides=rides)
        )
    said = Console()
    said.print(described["label"], highlight=False)
    rows = described["rows"]
    assert isinstance(rows, dict)
    for name, count in rows.items():
        said.print(f"{count:>13,}  {out / name}.parquet", highlight=False)
