"""Checkpoints: signed notes, cosignatures, quorums, and whose signature counts for nothing."""

from __future__ import annotations

import base64
import dataclasses

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fedcarbon.errors import MalformedError, SignatureInvalidError
from fedcarbon.transparency.checkpoint import (
    ForkedRecordError,
    QuorumMissingError,
    TreeHead,
    WitnessedCheckpoint,
    WitnessKeys,
    head_in,
    joined,
    quorum_of,
    require_head,
    witnessed,
)
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.transparency.merkle import EMPTY_ROOT, Frontier
from fedcarbon.transparency.note import NOTE_SIGNATURES_MAX, NoteSignature, SignedNote

KEYS = {f"trustee-{i}": SigningKey(bytes([i]) * 32) for i in range(1, 6)}
HUB, METRO, STRANGER = (SigningKey(bytes([i]) * 32) for i in (20, 21, 22))
HEAD = TreeHead(parameter_id=bytes(32), size=3, root=b"r" * 32)
PUBLIC = WitnessKeys(
    hubs={"hub": HUB.public},
    trustees={name: key.public for name, key in KEYS.items()},
    partners={"metro": METRO.public},
)
FOUR = (1, 2, 3, 4)


def cosigned(number: int, at_s: int = 1000, head: TreeHead = HEAD) -> SignedNote:
    name = f"trustee-{number}"
    return head.cosigned(name, KEYS[name], at_s)


def note_of(*notes: SignedNote, head: TreeHead = HEAD) -> bytes:
    return joined([head.signed(HUB), *notes]).to_bytes()


def judged(note: bytes) -> WitnessedCheckpoint:
    return witnessed(note, PUBLIC, parameter_id=HEAD.parameter_id, threshold=3)


def forged(note: SignedNote) -> SignedNote:
    """Return a note whose signatures are of the same keys and do not hold."""
    broken = tuple(
        dataclasses.replace(item, blob=item.blob[:-1] + bytes([item.blob[-1] ^ 1]))
        for item in note.signatures
    )
    return dataclasses.replace(note, signatures=broken)


# --- bytes ---------------------------------------------------------------------------------------

# The note that C2SP tlog-cosignature gives as its example.
PUBLISHED = """\
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa \
Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 \
jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
""".encode()


def test_the_published_note_round_trips_and_its_witness_has_the_published_time() -> None:
    note = SignedNote.from_bytes(PUBLISHED)

    assert note.to_bytes() == PUBLISHED
    assert [item.name for item in note.signatures] == [
        "example.com/behind-the-sofa",
        "witness.example.com/w1",
    ]
    assert note.signatures[1].timestamp_s == 1_679_315_147


def test_a_checkpoint_is_three_lines_under_the_origin_of_its_parameter_set() -> None:
    root = base64.b64encode(b"r" * 32).decode()

    assert HEAD.text.decode() == f"fedcarbon/{'00' * 32}\n3\n{root}\n"
    assert TreeHead.from_text(HEAD.text) == HEAD
    assert head_in(HEAD.signed(HUB).to_bytes()) == HEAD


def test_a_cosignature_is_over_the_lines_that_the_format_names() -> None:
    (signature,) = cosigned(1, at_s=1_679_315_147).signatures

    message = b"cosignature/v1\ntime 1679315147\n" + HEAD.text
    assert signature.blob[:8] == (1_679_315_147).to_bytes(8, "big")
    key = Ed25519PublicKey.from_public_bytes(KEYS["trustee-1"].public)
    key.verify(signature.blob[8:], message)


