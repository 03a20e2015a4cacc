"""What a terminal shows of an audit while it runs."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typing_extensions import override


class Bar(AbstractContextManager["Bar"]):
    """Shows how far an audit has come: a bar on a terminal, one line per stage elsewhere."""

    def __init__(self, console: Console) -> None:
        """Show on `console`."""
        self._console: Final = console
        self._stage = ""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress: Final = Progress(*columns, console=console, transient=True)
        self._task: Final = self._progress.add_task("reading", total=None)

    @override
    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def watch(self, stage: str, done: int, total: int) -> None:
        """Take note of a step; see `fedcarbon.audit.examination.Watcher`."""
        if self._console.is_terminal:
            self._progress.update(self._task, description=stage, completed=done, total=total)
        elif stage != self._stage and done == total:
            self._console.print(f"{stage}: {total}", highlight=False)
            self._stage = stage

    @override
    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._progress.stop()
