import pytest

from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.adapters.canonical_output import AdapterReport


def test_a_report_that_loses_a_row_cannot_be_made() -> None:
    rejected = {RejectReason.NO_DISTANCE: 3}

    assert AdapterReport(read=7, written=2, rows_per_activity=2, rejected=rejected)
    with pytest.raises(AssertionError, match="8 rows read, 7 accounted for"):
        AdapterReport(read=8, written=2, rows_per_activity=2, rejected=rejected)


def test_a_report_reads_as_one_line() -> None:
    rejected = {RejectReason.NO_DISTANCE: 3, RejectReason.SAME_STATION: 2}

    report = AdapterReport(read=7, written=1, rows_per_activity=2, rejected=rejected)

    assert report.text() == (
        "7 rows read, 1 activities written; rejected: no_distance 3, same_station 2"
    )
