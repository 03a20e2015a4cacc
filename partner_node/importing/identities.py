"""Identity files: which document and which consents belong to a platform's own user.

Columns: `person_ref, id_type, id_number, consent_data, consent_claim` and, optionally,
`issuing_country` (CN where it is absent or empty). A consent is an ISO 8601 time (it counts from
then on), `true` (from the beginning) or empty (not given). Documents and consents are judged when
persons are linked; only what cannot be a row at all is rejected here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from partner_node.importing.table_file import Columns, Read, Reject, read_table
from partner_node.persons.linking import PersonRecord

IDENTITY_COLUMNS: Final = Columns(
    subject="person_ref",
    required=("person_ref", "id_type", "id_number", "consent_data", "consent_claim"),
    optional=("issuing_country",),
)


def read_identities(path: Path) -> Iterator[Read[PersonRecord] | Reject]:
    """Yield every row of a CSV or Parquet file as a person or as a reject, in order.

    Raises:
        ImportFileError: the file cannot be read or lacks a column.
    """
    for item in read_table(path, IDENTITY_COLUMNS):
        if isinstance(item, Reject):
            yield item
            continue
        fields = item.value
        record = PersonRecord(
            person_ref=fields["person_ref"].strip(),
            id_type=fields["id_type"],
            id_number=fields["id_number"],
            issuing_country=fields.get("issuing_country", ""),
            consent_data=fields["consent_data"],
            consent_claim=fields["consent_claim"],
        )
        yield Read(row=item.row, value=record)
