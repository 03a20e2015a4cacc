"""What the hub refuses about statistics."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import CallerError, StateError


class ShellConflictError(CallerError):
    """The shell does not fit its programme's epochs or its other shells: sign another one."""

    code: ClassVar[str] = "SHELL_CONFLICT"


class ShellTooLargeError(CallerError):
    """A partner's file would be too long for one message: sign a shell of fewer cells."""

    code: ClassVar[str] = "SHELL_TOO_LARGE"


class ContributionDiffersError(CallerError):
    """The partner has contributed to this period with other bytes; the first ones count."""

    code: ClassVar[str] = "CONTRIBUTION_DIFFERS"


class ContributionLateError(StateError):
    """The period takes no contributions any more; the next one will."""

    code: ClassVar[str] = "CONTRIBUTION_LATE"


class NothingToContributeError(CallerError):
    """The partner has no account that was enrolled in the period."""

    code: ClassVar[str] = "NOTHING_TO_CONTRIBUTE"


class TableUnknownError(CallerError):
    """No shell stands in that leaf, or its calendar has no such period."""

    code: ClassVar[str] = "TABLE_UNKNOWN"


class TableNotReleasedError(StateError):
    """The period has no table yet, or never will; the list of tables says why."""

    code: ClassVar[str] = "TABLE_NOT_RELEASED"
