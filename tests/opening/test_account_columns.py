"""Accounts in columns: the same answers as lists and dictionaries give."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.epoch.snapshot import Place
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.opening.account_columns import AccountColumns, StoredEntry
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentEntry

PROGRAMMES = (ProgrammeId("one"), ProgrammeId("two"))
TOKENS = [bytes([number]) * 32 for number in range(4)]
CONSENT = b"c" * 32


def entry_of(token: bytes, action: EnrolmentAction, from_epoch: int) -> EnrolmentEntry:
    return EnrolmentEntry(
        account_token=token,
        action=action,
        from_epoch=from_epoch,
        consent_data_hash=CONSENT,
        consent_claim_hash=CONSENT,
    )


logged = st.lists(
    st.tuples(
        st.sampled_from(PROGRAMMES),
        st.sampled_from([PartyId("metro"), PartyId("bikes")]),
        st.sampled_from(TOKENS),
        st.sampled_from(EnrolmentAction),
        st.integers(min_value=1, max_value=9),
    ),
    max_size=30,
)


@given(entries=logged)
def test_entries_come_back_in_the_order_of_the_record(
    entries: list[tuple[ProgrammeId, PartyId, bytes, EnrolmentAction, int]],
) -> None:
    columns = AccountColumns()
    for leaf, (programme, partner, token, action, epoch) in enumerate(entries):
        columns.add(programme, partner, leaf, entry_of(token, action, epoch))

    for programme in PROGRAMMES:
        own = [token for of, _, token, _, _ in entries if of == programme]
        assert list(columns.tokens(programme)) == sorted(set(own))
        for token in TOKENS:
            assert columns.entries(programme, token) == [
                StoredEntry(leaf, partner, action is EnrolmentAction.ENROL, epoch)
                for leaf, (of, partner, whose, action, epoch) in enumerate(entries)
                if (of, whose) == (programme, token)
            ]


def test_a_place_leads_to_its_account_and_back() -> None:
    columns = AccountColumns()
    places = dict(zip(TOKENS, (Place(7, 3), Place(7, 0), Place(1 << 31, 35)), strict=False))
    for token in TOKENS:
        entry = entry_of(token, EnrolmentAction.ENROL, 1)
        columns.add(PROGRAMMES[0], PartyId("metro"), 1, entry)
    for token, place in places.items():
        columns.place(PROGRAMMES[0], token, place)

    for token in TOKENS:
        assert columns.place_of(PROGRAMMES[0], token) == places.get(token)
        assert columns.place_of(PROGRAMMES[1], token) is None
    assert {place: columns.token_at(place) for place in places.values()} == {
        place: token for token, place in places.items()
    }
    for free in (Place(7, 1), Place(7, 4), Place(7, -1), Place(8, 0)):
        assert columns.token_at(free) is None
