"""Attacks on decryption shares and their proof; where a weak variant explains one, it is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import gmpy2
import pytest

from fedcarbon.canonical.hashing import expand_integer, u32
from fedcarbon.errors import MalformedError
from fedcarbon.paillier import share_proof
from fedcarbon.paillier.combine import (
    ShareBatch,
    TooFewSharesError,
    combine,
    decrypt,
    verify_shares,
)
from fedcarbon.paillier.share_proof import (
    FoldedStatement,
    ShareProof,
    ShareProofInvalidError,
    ShareStatement,
    fold,
    mask_bits,
    response_bits,
)
from fedcarbon.paillier.shares import KeyShare, decryption_share, prove_shares, share_batch
from fedcarbon.paillier.threshold_key import (
    ThresholdKey,
    TrusteeIndexError,
    VerificationBaseInvalidError,
)
from tests.paillier.conftest import CONTEXT, PARAMETER_ID, Dealt


def verify_batch(dealt: Dealt, ciphertexts: list[int], batch: ShareBatch) -> None:
    verify_shares(dealt.key, ciphertexts, batch, parameter_id=PARAMETER_ID, context=CONTEXT)


def prove_any(dealt: Dealt, trustee: int, ciphertexts: list[int], shares: list[int]) -> ShareBatch:
    """The best proof that the trustee can make for `shares`, which need not be right."""
    proof = prove_shares(
        dealt.key,
        dealt.shares[trustee - 1],
        ciphertexts,
        shares,
        parameter_id=PARAMETER_ID,
        context=CONTEXT,
        randbelow=dealt.stream.randbelow,
    )
    return ShareBatch(trustee=trustee, shares=tuple(shares), proof=proof)


def honest(dealt: Dealt, count: int = 3) -> tuple[list[int], list[int]]:
    """Some ciphertexts, and trustee 2's shares of them."""
    ciphertexts = [dealt.encrypt(1000 + number) for number in range(count)]
    share = dealt.shares[1]
    return ciphertexts, [decryption_share(dealt.key, share, c) for c in ciphertexts]


@pytest.mark.parametrize("count", [1, 2, 20])
def test_one_proof_holds_for_a_whole_batch(dealt: Dealt, count: int) -> None:
    ciphertexts = [dealt.encrypt(number) for number in range(count)]

    for trustee in range(1, 6):
        verify_batch(dealt, ciphertexts, dealt.answer(trustee, ciphertexts))


def test_share_wrong_exponent(dealt: Dealt) -> None:
    ciphertexts, _ = honest(dealt)
    wrong = KeyShare(index=2, value=dealt.shares[1].value + 1)
    batch = share_batch(
        dealt.key,
        wrong,
        ciphertexts,
        parameter_id=PARAMETER_ID,
        context=CONTEXT,
        randbelow=dealt.stream.randbelow,
    )

    with pytest.raises(ShareProofInvalidError, match=r"trustee 2 do not hold: \(3\)"):
        verify_batch(dealt, ciphertexts, batch)


def test_share_times_one_plus_n(dealt: Dealt) -> None:
    # It still combines to 1 mod n, so only the proof stands between it and a wrong balance.
    ciphertexts, shares = honest(dealt)
    key = dealt.key.public_key
    shares[1] = shares[1] * (1 + key.n) % key.n_squared
    others = {
        index: decryption_share(dealt.key, dealt.shares[index - 1], ciphertexts[1])
        for index in (1, 3)
    }

    with pytest.raises(ShareProofInvalidError, match=r"\(4\)"):
        verify_batch(dealt, ciphertexts, prove_any(dealt, 2, ciphertexts, shares))
    assert combine(dealt.key, {**others, 2: shares[1]}) != 1001


def test_share_of_other_ciphertext(dealt: Dealt) -> None:
    ciphertexts, shares = honest(dealt)
    other = decryption_share(dealt.key, dealt.shares[1], dealt.encrypt(10**9))

    with pytest.raises(ShareProofInvalidError, match=r"\(4\)"):
        verify_batch(dealt, ciphertexts, prove_any(dealt, 2, ciphertexts, [other, *shares[1:]]))