TEXTS = {
    "another origin": b"example.com/log\n3\n" + HEAD.text.split(b"\n")[2] + b"\n",
    "an upper-case origin": HEAD.text.replace(b"00", b"AA", 1),
    "a size with a leading zero": HEAD.text.replace(b"\n3\n", b"\n03\n"),
    "a size beyond all records": HEAD.text.replace(b"\n3\n", b"\n9007199254740992\n"),
    "a negative size": HEAD.text.replace(b"\n3\n", b"\n-3\n"),
    "a short root": HEAD.text.replace(HEAD.text.split(b"\n")[2], b"AAAA"),
    "a root that is no base64": HEAD.text.replace(HEAD.text.split(b"\n")[2], b"?" * 44),
    "an extension line": HEAD.text + b"more\n",
    "no last newline": HEAD.text[:-1],
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_is_no_checkpoint_is_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        TreeHead.from_text(TEXTS[name])


GOOD = note_of(cosigned(1))
NOTES = {
    "nothing": b"",
    "no signature": HEAD.text + b"\n",
    "no empty line": HEAD.text + HEAD.signed(HUB).signatures[0].line,
    "a tab": GOOD.replace(b"fedcarbon", b"fed\tcarbon"),
    "carriage returns": GOOD.replace(b"\n", b"\r\n"),
    "no last newline": GOOD[:-1],
    "another dash": GOOD.replace("—".encode(), b"-"),
    "no base64": GOOD[:-5] + b"????\n",
    "two spaces": GOOD.replace(b"trustee-1 ", b"trustee-1  "),
    "a plus in a name": GOOD.replace(b"trustee-1", b"trustee+1"),
    "bytes that are no text": GOOD.replace(b"trustee", b"\xff\xfe"),
    "a key id alone": GOOD[: GOOD.rindex(b" ") + 1] + b"AAA=\n",
    "too many signatures": HEAD.text
    + b"\n"
    + HEAD.signed(HUB).signatures[0].line * (NOTE_SIGNATURES_MAX + 1),
}


@pytest.mark.parametrize("name", NOTES)
def test_bytes_that_are_no_note_are_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        SignedNote.from_bytes(NOTES[name])


# --- quorums -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "t", "quorum"), [(5, 3, 4), (3, 2, 3), (1, 1, 1), (15, 8, 12)])
def test_two_quorums_share_an_honest_trustee(n: int, t: int, quorum: int) -> None:
    assert quorum_of(n, t) == quorum
    assert 2 * quorum - n >= t  # the overlap is larger than the t - 1 that may be corrupt


def test_a_quorum_witnesses_a_head_at_its_median_time() -> None:
    head = judged(note_of(*(cosigned(i, at_s=1000 + i) for i in (4, 1, 3, 2))))

    assert (head.size, head.root, head.timestamp_s) == (3, b"r" * 32, 1002)
    assert not head.partner_witnessed


@pytest.mark.parametrize(
    ("times_s", "wait_from_s"),
    [((1, 2, 9, 8), 8), ((9, 1, 8, 2, 7), 7), ((9, 9, 9, 9), 9)],
    ids=["two of four date it back", "two of five date it back", "nobody does"],
)
def test_a_wait_begins_when_an_honest_trustee_had_signed(
    times_s: tuple[int, ...], wait_from_s: int
) -> None:
    """Fewer than three of five are corrupt: the third smallest time is an honest one or later."""
    head = judged(note_of(*(cosigned(i, at_s) for i, at_s in enumerate(times_s, start=1))))

    assert head.wait_from_s == wait_from_s


def test_quorum_of_t_refused() -> None:
    with pytest.raises(QuorumMissingError, match="3 of the 4"):
        judged(note_of(*map(cosigned, (1, 2, 3))))


def test_a_trustee_has_one_time_however_often_it_signs() -> None:
    with pytest.raises(QuorumMissingError, match="3 of the 4"):
        judged(note_of(*map(cosigned, (1, 2, 3)), cosigned(1, at_s=5)))

    head = judged(note_of(*map(cosigned, FOUR), *(cosigned(i, at_s=5) for i in FOUR)))
    assert head.timestamp_s == 1000


def test_a_partner_beside_a_quorum_is_noticed_and_its_time_counts_for_nothing() -> None:
    partner = HEAD.cosigned("metro", METRO, 5)

    head = judged(note_of(*map(cosigned, FOUR), partner))

    assert head.partner_witnessed
    assert (head.timestamp_s, head.wait_from_s) == (1000, 1000)


def test_a_partner_does_not_stand_in_for_a_trustee() -> None:
    with pytest.raises(QuorumMissingError, match="3 of the 4"):
        judged(note_of(*map(cosigned, (1, 2, 3)), HEAD.cosigned("metro", METRO, 1000)))


NO_PARTNERS = {
    "a stranger under its own name": HEAD.cosigned("stranger", STRANGER, 1),
    "a stranger under a partner's name": HEAD.cosigned("metro", STRANGER, 1),
    "a partner's key under another name": HEAD.cosigned("bike", METRO, 1),
    "a trustee": cosigned(5),
}


@pytest.mark.parametrize("name", NO_PARTNERS)
def test_a_signature_of_no_admitted_partner_counts_for_nothing(name: str) -> None:
    head = judged(note_of(*map(cosigned, FOUR), NO_PARTNERS[name]))

    assert not head.partner_witnessed


@pytest.mark.parametrize(
    "false",
    [cosigned(4), HEAD.cosigned("metro", METRO, 1), HEAD.signed(HUB)],
    ids=["a trustee's", "a partner's", "the hub's"],
)
def test_a_false_signature_of_a_known_key_makes_the_note_worthless(false: SignedNote) -> None:
    notes = [forged(false), *map(cosigned, (1, 2, 3, 5)), HEAD.signed(HUB)]

    with pytest.raises(SignatureInvalidError):
        judged(joined(notes).to_bytes())


def test_a_cosignature_cannot_be_moved_to_another_head() -> None:
    other = TreeHead(parameter_id=HEAD.parameter_id, size=3, root=b"x" * 32)
    moved = dataclasses.replace(cosigned(4, head=other), text=HEAD.text)

    with pytest.raises(SignatureInvalidError):
        judged(note_of(*map(cosigned, (1, 2, 3)), moved))


def test_a_cosignature_cannot_be_given_another_time() -> None:
    (signature,) = cosigned(4).signatures
    blob = (5).to_bytes(8, "big") + signature.blob[8:]
    moved = SignedNote(text=HEAD.text, signatures=(dataclasses.replace(signature, blob=blob),))

    with pytest.raises(SignatureInvalidError):
        judged(note_of(*map(cosigned, (1, 2, 3)), moved))


def test_a_cosignature_without_a_time_is_refused() -> None:
    (signature,) = cosigned(4).signatures
    short = dataclasses.replace(signature, blob=signature.blob[8:])
    note = SignedNote(text=HEAD.text, signatures=(short,))

    with pytest.raises(MalformedError):
        judged(note_of(*map(cosigned, (1, 2, 3)), note))


def test_a_quorum_without_the_hub_is_no_checkpoint() -> None:
    """Whoever shows two heads shows two signatures of the hub."""
    with pytest.raises(SignatureInvalidError, match="no admitted hub"):
        judged(joined(map(cosigned, FOUR)).to_bytes())
    with pytest.raises(SignatureInvalidError, match="no admitted hub"):
        judged(joined([HEAD.signed(STRANGER), *map(cosigned, FOUR)]).to_bytes())


def test_a_checkpoint_of_another_parameter_set_is_refused() -> None:
    other = TreeHead(parameter_id=b"o" * 32, size=3, root=b"r" * 32)

    with pytest.raises(MalformedError, match="another parameter set"):
        judged(note_of(*(cosigned(i, head=other) for i in FOUR), head=other))


def test_a_head_that_does_not_match_the_replayed_leaves_is_a_fork() -> None:
    frontier = Frontier()
    frontier.append(b"leaf")

    require_head(frontier, 1, frontier.root())

    with pytest.raises(ForkedRecordError):
        require_head(frontier, 1, EMPTY_ROOT)
    with pytest.raises(ForkedRecordError):
        require_head(frontier, 2, frontier.root())


def test_a_name_that_would_break_the_line_is_refused() -> None:
    for name in ("", "two words", "a+b", "a\u2003b", "a\x7fb"):
        with pytest.raises(MalformedError):
            NoteSignature(name=name, key_id=bytes(4), blob=b"")
