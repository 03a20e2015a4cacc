"""Use case of publishing a table shell.

(1) t root keys have signed the exact bytes                      SIGNATURE_INVALID
(2) for this parameter set                                       PARAMETERS_DIFFER
(3) the programme exists                                         UNKNOWN_PROGRAMME
(4) it fits the programme's epochs and its other shells          SHELL_CONFLICT
(5) a partner's file is no longer than one message               SHELL_TOO_LARGE
(6) this hub is admitted with the key that it signs with         HUB_NOT_ADMITTED

Rule (4) is the rule of everybody who reads the record, asked of the record as they see it: its id
is new, the programme has its epochs, none of them is planned, and no other shell counts one.
"""

from __future__ import annotations

from sqlmodel import Session

from fedcarbon.disclosure.block_file import FILE_BYTES_MAX, file_bytes
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.opening.violations import RecordViolationError
from fedcarbon.registry.admission import open_rooted
from fedcarbon.submission.signed_message import require_parameters
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.registry.programmes import require_programme
from hub.statistics.errors import ShellConflictError, ShellTooLargeError


def publish_shell(session: Session, hub: Hub, folded: FoldedRecord, message: bytes) -> bytes:
    """Log a shell and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        folded: the record as its readers see it.
        message: the exact bytes of the signed shell.

    Raises:
        MalformedError, SignatureInvalidError, ParametersDifferError, UnknownProgrammeError,
        ShellConflictError, ShellTooLargeError, HubNotAdmittedError: the first rule that fails.
    """
    given = hub.record.receipt_of_message(session, LeafType.TABLE_SHELL, message)
    if given is not None:
        return given
    parameters = hub.parameters
    # (1) t root keys have signed the exact bytes
    shell = open_rooted(TableShell, message, parameters.root_keys, threshold=parameters.threshold)
    # (2) for this parameter set
    require_parameters(shell, parameters.parameter_id)
    # (3) the programme exists
    require_programme(session, shell.programme_id)
    # (4) it fits the programme's epochs and its other shells
    with folded.at(session) as view:
        try:
            view.tables.require_new(shell)
        except RecordViolationError as error:
            raise ShellConflictError(str(error)) from error
    # (5) a partner's file is no longer than one message
    size = file_bytes(parameters.proof_key, shell.values)
    if size > FILE_BYTES_MAX:
        raise ShellTooLargeError(
            f"{shell.values} values make a file of {size} bytes, {FILE_BYTES_MAX} at most"
        )
    # (6) this hub is admitted with the key that it signs with
    hub.record.require_admitted(session)
    _, receipt = hub.record.accept(session, LeafType.TABLE_SHELL, message, owners=())
    return receipt
