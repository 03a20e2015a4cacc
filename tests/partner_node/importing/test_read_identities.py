from pathlib import Path

from fedcarbon.identity.person_id import make_test_id
from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.importing.identities import read_identities
from partner_node.importing.table_file import Read, Reject

HEADER = "person_ref,id_type,id_number,consent_data,consent_claim"


def test_a_person_is_read_with_both_consents(tmp_path: Path) -> None:
    path = tmp_path / "identities.csv"
    path.write_text(f"{HEADER}\nu-1,TEST,{make_test_id(1)},true,2026-03-02T08:00:00+08:00\n")

    (item,) = read_identities(path)

    assert isinstance(item, Read)
    record = item.value
    assert (record.person_ref, record.id_type, record.id_number) == ("u-1", "TEST", make_test_id(1))
    assert (record.consent_data, record.consent_claim) == ("true", "2026-03-02T08:00:00+08:00")
    assert record.issuing_country == ""


def test_the_issuing_country_is_optional(tmp_path: Path) -> None:
    path = tmp_path / "identities.csv"
    path.write_text(f"issuing_country,{HEADER}\nFR,u-1,PASSPORT,12AB34567,true,\n")

    (item,) = read_identities(path)

    assert isinstance(item, Read)
    assert (item.value.issuing_country, item.value.consent_claim) == ("FR", "")


def test_no_reject_and_no_repr_shows_an_identity_number(tmp_path: Path) -> None:
    number = make_test_id(5)
    path = tmp_path / "identities.csv"
    lines = [
        f"TEST,{number},true,true",
        f"{number},TEST",
        f"u-2,TEST,{number},true,true,true",
        f'u-3,TEST,"{number},true,true',
        f"u-4,TEST,{number},true,true",
    ]
    body = "\n".join([HEADER, *lines]).encode() + b"\nu-5,TEST," + number.encode() + b",\xff,true\n"
    path.write_bytes(body)

    items = list(read_identities(path))

    reasons = [item.reason for item in items if isinstance(item, Reject)]
    assert reasons == [RejectReason.MALFORMED_ROW] * 4 + [RejectReason.NOT_UTF8]
    assert number not in repr(items)
