"""A rail's days out of a folder: one JSON file per programme and day, brought by whoever has them.

A file is called `PROGRAMME-YYYY-MM-DD.json`; its form is `fedcarbon.redemption.rail_day_json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from typing_extensions import override

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail_day import RailDay, RailFiles
from fedcarbon.redemption.rail_day_json import rail_day_from_json
from fedcarbon.redemption.value_day import ValueDay, day_text


@dataclass(frozen=True, slots=True)
class RailFolder(RailFiles):
    """The files of a folder."""

    folder: Path

    @override
    def of_day(self, programme: ProgrammeId, day: ValueDay) -> RailDay | None:
        """Return what the rail says of `day`, or None while there is no file.

        Raises:
            MalformedError: the file is another day's or programme's, or none at all.
        """
        path = self.folder / f"{programme}-{day_text(day)}.json"
        if not path.is_file():
            return None
        found = rail_day_from_json(path.read_bytes())
        if (found.programme, found.day) != (programme, day):
            raise MalformedError(f"{path.name} is of {found.programme} and {day_text(found.day)}")
        return found
