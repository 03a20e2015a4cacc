"""Why a trustee has no part in a release: one class and one stable code for each reason.

| code | what it means |
|---|---|
| SHELL_NOT_IN_RECORD | no shell of root keys stands in that leaf, or it has no such period |
| PERIOD_NOT_OVER | an epoch of the period is not sealed, or partners still have time |
| RELEASE_REPEATED | the period was started before; its table is in the record or will be |
| CONTRIBUTORS_DIFFER | the start leaves a contribution out, or names one that is not there |
| TOO_FEW_PARTNERS | fewer partners with enough members than the shell asks for |
| TOO_MANY_PARTNERS | more partners than the noise was made for |
| MEMBERS_DIFFER | a contribution was bounded by another number of members than the record's |
| CONTRIBUTION_FILE_DIFFERS | a contribution's file is not what its leaf says |
| BUDGET_EXCEEDED | the release would spend more than the year allows, or says something else |
| NOISE_DIFFERS | a trustee's noise is not what the start names, or this trustee's is missing |
| NOISED_DIFFERS | what is to be opened is not contributions times noise |
"""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import PeerError, StateError


class ShellNotInRecordError(PeerError):
    """No shell that root keys signed stands in that leaf, or it has no such period."""

    code: ClassVar[str] = "SHELL_NOT_IN_RECORD"


class PeriodNotOverError(StateError):
    """An epoch of the period is not sealed, or partners still have time to contribute."""

    code: ClassVar[str] = "PERIOD_NOT_OVER"


class ReleaseRepeatedError(StateError):
    """The period was started before: ask for its release, which never changes."""

    code: ClassVar[str] = "RELEASE_REPEATED"


class ContributorsDifferError(PeerError):
    """The start leaves a contribution out, or names one that is not there."""

    code: ClassVar[str] = "CONTRIBUTORS_DIFFER"


class TooFewPartnersError(StateError):
    """Fewer partners with enough members than the shell asks for; the period is not released."""

    code: ClassVar[str] = "TOO_FEW_PARTNERS"


class TooManyPartnersError(StateError):
    """More partners than the noise was made for; root keys must publish a wider shell."""

    code: ClassVar[str] = "TOO_MANY_PARTNERS"


class MembersDifferError(PeerError):
    """A contribution was bounded by another number of members than the record's."""

    code: ClassVar[str] = "MEMBERS_DIFFER"


class ContributionFileDiffersError(PeerError):
    """A contribution's file is not what its leaf says."""

    code: ClassVar[str] = "CONTRIBUTION_FILE_DIFFERS"


class BudgetExceededError(PeerError):
    """The release would spend more than the year allows, or says something else about it."""

    code: ClassVar[str] = "BUDGET_EXCEEDED"


class NoiseDiffersError(PeerError):
    """A trustee's noise is not what the start names, or this trustee's is missing."""

    code: ClassVar[str] = "NOISE_DIFFERS"


class NoisedDiffersError(PeerError):
    """What is to be opened is not contributions times noise."""

    code: ClassVar[str] = "NOISED_DIFFERS"