def test_shares_in_another_order_do_not_hold(dealt: Dealt) -> None:
    ciphertexts, shares = honest(dealt)

    with pytest.raises(ShareProofInvalidError, match=r"\(4\)"):
        verify_batch(dealt, ciphertexts, prove_any(dealt, 2, ciphertexts, shares[::-1]))


def test_shares_of_another_trustee_do_not_hold(dealt: Dealt) -> None:
    ciphertexts, _ = honest(dealt)
    stolen = dataclasses.replace(dealt.answer(2, ciphertexts), trustee=3)

    with pytest.raises(ShareProofInvalidError, match=r"trustee 3 do not hold: \(3\)"):
        verify_batch(dealt, ciphertexts, stolen)


def test_share_proof_replay_other_opening(dealt: Dealt) -> None:
    ciphertexts, _ = honest(dealt)
    batch = dealt.answer(2, ciphertexts, context=b"opening 6")

    with pytest.raises(ShareProofInvalidError, match=r"\(3\)"):
        verify_batch(dealt, ciphertexts, batch)


def test_a_transcript_without_the_context_lets_the_replay_pass(
    dealt: Dealt, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ShareStatement.items
    monkeypatch.setattr(ShareStatement, "items", lambda self: whole(self)[:3] + whole(self)[4:])
    ciphertexts, _ = honest(dealt)

    verify_batch(dealt, ciphertexts, dealt.answer(2, ciphertexts, context=b"opening 6"))


ITEMS = (
    "parameter id",
    "modulus",
    "trustee",
    "context",
    "verification base",
    "verification key",
    "count",
    "first ciphertext",
    "first share",
    "second ciphertext",
    "second share",
)


@pytest.mark.parametrize("position", range(len(ITEMS)), ids=ITEMS)
def test_a_proof_over_a_transcript_without_one_item_fails(
    dealt: Dealt, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ciphertexts, _ = honest(dealt, count=2)
    whole = ShareStatement.items
    with monkeypatch.context() as weak:
        weak.setattr(
            ShareStatement,
            "items",
            lambda self: whole(self)[:position] + whole(self)[position + 1 :],
        )
        batch = dealt.answer(2, ciphertexts)

    with pytest.raises(ShareProofInvalidError, match=r"\(3\)"):
        verify_batch(dealt, ciphertexts, batch)


def test_every_item_of_a_statement_changes_its_hash(dealt: Dealt) -> None:
    ciphertexts, shares = honest(dealt, count=2)
    statement = ShareStatement(
        key=dealt.key,
        parameter_id=PARAMETER_ID,
        trustee=2,
        context=CONTEXT,
        ciphertexts=tuple(ciphertexts),
        shares=tuple(shares),
    )
    changes: list[dict[str, object]] = [
        {"parameter_id": bytes(32)},
        {"trustee": 3},
        {"context": CONTEXT + b"\0"},
        {"ciphertexts": (ciphertexts[0], ciphertexts[0])},
        {"shares": (shares[0], shares[0])},
        {"ciphertexts": tuple(ciphertexts[:1]), "shares": tuple(shares[:1])},
    ]

    digests = {dataclasses.replace(statement, **change).digest() for change in changes}  # type: ignore[arg-type]

    assert len(digests | {statement.digest()}) == len(changes) + 1
    assert len(statement.items()) == len(ITEMS)


@pytest.mark.parametrize("position", [0, 1], ids=["a", "b"])
def test_a_challenge_without_one_commitment_fails(
    dealt: Dealt, position: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ciphertexts, _ = honest(dealt)
    whole = FoldedStatement.challenge

    def without(self: FoldedStatement, key: ThresholdKey, *commitments: int) -> int:
        kept = [0 if index == position else value for index, value in enumerate(commitments)]
        return whole(self, key, *kept)

    with monkeypatch.context() as weak:
        weak.setattr(FoldedStatement, "challenge", without)
        batch = dealt.answer(2, ciphertexts)

    with pytest.raises(ShareProofInvalidError, match=r"\(3\)"):
        verify_batch(dealt, ciphertexts, batch)


def forged(dealt: Dealt, ciphertexts: list[int], shares: list[int]) -> ShareBatch:
    """Commitments computed backwards from a challenge that was asked for too early."""
    key = dealt.key
    modulus = key.public_key.n_squared
    statement = ShareStatement(
        key=key,
        parameter_id=PARAMETER_ID,
        trustee=2,
        context=CONTEXT,
        ciphertexts=tuple(ciphertexts),
        shares=tuple(shares),
    )
    folded = fold(statement)
    e = folded.challenge(key, 1, 1)
    z = dealt.stream.randbelow(1 << mask_bits(key))
    base = pow(key.verification_base, z, modulus) * pow(key.verification_key(2), -e, modulus)
    pairs = gmpy2.powmod(folded.ciphertext, 4 * z, modulus) * gmpy2.powmod(
        folded.share, -2 * e, modulus
    )
    proof = ShareProof(
        commitment_base=base % modulus, commitment_pairs=int(pairs % modulus), response=z
    )
    return ShareBatch(trustee=2, shares=tuple(shares), proof=proof)


def test_a_challenge_before_the_commitments_can_be_forged_and_ours_cannot(
    dealt: Dealt, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A trustee that wants to open to anything, without any use of its key share.
    ciphertexts = [dealt.encrypt(7)]
    batch = forged(dealt, ciphertexts, [dealt.encrypt(10**9)])
    whole = FoldedStatement.challenge

    with monkeypatch.context() as weak:
        weak.setattr(FoldedStatement, "challenge", lambda self, key, *_: whole(self, key, 1, 1))
        verify_batch(dealt, ciphertexts, batch)

    with pytest.raises(ShareProofInvalidError, match=r"\(3\)"):
        verify_batch(dealt, ciphertexts, batch)


def test_errors_that_cancel_pass_under_equal_weights_and_fail_under_ours(
    dealt: Dealt, monkeypatch: pytest.MonkeyPatch
) -> None:
    ciphertexts, shares = honest(dealt)
    key = dealt.key.public_key
    shares[0] = shares[0] * (1 + key.n) % key.n_squared
    shares[1] = shares[1] * (1 - key.n) % key.n_squared

    def equal_weights(label: bytes, *items: bytes, bits: int) -> int:
        weak_label = label == share_proof._LABEL_WEIGHT
        return 1 if weak_label else expand_integer(label, *items, bits=bits)

    with monkeypatch.context() as weak:
        weak.setattr(share_proof, "expand_integer", equal_weights)
        verify_batch(dealt, ciphertexts, prove_any(dealt, 2, ciphertexts, shares))

    with pytest.raises(ShareProofInvalidError, match=r"\(4\)"):
        verify_batch(dealt, ciphertexts, prove_any(dealt, 2, ciphertexts, shares))


def test_errors_that_cancel_under_weights_known_beforehand_fail(
    dealt: Dealt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights that follow from the position alone are as good as equal ones to whoever cheats."""
    ciphertexts, shares = honest(dealt)
    key = dealt.key.public_key

    def early(label: bytes, *items: bytes, bits: int) -> int:
        kept = items[1:] if label == share_proof._LABEL_WEIGHT else items
        return expand_integer(label, *kept, bits=bits)

    weights = [early(share_proof._LABEL_WEIGHT, b"", u32(i), bits=128) for i in range(2)]
    shares[0] = shares[0] * (1 + key.n * weights[1]) % key.n_squared
    shares[1] = shares[1] * (1 - key.n * weights[0]) % key.n_squared

    with monkeypatch.context() as weak:
        weak.setattr(share_proof, "expand_integer", early)
        verify_batch(dealt, ciphertexts, prove_any(dealt, 2, ciphertexts, shares))

    with pytest.raises(ShareProofInvalidError, match=r"\(4\)"):
        verify_batch(dealt, ciphertexts, prove_any(dealt, 2, ciphertexts, shares))


def test_base_is_nth_residue_refused(dealt: Dealt) -> None:
    # Who knows p'q' moves a share by p'q': the same mod p'q', another mod n.
    key, primes = dealt.key, dealt.primes
    ciphertexts, right = honest(dealt, count=1)
    moved = KeyShare(index=2, value=dealt.shares[1].value + 5 * (primes.p // 2) * (primes.q // 2))
    residue = pow(key.verification_base, key.public_key.n, key.public_key.n_squared)
    weak = dataclasses.replace(key)
    # The weak key cannot be made the honest way, so its checks are gone around.
    object.__setattr__(weak, "verification_base", residue)
    object.__setattr__(
        weak,
        "verification_keys",
        tuple(pow(v, key.public_key.n, key.public_key.n_squared) for v in key.verification_keys),
    )

    def answer(with_key: ThresholdKey) -> ShareBatch:
        return share_batch(
            with_key,
            moved,
            ciphertexts,
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
            randbelow=dealt.stream.randbelow,
        )

    # Over an n-th residue the wrong share carries a valid proof, and opens another value.
    verify_shares(weak, ciphertexts, answer(weak), parameter_id=PARAMETER_ID, context=CONTEXT)
    assert answer(weak).shares[0] != right[0]
    others = {i: dealt.answer(i, ciphertexts).shares[0] for i in (1, 3)}
    assert combine(key, {**others, 2: answer(weak).shares[0]}) != 1000
    # Over the derived base it does not, and the other base is refused with the parameters.
    with pytest.raises(ShareProofInvalidError, match=r"\(3\)"):
        verify_batch(dealt, ciphertexts, answer(key))
    with pytest.raises(VerificationBaseInvalidError):
        dataclasses.replace(key, verification_base=residue)


def test_one_bad_share_in_batch_names_trustee(dealt: Dealt) -> None:
    ciphertexts, shares = honest(dealt)
    key = dealt.key.public_key
    shares[2] = shares[2] * (1 + key.n) % key.n_squared
    bad = prove_any(dealt, 2, ciphertexts, shares)

    decryption = decrypt(
        dealt.key,
        ciphertexts,
        [dealt.answer(1, ciphertexts), bad, *dealt.answers([4, 5], ciphertexts)],
        parameter_id=PARAMETER_ID,
        context=CONTEXT,
    )

    assert decryption.plaintexts == (1000, 1001, 1002)
    assert decryption.trustees == (1, 4, 5)
    assert [fault.trustee for fault in decryption.faults] == [2]
    assert decryption.faults[0].code == "SHARE_PROOF_INVALID"


def test_too_many_bad_batches_leave_too_few_and_say_whose(dealt: Dealt) -> None:
    ciphertexts, _ = honest(dealt)
    bad = [dealt.answer(trustee, ciphertexts, context=b"another") for trustee in (1, 2)]

    with pytest.raises(TooFewSharesError, match=r"refused: trustees \[1, 2\]") as caught:
        decrypt(
            dealt.key,
            ciphertexts,
            [*bad, *dealt.answers([4, 5], ciphertexts)],
            parameter_id=PARAMETER_ID,
            context=CONTEXT,
        )

    assert isinstance(caught.value.__cause__, ShareProofInvalidError)


def test_negated_share_same_plaintext(dealt: Dealt) -> None:
    # The proof and the combination see squares only: the sign changes nothing.
    ciphertexts, shares = honest(dealt)
    negated = [dealt.key.public_key.n_squared - share for share in shares]
    batch = prove_any(dealt, 2, ciphertexts, negated)

    decryption = decrypt(
        dealt.key,
        ciphertexts,
        [batch, *dealt.answers([1, 3], ciphertexts)],
        parameter_id=PARAMETER_ID,
        context=CONTEXT,
    )

    assert decryption.plaintexts == (1000, 1001, 1002)
    assert decryption.faults == ()


@pytest.mark.parametrize("given", ["none", "one too few", "one too many"])
def test_another_number_of_shares_does_not_hold(dealt: Dealt, given: str) -> None:
    ciphertexts, shares = honest(dealt)
    batch = prove_any(dealt, 2, ciphertexts, shares)
    other = {"none": [], "one too few": shares[:-1], "one too many": [*shares, shares[0]]}[given]

    with pytest.raises(ShareProofInvalidError, match=r"\(0\)"):
        verify_batch(dealt, ciphertexts, dataclasses.replace(batch, shares=tuple(other)))


def test_a_batch_of_nothing_does_not_hold(dealt: Dealt) -> None:
    batch = dataclasses.replace(dealt.answer(2, [dealt.encrypt(1)]), shares=())

    with pytest.raises(ShareProofInvalidError, match=r"\(0\)"):
        verify_batch(dealt, [], batch)


@pytest.mark.parametrize("trustee", [0, 6])
def test_a_batch_of_nobody_is_refused(dealt: Dealt, trustee: int) -> None:
    ciphertexts, _ = honest(dealt)
    batch = dataclasses.replace(dealt.answer(2, ciphertexts), trustee=trustee)

    with pytest.raises(TrusteeIndexError):
        verify_batch(dealt, ciphertexts, batch)


def test_numbers_that_are_no_units_do_not_hold(dealt: Dealt) -> None:
    ciphertexts, shares = honest(dealt)
    batch = prove_any(dealt, 2, ciphertexts, shares)
    n, n_squared = dealt.key.public_key.n, dealt.key.public_key.n_squared

    for number in (0, -1, n, n_squared, shares[0] + n_squared):
        bad_batches = (
            dataclasses.replace(batch, shares=(number, *shares[1:])),
            dataclasses.replace(
                batch, proof=dataclasses.replace(batch.proof, commitment_base=number)
            ),
            dataclasses.replace(
                batch, proof=dataclasses.replace(batch.proof, commitment_pairs=number)
            ),
        )
        for bad in bad_batches:
            with pytest.raises(ShareProofInvalidError, match=r"\(1\)"):
                verify_batch(dealt, ciphertexts, bad)


ResponseChange = Callable[[Dealt, int], int]
RESPONSES: dict[str, tuple[str, ResponseChange]] = {
    "response_negative": (r"\(2\)", lambda _dealt, z: -z),
    "response_one_bit_too_long": (r"\(2\)", lambda dealt, _z: 1 << response_bits(dealt.key)),
    "response plus one": (r"\(3\)", lambda _dealt, z: z + 1),
}


@pytest.mark.parametrize("attack", RESPONSES)
def test_another_response_does_not_hold(dealt: Dealt, attack: str) -> None:
    finding, change = RESPONSES[attack]
    ciphertexts, shares = honest(dealt)
    batch = prove_any(dealt, 2, ciphertexts, shares)
    response = change(dealt, batch.proof.response)
    bad = dataclasses.replace(batch, proof=dataclasses.replace(batch.proof, response=response))

    with pytest.raises(ShareProofInvalidError, match=finding):
        verify_batch(dealt, ciphertexts, bad)


def test_a_swapped_commitment_does_not_hold(dealt: Dealt) -> None:
    ciphertexts, _ = honest(dealt)
    first, second = dealt.answer(2, ciphertexts), dealt.answer(2, ciphertexts)
    mixed = dataclasses.replace(
        first,
        proof=dataclasses.replace(first.proof, commitment_pairs=second.proof.commitment_pairs),
    )

    with pytest.raises(ShareProofInvalidError):
        verify_batch(dealt, ciphertexts, mixed)


def test_a_proof_comes_back_from_its_bytes(dealt: Dealt) -> None:
    ciphertexts, shares = honest(dealt)
    batch = prove_any(dealt, 2, ciphertexts, shares)

    data = batch.proof.to_bytes(dealt.key)

    assert ShareProof.from_bytes(dealt.key, data) == batch.proof
    # a and b are 128 bytes each; z has 2 * 512 + 7 + 128 + 80 + 1 bits.
    assert response_bits(dealt.key) == 1240
    assert len(data) == 2 * 128 + 155
    for other in (data[:-1], data + b"\0", b""):
        with pytest.raises(MalformedError):
            ShareProof.from_bytes(dealt.key, other)


def test_a_proof_about_nothing_is_our_own_mistake(dealt: Dealt) -> None:
    with pytest.raises(AssertionError):
        prove_any(dealt, 2, [], [])
