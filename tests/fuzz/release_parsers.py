"""The parser of release files, which a reader gets from whoever kept them."""

from __future__ import annotations

from fedcarbon.disclosure.release import ReleasePartsDifferError, release_file, release_from_file
from fedcarbon.disclosure.table import TableDiffersError
from fedcarbon.errors import MalformedError, SignatureInvalidError
from tests.fuzz.parser import Parser
from tests.report.city import city, releases


def of_releases() -> list[Parser]:
    """Return the parser of release files."""
    return [
        Parser(
            name="fedcarbon.disclosure.release:release_from_file",
            parse=lambda data: release_from_file(data, city().roots),
            errors=(
                MalformedError,
                SignatureInvalidError,
                ReleasePartsDifferError,
                TableDiffersError,
            ),
            examples=lambda: [release_file(releases()[0])],
        )
    ]
